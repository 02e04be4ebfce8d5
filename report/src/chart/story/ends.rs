//! Where each replica's log ended over time, put together from everything that says so.

use std::collections::BTreeMap;

use checkers::{Disks, Story, log_end};
use history::{F, NodeId, Offset, Op, Probe, What};

use crate::chart::{Span, x};
use crate::format::coordinate;
use crate::run::Run;

/// Acknowledgements are looked at in so many steps of the picture.
const BINS: u64 = 240;
/// Offsets above and below the range that are shown at least, where there are any.
const ROOM_MIN: Offset = 10;

/// The end of a log at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) time: u64,
    pub(super) end: Offset,
    /// Where that is known from.
    pub(super) source: &'static str,
}

/// The ends of all replicas' logs.
pub(super) struct Ends {
    nodes: BTreeMap<NodeId, Vec<Point>>,
    lowest: Offset,
    highest: Offset,
}

impl Ends {
    pub(super) fn of(run: &Run<'_>, disks: &Disks, story: &Story, span: Span) -> Self {
        let mut seen: BTreeMap<NodeId, Vec<(Point, bool)>> = BTreeMap::new();
        let mut add = |node: NodeId, point: Point, only_grows: bool| {
            seen.entry(node).or_default().push((point, only_grows));
        };
        for event in &run.input.history.events {
            event_says(&event.what, event.time, story, &mut add);
        }
        for (node, replica) in disks.replicas(story.key) {
            for state in replica.states() {
                let copy = disks.copy_of(state);
                let (time, end) = (copy.begun, state.end);
                add(
                    node,
                    Point {
                        time,
                        end,
                        source: "by the copy of its disk",
                    },
                    false,
                );
            }
        }
        let nodes: BTreeMap<NodeId, Vec<Point>> = seen
            .into_iter()
            .map(|(node, seen)| (node, merged(seen, span)))
            .collect();
        let shown = nodes
            .values()
            .flatten()
            .filter(|point| span.meets(point.time, point.time))
            .map(|point| point.end);
        let range = [story.first, story.last.map(|last| last.saturating_add(1))]
            .into_iter()
            .flatten();
        let all: Vec<Offset> = shown.chain(range).collect();
        let (lowest, highest) = (all.iter().min().copied(), all.iter().max().copied());
        // What came long before or after would press the range into a line.
        let length = story
            .last
            .zip(story.first)
            .map_or(0, |(last, first)| last.saturating_sub(first));
        let room = (length / 2).max(ROOM_MIN);
        let above = story.last.map_or(Offset::MAX, |last| last.saturating_add(room));
        let below = story.first.map_or(0, |first| first.saturating_sub(room));
        Self {
            lowest: lowest.unwrap_or(0).max(below),
            highest: highest.unwrap_or(1).min(above),
            nodes,
        }
    }

    pub(super) fn of_node(&self, node: NodeId) -> &[Point] {
        self.nodes.get(&node).map_or(&[], Vec::as_slice)
    }

    /// How high an end lies: 0 the lowest that is shown, 1 the highest.
    pub(super) fn share(&self, end: Offset) -> f64 {
        let length = self.highest.saturating_sub(self.lowest).max(1) as f64;
        (end.saturating_sub(self.lowest) as f64 / length).clamp(0.0, 1.0)
    }
}

/// What one event says of the ends of the partition's logs. An acknowledgement only says that a log reached beyond.
fn event_says(what: &What, time: u64, story: &Story, add: &mut impl FnMut(NodeId, Point, bool)) {
    match what {
        What::Ok(Op { f: F::Send(send), .. }) if send.key == story.key => {
            if let (Some(node), Some(offset)) = (send.broker, send.offset) {
                let source = "by what it acknowledged";
                add(
                    node,
                    Point {
                        time,
                        end: offset.saturating_add(1),
                        source,
                    },
                    true,
                );
            }
        }
        What::Line(line) if line.key == Some(story.key) => {
            if let Some(end) = log_end(line) {
                let source = "by its own log's line";
                add(
                    line.node,
                    Point {
                        time: line.at,
                        end,
                        source,
                    },
                    false,
                );
            }
        }
        What::Observed(observed) => {
            let said = match &observed.answer {
                Probe::Stands(said) => said,
                Probe::Log(chunk) if chunk.key == story.key => {
                    if let Some((offset, ..)) = chunk.records.last() {
                        let (end, source) = (offset.saturating_add(1), "by the reading after the run");
                        add(observed.node, Point { time, end, source }, true);
                    }
                    return;
                }
                _ => return,
            };
            for stand in said.stands.iter().filter(|stand| stand.key == story.key) {
                if let Some(end) = stand.end.filter(|_| stand.refused.is_none()) {
                    let source = "by its own answer";
                    add(observed.node, Point { time, end, source }, true);
                }
            }
        }
        _ => {}
    }
}

/// The points in order of time: what only grows is thinned out, and never takes an end back.
fn merged(mut seen: Vec<(Point, bool)>, span: Span) -> Vec<Point> {
    seen.sort_by_key(|(point, only_grows)| (point.time, !only_grows));
    let step = (span.length() / BINS).max(1);
    let mut points: Vec<(Point, bool)> = Vec::new();
    for (point, only_grows) in seen {
        if let (true, Some((last, grew))) = (only_grows, points.last_mut()) {
            if point.end <= last.end {
                continue;
            }
            if *grew && point.time / step == last.time / step {
                *last = point;
                continue;
            }
        }
        points.push((point, only_grows));
    }
    points.into_iter().map(|(point, _)| point).collect()
}

/// A line from sighting to sighting, as far as the span shows it: what grew may have done so any time between the two, and
/// what was cut off is a step.
pub(super) fn path(points: &[Point], span: Span, y: impl Fn(Offset) -> f64) -> String {
    let mut path = String::new();
    let mut last = None;
    // One sighting before and one after the span are drawn as well: the plot's edges cut the line off.
    let from = points
        .partition_point(|point| point.time < span.from)
        .saturating_sub(1);
    let to = points
        .partition_point(|point| point.time <= span.to)
        .saturating_add(1)
        .min(points.len());
    for point in points.get(from..to).unwrap_or_default() {
        let height = coordinate(y(point.end));
        let back = last.is_some_and(|last| point.end < last);
        last = Some(point.end);
        path += &match (path.is_empty(), back) {
            (true, _) => ["M", &x(point.time), " ", &height].concat(),
            (false, true) => ["H", &x(point.time), "V", &height].concat(),
            (false, false) => ["L", &x(point.time), " ", &height].concat(),
        };
    }
    path
}

/// Where a log went back: the point before, and that after.
pub(super) fn cuts(points: &[Point], span: Span) -> impl Iterator<Item = (Point, Point)> + '_ {
    let pairs = points.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(move |(before, after)| after.end < before.end && span.meets(after.time, after.time))
}
