//! Whether each client reads a partition in its order, without going back and without passing over a record.
//!
//! Jepsen numbers the known offsets of a key and compares those numbers; here the offsets themselves are
//! compared, which is the same where each offset holds one value, and right where it does not. A new
//! assignment, or a crash, lets a client begin elsewhere.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use history::{F, Key, Offset, Op, Record, What};

use crate::context::Context;
use crate::index::{KeyLog, Write, keys_of};
use crate::outcome::Outcome;
use crate::text::{count, list, seconds};
use crate::verdict::Case;

/// Skipped values that are named.
const SKIPPED_MAX: usize = 10;

/// A record as a client read it.
#[derive(Clone, Copy)]
struct Read {
    record: Record,
    op: u64,
    time: u64,
}

/// One client's reading of one partition since its assignment.
struct Position {
    from: Offset,
    furthest: Read,
    last: Read,
}

/// What a client is assigned.
#[derive(Default)]
struct Reader {
    /// Whether it reads each partition from its first record: without any assignment that is assumed, as
    /// Jepsen does, but only of foreign histories.
    from_beginning: bool,
    positions: BTreeMap<Key, Position>,
}

/// The stretches of each log that a client read through, by which a missing record is proven lost.
#[derive(Default)]
pub(crate) struct Passes {
    by_key: Vec<Vec<Pass>>,
}

/// One client read from one offset through to another.
#[derive(Clone, Copy)]
pub(crate) struct Pass {
    pub(crate) process: u32,
    /// Where it began.
    pub(crate) began: Offset,
    /// Where this or any later pass begins, see [`Passes::over`].
    from: Offset,
    /// The furthest record it read.
    pub(crate) to: Offset,
    /// When it read that.
    pub(crate) time: u64,
}

impl Passes {
    /// A reader that passed over where a write stands, after it was begun.
    pub(crate) fn over(&self, write: &Write) -> Option<Pass> {
        let offset = write.offset.or(write.place)?;
        let passes = self.by_key.get(write.key as usize)?;
        let before = passes.partition_point(|pass| pass.from <= offset);
        // After `finish` each pass is the furthest of those that begin no later.
        let pass = passes[..before].last()?;
        (pass.to > offset && pass.time > write.invoked).then_some(*pass)
    }

    fn close(&mut self, process: u32, reader: &mut Reader) {
        for (key, position) in std::mem::take(&mut reader.positions) {
            self.by_key[key as usize].push(Pass {
                process,
                began: position.from,
                from: position.from,
                to: position.furthest.record.offset,
                time: position.furthest.time,
            });
        }
    }

    fn finish(&mut self) {
        for passes in &mut self.by_key {
            passes.sort_unstable_by_key(|pass| pass.from);
            let mut furthest: Option<Pass> = None;
            for pass in passes {
                let from = pass.from;
                let best = furthest.filter(|best| best.to >= pass.to).unwrap_or(*pass);
                furthest = Some(best);
                *pass = Pass { from, ..best };
            }
        }
    }
}

/// Finds what was read out of order, and gathers who read through what.
pub(super) fn find(context: &Context, outcome: &mut Outcome) -> Passes {
    let keys = keys_of(context.header) as usize;
    let mut walk = Walk {
        context,
        outcome,
        offsets: context.index.logs.iter().map(KeyLog::offsets).collect(),
        passes: Passes {
            by_key: vec![Vec::new(); keys],
        },
    };
    let mut readers: HashMap<u32, Reader> = HashMap::new();
    let foreign = !context.index.phased;
    for event in &context.history.events {
        let (op, ok, fail) = match &event.what {
            What::Ok(op) => (op, true, false),
            What::Fail(op) => (op, false, true),
            What::Info(op) => (op, false, false),
            _ => continue,
        };
        if !matches!(op.f, F::Poll(_) | F::Assign(_) | F::Crash) {
            continue;
        }
        let reader = readers.entry(op.process).or_insert_with(|| Reader {
            from_beginning: foreign,
            ..Reader::default()
        });
        match &op.f {
            F::Poll(poll) => walk.poll(event.time, op, &poll.records, ok, reader),
            F::Assign(assign) if !fail => {
                walk.passes.close(op.process, reader);
                // Of a change that may not have happened nothing can be said.
                reader.from_beginning = ok && assign.from_beginning;
            }
            F::Crash => {
                walk.passes.close(op.process, reader);
                reader.from_beginning = false;
            }
            F::Assign(_) | F::Subscribe(_) | F::Txn(_) | F::Send(_) => {}
        }
    }
    for (process, mut reader) in readers {
        walk.passes.close(process, &mut reader);
    }
    walk.passes.finish();
    walk.passes
}

struct Walk<'a, 'h> {
    context: &'a Context<'h>,
    outcome: &'a mut Outcome,
    /// By key: the offsets at which something was seen.
    offsets: Vec<Vec<u64>>,
    passes: Passes,
}

