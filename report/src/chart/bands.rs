//! What lies over all panels or above them: faults as bands and bars, the phases, the findings.

use checkers::FaultInterval;
use maud::{Markup, html};

use super::lane::{Segment, Strip, lane};
use super::scale::Span;
use super::{picture, view_box, x};
use crate::format::instant;
use crate::run::{Run, fault_times, outcome};

const BAR: f64 = 20.0;
const BAR_GAP: f64 = 3.0;
/// More faults than this at one time share the last row.
const ROWS_MAX: usize = 8;
/// More bands than this are drawn without edges, or the page would be all edges.
const EDGES_MAX: usize = 40;
/// The findings are marked in this many places at most.
const MARKS_MAX: u64 = 600;

/// Faults as bands and round times as lines, behind every panel of a timeline.
pub(crate) fn bands(run: &Run<'_>, span: Span) -> Markup {
    let shown: Vec<_> = run
        .bands()
        .filter(|(_, from, to)| span.meets(*from, *to))
        .map(|(_, from, to)| span.clip(from, to))
        .collect();
    let edges = shown.len() <= EDGES_MAX;
    html! {
        svg.plot.under width="100%" height="100%" viewBox=(view_box(span, 1.0)) preserveAspectRatio="none" aria-hidden="true" {
            g.grid { @for (time, _) in span.ticks(10) { path d={ "M" (x(time)) " 0v1" } {} } }
            @for (from, to) in shown {
                rect.band x=(x(from)) width=(x(to - from)) y="0" height="1" {}
                @if edges { path.edge d={ "M" (x(from)) " 0v1M" (x(to)) " 0v1" } {} }
            }
        }
    }
}

/// The faults as bars; those that overlap lie under each other.
pub(crate) fn fault_lane(run: &Run<'_>, span: Span) -> Markup {
    let mut rows: Vec<(u64, Strip)> = Vec::new();
    for (fault, from, to) in run.bands().filter(|(_, from, to)| span.meets(*from, *to)) {
        let free = rows.iter().position(|(end, _)| *end <= from);
        let row = free.unwrap_or_else(|| rows.len().min(ROWS_MAX - 1));
        if row == rows.len() {
            let y = row as f64 * (BAR + BAR_GAP);
            rows.push((
                0,
                Strip {
                    y,
                    height: BAR,
                    segments: Vec::new(),
                },
            ));
        }
        let (end, strip) = &mut rows[row];
        *end = to.max(*end);
        strip.segments.push(bar(fault, from, to));
    }
    let height = rows.len().max(1) as f64 * (BAR + BAR_GAP);
    let strips: Vec<Strip> = rows.into_iter().map(|(_, strip)| strip).collect();
    lane(span, height, &strips)
}

fn bar(fault: &FaultInterval, from: u64, to: u64) -> Segment {
    let (word, evidence) = outcome(fault);
    Segment {
        from,
        to,
        class: if fault.bit() { "fault" } else { "fault idle" }.to_owned(),
        label: format!("{} {}", fault.id, fault.kind),
        title: format!(
            "fault {}: {}\n{}\n{}\n{word}: {evidence}",
            fault.id,
            fault.kind,
            fault.detail,
            fault_times(fault)
        ),
    }
}

/// The phases of the run.
pub(crate) fn phase_lane(run: &Run<'_>, span: Span) -> Markup {
    let phases = &run.timeline.phases;
    let ends = phases.iter().skip(1).map(|(_, time)| *time).chain([span.to]);
    let segments = phases.iter().zip(ends).map(|((phase, from), to)| {
        let name = crate::page::phase_name(*phase);
        Segment {
            from: *from,
            to,
            class: "phase".to_owned(),
            label: name.to_owned(),
            title: format!("{name}: {} – {}", instant(*from), instant(to)),
        }
    });
    lane(
        span,
        18.0,
        &[Strip {
            y: 0.0,
            height: 16.0,
            segments: segments.collect(),
        }],
    )
}

/// A mark wherever something was found.
pub(crate) fn found_lane(run: &Run<'_>, span: Span) -> Markup {
    let marks = marks(run, span);
    let plot = html! {
        @for (time, text) in &marks {
            path.mark d={ "M" (x(*time)) " 2v14" } { title { (text) } }
        }
    };
    picture(span, 18.0, &plot, &html! {})
}

/// Where findings lie, not more of them than can be told apart: time, and what was found.
pub(crate) fn marks(run: &Run<'_>, span: Span) -> Vec<(u64, String)> {
    let step = (span.length() / MARKS_MAX).max(1);
    let mut places: std::collections::BTreeMap<u64, (u64, u64, &str)> = std::collections::BTreeMap::new();
    for (name, findings) in &run.verdict().anomalies {
        for case in findings
            .cases
            .iter()
            .filter(|case| span.meets(case.time, case.time))
        {
            let place = places.entry(case.time / step).or_insert((case.time, 0, name));
            place.1 += 1;
        }
    }
    let text = |time, count, name: &str| match count {
        1 => format!("{name} at {}", instant(time)),
        _ => format!("{count} findings from {} on, the first: {name}", instant(time)),
    };
    places
        .into_values()
        .map(|(time, count, name)| (time, text(time, count, name)))
        .collect()
}
