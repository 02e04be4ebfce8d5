//! Everything that was found, by name: how often, what it means, and the cases.

use checkers::{Case, Findings};
use maud::{Markup, html};

use super::when;
use crate::definitions::{by_gravity, definition};
use crate::format::{count, list};
use crate::run::Run;

/// The page shows this many cases of a name; `verdict.json` has more.
const CASES_SHOWN: usize = 100;
/// Of a case with more values than this the first are shown.
const VALUES_SHOWN: usize = 4;

/// The violations, then what is allowed.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let verdict = run.verdict();
    html! {
        section #findings {
            h2 { "Findings" }
            @if verdict.anomalies.is_empty() { p.lead { "No check found a broken promise." } }
            @for (index, (name, findings)) in by_gravity(&verdict.anomalies).into_iter().enumerate() {
                (group(run, name, findings, index == 0, true))
            }
            @if !verdict.allowed.is_empty() {
                h3.allowed { "Allowed" }
                p.lead { "Found too, but no promise of this run is broken by it." }
                @for (name, findings) in by_gravity(&verdict.allowed) { (group(run, name, findings, false, false)) }
            }
        }
    }
}

fn group(run: &Run<'_>, name: &str, findings: &Findings, open: bool, violation: bool) -> Markup {
    html! {
        details.group.violation[violation] open[open] {
            summary {
                span.count { (count(findings.count)) } " " strong.name { (name) }
                @if let Some(definition) = definition(name) { span.meaning { (definition.meaning) } }
            }
            (table(run, name, &findings.cases))
            @let shown = findings.cases.len().min(CASES_SHOWN) as u64;
            @if findings.count > shown {
                p.muted { "The first " (count(shown)) " of " (count(findings.count)) " are shown; "
                    a href="verdict.json" { "verdict.json" } " holds up to " (count(checkers::CASES_MAX as u64)) "." }
            }
        }
    }
}

/// A column that not every kind of finding fills.
#[derive(Clone, Copy)]
enum Column {
    Partition,
    Offset,
    Values,
    Nodes,
    Epoch,
}

impl Column {
    const ALL: [Self; 5] = [
        Self::Partition,
        Self::Offset,
        Self::Values,
        Self::Nodes,
        Self::Epoch,
    ];

    fn is_filled(self, case: &Case) -> bool {
        match self {
            Self::Partition => case.partition.is_some() || case.key.is_some(),
            Self::Offset => case.offset.is_some(),
            Self::Values => !case.values.is_empty(),
            Self::Nodes => !case.nodes.is_empty(),
            Self::Epoch => case.epoch.is_some(),
        }
    }

    fn head(self, name: &str) -> Markup {
        match self {
            Self::Partition => html! { th scope="col" { "Partition" } },
            Self::Offset => html! { th.number scope="col" { "Offset" } },
            Self::Values => html! { th.number scope="col" { "Value" } },
            Self::Nodes if name == "lost-write" => html! { th scope="col" { "Acknowledged by" } },
            Self::Nodes => html! { th scope="col" { "Nodes" } },
            Self::Epoch => html! { th.number scope="col" { "Epoch" } },
        }
    }

    fn cell(self, run: &Run<'_>, case: &Case) -> Markup {
        match self {
            Self::Partition => html! { td.nowrap { (partition(run, case)) } },
            Self::Offset => html! { td.number { @if let Some(offset) = case.offset { (offset) } } },
            Self::Values => html! { td.number { (values(&case.values)) } },
            Self::Nodes => html! { td { (nodes(run, case)) } },
            Self::Epoch => html! { td.number { @if let Some(epoch) = case.epoch { (epoch) } } },
        }
    }
}

fn table(run: &Run<'_>, name: &str, cases: &[Case]) -> Markup {
    let filled = |column: &Column| cases.iter().any(|case| column.is_filled(case));
    let columns: Vec<Column> = Column::ALL.into_iter().filter(filled).collect();
    html! {
        div.scroll.long tabindex="0" role="region" aria-label={ "Cases of " (name) } { table.cases {
            thead { tr {
                th scope="col" { "When" }
                @for column in &columns { (column.head(name)) }
                th scope="col" { "Fault in force" }
                th scope="col" { "Story" }
            } }
            tbody {
                @for case in cases.iter().take(CASES_SHOWN) {
                    tr {
                        td.nowrap { (when(case.time)) }
                        @for column in &columns { (column.cell(run, case)) }
                        td { (faults(run, case)) }
                        td.story-cell { (story(case)) }
                    }
                }
            }
        } }
    }
}

/// The values, the first few of many.
fn values(values: &[history::Value]) -> String {
    match values.get(..VALUES_SHOWN) {
        Some(first) if values.len() > VALUES_SHOWN => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{}, …", first.join(", "))
        }
        _ => list(values),
    }
}

fn partition(run: &Run<'_>, case: &Case) -> String {
    let by_key = || case.key.map(|key| run.header().key_name(key));
    case.partition.clone().or_else(by_key).unwrap_or_default()
}

fn nodes(run: &Run<'_>, case: &Case) -> Markup {
    html! {
        @for node in &case.nodes { span.node.(run.colour(*node)) { "node " (node) } " " }
    }
}

fn faults(run: &Run<'_>, case: &Case) -> Markup {
    html! {
        @if case.faults.is_empty() { span.muted { "none" } }
        @for (index, id) in case.faults.iter().enumerate() {
            @if index > 0 { ", " }
            a.nowrap href=(format!("#fault-{id}")) { (id) @if let Some(fault) = run.fault(*id) { " " (fault.kind) } }
        }
    }
}

fn story(case: &Case) -> Markup {
    html! {
        @match case.story.as_slice() {
            [] => {},
            [one] => (one),
            many => details { summary { (crate::format::clipped(&many[0], 60)) } ol { @for sentence in many { li { (sentence) } } } },
        }
    }
}
