//! The timeline: all panels over one axis, which a script zooms together.

use std::collections::BTreeMap;

use history::{BrokerLine, NodeId};
use maud::{Markup, html};

use crate::chart::{
    axis, bands, clients, controllers, fault_lane, found_lane, lag, latency, lines, marks, nodes, partition,
    phase_lane, throughput, unserved, x,
};
use crate::format::{count, counted, duration};
use crate::operations::Row;
use crate::run::Run;

/// Partitions that are shown at once; more are folded away.
const LANES_OPEN: usize = 12;
/// More lanes than this are not drawn at all.
const LANES_MAX: usize = 120;
/// Of a lane so many clients are named.
const CLIENTS_NAMED: usize = 2;

/// What the script shows of one operation, line or finding.
fn detail() -> Markup {
    html! { aside #detail hidden tabindex="-1" aria-label="In detail" {} }
}

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
                (unavailable(run))
                (title("Leaders, epochs and ISR"))
                (partitions(run))
                (row("", &html! { "controller" }, &controllers(run, span)))
                (title("Processes"))
                @for process in &run.processes {
                    (row("", &html! { (what(run, process.node)) " " (process.node) }, &nodes(run, span, &process.states, process.node)))
                }
                (said(run))
                (charts(run))
                (done(run))
            }
            (legend(run))
            (detail())
        }
    }
}

/// What a node is, in a word.
fn what(run: &Run<'_>, node: NodeId) -> &'static str {
    let header = run.header();
    if header.controllers.contains(&node) {
        "controller"
    } else if header.zookeepers.contains(&node) {
        "ZooKeeper"
    } else {
        "node"
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
            span.find role="search" {
                input #find type="search" placeholder="Find (/)" aria-label="Find an operation, a line or a finding" autocomplete="off" spellcheck="false";
                span #hits role="status" {}
            }
            button type="button" data-do="help" title="Keys, and what can be searched for (?)" { "Keys" }
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
    html! {
        (folded(&keys, "partitions", |key| row("", &html! { (run.header().key_name(*key)) }, &partition(run, run.span, *key))))
        @if keys.len() > LANES_MAX {
            p.muted { (count((keys.len() - LANES_MAX) as u64)) " partitions are not drawn; the history holds them." }
        }
    }
}

/// When writes and reads failed.
fn unavailable(run: &Run<'_>) -> Markup {
    let probed = &run.served.probed;
    let mut keys = run.keys_by_interest();
    keys.retain(|key| run.served.unserved.iter().any(|one| one.key == *key));
    html! {
        h3.panel { "Unavailability" span.keys {
            @if probed.is_empty() { span.muted { "no prober ran: not measured" } } @else {
                span.box.unwritten { "no write" } span.box.unread { "no read" }
                span.muted {
                    "as the prober found it, from success to success; "
                    (counted((probed.len() - keys.len()) as u64, "partition", "partitions")) " of " (probed.len()) " always served"
                }
            }
        } }
        (folded(&keys, "partitions", |key| row("", &html! { (run.header().key_name(*key)) }, &unserved(run, run.span, *key))))
    }
}

/// The brokers' own words, a lane a node.
fn said(run: &Run<'_>) -> Markup {
    if run.lines.is_empty() {
        return html! {};
    }
    let mut nodes: BTreeMap<NodeId, Vec<(usize, &BrokerLine)>> = BTreeMap::new();
    for (index, line) in run.lines.iter().enumerate() {
        nodes.entry(line.node).or_default().push((index, line));
    }
    let nodes: Vec<_> = nodes.into_iter().collect();
    html! {
        h3.panel { "Brokers’ own words" span.keys {
            span.key.error { "error" } span.key.warning { "warning" } span.key.plain { "other" }
            span.muted { "by the node’s own clock; " a href="#lines" { "all of them" } }
        } }
        (folded(&nodes, "nodes", |(node, said)| row("", &html! { "node " (node) }, &lines(said, run.span))))
    }
}

/// What each client did, a lane for those that came one after the other.
fn done(run: &Run<'_>) -> Markup {
    let rows = &run.operations.rows;
    if rows.is_empty() {
        return html! {};
    }
    let pictures = clients(&run.operations, run.span, LANES_MAX);
    let lanes: Vec<_> = rows.iter().zip(&pictures).enumerate().collect();
    html! {
        h3.panel #clients { "Operations by client" span.keys {
            span.box.write { "write" } span.box.read { "other" } span.box.info { "unknown" } span.box.fail { "failed" }
            span.muted { (count(run.operations.all.len() as u64)) " operations; a lane is one client, or several one after the other" }
        } }
        (folded(&lanes, "lanes", |(index, (lane, picture))| client(*index, lane, picture)))
        @if pictures.len() < rows.len() {
            p.muted { (count((rows.len() - pictures.len()) as u64)) " more lanes are not drawn; the search finds their operations." }
        }
    }
}

fn client(index: usize, lane: &Row, picture: &Markup) -> Markup {
    let named: Vec<String> = lane
        .processes
        .iter()
        .take(CLIENTS_NAMED)
        .map(ToString::to_string)
        .collect();
    let more = if lane.processes.len() > CLIENTS_NAMED {
        ", …"
    } else {
        ""
    };
    let one_or_more = if lane.processes.len() == 1 {
        "client "
    } else {
        "clients "
    };
    html! {
        div.row.clients {
            div.name { (one_or_more) (named.join(", ")) (more) }
            div.cell data-lane=(index) { (picture) }
        }
    }
}

/// Rows, of many all but the first folded away, and of very many the rest left out.
fn folded<T>(all: &[T], what: &str, row: impl Fn(&T) -> Markup) -> Markup {
    let open = all.len().min(LANES_OPEN);
    let drawn = all.len().min(LANES_MAX);
    html! {
        @for one in &all[..open] { (row(one)) }
        @if open < drawn {
            details.more {
                summary { (drawn - open) " more " (what) }
                @for one in &all[open..drawn] { (row(one)) }
            }
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
        @if run.lag.any_read {
            h3.panel { "Lag of the readers" span.keys {
                span.key.ok { "all partitions" } span.key.max { "the one furthest behind" }
                span.muted { "newest acknowledged offset less the furthest that anybody had read" }
            } }
            (row("chart", &html! { "records" }, &lag(run, run.span)))
        }
    }
}

fn legend(run: &Run<'_>) -> Markup {
    html! {
        p.legend.nodes {
            @for node in &run.header().all_nodes() { span.node.(run.colour(*node)) { "node " (node) } " " }
            }
        p.legend {
            "A segment is one leader epoch as the brokers' metadata first showed it: " em { "n2 e1" } " is node 2 in epoch 1, "
            em { "n2 t3" } " the controller node 2 in term 3. Dashed: a deposed leader that still named itself. "
            "The thin lines below a lane are the members of the ISR, one line a node. Shaded: a fault was in force."
        }
    }
}
