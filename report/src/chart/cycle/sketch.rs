//! What a picture of a cycle consists of, with every place worked out: two layouts make it, one hand draws it.

use super::label::{Area, Label};

/// The width of every picture of a cycle.
pub(super) const WIDTH: f64 = 1040.0;

/// A drawing before it is drawn.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    pub(super) height: f64,
    /// The lanes of the processes, from the top: upper and lower edge.
    pub(super) bands: Vec<(f64, f64)>,
    /// Round times are no use here: these are the times at which something happened.
    pub(super) ticks: Vec<Label>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) nodes: Vec<Node>,
    /// Words that belong to no shape: who did what.
    pub(super) words: Vec<Label>,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    /// Style classes.
    pub(super) class: &'static str,
    pub(super) label: Label,
    /// Everything that is to say.
    pub(super) title: String,
}

/// How an operation is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Bar {
        left: f64,
        top: f64,
        right: f64,
        bottom: f64,
    },
    Disc {
        x: f64,
        y: f64,
        radius: f64,
    },
}

impl Shape {
    /// The room that it takes.
    pub(super) fn area(self) -> Area {
        match self {
            Self::Bar {
                left,
                top,
                right,
                bottom,
            } => Area {
                left,
                top,
                right,
                bottom,
            },
            Self::Disc { x, y, radius } => Area {
                left: x - radius,
                top: y - radius,
                right: x + radius,
                bottom: y + radius,
            },
        }
    }
}

/// An edge.
#[derive(Debug)]
pub(super) struct Arrow {
    /// The line, as SVG writes paths.
    pub(super) path: String,
    /// Where it points to, and in which direction, in radians from the right, clockwise.
    pub(super) tip: (f64, f64),
    pub(super) direction: f64,
    /// The kind of edge.
    pub(super) class: &'static str,
    /// Nothing where the arrow stands for steps that are left out.
    pub(super) label: Option<Label>,
    /// Everything that is to say.
    pub(super) title: String,
}
