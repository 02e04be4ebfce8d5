//! Everything that was found, by name: how often, what it means, and the cases.

use checkers::{Case, Findings};
use maud::{Markup, html};

use super::when;
use crate::definitions::definition;
use crate::format::{count, list};
use crate::run::Run;

/// The page shows this many cases of a name; `verdict.json` has more.
const CASES_SHOWN: usize = 100;

/// The violations, then what is allowed.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let verdict = run.verdict();
    html! {
        section #findings {
            h2 { "Findings" }
            @if verdict.anomalies.is_empty() { p.lead { "No check found a broken promise." } }
            @for (index, (name, findings)) in verdict.anomalies.iter().enumerate() {
                (group(run, name, findings, index == 0, true))
            }
            @if !verdict.allowed.is_empty() {
                h3.allowed { "Allowed" }
                p.lead { "Found too, but no promise of this run is broken by it." }
                @for (name, findings) in &verdict.allowed { (group(run, name, findings, false, false)) }
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

/// The columns that at least one case fills.
struct Columns {
    partition: bool,
    offset: bool,
    values: bool,
    nodes: bool,
    epoch: bool,
}

impl Columns {
    fn of(cases: &[Case]) -> Self {
        Self {
            partition: cases
                .iter()
                .any(|case| case.partition.is_some() || case.key.is_some()),
            offset: cases.iter().any(|case| case.offset.is_some()),
            values: cases.iter().any(|case| !case.values.is_empty()),
            nodes: cases.iter().any(|case| !case.nodes.is_empty()),
            epoch: cases.iter().any(|case| case.epoch.is_some()),
        }
    }
}

fn table(run: &Run<'_>, name: &str, cases: &[Case]) -> Markup {
    let columns = Columns::of(cases);
    let nodes = if name == "lost-write" {
        "Acknowledged by"
    } else {
        "Nodes"
    };
    html! {
        div.scroll { table.cases {
            thead { tr {
                th scope="col" { "When" }
                @if columns.partition { th scope="col" { "Partition" } }
                @if columns.offset { th.number scope="col" { "Offset" } }
                @if columns.values { th.number scope="col" { "Value" } }
                @if columns.nodes { th scope="col" { (nodes) } }
                @if columns.epoch { th.number scope="col" { "Epoch" } }
                th scope="col" { "Fault in force" }
                th scope="col" { "Story" }
            } }
            tbody { @for case in cases.iter().take(CASES_SHOWN) { (row(run, case, &columns)) } }
        } }
    }
}

fn row(run: &Run<'_>, case: &Case, columns: &Columns) -> Markup {
    html! {
        tr {
            td.nowrap { (when(case.time)) }
            @if columns.partition { td.nowrap { (partition(run, case)) } }
            @if columns.offset { td.number { @if let Some(offset) = case.offset { (offset) } } }
            @if columns.values { td.number { (list(&case.values)) } }
            @if columns.nodes { td { (nodes(run, case)) } }
            @if columns.epoch { td.number { @if let Some(epoch) = case.epoch { (epoch) } } }
            td { (faults(run, case)) }
            td.story-cell { (story(case)) }
        }
    }
}

fn partition(run: &Run<'_>, case: &Case) -> String {
    let by_key = || case.key.map(|key| run.header().key_name(key));
    case.partition.clone().or_else(by_key).unwrap_or_default()
}

fn nodes(run: &Run<'_>, case: &Case) -> Markup {
    html! {
        @for node in &case.nodes { span.node class=(run.colour(*node)) { "node " (node) } " " }
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
