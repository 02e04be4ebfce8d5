//! The faults: what was done to whom, when, and whether it bit.

use checkers::{Aftermath, FaultInterval};
use maud::{Markup, html};

use super::when;
use crate::aftermath::{leadership, recovery, silent};
use crate::format::{count, duration, list};
use crate::run::{Run, outcome};

/// More faults than this are in the history alone.
const FAULTS_SHOWN: usize = 2_000;

/// What the columns are.
const TITLES: [&str; 12] = [
    "No.",
    "Kind",
    "What was done",
    "Nodes",
    "From",
    "To",
    "Lasted",
    "Effect",
    "Evidence",
    "Leadership",
    "Clients waited",
    "Recovered after",
];

/// Every fault of the schedule, skipped ones included.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let (faults, stats) = (&run.timeline.faults, &run.verdict().stats);
    html! {
        section #faults {
            h2 { "Faults" }
            @if faults.is_empty() {
                p.lead { "No fault was injected." }
            } @else {
                p.lead {
                    (count(stats.faults_injected)) " injected, " (count(stats.faults_bitten)) " with evidence that they bit, "
                    (count(stats.faults_skipped)) " skipped or failed."
                }
                (table(run))
                p.muted {
                    "Leadership is what brokers were seen to say until the next fault began. Recovered: from the healing until every "
                    "partition had a leader and all replicas in sync again, and a write to it was acknowledged."
                }
            }
            @let shown = faults.len().min(FAULTS_SHOWN);
            @if shown < faults.len() { p.muted { "The first " (count(shown as u64)) " are shown." } }
        }
    }
}

fn table(run: &Run<'_>) -> Markup {
    let faults = run.timeline.faults.iter().zip(&run.aftermaths);
    html! {
        div.scroll { table.faults {
            thead { tr {
                @for title in TITLES { th scope="col" { (title) } }
            } }
            tbody { @for (fault, after) in faults.take(FAULTS_SHOWN) { (row(run, fault, after)) } }
        } }
    }
}

fn row(run: &Run<'_>, fault: &FaultInterval, after: &Aftermath) -> Markup {
    let (word, evidence) = outcome(fault);
    html! {
        tr id=(format!("fault-{}", fault.id)) {
            td.number { (fault.id) }
            th.nowrap scope="row" { (fault.kind) }
            td { (fault.detail) }
            td.nowrap { (list(&fault.nodes)) }
            td.nowrap { @if let Some(from) = fault.from { (when(from)) } @else { span.muted { "–" } } }
            td.nowrap { @if let Some(to) = fault.to { (when(to)) } @else { span.muted { "–" } } }
            td.nowrap { @if let (Some(from), Some(to)) = (fault.from, fault.to) { (duration(to.saturating_sub(from))) } }
            td.nowrap { span.effect.(word.replace(' ', "-")) { (word) } }
            td { (evidence) }
            @if fault.from.is_some() {
                td { (leadership(run.header(), after)) }
                td.nowrap { (silent(run.header(), after)) }
                td { (recovery(after)) }
            } @else {
                td { span.muted { "–" } } td { span.muted { "–" } } td { span.muted { "–" } }
            }
        }
    }
}
