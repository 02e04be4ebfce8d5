//! How far behind the readers are, over time.

use maud::{Markup, html};

use super::picture;
use super::scale::{Heights, Span};
use super::throughput::{HEAD, columns, marks, numbers, steps};
use crate::format::{coordinate, count, instant};
use crate::lag::LagBucket;
use crate::run::Run;

const HEIGHT: f64 = 90.0;

/// The lag of all partitions together as an area, that of the worst one as a line.
pub(crate) fn lag(run: &Run<'_>, span: Span) -> Markup {
    let (series, buckets) = (&run.series, &run.lag.buckets);
    let of =
        |of: fn(&LagBucket) -> u64| -> Vec<f64> { buckets.iter().map(|bucket| of(bucket) as f64).collect() };
    let (total, worst) = (of(|bucket| bucket.total), of(|bucket| bucket.worst));
    let heights = Heights::linear(total.iter().copied().fold(1.0, f64::max), HEIGHT - HEAD);
    let words = |index: usize| {
        let (bucket, (from, to)) = (buckets.get(index)?, series.bounds(index));
        let worst = match bucket.worst {
            0 => String::new(),
            worst => format!(
                ", {} in {}",
                count(worst),
                run.header().key_name(bucket.worst_key)
            ),
        };
        Some(format!(
            "{} – {}\nat most {} behind{worst}",
            instant(from),
            instant(to),
            count(bucket.total)
        ))
    };
    let plot = html! {
        (marks(span, heights, HEAD))
        path.area d={ (steps(series, &total, heights)) "V" (coordinate(HEIGHT)) "H0Z" } {}
        path.line.ok d=(steps(series, &total, heights)) {}
        path.line.max d=(steps(series, &worst, heights)) {}
        (columns(series, HEIGHT, words))
    };
    picture(
        span,
        HEIGHT,
        &plot,
        &numbers(heights, HEAD, |value| count(value as u64)),
    )
}
