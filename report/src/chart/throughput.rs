//! Writes per second, by how they ended.

use maud::{Markup, html};

use super::scale::{Heights, Span};
use super::{picture, x};
use crate::format::{coordinate, count, instant};
use crate::series::{Bucket, Series};

const HEIGHT: f64 = 110.0;
/// Room above the highest mark for its number.
pub(super) const HEAD: f64 = 12.0;

/// Acknowledged writes as an area, the others as lines.
pub(crate) fn throughput(series: &Series, span: Span) -> Markup {
    let rates = |of: fn(&Bucket) -> u64| -> Vec<f64> {
        series
            .buckets
            .iter()
            .map(|bucket| series.per_second(of(bucket)))
            .collect()
    };
    let (acknowledged, failed, unknown) = (
        rates(|b| b.acknowledged),
        rates(|b| b.failed),
        rates(|b| b.unknown),
    );
    let largest = acknowledged
        .iter()
        .chain(&failed)
        .chain(&unknown)
        .copied()
        .fold(1.0, f64::max);
    let heights = Heights::linear(largest, HEIGHT - HEAD);
    let plot = html! {
        (marks(span, heights, HEAD))
        path.area d={ (steps(series, &acknowledged, heights)) "V" (coordinate(HEIGHT)) "H0Z" } {}
        path.line.ok d=(steps(series, &acknowledged, heights)) {}
        @if unknown.iter().any(|rate| *rate > 0.0) { path.line.info d=(bursts(series, &unknown, heights)) {} }
        @if failed.iter().any(|rate| *rate > 0.0) { path.line.fail d=(bursts(series, &failed, heights)) {} }
        (columns(series, HEIGHT, |index| Some(words(series, index))))
    };
    picture(
        span,
        HEIGHT,
        &plot,
        &numbers(heights, HEAD, |value| count(value as u64)),
    )
}

/// A line with a step at the edge of each bucket.
pub(super) fn steps(series: &Series, rates: &[f64], heights: Heights) -> String {
    let parts = rates.iter().enumerate().map(|(index, rate)| {
        let (from, to) = series.bounds(index);
        let y = coordinate(heights.y(*rate) + HEAD);
        if index == 0 {
            format!("M{} {y}H{}", x(from), x(to))
        } else {
            format!("V{y}H{}", x(to))
        }
    });
    parts.collect()
}

/// The same, drawn only where there is something to show.
fn bursts(series: &Series, rates: &[f64], heights: Heights) -> String {
    let before = [0.0].iter().chain(rates);
    let parts = before
        .zip(rates.iter().chain(&[0.0]))
        .enumerate()
        .map(|(index, (before, rate))| {
            let from = x(series.bounds(index).0);
            let y = coordinate(heights.y(*rate) + HEAD);
            match (*before > 0.0, *rate > 0.0) {
                (false, false) => String::new(),
                (false, true) => format!("M{from} {}V{y}", coordinate(HEIGHT)),
                (true, _) => format!("H{from}V{y}"),
            }
        });
    parts.collect()
}

fn words(series: &Series, index: usize) -> String {
    let (bucket, (from, to)) = (&series.buckets[index], series.bounds(index));
    let rate = |number| count(series.per_second(number).round() as u64);
    format!(
        "{} – {}\n{} acknowledged a second\n{} unknown, {} failed",
        instant(from),
        instant(to),
        rate(bucket.acknowledged),
        rate(bucket.unknown),
        rate(bucket.failed)
    )
}

/// Lines at the round values.
pub(super) fn marks(span: Span, heights: Heights, head: f64) -> Markup {
    html! {
        @for value in heights.marks() {
            path.rule d={ "M" (x(span.from)) " " (coordinate(heights.y(value) + head)) "H" (x(span.to)) } {}
        }
    }
}

/// The round values themselves, at the left edge.
pub(super) fn numbers(heights: Heights, head: f64, text: impl Fn(f64) -> String) -> Markup {
    html! {
        @for value in heights.marks() {
            text.number x="2" y=(coordinate(heights.y(value) + head - 3.0)) { (text(value)) }
        }
    }
}

/// One invisible column a bucket, which says its numbers when pointed at.
pub(super) fn columns(series: &Series, height: f64, text: impl Fn(usize) -> Option<String>) -> Markup {
    html! {
        @for index in 0..series.buckets.len() {
            @if let Some(text) = text(index) {
                @let (from, to) = series.bounds(index);
                rect.column x=(x(from)) width=(x(to - from)) y="0" height=(coordinate(height)) { title { (text) } }
            }
        }
    }
}
