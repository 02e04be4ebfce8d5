//! Operations in the lanes of their processes against time: a row each, so that no words meet.

use checkers::CycleOperation;

use super::label::{Anchor, Area, COLUMN, Label, Room};
use super::route::{self, Routes};
use super::sketch::{Node, Shape, Sketch, WIDTH};
use crate::cycle::{Told, name, who};
use crate::format::{columns, fitted, instant};

/// More operations than this go on a ring.
const ROWS_MAX: usize = 12;
/// Words of who did what, at the left.
const WORDS_COLUMNS: usize = 44;
const WORDS_LINES: usize = 2;
const WORDS_LEFT: f64 = 12.0;
const GUTTER: f64 = WORDS_LEFT + WORDS_COLUMNS as f64 * COLUMN + 8.0;
const ROW: f64 = 60.0;
/// Two operations have both their edges between them.
const ROW_OF_TWO: f64 = 84.0;
pub(super) const BAR: f64 = 24.0;
const AXIS: f64 = 26.0;
const MARGIN: f64 = 16.0;
/// What never completed goes on for this long after everything else.
const OPEN_END: f64 = 24.0;
/// At least this lies between two points in time, however near they are.
const STEP_MIN: f64 = 28.0;
/// Shorter spans are told apart by more decimals.
const SPAN_SHORT: u64 = 100_000_000;

/// One operation as a bar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The operation's place in the cycle.
    pub(super) place: usize,
    pub(super) left: f64,
    pub(super) right: f64,
    /// The middle of the bar.
    pub(super) y: f64,
}

impl Row {
    pub(super) fn area(&self) -> Area {
        Area {
            left: self.left,
            top: self.y - BAR / 2.0,
            right: self.right,
            bottom: self.y + BAR / 2.0,
        }
    }
}

/// The layout, unless there are too many operations, or no times to lay them against.
pub(super) fn sketch(told: &Told<'_>, timed: bool) -> Option<Sketch> {
    let operations = &told.cycle.operations;
    if operations.len() > ROWS_MAX || !has_times(operations) {
        return None;
    }
    let (order, routes) = ordered(told)?;
    let pitch = if operations.len() == 2 { ROW_OF_TWO } else { ROW };
    let scale = Scale::of(operations, GUTTER + routes.width(), WIDTH - MARGIN);
    let rows: Vec<Row> = order
        .iter()
        .enumerate()
        .map(|(row, place)| scale.row(&operations[*place], *place, (row as f64 + 0.5) * pitch))
        .collect();
    let bottom = rows.len() as f64 * pitch;
    let words: Vec<Label> = rows
        .iter()
        .flat_map(|row| words(row, &operations[row.place]))
        .collect();
    let mut room = Room::new(WIDTH, bottom);
    rows.iter().map(Row::area).for_each(|area| room.take(area));
    words.iter().map(Label::area).for_each(|area| room.take(area));
    Some(Sketch {
        height: if timed { bottom + AXIS } else { bottom },
        bands: bands(operations, &order, pitch),
        ticks: if timed {
            scale.ticks(bottom + AXIS / 2.0)
        } else {
            Vec::new()
        },
        arrows: route::arrows(told, &routes, &rows, GUTTER, &mut room),
        nodes: rows
            .iter()
            .map(|row| node(row, &operations[row.place], timed))
            .collect(),
        words,
    })
}

/// The rows' order, and the ways of the edges between them: lane by lane, or in the order of the cycle where too many
/// edges would have to go round.
fn ordered(told: &Told<'_>) -> Option<(Vec<usize>, Routes)> {
    let orders = [
        by_process(&told.cycle.operations),
        (0..told.cycle.operations.len()).collect(),
    ];
    orders
        .into_iter()
        .find_map(|order| Routes::of(told, &order).map(|routes| (order, routes)))
}

/// Whether anything tells the operations' times apart.
fn has_times(operations: &[CycleOperation]) -> bool {
    let mut times = operations
        .iter()
        .flat_map(|operation| [Some(operation.invoked), operation.completed]);
    let first = times.next().flatten();
    times.flatten().any(|time| Some(time) != first)
}

/// The places of the cycle in the order of the rows: the lanes in the order in which the cycle comes by.
fn by_process(operations: &[CycleOperation]) -> Vec<usize> {
    let lane = |place: &usize| {
        let process = operations[*place].process;
        operations
            .iter()
            .position(|operation| operation.process == process)
    };
    let mut order: Vec<usize> = (0..operations.len()).collect();
    order.sort_by_key(lane);
    order
}

fn bands(operations: &[CycleOperation], order: &[usize], pitch: f64) -> Vec<(f64, f64)> {
    let mut top = 0.0;
    let lanes = order.chunk_by(|one, next| operations[*one].process == operations[*next].process);
    lanes
        .map(|lane| {
            let bottom = top + lane.len() as f64 * pitch;
            let band = (top, bottom);
            top = bottom;
            band
        })
        .collect()
}

