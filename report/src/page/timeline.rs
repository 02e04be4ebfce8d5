//! The timeline: all panels over one axis, which a script zooms together.

use history::Key;
use maud::{Markup, html};

use crate::chart::{
    axis, bands, controllers, fault_lane, found_lane, latency, marks, nodes, partition, phase_lane,
    throughput, x,
};
use crate::format::{count, duration};
use crate::run::Run;

/// Partitions that are shown at once; more are folded away.
const LANES_OPEN: usize = 12;
/// More lanes than this are not drawn at all.
const LANES_MAX: usize = 120;

/// The whole run on one axis.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let span = run.span;
    let found: Vec<String> = marks(run, span).iter().map(|(time, _)| x(*time)).collect();
    html! {
        section #timeline {
            h2 { "Timeline" }
            (tools(!found.is_empty()))
            div.tl data-from=(x(span.from)) data-to=(x(span.to)) data-marks=(found.join(",")) data-zoom="" {
                div.behind { (bands(run, span)) }
                (row("axis", &html! { "time" }, &axis(span)))
                (row("", &html! { "phase" }, &phase_lane(run, span)))
                @if !found.is_empty() { (row("", &html! { "findings" }, &found_lane(run, span))) }
                (row("", &html! { "faults" }, &fault_lane(run, span)))
                (title("Leaders, epochs and ISR"))
                (partitions(run))
                (row("", &html! { "controller" }, &controllers(run, span)))
                (title("Broker processes"))
                @for process in &run.processes {
                    (row("", &html! { "node " (process.node) }, &nodes(run, span, &process.states, process.node)))
                }
                (charts(run))
            }
            (legend(run))
        }
    }
}

/// What the script offers; without it none of this shows.
fn tools(found: bool) -> Markup {
    html! {
        div.tools hidden {
            span.buttons role="group" aria-label="Zoom" {
                button type="button" data-do="in" title="Zoom in (+)" { "+" }
                button type="button" data-do="out" title="Zoom out (−)" { "−" }
                button type="button" data-do="back" title="Earlier (←)" { "←" }
                button type="button" data-do="forward" title="Later (→)" { "→" }
                button type="button" data-do="reset" title="The whole run (0)" { "Whole run" }
            }
            @if found {
                span.buttons role="group" aria-label="Findings" {
                    button type="button" data-do="previous" title="Previous finding (p)" { "Previous finding" }
                    button type="button" data-do="next" title="Next finding (n)" { "Next finding" }
                }
            }
            span.muted.hint { "Drag to zoom, double-click for the whole run." }
        }
    }
}

fn row(class: &str, name: &Markup, cell: &Markup) -> Markup {
    html! { div.row.(class) { div.name { (name) } div.cell { (cell) } } }
}

fn title(text: &str) -> Markup {
    html! { h3.panel { (text) } }
}

fn partitions(run: &Run<'_>) -> Markup {
    let keys = run.keys_by_interest();
    let open = keys.len().min(LANES_OPEN);
    let drawn = keys.len().min(LANES_MAX);
    html! {
        (lanes(run, &keys[..open]))
        @if open < drawn {
            details.more {
                summary { (drawn - open) " more partitions" }
                (lanes(run, &keys[open..drawn]))
            }
        }
        @if drawn < keys.len() {
            p.muted { (count((keys.len() - drawn) as u64)) " partitions are not drawn; the history holds them." }
        }
    }
}

fn lanes(run: &Run<'_>, keys: &[Key]) -> Markup {
    html! {
        @for key in keys {
            (row("", &html! { (run.header().key_name(*key)) }, &partition(run, run.span, *key)))
        }
    }
}

fn charts(run: &Run<'_>) -> Markup {
    let bucket = duration(run.series.step);
    html! {
        h3.panel { "Writes a second" span.keys {
            span.key.ok { "acknowledged" } span.key.info { "unknown" } span.key.fail { "failed" }
            span.muted { "by completion, in buckets of " (bucket) }
        } }
        (row("chart", &html! { "writes/s" }, &throughput(&run.series, run.span)))
        h3.panel { "Latency of acknowledged writes" span.keys {
            span.key.p50 { "median" } span.key.p99 { "99th percentile" } span.key.max { "longest" }
            span.muted { "by begin" }
        } }
        (row("chart", &html! { "latency" }, &latency(&run.series, run.span)))
    }
}

fn legend(run: &Run<'_>) -> Markup {
    html! {
        p.legend.nodes {
            @for node in &run.header().nodes { span.node.(run.colour(*node)) { "node " (node) } " " }
            }
        p.legend {
            "A segment is one leader epoch as the brokers' metadata first showed it: " em { "n2 e1" } " is node 2 in epoch 1, "
            em { "n2 t3" } " the controller node 2 in term 3. Dashed: a deposed leader that still named itself. "
            "The thin lines below a lane are the members of the ISR, one line a node. Shaded: a fault was in force."
        }
    }
}
