//! How long acknowledged writes took: median, 99th percentile and longest, on a scale of powers of ten.

use maud::{Markup, html};

use super::scale::{Heights, Span};
use super::throughput::{columns, marks, numbers};
use super::{picture, x};
use crate::format::{coordinate, duration, instant};
use crate::series::{Latency, Series};

const HEIGHT: f64 = 130.0;
const HEAD: f64 = 12.0;

/// Latency of the acknowledged writes by the time when they began.
pub(crate) fn latency(series: &Series, span: Span) -> Markup {
    let all = || series.buckets.iter().filter_map(|bucket| bucket.latency);
    let (Some(smallest), Some(largest)) = (all().map(|l| l.p50).min(), all().map(|l| l.max).max()) else {
        return html! { p.muted { "No write was acknowledged." } };
    };
    let heights = Heights::logarithmic(smallest as f64, largest as f64, HEIGHT - HEAD);
    let plot = html! {
        (marks(span, heights, HEAD))
        path.line.max d=(curve(series, heights, |latency| latency.max)) {}
        path.line.p99 d=(curve(series, heights, |latency| latency.p99)) {}
        path.line.p50 d=(curve(series, heights, |latency| latency.p50)) {}
        (columns(series, HEIGHT, |index| words(series, index)))
    };
    picture(span, HEIGHT, &plot, &numbers(heights, HEAD, mark))
}

/// A line through the middles of the buckets, broken where nothing was acknowledged.
fn curve(series: &Series, heights: Heights, of: impl Fn(&Latency) -> u64) -> String {
    let (mut path, mut pen) = (String::new(), false);
    for (index, bucket) in series.buckets.iter().enumerate() {
        let Some(latency) = &bucket.latency else {
            pen = false;
            continue;
        };
        let (from, to) = series.bounds(index);
        let y = coordinate(heights.y(of(latency) as f64) + HEAD);
        // A lone bucket is a short dash, not nothing.
        let start = if pen {
            format!("L{} {y}", x(u64::midpoint(from, to)))
        } else {
            format!("M{} {y}H{}", x(from), x(u64::midpoint(from, to)))
        };
        path += &start;
        pen = true;
    }
    path
}

fn words(series: &Series, index: usize) -> Option<String> {
    let latency = series.buckets[index].latency?;
    let (from, to) = series.bounds(index);
    Some(format!(
        "writes begun {} – {}\nmedian {}\n99th percentile {}\nlongest {}",
        instant(from),
        instant(to),
        duration(latency.p50),
        duration(latency.p99),
        duration(latency.max)
    ))
}

/// A power of ten as a length of time: `1 ms`.
fn mark(nanos: f64) -> String {
    match nanos {
        ..1e6 => format!("{} µs", nanos / 1e3),
        ..1e9 => format!("{} ms", nanos / 1e6),
        _ => format!("{} s", nanos / 1e9),
    }
}
