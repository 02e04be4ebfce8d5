//! The leaders that went on after they had been deposed: until when each named itself, answered, and was believed by clients.

use checkers::{Deposition, ServedOn};
use maud::{Markup, html};

use crate::format::{count, duration};
use crate::page::when;
use crate::run::Run;

/// More of them are in `verdict.json` alone.
const SHOWN: usize = 100;

/// Nothing where nobody went on.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let depositions = &run.verdict().depositions;
    if depositions.is_empty() {
        return html! {};
    }
    html! {
        section #deposed {
            h2 { "Deposed leaders" }
            p.lead { "Leaders that went on after another broker had shown a newer epoch. That is normal for a moment and no violation by itself; what they acknowledged meanwhile is lost." }
            @if !depositions.leaders.is_empty() { (leaders(run, &depositions.leaders)) }
            @if !depositions.services.is_empty() { (services(run, &depositions.services)) }
        }
    }
}

fn leaders(run: &Run<'_>, leaders: &[Deposition]) -> Markup {
    html! {
        div.scroll.long tabindex="0" role="region" aria-label="Deposed leaders" { table {
            thead { tr {
                th scope="col" { "Partition" } th scope="col" { "Leader" } th.number scope="col" { "Epoch" }
                th scope="col" { "Deposed by" } th scope="col" { "At" } th.number scope="col" { "Named itself for" }
                th.number scope="col" { "Answered for" } th.number scope="col" { "Acknowledged and lost" }
            } }
            tbody { @for one in leaders.iter().take(SHOWN) { tr {
                td.nowrap { (one.partition) }
                td { span.node.(run.colour(one.node)) { "node " (one.node) } }
                td.number { (one.epoch) }
                td { @if let Some(leader) = one.newer_leader { "node " (leader) ", " } "epoch " (one.newer_epoch) }
                td.nowrap { (when(one.since)) }
                td.number { (length(one.since, one.named_until)) }
                td.number { (length(one.since, one.answered_until)) }
                td.number { (count(one.lost)) }
            } } }
        } }
        (more(leaders.len()))
    }
}

fn services(run: &Run<'_>, services: &[ServedOn]) -> Markup {
    html! {
        h3 { "On the probe topic" }
        div.scroll.long tabindex="0" role="region" aria-label="Deposed leaders of the probe topic" { table {
            thead { tr {
                th.number scope="col" { "Partition" } th scope="col" { "Leader" } th.number scope="col" { "Epoch" } th scope="col" { "Since" }
                th.number scope="col" { "Acknowledged writes for" } th.number scope="col" { "Served reads for" }
            } }
            tbody { @for one in services.iter().take(SHOWN) { tr {
                td.number { (one.partition) }
                td { span.node.(run.colour(one.node)) { "node " (one.node) } }
                td.number { (one.epoch) }
                td.nowrap { (when(one.since)) }
                td.number { (length(one.since, one.acknowledged_until)) }
                td.number { (length(one.since, one.read_until)) }
            } } }
        } }
        (more(services.len()))
    }
}

/// How many are not shown, where some are not.
fn more(all: usize) -> Markup {
    html! {
        @if all > SHOWN {
            p.muted { (count((all - SHOWN) as u64)) " more are not shown; " code { "verdict.json" } " holds them." }
        }
    }
}

/// For how long it was seen to do so after it had been deposed.
fn length(since: u64, until: Option<u64>) -> String {
    until.map_or_else(
        || "not seen".to_owned(),
        |until| duration(until.saturating_sub(since)),
    )
}
