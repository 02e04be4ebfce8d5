//! A sketch as SVG.

use std::f64::consts::PI;

use maud::{Markup, html};

use super::label::{Anchor, Label};
use super::sketch::{Arrow, Node, Shape, Sketch, WIDTH};
use crate::format::coordinate;

/// From the middle of a line to its base.
const BASE: f64 = 4.0;
/// The sides of an arrow's head, and their angle to its line.
const HEAD: f64 = 9.0;
const HEAD_ANGLE: f64 = 0.42;

/// The drawing, with words for those who cannot see it.
pub(super) fn svg(sketch: &Sketch, alternative: &str) -> Markup {
    let height = coordinate(sketch.height);
    html! {
        svg.picture.cycle role="img" aria-label=(alternative) viewBox={ "0 0 " (coordinate(WIDTH)) " " (height) } {
            @for (index, (top, bottom)) in sketch.bands.iter().enumerate() {
                rect.lane.odd[index % 2 == 1] x="0" width=(coordinate(WIDTH)) y=(coordinate(*top)) height=(coordinate(bottom - top)) {}
            }
            @for tick in &sketch.ticks {
                path.tick d={ "M" (coordinate(tick.x)) " 0V" (coordinate(tick.y - 9.0)) } {}
                (label(tick))
            }
            @for arrow in &sketch.arrows { (line(arrow)) }
            @for node in &sketch.nodes { (body(node)) }
            @for arrow in &sketch.arrows { @if let Some(words) = &arrow.label { (on_plate(arrow, words)) } }
            @for words in &sketch.words { (label(words)) }
        }
    }
}

fn line(arrow: &Arrow) -> Markup {
    html! {
        g.edge-of.(arrow.class) {
            title { (arrow.title) }
            path.wide d=(arrow.path) {}
            path.step d=(arrow.path) {}
            path.head d=(head(arrow)) {}
        }
    }
}

/// The words of an arrow, with nothing behind them that they could be mixed up with.
fn on_plate(arrow: &Arrow, words: &Label) -> Markup {
    let area = words.area();
    html! {
        g {
            title { (arrow.title) }
            rect.plate x=(coordinate(area.left - 2.0)) y=(coordinate(area.top + 1.0)) rx="2"
                width=(coordinate(area.right - area.left + 4.0)) height=(coordinate(area.bottom - area.top - 2.0)) {}
            (label(words))
        }
    }
}

/// The triangle at the end of an arrow.
fn head(arrow: &Arrow) -> String {
    let (x, y) = arrow.tip;
    let corner = |side: f64| {
        let angle = arrow.direction + PI + side * HEAD_ANGLE;
        format!(
            "{} {}",
            coordinate(x + HEAD * angle.cos()),
            coordinate(y + HEAD * angle.sin())
        )
    };
    format!(
        "M{} {}L{}L{}Z",
        coordinate(x),
        coordinate(y),
        corner(1.0),
        corner(-1.0)
    )
}

fn body(node: &Node) -> Markup {
    html! {
        g.op.(node.class) {
            title { (node.title) }
            @match node.shape {
                Shape::Bar { left, top, right, bottom } => rect x=(coordinate(left)) y=(coordinate(top))
                    width=(coordinate(right - left)) height=(coordinate(bottom - top)) rx="4" {},
                Shape::Disc { x, y, radius } => circle cx=(coordinate(x)) cy=(coordinate(y)) r=(coordinate(radius)) {},
            }
            (label(&node.label))
        }
    }
}

fn label(label: &Label) -> Markup {
    let anchor = match label.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    html! {
        text.(label.class) x=(coordinate(label.x)) y=(coordinate(label.y + BASE)) text-anchor=(anchor) { (label.text) }
    }
}
