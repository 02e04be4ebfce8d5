//! Operations on a ring: where there are many of them, or no times to lay them against.

use std::f64::consts::{FRAC_PI_2, TAU};

use checkers::Edge;

use super::label::{Anchor, COLUMN, Label, Room};
use super::route;
use super::sketch::{Arrow, Node, Shape, Sketch, WIDTH};
use crate::cycle::{Shown, Told, because, name, who};
use crate::format::{coordinate, count, fitted};

/// More operations than this are shown by their ends, with a gap between.
pub(super) const NODES_MAX: usize = 20;
const DISC: f64 = 18.0;
/// From the ring to the picture's edge, above and below.
const MARGIN: f64 = 48.0;
const RADIUS_MIN: f64 = 120.0;
const RADIUS_PER_NODE: f64 = 14.0;
/// From a disc to its words, and from the ring to those of its edges.
const GAP: f64 = 8.0;
/// The line of an arrow ends a little before its tip.
const TIP: f64 = 5.0;
/// Of a key so much stands at an edge, less where edges lie near each other.
const KEY_COLUMNS: usize = 12;
/// Widths of an operation's words, in columns: the first that has room is taken.
const WORDS_COLUMNS: [usize; 5] = [40, 30, 22, 16, 10];

/// What lies at one place of the ring.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Operation(usize),
    /// So many operations are left out.
    Gap(usize),
}

/// A ring of so many places.
#[derive(Clone, Copy, Debug)]
struct Ring {
    x: f64,
    y: f64,
    radius: f64,
    stops: usize,
}

impl Ring {
    fn of(stops: usize) -> Self {
        let radius = RADIUS_MIN.max(stops as f64 * RADIUS_PER_NODE);
        Self {
            x: WIDTH / 2.0,
            y: radius + MARGIN,
            radius,
            stops,
        }
    }

    /// The angle of a place; the first is at the top, and the others follow clockwise.
    fn angle(self, stop: f64) -> f64 {
        stop * TAU / self.stops as f64 - FRAC_PI_2
    }

    fn point(self, angle: f64, radius: f64) -> (f64, f64) {
        (self.x + radius * angle.cos(), self.y + radius * angle.sin())
    }
}

/// The layout.
pub(super) fn sketch(told: &Told<'_>, timed: bool) -> Sketch {
    let shown = Shown::of(told.cycle.operations.len(), NODES_MAX);
    let stops = shown.map(Stop::Operation, Stop::Gap);
    let ring = Ring::of(stops.len());
    let height = 2.0 * (ring.radius + MARGIN);
    let mut room = Room::new(WIDTH, height);
    let nodes: Vec<Node> = stops
        .iter()
        .enumerate()
        .map(|(index, stop)| node(told, ring, (index, *stop), timed))
        .collect();
    for node in &nodes {
        room.take(node.shape.area());
    }
    let arrows = (0..stops.len()).map(|index| arrow(told, ring, index, &stops, &mut room));
    let arrows = arrows.collect();
    let words = stops
        .iter()
        .enumerate()
        .filter_map(|(index, stop)| words(told, ring, index, *stop, &mut room))
        .collect();
    Sketch {
        height,
        arrows,
        nodes,
        words,
        ..Sketch::default()
    }
}

fn node(told: &Told<'_>, ring: Ring, (index, stop): (usize, Stop), timed: bool) -> Node {
    let (x, y) = ring.point(ring.angle(index as f64), ring.radius);
    let (class, text, title) = match stop {
        Stop::Operation(place) => {
            let operation = &told.cycle.operations[place];
            let title = format!("{}: {}\n{}", name(place), operation.text, who(operation, timed));
            let class = if operation.outcome == "info" {
                "open"
            } else {
                "done"
            };
            (class, name(place), title)
        }
        Stop::Gap(left_out) => (
            "gap",
            "…".to_owned(),
            format!("{} more operations", count(left_out as u64)),
        ),
    };
    Node {
        shape: Shape::Disc { x, y, radius: DISC },
        class,
        label: Label {
            x,
            y,
            anchor: Anchor::Middle,
            class: "op-name",
            text,
        },
        title,
    }
}

