//! Everything that was found, by name: how often, what it means, and the cases.

use checkers::{Anomaly, Case, Cycle, Findings};
use maud::{Markup, html};

use super::cycles::{self, CYCLES_SHOWN};
use super::judged::Judged;
use super::marked;
use crate::findings::{KAFKA, by_gravity, doubts, violations, why_allowed};
use crate::format::{count, list};

/// The page shows this many cases of a name; `verdict.json` has more.
const CASES_SHOWN: usize = 100;
/// Of a case with more values or operations than this the first are shown.
const VALUES_SHOWN: usize = 4;

/// All findings of one name.
struct Group<'a> {
    judged: &'a Judged<'a>,
    name: &'a str,
    findings: &'a Findings,
    /// What the addresses of its cases begin with.
    anchor: String,
    kind: Kind,
}

/// What findings say of the history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Violation,
    Doubt,
    Allowed,
}

/// The violations, what could not be judged, then what is allowed.
pub(super) fn section(judged: &Judged<'_>) -> Markup {
    let verdict = judged.verdict;
    let (violations, doubts, allowed) = (violations(verdict), doubts(verdict), by_gravity(&verdict.allowed));
    html! {
        section #findings {
            h2 { "Findings" }
            @if violations.is_empty() { p.lead { "No check found a broken promise." } }
            (groups(judged, &violations, Kind::Violation))
            @if !doubts.is_empty() {
                h3.allowed { "Not judged" }
                p.lead { "No broken promise, but the judgement is not whole: without a violation the verdict is unknown." }
                (groups(judged, &doubts, Kind::Doubt))
            }
            @if !allowed.is_empty() {
                h3.allowed #allowed { "Allowed" }
                p.lead { "Found too, but no promise that the history is held to is broken by it." }
                (groups(judged, &allowed, Kind::Allowed))
            }
        }
    }
}

fn groups(judged: &Judged<'_>, found: &[(&str, &Findings)], kind: Kind) -> Markup {
    html! {
        @for (index, (name, findings)) in found.iter().enumerate() {
            (group(&Group { judged, name, findings, anchor: anchor(name, index, kind), kind }, index == 0 && kind != Kind::Allowed))
        }
    }
}

/// What the addresses of a name's cases begin with: the name, where it is a word that no other address begins with.
fn anchor(name: &str, index: usize, kind: Kind) -> String {
    let is_word = name != "fault"
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let word = if is_word {
        name.to_owned()
    } else {
        format!("_{index}")
    };
    if kind == Kind::Allowed {
        format!("allowed-{word}")
    } else {
        word
    }
}

fn group(group: &Group<'_>, open: bool) -> Markup {
    let Group {
        judged,
        name,
        findings,
        ..
    } = group;
    let cases = (1..)
        .zip(&findings.cases)
        .map(|(number, case)| (format!("{}-{number}", group.anchor), case));
    let (cycles, others): (Vec<_>, Vec<_>) = cases.partition(|(_, case)| case.cycle.is_some());
    let cycles: Vec<(String, &Case, &Cycle)> = cycles
        .into_iter()
        .filter_map(|(id, case)| Some((id, case, case.cycle.as_ref()?)))
        .collect();
    let shown = (cycles.len().min(CYCLES_SHOWN) + others.len().min(CASES_SHOWN)) as u64;
    html! {
        details.group.violation[group.kind == Kind::Violation] open[open] {
            summary {
                span.count { (count(findings.count)) } " " strong.name { (name) }
                @if let Some(anomaly) = Anomaly::named(name) { span.meaning { (marked(&anomaly.meaning())) } }
            }
            @if group.kind == Kind::Allowed { p.why { (why_allowed(name, &judged.verdict.model)) } }
            @if !others.is_empty() { (table(group, &others)) }
            (cycles::cards(judged, &cycles))
            @if findings.count > shown { (rest(judged, findings.count, shown)) }
        }
    }
}

fn rest(judged: &Judged<'_>, of: u64, shown: u64) -> Markup {
    html! {
        p.muted { (count(shown)) " of " (count(of)) " are shown, the first ones; "
            @if judged.run.is_some() { a href="verdict.json" { "verdict.json" } } @else { code { "--json" } }
            " holds up to " (count(checkers::CASES_MAX as u64)) "." }
    }
}

/// A column that not every kind of finding fills.
#[derive(Clone, Copy)]
enum Column {
    When,
    Partition,
    Offset,
    Values,
    Nodes,
    Epoch,
    Operations,
    Faults,
}

impl Column {
    const ALL: [Self; 8] = [
        Self::When,
        Self::Partition,
        Self::Offset,
        Self::Values,
        Self::Nodes,
        Self::Epoch,
        Self::Operations,
        Self::Faults,
    ];

