//! Lanes: strips of segments over time, each with its words where they fit and its full story in a title.

use maud::{Markup, html};

use super::scale::Span;
use super::{picture, x};
use crate::format::coordinate;

/// Widths that are guessed where no browser has measured them yet: the plot's, a letter's, in pixels.
const PLOT_PIXELS: f64 = 960.0;
const LETTER_PIXELS: f64 = 6.6;
/// Narrower segments are drawn with an edge of their own colour, or they would vanish.
const THIN_PERCENT: f64 = 0.3;
/// More segments in one strip than this are merged: no eye tells them apart.
const SEGMENTS_MAX: usize = 400;

/// A stretch of time in which something was so.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Since when.
    pub(crate) from: u64,
    /// Until when.
    pub(crate) to: u64,
    /// Style classes.
    pub(crate) class: String,
    /// A few words to lie on it; may be empty.
    pub(crate) label: String,
    /// Everything that is to say.
    pub(crate) title: String,
}

/// Segments at one height.
#[derive(Clone, Debug)]
pub(crate) struct Strip {
    /// The upper edge in pixels.
    pub(crate) y: f64,
    /// The height in pixels.
    pub(crate) height: f64,
    /// What lies on it.
    pub(crate) segments: Vec<Segment>,
}

/// A lane of some strips.
pub(crate) fn lane(span: Span, height: f64, strips: &[Strip]) -> Markup {
    let strips: Vec<Strip> = strips.iter().map(|strip| inside(strip, span)).collect();
    let plot = html! {
        @for strip in &strips { @for segment in &strip.segments { (body(span, strip, segment)) } }
    };
    let words = html! {
        @for strip in &strips {
            @for segment in strip.segments.iter().filter(|segment| !segment.label.is_empty()) {
                (label(span, strip, segment))
            }
        }
    };
    picture(span, height, &plot, &words)
}

/// Only what the span shows, and not more of it than an eye can tell apart.
fn inside(strip: &Strip, span: Span) -> Strip {
    let seen = strip
        .segments
        .iter()
        .filter(|segment| span.meets(segment.from, segment.to));
    let segments = seen.map(|segment| {
        let (from, to) = span.clip(segment.from, segment.to);
        Segment {
            from,
            to,
            ..segment.clone()
        }
    });
    Strip {
        segments: merged(segments.collect(), span),
        ..*strip
    }
}

/// Where there are too many segments, neighbours that are narrower than their share become one.
fn merged(segments: Vec<Segment>, span: Span) -> Vec<Segment> {
    if segments.len() <= SEGMENTS_MAX {
        return segments;
    }
    let narrow = span.length() / SEGMENTS_MAX as u64;
    let mut kept: Vec<(Segment, usize)> = Vec::new();
    for segment in segments {
        match kept.last_mut() {
            Some((last, count)) if segment.to.saturating_sub(last.from) <= narrow => {
                last.to = segment.to;
                *count += 1;
            }
            _ => kept.push((segment, 1)),
        }
    }
    kept.into_iter()
        .map(|(segment, count)| {
            if count == 1 {
                segment
            } else {
                many(&segment, count)
            }
        })
        .collect()
}

fn many(first: &Segment, count: usize) -> Segment {
    Segment {
        class: "many".to_owned(),
        label: String::new(),
        title: format!("{count} changes, the first: {}", first.title),
        ..*first
    }
}

fn body(span: Span, strip: &Strip, segment: &Segment) -> Markup {
    let thin = span.percent(segment.to) - span.percent(segment.from) < THIN_PERCENT;
    html! {
        rect.seg.thin[thin].(segment.class) x=(x(segment.from)) width=(x(segment.to - segment.from))
            y=(coordinate(strip.y)) height=(coordinate(strip.height)) {
            title { (segment.title) }
        }
    }
}

/// The words of a segment, cut off at its edges. `data-a` and `data-b` tell a script where it lies.
fn label(span: Span, strip: &Strip, segment: &Segment) -> Markup {
    let width = span.percent(segment.to) - span.percent(segment.from);
    let needed = segment.label.chars().count() as f64 * LETTER_PIXELS + 8.0;
    let tight = needed > width / 100.0 * PLOT_PIXELS;
    html! {
        svg.words.tight[tight].(segment.class) x=(percent(span.percent(segment.from))) width=(percent(width))
            y=(coordinate(strip.y)) height=(coordinate(strip.height))
            data-a=(x(segment.from)) data-b=(x(segment.to)) {
            text x="5" y=(coordinate(strip.height / 2.0 + 4.0)) { (segment.label) }
        }
    }
}

/// A share of the width.
pub(super) fn percent(value: f64) -> String {
    format!("{}%", coordinate(value))
}