/// The arc from one place to the next, with its words inside the ring.
fn arrow(told: &Told<'_>, ring: Ring, index: usize, stops: &[Stop], room: &mut Room) -> Arrow {
    let next = (index + 1) % stops.len();
    let (from, to) = (ring.angle(index as f64), ring.angle(index as f64 + 1.0));
    let clear = DISC / ring.radius;
    let (start, end) = (from + clear, to - clear);
    let (x0, y0) = ring.point(start, ring.radius);
    let (x1, y1) = ring.point(end - TIP / ring.radius, ring.radius);
    let large = u8::from(end - start > TAU / 2.0);
    let radius = coordinate(ring.radius);
    let path = format!(
        "M{} {}A{radius} {radius} 0 {large} 1 {} {}",
        coordinate(x0),
        coordinate(y0),
        coordinate(x1),
        coordinate(y1)
    );
    let edge = match (stops[index], stops[next]) {
        (Stop::Operation(place), Stop::Operation(_)) => told.cycle.edges.get(place),
        _ => None,
    };
    let middle = f64::midpoint(from, to);
    Arrow {
        path,
        tip: ring.point(end, ring.radius),
        direction: end + FRAC_PI_2,
        class: edge.map_or("gap", |edge| crate::cycle::rel(edge.rel)),
        label: edge.and_then(|edge| room.place(inside(edge, ring, middle))),
        title: edge.map_or_else(
            || "steps that are left out".to_owned(),
            |edge| format!("{}\n{}", told.step(edge), because(edge)),
        ),
    }
}

/// The words of an edge inside the ring: the nearest place first, and where there is no room less of the key.
fn inside(edge: &Edge, ring: Ring, angle: f64) -> impl Iterator<Item = Label> {
    let place = move |key_columns: usize, away: f64| {
        let words = route::words(edge, key_columns, (0.0, 0.0, Anchor::Middle));
        let room = words.width() / 2.0 * angle.cos().abs() + 7.0 * angle.sin().abs();
        let (x, y) = ring.point(angle, ring.radius - GAP - room - away);
        Label { x, y, ..words }
    };
    let between = TAU * (ring.radius - 2.0 * GAP) / ring.stops as f64 / COLUMN;
    let key_columns_max = KEY_COLUMNS.min((between as usize).saturating_sub(4));
    let at = move |away: [f64; 3]| {
        let shorter = [key_columns_max, 5, 0].into_iter();
        shorter.flat_map(move |key_columns| away.map(|away| place(key_columns, away)))
    };
    at([0.0, 8.0, 16.0]).chain(at([24.0, 32.0, 40.0]))
}

/// What an operation did, outside the ring; nothing where there is no room.
fn words(told: &Told<'_>, ring: Ring, index: usize, stop: Stop, room: &mut Room) -> Option<Label> {
    let angle = ring.angle(index as f64);
    let anchor = match angle.cos() {
        0.15.. => Anchor::Start,
        ..-0.15 => Anchor::End,
        _ => Anchor::Middle,
    };
    let text = match stop {
        Stop::Operation(place) => told.cycle.operations[place].text.clone(),
        Stop::Gap(left_out) => format!("{} more operations", count(left_out as u64)),
    };
    let place = |columns_max: usize, away: f64| {
        let (x, y) = ring.point(angle, ring.radius + DISC + GAP + away);
        let width = match anchor {
            Anchor::Start => WIDTH - x,
            Anchor::Middle => WIDTH,
            Anchor::End => x,
        };
        Label {
            x,
            y,
            anchor,
            class: "what",
            text: fitted(&text, columns_max.min((width / COLUMN) as usize)),
        }
    };
    let places = WORDS_COLUMNS
        .into_iter()
        .flat_map(|columns_max| [0.0, 6.0, 12.0].map(|away| place(columns_max, away)));
    room.place(places)
}
