//! The first bad thing: its story in sentences, the faults in force, and a picture of the partition around it.

use std::collections::BTreeSet;

use checkers::{Anomaly, Case};
use history::{Key, Value};
use maud::{Markup, html};

use super::judged::Judged;
use super::{cycles, marked};
use crate::chart::{Span, acknowledged, axis, bands, controllers, fault_lane, partition};
use crate::first::{First, first_bad};
use crate::format::count;
use crate::run::{Run, fault_times};

const SECOND: u64 = 1_000_000_000;
/// A fault that goes on for longer than this after the finding is not shown to its end.
const AFTER_MAX: u64 = 15 * SECOND;

/// Nothing where nothing bad was found.
pub(super) fn section(judged: &Judged<'_>) -> Markup {
    let Some(first) = first_bad(judged.verdict) else {
        return html! {};
    };
    html! {
        section #first {
            h2 { "The first finding" }
            p.lead {
                strong.name { (first.name) }
                @if let Some(place) = first.place() { " in " (place) }
                @if judged.timed() { ", at " (judged.when(first.case.time)) }
                ". "
                @if let Some(anomaly) = Anomaly::named(first.name) { (marked(&anomaly.meaning())) }
            }
            @match judged.run {
                Some(run) => div.case { div { (what_happened(judged, first.case)) } (in_force(run, first.case)) },
                None => (what_happened(judged, first.case)),
            }
            @if let Some(cycle) = &first.case.cycle { (cycles::explained(judged, cycle)) }
            @if let Some(run) = judged.run { (picture(run, &first)) }
        }
    }
}

fn what_happened(judged: &Judged<'_>, case: &Case) -> Markup {
    html! {
        @match &case.cycle {
            Some(_) => (cycles::story(judged, case)),
            None => { h3 { "What happened" } ol.story { @for sentence in &case.story { li { (judged.sentence(sentence)) } } } },
        }
    }
}

fn in_force(run: &Run<'_>, case: &Case) -> Markup {
    html! {
        aside {
            h3 { "In force at that time" }
            @if case.faults.is_empty() { p.muted { "No fault." } }
            @for fault in case.faults.iter().filter_map(|id| run.fault(*id)) {
                p.in-force {
                    strong { "Fault " (fault.id) ": " (fault.kind) } br;
                    (fault.detail) br;
                    span.muted { (fault_times(fault)) }
                }
            }
        }
    }
}

fn picture(run: &Run<'_>, first: &First<'_>) -> Markup {
    let span = around(run, first.case);
    let place = span.percent(first.case.time);
    html! {
        figure {
            div.tl.still data-from=(crate::chart::x(span.from)) data-to=(crate::chart::x(span.to)) {
                div.behind {
                    (bands(run, span))
                    div.here style=(format!("left:{place:.3}%")) { span class=(if place > 60.0 { "left" } else { "right" }) { "the finding" } }
                }
                div.row.axis { div.name { "time" } div.cell { (axis(span)) } }
                div.row { div.name { "faults" } div.cell { (fault_lane(run, span)) } }
                @match first.case.key {
                    Some(key) => (rows(run, span, key)),
                    None => div.row { div.name { "controller" } div.cell { (controllers(run, span)) } },
                }
            }
            figcaption { (caption(run, first.case)) }
        }
    }
}

fn rows(run: &Run<'_>, span: Span, key: Key) -> Markup {
    html! {
        div.row { div.name { "leader of " (run.header().key_name(key)) } div.cell { (partition(run, span, key)) } }
        @for one in acknowledged(run, span, key, &lost(run, key)) {
            div.row.low { div.name { "acknowledged by node " (one.node) } div.cell { (one.picture) } }
        }
    }
}

fn lost(run: &Run<'_>, key: Key) -> BTreeSet<Value> {
    let findings = run.verdict().anomalies.get("lost-write");
    let cases = findings.into_iter().flat_map(|findings| &findings.cases);
    cases
        .filter(|case| case.key == Some(key))
        .flat_map(|case| case.values.iter().copied())
        .collect()
}

/// From before the fault to after it, as far as that stays readable.
fn around(run: &Run<'_>, case: &Case) -> Span {
    let faults = || case.faults.iter().filter_map(|id| run.fault(*id));
    let begun = faults()
        .filter_map(|fault| fault.from)
        .min()
        .unwrap_or(case.time)
        .min(case.time);
    let ended = faults()
        .filter_map(|fault| fault.to)
        .max()
        .unwrap_or(case.time)
        .max(case.time);
    let from = begun
        .max(case.time.saturating_sub(AFTER_MAX))
        .saturating_sub(2 * SECOND);
    let ended = ended.max(next_leader(run, case).unwrap_or(0));
    let to = (ended.min(case.time + AFTER_MAX) + 3 * SECOND).min(run.span.to.max(case.time + SECOND));
    Span::new(from, to)
}

/// When the next leader of the partition was first shown.
fn next_leader(run: &Run<'_>, case: &Case) -> Option<u64> {
    let lane = run.timeline.lanes.get(case.key? as usize)?;
    let epoch = case
        .epoch
        .or_else(|| lane.at(case.time).map(|change| change.epoch))?;
    lane.next_leader(case.time, epoch).map(|change| change.time)
}

fn caption(run: &Run<'_>, case: &Case) -> Markup {
    html! {
        "The faults are shaded. "
        @if case.key.is_some() {
            "Each lane segment is one leader epoch as the brokers' metadata showed it (n1 e0: node 1, epoch 0); the dashed one is a deposed leader that still named itself; the thin lines are the ISR's members. "
            span.swatch.lost {} "lost and " span.swatch.kept {} "kept acknowledgements."
            @if let Some(findings) = run.verdict().anomalies.get("lost-write") {
                @if findings.count > findings.cases.len() as u64 {
                    " Of " (count(findings.count)) " lost writes the first " (count(findings.cases.len() as u64)) " are marked."
                }
            }
        }
    }
}
