//! The ways of the edges between the rows of a cycle. An edge to the row above or below goes straight there; any other
//! goes round at the left, on a track of its own where no bar is.

use std::cmp::Reverse;
use std::f64::consts::{FRAC_PI_2, PI};

use checkers::Edge;

use super::label::{Anchor, Label, Room};
use super::lanes::{BAR, Row};
use super::sketch::Arrow;
use crate::cycle::{Told, because, rel};
use crate::format::{coordinate, fitted};

/// More tracks than this leave too little room for time.
const TRACKS_MAX: usize = 3;
const TRACK: f64 = 24.0;
/// Room for the words on the first and after the last track.
const TRACK_MARGIN: f64 = 52.0;
const WITHOUT_TRACKS: f64 = 16.0;
/// Edges meet a bar's left end this far above and below its middle.
const OFFSET: f64 = 6.0;
const CORNER: f64 = 8.0;
/// Two edges between the same bars keep this apart.
const APART: f64 = 36.0;
const KEY_COLUMNS: usize = 12;
/// The line of an arrow ends a little before its tip.
const TIP: f64 = 5.0;

/// How an edge gets from one row to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Straight to a neighbour.
    Straight,
    /// Along this track; the first lies next to the bars.
    Track(usize),
}

/// The ways of all edges.
#[derive(Debug)]
pub(super) struct Routes {
    /// The edge's number in the cycle, its rows, and its way.
    ways: Vec<(usize, [usize; 2], Way)>,
    tracks: usize,
}

impl Routes {
    /// `None` where too many edges would have to go round.
    pub(super) fn of(told: &Told<'_>, order: &[usize]) -> Option<Self> {
        let row_of = |op: u64| {
            let place = told.place(op)?;
            order.iter().position(|known| *known == place)
        };
        let rows = |edge: &Edge| Some([row_of(edge.from)?, row_of(edge.to)?]);
        let mut ends: Vec<(usize, [usize; 2])> = told
            .cycle
            .edges
            .iter()
            .enumerate()
            .filter_map(|(index, edge)| Some((index, rows(edge)?)))
            .collect();
        // Of two edges between neighbours the one that goes with time goes straight.
        ends.sort_by_key(|(index, [from, to])| (from.abs_diff(*to), Reverse(told.cycle.edges[*index].rel)));
        let (mut ways, mut tracks, mut neighbours) = (Vec::new(), Vec::<Vec<[usize; 2]>>::new(), Vec::new());
        for (index, [from, to]) in ends {
            let span = [from.min(to), from.max(to)];
            let straight = from.abs_diff(to) == 1 && !neighbours.contains(&span);
            let way = if straight {
                neighbours.push(span);
                Way::Straight
            } else {
                Way::Track(free_track(&mut tracks, span))
            };
            ways.push((index, [from, to], way));
        }
        (tracks.len() <= TRACKS_MAX).then_some(Self {
            ways,
            tracks: tracks.len(),
        })
    }

    /// The width that the tracks take.
    pub(super) fn width(&self) -> f64 {
        match self.tracks {
            0 => WITHOUT_TRACKS,
            tracks => 2.0 * TRACK_MARGIN + (tracks - 1) as f64 * TRACK,
        }
    }

    fn track_x(&self, left: f64, track: usize) -> f64 {
        left + self.width() - TRACK_MARGIN - track as f64 * TRACK
    }
}

/// The first track on which nothing lies between these rows.
fn free_track(tracks: &mut Vec<Vec<[usize; 2]>>, span: [usize; 2]) -> usize {
    let meets = |other: &[usize; 2]| span[0] <= other[1] && other[0] <= span[1];
    let free = tracks.iter().position(|track| !track.iter().any(meets));
    let track = free.unwrap_or(tracks.len());
    if track == tracks.len() {
        tracks.push(Vec::new());
    }
    tracks[track].push(span);
    track
}

/// All edges with their words. The tracks begin at `left`.
pub(super) fn arrows(
    told: &Told<'_>,
    routes: &Routes,
    rows: &[Row],
    left: f64,
    room: &mut Room,
) -> Vec<Arrow> {
    let arrow = |(index, [from, to], way): &(usize, [usize; 2], Way)| {
        let edge = &told.cycle.edges[*index];
        let (from, to) = (&rows[*from], &rows[*to]);
        let line = match way {
            Way::Straight => straight(from, to),
            Way::Track(track) => around(from, to, routes.track_x(left, *track)),
        };
        Arrow {
            path: line.path,
            tip: line.tip,
            direction: line.direction,
            class: rel(edge.rel),
            label: room.place(
                line.places
                    .into_iter()
                    .map(|place| words(edge, KEY_COLUMNS, place)),
            ),
            title: format!("{}\n{}", told.step(edge), because(edge)),
        }
    };
    routes.ways.iter().map(arrow).collect()
}

