//! Words in a picture, and the room that they take.

use crate::format::columns;

/// The height of a line of words.
const LINE: f64 = 14.0;
/// Columns are this wide in the pictures' fixed-width font, a little more than in any that browsers take.
pub(super) const COLUMN: f64 = 6.8;

/// A few words at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) x: f64,
    /// The middle of the line.
    pub(super) y: f64,
    pub(super) anchor: Anchor,
    /// Style classes.
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// Which end of the words lies at their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Label {
    pub(super) fn width(&self) -> f64 {
        columns(&self.text) as f64 * COLUMN
    }

    /// The room that it takes.
    pub(super) fn area(&self) -> Area {
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - self.width() / 2.0,
            Anchor::End => self.x - self.width(),
        };
        Area {
            left,
            top: self.y - LINE / 2.0,
            right: left + self.width(),
            bottom: self.y + LINE / 2.0,
        }
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Whether it lies in this one.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && other.right <= self.right
            && other.bottom <= self.bottom
    }
}

/// The room that is taken in a picture.
#[derive(Debug)]
pub(super) struct Room {
    whole: Area,
    taken: Vec<Area>,
}

impl Room {
    /// Nothing is taken.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let whole = Area {
            left: 0.0,
            top: 0.0,
            right: width,
            bottom: height,
        };
        Self {
            whole,
            taken: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// The first of the candidates that has room for itself takes it.
    pub(super) fn place(&mut self, candidates: impl IntoIterator<Item = Label>) -> Option<Label> {
        let fits = |label: &Label| {
            let area = label.area();
            self.whole.holds(&area) && !self.taken.iter().any(|taken| taken.meets(&area))
        };
        let label = candidates.into_iter().find(fits)?;
        self.take(label.area());
        Some(label)
    }
}
