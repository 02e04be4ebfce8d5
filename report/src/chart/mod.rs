//! Pictures as SVG, drawn here. Each picture is stretched to the page's width: geometry lives in a *plot*, whose
//! horizontal unit is a millisecond of the run and which the browser may squeeze, and words lie over it, placed in
//! percent, so that they keep their size. To zoom, a script changes the plots' view boxes and nothing else.

mod acknowledged;
mod axis;
mod bands;
mod clients;
mod cycle;
mod lag;
mod lane;
mod latency;
mod lines;
mod partition;
mod scale;
mod story;
mod throughput;
mod unserved;

use maud::{Markup, html};

pub(crate) use acknowledged::acknowledged;
pub(crate) use axis::axis;
pub(crate) use bands::{bands, fault_lane, found_lane, marks, phase_lane};
pub(crate) use clients::clients;
pub(crate) use cycle::cycle;
pub(crate) use lag::lag;
pub(crate) use latency::latency;
pub(crate) use lines::lines;
pub(crate) use partition::{controllers, nodes, partition};
pub(crate) use scale::{Heights, Span, round_step};
pub(crate) use story::story;
pub(crate) use throughput::throughput;
pub(crate) use unserved::unserved;

use crate::format::coordinate;

/// A time as a horizontal coordinate: milliseconds.
pub(crate) fn x(nanos: u64) -> String {
    coordinate(nanos as f64 / 1e6)
}

/// The view box that shows this span.
fn view_box(span: Span, height: f64) -> String {
    format!("{} 0 {} {}", x(span.from), x(span.length()), coordinate(height))
}

/// A picture of this height in pixels: a plot, and words over it.
fn picture(span: Span, height: f64, plot: &Markup, words: &Markup) -> Markup {
    html! {
        svg.picture height=(coordinate(height)) aria-hidden="true" {
            svg.plot width="100%" height=(coordinate(height)) viewBox=(view_box(span, height)) preserveAspectRatio="none" { (plot) }
            (words)
        }
    }
}
