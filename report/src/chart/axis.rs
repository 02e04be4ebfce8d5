//! The time axis: round seconds of the run's clock.

use maud::{Markup, html};

use super::lane::percent;
use super::scale::Span;

const HEIGHT: &str = "22";
const TICKS: u64 = 10;

/// The axis of a span. A script draws it anew when the span changes.
pub(crate) fn axis(span: Span) -> Markup {
    html! {
        svg.picture.axis-picture height=(HEIGHT) aria-hidden="true" {
            @for (index, (time, text)) in span.ticks(TICKS).into_iter().enumerate() {
                @let place = span.percent(time);
                text x=(percent(place)) y="15" text-anchor=(anchor(place)) { (text) @if index == 0 { " s" } }
            }
        }
    }
}

/// Words at the ends stay inside.
fn anchor(place: f64) -> &'static str {
    match place {
        ..3.0 => "start",
        97.0.. => "end",
        _ => "middle",
    }
}
