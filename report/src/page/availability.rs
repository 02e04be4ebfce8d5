//! How long what clients need was missing: by fault and partition, and over all of them.

use checkers::{Availability, Outage, Spread};
use maud::{Markup, html};

use crate::format::{count, counted, duration};
use crate::run::Run;

/// More rows than this are in `verdict.json` alone.
const ROWS_SHOWN: usize = 300;

/// Nothing where it was not measured.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let Some(availability) = &run.verdict().availability else {
        return html! {};
    };
    html! {
        section #availability {
            h2 { "Availability" }
            p.lead { "A prober wrote to and read from " (availability.probed) " of "
                (counted(u64::from(availability.partitions), "partition", "partitions"))
                ", with acks=all, all the time. An outage lasts from the last success before it to the first after it." }
            (spreads(availability))
            @if !availability.outages.is_empty() { (table(&availability.outages)) }
            (rest(availability))
        }
    }
}

fn spreads(availability: &Availability) -> Markup {
    let rows = [
        ("Without a write", availability.writes),
        ("Without a read", availability.reads),
        (
            "Until a new leader, where the fault took the old one",
            availability.leaders,
        ),
        ("From the healing to all replicas in sync", availability.full_isr),
        ("From the healing until all was whole", availability.recovery),
    ];
    html! {
        @if rows.iter().any(|(_, spread)| spread.is_some()) {
            div.scroll { table.numbers {
                thead { tr { th scope="col" { "" } th.number scope="col" { "How often" } th.number scope="col" { "Shortest" }
                    th.number scope="col" { "Median" } th.number scope="col" { "Longest" } } }
                tbody { @for (name, spread) in &rows { @if let Some(spread) = spread { (spread_row(name, spread)) } } }
            } }
        }
    }
}

fn spread_row(name: &str, spread: &Spread) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            td.number { (count(spread.count)) }
            @for time in [spread.least, spread.median, spread.most] { td.number { (duration(time)) } }
        }
    }
}

fn table(outages: &[Outage]) -> Markup {
    html! {
        h3 { "By fault and partition" }
        div.scroll.long tabindex="0" role="region" aria-label="Outages by fault and partition" { table {
            thead { tr {
                th scope="col" { "Fault" } th scope="col" { "Partition" } th scope="col" { "It hit" } th.number scope="col" { "No write for" }
                th.number scope="col" { "No read for" } th.number scope="col" { "New leader after" } th.number scope="col" { "In sync after" }
                th.number scope="col" { "Whole after" } th.number scope="col" { "Writes lost" }
            } }
            tbody { @for outage in outages.iter().take(ROWS_SHOWN) { (row(outage)) } }
        } }
    }
}

fn row(outage: &Outage) -> Markup {
    let times = [
        outage.write_outage,
        outage.read_outage,
        outage.leader,
        outage.full_isr,
        outage.recovery,
    ];
    html! {
        tr {
            th.nowrap scope="row" { a href=(format!("#fault-{}", outage.fault)) { (outage.fault) " " (outage.kind) } }
            td.nowrap { (outage.partition) }
            td { (hit(outage)) }
            @for (index, time) in times.into_iter().enumerate() {
                td.number { @if let Some(time) = time {
                    @if outage.unended && index < 2 { "at least " }
                    (duration(time))
                } }
            }
            td.number { @if outage.lost > 0 { (count(outage.lost)) } }
        }
    }
}

fn hit(outage: &Outage) -> &'static str {
    match (outage.hit_leader, outage.hit_controller) {
        (true, true) => "leader, controller",
        (true, false) => "leader",
        (false, true) => "controller",
        (false, false) => "",
    }
}

fn rest(availability: &Availability) -> Markup {
    let hidden = availability.outages.len().saturating_sub(ROWS_SHOWN) as u64;
    html! {
        @if hidden > 0 { p.muted { (count(hidden)) " more rows are in " a href="verdict.json" { "verdict.json" } "." } }
        @if availability.left_out > 0 { p.muted { (count(availability.left_out)) " more rows were not kept." } }
    }
}