/// The words on an edge: its kind and so much of its key.
pub(super) fn words(edge: &Edge, key_columns: usize, (x, y, anchor): (f64, f64, Anchor)) -> Label {
    let rel = rel(edge.rel);
    let text = match &edge.key {
        Some(key) if key_columns > 0 => format!("{rel} {}", fitted(key, key_columns)),
        _ => rel.to_owned(),
    };
    Label {
        x,
        y,
        anchor,
        class: rel,
        text,
    }
}

/// A line and the places where its words may lie, the best first.
struct Line {
    path: String,
    tip: (f64, f64),
    direction: f64,
    places: Vec<(f64, f64, Anchor)>,
}

fn straight(from: &Row, to: &Row) -> Line {
    let down = to.y > from.y;
    let sign = if down { 1.0 } else { -1.0 };
    let (x0, x1) = attached(from, to);
    let (y0, y1) = (from.y + sign * BAR / 2.0, to.y - sign * BAR / 2.0);
    let end = y1 - sign * TIP;
    let bend = (end - y0) * 0.55;
    let path = format!(
        "M{} {}C{} {} {} {} {} {}",
        coordinate(x0),
        coordinate(y0),
        coordinate(x0),
        coordinate(y0 + bend),
        coordinate(x1),
        coordinate(end - bend),
        coordinate(x1),
        coordinate(end)
    );
    Line {
        path,
        tip: (x1, y1),
        direction: sign * FRAC_PI_2,
        places: beside((x0, y0), (x1, y1)),
    }
}

/// Where an edge leaves one bar and meets the other: below each other where both were under way at a time.
fn attached(from: &Row, to: &Row) -> (f64, f64) {
    let (left, right) = (from.left.max(to.left), from.right.min(to.right));
    if right - left >= 12.0 {
        let x = f64::midpoint(left, right);
        return (x, x);
    }
    let inset = |row: &Row| ((row.right - row.left) / 2.0).min(10.0);
    if from.left < to.left {
        (from.right - inset(from), to.left + inset(to))
    } else {
        (from.left + inset(from), to.right - inset(to))
    }
}

/// Places for the words of a line between two rows: at its right where it is steep, on it where it is flat.
fn beside((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> Vec<(f64, f64, Anchor)> {
    let (x, y) = (f64::midpoint(x0, x1), f64::midpoint(y0, y1));
    let sides = [(x + 7.0, y, Anchor::Start), (x - 7.0, y, Anchor::End)];
    let steep = (x1 - x0).abs() < APART;
    let mut places = Vec::new();
    if steep {
        places.extend(sides);
    }
    for share in [0.0, 0.2, -0.2, 0.35, -0.35] {
        places.push((x + (x1 - x0) * share, y, Anchor::Middle));
    }
    places.extend(sides);
    places
}

/// From the left end of one bar to that of another, round by a track.
fn around(from: &Row, to: &Row, x: f64) -> Line {
    let down = to.y >= from.y;
    let sign = if down { 1.0 } else { -1.0 };
    let (y0, y1) = if from.place == to.place {
        (from.y - OFFSET, to.y + OFFSET)
    } else {
        (from.y + OFFSET, to.y - OFFSET)
    };
    let corner = CORNER.min((y1 - y0).abs() / 2.0);
    let path = format!(
        "M{} {y0}H{}Q{} {y0} {} {}V{}Q{} {y1} {} {y1}H{}",
        coordinate(from.left),
        coordinate(x + corner),
        coordinate(x),
        coordinate(x),
        coordinate(y0 + sign * corner),
        coordinate(y1 - sign * corner),
        coordinate(x),
        coordinate(x + corner),
        coordinate(to.left - TIP),
        y0 = coordinate(y0),
        y1 = coordinate(y1),
    );
    let shares = [0.5, 0.35, 0.65, 0.2, 0.8, 0.42, 0.58, 0.27, 0.73, 0.12, 0.88];
    let on_track = shares.map(|share| (x, y0 + (y1 - y0) * share, Anchor::Middle));
    let beside = shares.map(|share| (x + 7.0, y0 + (y1 - y0) * share, Anchor::Start));
    Line {
        path,
        tip: (to.left, y1),
        direction: if to.left > x { 0.0 } else { PI },
        places: on_track.into_iter().chain(beside).collect(),
    }
}