    /// A run has its faults on the page, whether or not one was in force.
    fn is_filled(self, judged: &Judged<'_>, case: &Case) -> bool {
        match self {
            Self::When => judged.timed(),
            Self::Operations => !case.ops.is_empty(),
            Self::Faults => judged.run.is_some() || !case.faults.is_empty(),
            Self::Partition => case.partition.is_some() || case.key.is_some(),
            Self::Offset => case.offset.is_some(),
            Self::Values => !case.values.is_empty(),
            Self::Nodes => !case.nodes.is_empty(),
            Self::Epoch => case.epoch.is_some(),
        }
    }

    fn head(self, name: &str, model: &str) -> Markup {
        match self {
            Self::When => html! { th scope="col" { "When" } },
            Self::Operations => html! { th.number scope="col" { "Operation" } },
            Self::Faults => html! { th scope="col" { "Fault in force" } },
            Self::Partition if model == KAFKA => html! { th scope="col" { "Partition" } },
            Self::Partition => html! { th scope="col" { "Key" } },
            Self::Offset => html! { th.number scope="col" { "Offset" } },
            Self::Values => html! { th.number scope="col" { "Value" } },
            Self::Nodes if name == "lost-write" => html! { th scope="col" { "Acknowledged by" } },
            Self::Nodes => html! { th scope="col" { "Nodes" } },
            Self::Epoch => html! { th.number scope="col" { "Epoch" } },
        }
    }

    fn cell(self, judged: &Judged<'_>, case: &Case) -> Markup {
        match self {
            Self::When => html! { td.nowrap { (judged.when(case.time)) } },
            Self::Operations => html! { td.number { (operations(judged, &case.ops)) } },
            Self::Faults => html! { td { (faults(judged, case)) } },
            Self::Partition => html! { td.nowrap { (partition(judged, case)) } },
            Self::Offset => html! { td.number { @if let Some(offset) = case.offset { (offset) } } },
            Self::Values => html! { td.number { (some_of(&case.values)) } },
            Self::Nodes => html! { td { (nodes(judged, case)) } },
            Self::Epoch => html! { td.number { @if let Some(epoch) = case.epoch { (epoch) } } },
        }
    }
}

fn table(group: &Group<'_>, cases: &[(String, &Case)]) -> Markup {
    let judged = group.judged;
    let filled = |column: &Column| cases.iter().any(|(_, case)| column.is_filled(judged, case));
    let columns: Vec<Column> = Column::ALL.into_iter().filter(filled).collect();
    html! {
        div.scroll.long tabindex="0" role="region" aria-label={ "Cases of " (group.name) } { table.cases {
            thead { tr {
                th.number scope="col" { "No." }
                @for column in &columns { (column.head(group.name, &judged.verdict.model)) }
                th scope="col" { "Story" }
            } }
            tbody {
                @for (index, (id, case)) in cases.iter().take(CASES_SHOWN).enumerate() {
                    tr id=(id) {
                        td.number { a.self href=(format!("#{id}")) { (index + 1) } }
                        @for column in &columns { (column.cell(judged, case)) }
                        td.story-cell { (story(judged, case)) }
                    }
                }
            }
        } }
    }
}

/// Numbers, the first few of many.
fn some_of(numbers: &[u64]) -> String {
    match numbers.get(..VALUES_SHOWN) {
        Some(first) if numbers.len() > VALUES_SHOWN => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{}, …", first.join(", "))
        }
        _ => list(numbers),
    }
}

fn partition(judged: &Judged<'_>, case: &Case) -> String {
    let by_key = || case.key.map(|key| judged.header.key_name(key));
    case.partition.clone().or_else(by_key).unwrap_or_default()
}

fn nodes(judged: &Judged<'_>, case: &Case) -> Markup {
    html! {
        @for node in &case.nodes { span.node.(judged.colour(*node)) { "node " (node) } " " }
    }
}

/// The faults by number, as links where the page tells of them.
fn faults(judged: &Judged<'_>, case: &Case) -> Markup {
    html! {
        @if case.faults.is_empty() { span.muted { "none" } }
        @for (index, id) in case.faults.iter().enumerate() {
            @if index > 0 { ", " }
            @if judged.run.is_some() {
                a.nowrap href=(format!("#fault-{id}")) { (id) @if let Some(fault) = judged.fault(*id) { " " (fault.kind) } }
            } @else { (id) }
        }
    }
}

/// The operations by number, as links where the page tells of them.
fn operations(judged: &Judged<'_>, ops: &[u64]) -> Markup {
    html! {
        @for (index, op) in ops.iter().take(VALUES_SHOWN).enumerate() {
            @if index > 0 { ", " }
            @if judged.tells_of(*op) { a href=(format!("#op-{op}")) { (op) } } @else { (op) }
        }
        @if ops.len() > VALUES_SHOWN { ", …" }
    }
}

fn story(judged: &Judged<'_>, case: &Case) -> Markup {
    html! {
        @match case.story.as_slice() {
            [] => {},
            [one] => (judged.sentence(one)),
            many => details { summary { (crate::format::clipped(&many[0], 60)) } ol { @for sentence in many { li { (judged.sentence(sentence)) } } } },
        }
    }
}
