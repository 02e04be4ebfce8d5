//! The trend as a picture: a column a campaign with the shares of what its runs came to, and below how long writes failed.

use maud::{Markup, html};

use super::trend::outage;
use super::{CampaignSummary, TrendPoint};
use crate::chart::Heights;
use crate::format::{coordinate, count, duration};
use crate::page::wall_clock;

/// More campaigns than this are not drawn: the newest are.
const COLUMNS_MAX: usize = 60;
const GUTTER: f64 = 86.0;
const WIDTH: f64 = 860.0;
/// A column is no wider than this.
const STEP_MAX: f64 = 96.0;
const TOP: f64 = 16.0;
const SHARES: f64 = 120.0;
const GAP: f64 = 26.0;
const WAITS: f64 = 70.0;
const FOOT: f64 = 22.0;

/// The picture of at least two campaigns, in the order of their times.
pub(super) fn picture(trend: &[(&TrendPoint, &CampaignSummary)]) -> Markup {
    let trend = &trend[trend.len().saturating_sub(COLUMNS_MAX)..];
    let step = ((WIDTH - GUTTER) / trend.len() as f64).min(STEP_MAX);
    let longest = trend
        .iter()
        .filter_map(|(_, summary)| outage(summary))
        .map(|(_, most)| most)
        .max();
    let base = TOP + SHARES;
    let height = base + longest.map_or(0.0, |_| GAP + WAITS) + FOOT;
    let labels = (90.0 / step).ceil() as usize;
    html! {
        svg.trend-picture viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="What the runs of each campaign came to; the table below has the numbers." {
            text.name x="0" y=(coordinate(TOP + 10.0)) { "came to" }
            text.name x="0" y=(coordinate(base)) { "lost writes" }
            @for (place, (point, summary)) in trend.iter().enumerate() {
                @let x = GUTTER + step * place as f64;
                g.this[point.is_this] {
                    title { (words(point, summary)) }
                    (column(summary, x, step))
                    @if summary.totals.lost > 0 {
                        text.lost-count x=(coordinate(x + step / 2.0)) y=(coordinate(base - 3.0)) text-anchor="middle" { "✕ " (count(summary.totals.lost)) }
                    }
                    @if place % labels == 0 {
                        text.name x=(coordinate(x + step / 2.0)) y=(coordinate(height - 6.0)) text-anchor="middle" { (day(point)) }
                    }
                    @if point.is_this { path.this-mark d=(format!("M{} {}h{}", coordinate(x + 2.0), coordinate(height - FOOT + 2.0), coordinate(step - 4.0))) {} }
                }
            }
            @if let Some(longest) = longest { (waits(trend, step, longest, base + GAP)) }
        }
    }
}

/// The shares of what the runs came to, the gravest at the bottom.
fn column(summary: &CampaignSummary, x: f64, step: f64) -> Markup {
    let totals = &summary.totals;
    let parts = [
        (totals.violations, "invalid"),
        (totals.missed, "missed"),
        (totals.unknown, "unknown"),
        (totals.infrastructure, "infrastructure"),
        (totals.not_made + totals.not_needed, "not-made"),
        (totals.as_expected, "valid"),
    ];
    let room = SHARES - 16.0;
    let mut bottom = TOP + room;
    let mut boxes = Vec::new();
    for (runs, class) in parts.into_iter().filter(|(runs, _)| *runs > 0) {
        let height = room * runs as f64 / totals.runs.max(1) as f64;
        bottom -= height;
        boxes.push((bottom, height, class));
    }
    html! {
        @for (y, height, class) in boxes {
            rect.share.(class) x=(coordinate(x + 2.0)) width=(coordinate((step - 4.0).max(1.0))) y=(coordinate(y)) height=(coordinate(height)) {}
        }
    }
}

/// The middle outage of each campaign as a point, the longest as the end of a line.
fn waits(trend: &[(&TrendPoint, &CampaignSummary)], step: f64, longest: u64, top: f64) -> Markup {
    let heights = Heights::linear(longest as f64, WAITS);
    let y = |time: u64| top + heights.y(time as f64);
    html! {
        text.name x="0" y=(coordinate(top + 10.0)) { "outage" }
        @for mark in heights.marks() {
            path.rule d=(format!("M{GUTTER} {}H{WIDTH}", coordinate(y(mark as u64)))) {}
        }
        text.name x=(coordinate(GUTTER - 6.0)) y=(coordinate(y(longest) + 4.0)) text-anchor="end" { (duration(longest)) }
        text.name x=(coordinate(GUTTER - 6.0)) y=(coordinate(top + WAITS)) text-anchor="end" { "0" }
        @for (place, (_, summary)) in trend.iter().enumerate() {
            @if let Some((middle, most)) = outage(summary) {
                @let x = coordinate(GUTTER + step * (place as f64 + 0.5));
                path.outage d=(format!("M{x} {}V{}", coordinate(y(0)), coordinate(y(most)))) {}
                circle.outage cx=(x) cy=(coordinate(y(middle))) r="4" {}
            }
        }
    }
}

fn day(point: &TrendPoint) -> String {
    let begun = point.begun.as_deref().unwrap_or("");
    begun.split('T').next().unwrap_or("").to_owned()
}

fn words(point: &TrendPoint, summary: &CampaignSummary) -> String {
    let begun = point.begun.as_deref().map(wall_clock).unwrap_or_default();
    let outage = outage(summary).map_or_else(String::new, |(middle, most)| {
        format!(
            "\noutage: {} in the middle, {} at most",
            duration(middle),
            duration(most)
        )
    });
    format!(
        "{} {begun}\n{}\n{} lost{outage}",
        point.name,
        summary.sentence(),
        count(summary.totals.lost)
    )
}
