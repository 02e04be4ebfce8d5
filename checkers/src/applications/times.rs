//! The times that brokers gave to records, and what look-ups by time found.

use std::collections::BTreeMap;

use history::{Event, F, Key, LookUp, Offset, Op, Phase, TimeStep, Value, What};

use crate::paged::Paged;

const MILLISECOND: i64 = 1_000_000;

/// A record whose time was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) value: Value,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    /// The operation that saw it first, and when that was over.
    pub(crate) op: u64,
    pub(crate) read: u64,
}

/// When a write began, and when it was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writing {
    /// The number of its operation plus one; 0 where nobody wrote it.
    number: u64,
    pub(crate) begun: u64,
    /// 0 where it never was.
    pub(crate) acknowledged: u64,
}

/// A look-up that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) asked: LookUp,
    pub(crate) op: u64,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    /// Everything was whole by then, and nobody wrote any more.
    pub(crate) whole: bool,
}

/// A record that bore two times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed {
    pub(crate) key: Key,
    pub(crate) offset: Offset,
    pub(crate) first: Seen,
    pub(crate) second: Seen,
}

/// Everything that clients saw of times.
#[derive(Default)]
pub(crate) struct Times {
    wanted: bool,
    whole: bool,
    /// How far the clients' wall clock is ahead of the history's, in nanoseconds: at least, and at most.
    ahead: Option<(i64, i64)>,
    seen: BTreeMap<Key, BTreeMap<Offset, Seen>>,
    pub(crate) changed: Vec<Changed>,
    writes: Paged<Writing>,
    pub(crate) answers: Vec<Answer>,
    /// When each process began what it is at.
    begun: BTreeMap<u32, (u64, u64)>,
}

impl Times {
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        if !self.wanted {
            return;
        }
        match &event.what {
            What::Phase(phase) => self.whole = *phase >= Phase::Settle,
            What::Invoke(op) => {
                self.begun.insert(op.process, (op.op, event.time));
                if let F::Send(send) = &op.f {
                    let writing = self.writes.slot(send.value);
                    (writing.number, writing.begun) = (op.op + 1, event.time);
                }
            }
            What::Ok(op) => self.ok(event.time, op),
            What::Fail(op) | What::Info(op) => {
                self.begun.remove(&op.process);
            }
            _ => {}
        }
    }

    fn ok(&mut self, time: u64, op: &Op) {
        let begun = self
            .begun
            .remove(&op.process)
            .filter(|(number, _)| *number == op.op);
        let Some((_, begun)) = begun else { return };
        match &op.f {
            F::Send(send) => self.writes.slot(send.value).acknowledged = time,
            F::Times(TimeStep::Clock(wall)) => {
                let wall = wall.saturating_mul(MILLISECOND);
                let now = (wall - time as i64, wall + MILLISECOND - begun as i64);
                // Of several looks the bounds that hold for all.
                let before = self.ahead.unwrap_or(now);
                self.ahead = Some((before.0.min(now.0), before.1.max(now.1)));
            }
            F::Times(TimeStep::Read(stamps)) => {
                for stamp in stamps {
                    let seen = Seen {
                        value: stamp.value,
                        time: stamp.time,
                        op: op.op,
                        read: time,
                    };
                    self.saw(stamp.key, stamp.offset, seen);
                }
            }
            F::Times(TimeStep::LookUp(asked)) => self.answers.push(Answer {
                asked: *asked,
                op: op.op,
                begun,
                ended: time,
                whole: self.whole,
            }),
            _ => {}
        }
    }

    fn saw(&mut self, key: Key, offset: Offset, seen: Seen) {
        let first = *self.seen.entry(key).or_default().entry(offset).or_insert(seen);
        // Another value at one offset is told by the check `log`.
        if first.value == seen.value && first.time != seen.time {
            self.changed.push(Changed {
                key,
                offset,
                first,
                second: seen,
            });
        }
    }

    /// How far the clients' wall clock is ahead of the history's, in nanoseconds: at least, and at most; `None` where nobody looked.
    pub(crate) fn ahead(&self) -> Option<(i64, i64)> {
        self.ahead
    }

    /// The records of each partition whose times were seen, by offset.
    pub(crate) fn seen(&self) -> &BTreeMap<Key, BTreeMap<Offset, Seen>> {
        &self.seen
    }

    /// When a value was written, where somebody wrote it.
    pub(crate) fn written(&self, value: Value) -> Option<(u64, Writing)> {
        let writing = self.writes.get(value);
        Some((writing.number.checked_sub(1)?, writing))
    }
}