fn node(row: &Row, operation: &CycleOperation, timed: bool) -> Node {
    let Area {
        left,
        top,
        right,
        bottom,
    } = row.area();
    Node {
        shape: Shape::Bar {
            left,
            top,
            right,
            bottom,
        },
        class: if operation.completed.is_some() {
            "done"
        } else {
            "open"
        },
        label: Label {
            x: f64::midpoint(left, right),
            y: row.y,
            anchor: Anchor::Middle,
            class: "op-name",
            text: name(row.place),
        },
        title: format!(
            "{}: {}\n{}",
            name(row.place),
            operation.text,
            who(operation, timed)
        ),
    }
}

/// Who did what, in the lines at the left of a row.
fn words(row: &Row, operation: &CycleOperation) -> Vec<Label> {
    let mut texts = vec![(
        "who",
        fitted(
            &format!(
                "{} process {}, {}",
                name(row.place),
                operation.process,
                operation.outcome
            ),
            WORDS_COLUMNS,
        ),
    )];
    texts.extend(wrapped(&operation.text).into_iter().map(|line| ("what", line)));
    let first = row.y - (texts.len() as f64 - 1.0) * 7.5;
    let labels = texts.into_iter().enumerate().map(|(line, (class, text))| Label {
        x: WORDS_LEFT,
        y: first + line as f64 * 15.0,
        anchor: Anchor::Start,
        class,
        text,
    });
    labels.collect()
}

/// A text in the lines that there are, broken after its commas where it can be.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while lines.len() + 1 < WORDS_LINES && columns(rest) > WORDS_COLUMNS {
        let start = fitted(rest, WORDS_COLUMNS);
        let start = start.trim_end_matches('…');
        let end = match start.rfind([',', ' ']) {
            Some(end) if end > start.len() / 3 => end + 1,
            _ => start.len(),
        };
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines.push(fitted(rest, WORDS_COLUMNS));
    lines
}

/// What happens at a point in time, in the order in which it is drawn where the clock cannot tell: whatever had begun
/// before ends, then others begin, then those of them end that took no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    End,
    Begin,
    EndAtOnce,
}

/// From points in time to places. Their order is exact; between any two lies some room, and the rest is shared out
/// by how far apart they are.
struct Scale {
    points: Vec<((u64, Turn), f64)>,
    right: f64,
}

impl Scale {
    fn of(operations: &[CycleOperation], left: f64, right: f64) -> Self {
        let mut points: Vec<(u64, Turn)> = operations
            .iter()
            .flat_map(|operation| [Some(begin(operation)), end(operation)])
            .flatten()
            .collect();
        points.sort_unstable();
        points.dedup();
        let open = operations.iter().any(|operation| operation.completed.is_none());
        let end = if open { right - OPEN_END } else { right };
        let gaps = points.len().saturating_sub(1).max(1) as f64;
        let step = STEP_MIN.min((end - left) / gaps);
        let first = points.first().map_or(0, |(time, _)| *time);
        let length = points.last().map_or(0, |(time, _)| time - first).max(1) as f64;
        let free = (end - left - step * gaps).max(0.0);
        let place = |(index, point): (usize, (u64, Turn))| {
            let share = (point.0 - first) as f64 / length;
            (point, left + index as f64 * step + share * free)
        };
        Self {
            points: points.into_iter().enumerate().map(place).collect(),
            right,
        }
    }

    fn x(&self, point: (u64, Turn)) -> f64 {
        let found = self.points.binary_search_by_key(&point, |(known, _)| *known);
        found.map_or(self.right, |index| self.points[index].1)
    }

    fn row(&self, operation: &CycleOperation, place: usize, y: f64) -> Row {
        Row {
            place,
            left: self.x(begin(operation)),
            right: end(operation).map_or(self.right, |end| self.x(end)),
            y,
        }
    }

    /// The times below the lanes, as many as have room, the first and the last before others.
    fn ticks(&self, y: f64) -> Vec<Label> {
        let mut room = Room::new(WIDTH, y * 2.0);
        let count = self.points.len();
        let first = self.points.first().map_or(0, |((time, _), _)| *time);
        let short = self
            .points
            .last()
            .is_some_and(|((time, _), _)| time - first < SPAN_SHORT);
        let order = [0, count.saturating_sub(1)].into_iter().chain(0..count);
        let mut ticks: Vec<Label> = order
            .filter_map(|index| {
                let ((time, _), x) = *self.points.get(index)?;
                room.place([Anchor::Middle, Anchor::End].map(|anchor| Label {
                    x,
                    y,
                    anchor,
                    class: "time",
                    text: if short { fine_instant(time) } else { instant(time) },
                }))
            })
            .collect();
        ticks.sort_by(|one, other| one.x.total_cmp(&other.x));
        ticks
    }
}

/// A point of the history's clock, to the microsecond.
fn fine_instant(nanos: u64) -> String {
    let micros = nanos / 1_000;
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

fn begin(operation: &CycleOperation) -> (u64, Turn) {
    (operation.invoked, Turn::Begin)
}

fn end(operation: &CycleOperation) -> Option<(u64, Turn)> {
    let completed = operation.completed?;
    Some(if completed > operation.invoked {
        (completed, Turn::End)
    } else {
        (operation.invoked, Turn::EndAtOnce)
    })
}