impl Walk<'_, '_> {
    fn poll(&mut self, time: u64, op: &Op, records: &[Record], ok: bool, reader: &mut Reader) {
        // What a poll that did not succeed returned is judged too, but nothing is held against it later.
        let mut aside: BTreeMap<Key, Read> = BTreeMap::new();
        for record in records {
            if record.offset < 0 || record.key as usize >= self.offsets.len() {
                continue;
            }
            let read = Read {
                record: *record,
                op: op.op,
                time,
            };
            let known = reader.positions.get(&record.key).map(|position| position.last);
            if let Some(last) = aside.get(&record.key).copied().or(known) {
                self.compare(op.process, last, read);
            }
            if ok {
                reader.advance(read);
            } else {
                aside.insert(record.key, read);
            }
        }
    }

    fn compare(&mut self, process: u32, last: Read, next: Read) {
        let (from, to) = (last.record.offset, next.record.offset);
        let within = last.op == next.op;
        if to <= from {
            let name = if within {
                "int-nonmonotonic-poll"
            } else {
                "nonmonotonic-poll"
            };
            let (context, outcome) = (self.context, &mut *self.outcome);
            outcome.violation(name, || went_back(context, process, last, next));
        } else if to - from > 1 {
            let offsets = &self.offsets[next.record.key as usize];
            let first = offsets.partition_point(|offset| *offset <= from as u64);
            let end = offsets.partition_point(|offset| *offset < to as u64);
            let skipped = self.of_the_same_log(&offsets[first..end], last, next);
            if !skipped.is_empty() {
                let name = if within { "int-poll-skip" } else { "poll-skip" };
                let (context, outcome) = (self.context, &mut *self.outcome);
                outcome.violation(name, || skip(context, process, last, next, &skipped));
            }
        }
    }

    /// Of the offsets between two reads, those that may have held something in the log that the client read. Where
    /// that log was cut off later and written anew (two values at one offset), what was sent only after the
    /// client had gone by stands in the new log alone: nobody passed over it.
    fn of_the_same_log<'o>(&self, between: &'o [u64], last: Read, next: Read) -> Cow<'o, [u64]> {
        let index = &self.context.index;
        let log = &index.logs[next.record.key as usize];
        if ![last, next]
            .iter()
            .any(|read| log.is_divided(read.record.offset as u64))
        {
            return Cow::Borrowed(between);
        }
        let sent_by_then = |value| {
            index
                .writes
                .of(value)
                .is_none_or(|write| write.invoked < next.time)
        };
        let held = |offset: &&u64| log.values(**offset).any(sent_by_then);
        Cow::Owned(between.iter().filter(held).copied().collect())
    }
}

impl Reader {
    fn advance(&mut self, read: Read) {
        let from = if self.from_beginning {
            0
        } else {
            read.record.offset
        };
        let position = self.positions.entry(read.record.key).or_insert(Position {
            from,
            furthest: read,
            last: read,
        });
        position.last = read;
        if read.record.offset > position.furthest.record.offset {
            position.furthest = read;
        }
    }
}

fn went_back(context: &Context, process: u32, last: Read, next: Read) -> Case {
    let again = if last.record.offset == next.record.offset {
        "read the same offset again"
    } else {
        "went back"
    };
    Case {
        offset: Some(next.record.offset),
        values: vec![last.record.value, next.record.value],
        ops: ops(last, next),
        story: vec![
            format!(
                "Client {process} {again} in {}: {}.",
                context.name(next.record.key),
                steps(last, next)
            ),
            "It had neither a new assignment nor a crash in between.".to_owned(),
        ],
        ..context.case(next.time, next.record.key)
    }
}

fn skip(context: &Context, process: u32, last: Read, next: Read, skipped: &[u64]) -> Case {
    let log = &context.index.logs[next.record.key as usize];
    let named = skipped.iter().take(SKIPPED_MAX);
    let named: Vec<String> = named
        .filter_map(|offset| {
            log.value(*offset)
                .map(|value| format!("value {value} at offset {offset}"))
        })
        .collect();
    let more = if skipped.len() > SKIPPED_MAX {
        ", the first of which are"
    } else {
        ":"
    };
    Case {
        offset: Some(skipped[0] as Offset),
        values: skipped
            .iter()
            .take(SKIPPED_MAX)
            .filter_map(|offset| log.value(*offset))
            .collect(),
        ops: ops(last, next),
        story: vec![
            format!(
                "Client {process} passed over records of {}: {}.",
                context.name(next.record.key),
                steps(last, next)
            ),
            format!(
                "Between them stood {}{more} {}.",
                count(skipped.len() as u64, "record"),
                list(&named)
            ),
        ],
        ..context.case(next.time, next.record.key)
    }
}

fn ops(last: Read, next: Read) -> Vec<u64> {
    if last.op == next.op {
        vec![next.op]
    } else {
        vec![last.op, next.op]
    }
}

fn steps(last: Read, next: Read) -> String {
    let step = |read: Read| {
        format!(
            "offset {} (value {}, op {}) at {}",
            read.record.offset,
            read.record.value,
            read.op,
            seconds(read.time)
        )
    };
    format!("{}, then {}", step(last), step(next))
}
