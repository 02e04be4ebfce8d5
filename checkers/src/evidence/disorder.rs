//! Who read or wrote out of order: the clients' steps once more, now that all offsets are known.
//!
//! Jepsen numbers the known offsets of a key and compares those numbers, taking one value for each offset and one
//! offset for each value. Here the offsets themselves are compared, which is the same where each offset holds one
//! value, and right where it does not.

use std::collections::BTreeMap;

use history::{F, Key, Offset, Value};

use super::{Ending, for_each_record, for_each_send};
use crate::anomaly::{
    INT_NONMONOTONIC_POLL, INT_NONMONOTONIC_SEND, INT_POLL_SKIP, INT_SEND_SKIP, NONMONOTONIC_POLL,
    NONMONOTONIC_SEND, POLL_SKIP,
};
use crate::index::{Index, Readers, Reading, Senders, Sent, Step, WriteOutcome, stays_at};
use crate::options::{Options, SubVia};
use crate::outcome::Kept;
use crate::verdict::CASES_MAX;

/// Offsets that are looked at between two: so many were passed over, or more.
const BETWEEN_MAX: usize = 1_000;
/// Of so many findings all names together have room for their cases.
const FOUND_TOLD: usize = 8 * CASES_MAX;

/// A record as a client got it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) value: Value,
    pub(crate) op: u64,
    pub(crate) time: u64,
}

/// Two records that a client got in the wrong order, or with others between them.
#[derive(Clone, Debug)]
pub(crate) struct Misread {
    pub(crate) process: u32,
    pub(crate) key: Key,
    pub(crate) from: (Offset, Seen),
    pub(crate) to: (Offset, Seen),
    /// Offsets that were passed over, as far as they were looked at.
    pub(crate) skipped: Vec<u64>,
}

/// Two writes of a client that stand in the wrong order, or with others between them.
#[derive(Clone, Debug)]
pub(crate) struct Missent {
    pub(crate) process: u32,
    pub(crate) key: Key,
    pub(crate) first: (Offset, Seen),
    pub(crate) second: (Offset, Seen),
    /// Offsets of others between them.
    pub(crate) between: Vec<u64>,
}

/// What was found, by name: first what breaks a promise, then what does not.
#[derive(Debug, Default)]
pub(crate) struct Disorder {
    wanted: bool,
    subscribed: bool,
    readers: Readers<Seen>,
    senders: Senders<Seen>,
    /// Writes with a lower number were begun.
    begun: u32,
    /// How much was found, excused or not.
    found: usize,
    pub(crate) misread: BTreeMap<&'static str, Kept<Misread>>,
    pub(crate) misread_allowed: BTreeMap<&'static str, Kept<Misread>>,
    pub(crate) missent: BTreeMap<&'static str, Kept<Missent>>,
    pub(crate) missent_allowed: BTreeMap<&'static str, Kept<Missent>>,
}

/// Whether a client that reads on is shown what stands at an offset. A replica's own copy holds the records of aborted
/// transactions too, and consumers of committed records pass over those by right.
fn is_shown(index: &Index, key: Key, offset: u64) -> bool {
    if !index.has_copies() || index.counts.transactions == 0 {
        return true;
    }
    let mut ids = index.at(key, offset).into_iter();
    ids.any(|id| {
        let write = id.as_write();
        write.is_none_or(|write| index.writes.is_committed(write) || index.writes.is_read(write))
    })
}

impl Disorder {
    pub(super) fn new(index: &Index, options: &Options, wanted: bool) -> Self {
        Self {
            wanted: wanted && index.disorder,
            subscribed: options.sub_via == SubVia::Subscribe,
            ..Self::default()
        }
    }

    pub(super) fn begun(&mut self, number: u32) {
        self.begun = self.begun.max(number + 1);
    }

    pub(super) fn ended(&mut self, index: &Index, ending: &Ending) {
        if !self.wanted {
            return;
        }
        self.ended_sends(index, ending);
        self.ended_reads(index, ending);
        let op = ending.op;
        if let Some((kept, subscribed)) = stays_at(op, ending.outcome, index.phased) {
            self.readers.reassign(ending.slot, kept, subscribed);
        } else if op.f == F::Crash {
            self.readers.crash(ending.slot);
        }
    }

    fn ended_reads(&mut self, index: &Index, ending: &Ending) {
        let (op, time) = (ending.op, ending.time);
        let reading = Reading {
            slot: ending.slot,
            stamp: ending.event,
            ok: ending.outcome == WriteOutcome::Ok,
        };
        for_each_record(&op.f, |record| {
            let offset = Some(record.offset).filter(|offset| *offset >= 0);
            if record.key >= index.keys || offset.is_none() && index.phased {
                return;
            }
            let seen = Seen {
                value: record.value,
                op: op.op,
                time,
            };
            let step = self.readers.record(reading, record.key, offset, seen);
            let excused = |step: &Step<Seen>| step.within && op.rebalanced.contains(&record.key);
            if let Some(step) = step.filter(|step| !excused(step)) {
                self.read(index, op.process, record.key, step);
            }
        });
    }

    fn read(&mut self, index: &Index, process: u32, key: Key, step: Step<Seen>) {
        let (from, to) = (step.from.0, step.to.0);
        if from.checked_add(1) == Some(to) {
            return;
        }
        // What may have been deleted by then is not passed over.
        let deleted = index.deletions.below(key, step.to.1.time);
        let mut skipped = self.between(index, key, from.max(deleted - 1), to);
        skipped.retain(|offset| !index.all_may_be_gone(key, *offset, step.to.1.time));
        let name = match (to <= from, step.within) {
            (true, true) => INT_NONMONOTONIC_POLL,
            (true, false) => NONMONOTONIC_POLL,
            (false, _) if skipped.is_empty() => return,
            (false, true) => INT_POLL_SKIP,
            (false, false) => POLL_SKIP,
        };
        // Who gets partitions from a group may lose them to others in between, and begin anywhere. Of a foreign
        // history only its options say whether that counts, as with Jepsen.
        let lenient = self.subscribed || step.subscribed && index.phased;
        self.found += 1;
        let found = if lenient && !step.within {
            &mut self.misread_allowed
        } else {
            &mut self.misread
        };
        found.entry(name).or_default().push(|| Misread {
            process,
            key,
            from: step.from,
            to: step.to,
            skipped,
        });
    }

    /// The offsets between two at which something is known, as far as it is looked for. Where the log was cut off
    /// later and written anew (two values at one offset), what was sent only after a client had gone by stands in
    /// the new log alone: nobody passed over it.
    fn between(&self, index: &Index, key: Key, from: Offset, to: Offset) -> Vec<u64> {
        let Some(log) = index.log(key) else {
            return Vec::new();
        };
        let (Ok(from), Ok(to)) = (u64::try_from(from), u64::try_from(to)) else {
            return Vec::new();
        };
        if to <= from.saturating_add(1) {
            return Vec::new();
        }
        let shown = log
            .between(from, to)
            .filter(|offset| is_shown(index, key, *offset));
        if !log.is_divided(from) && !log.is_divided(to) {
            // Of those that nobody will be told of it is enough that there is one.
            let told = if self.found < FOUND_TOLD { BETWEEN_MAX } else { 1 };
            return shown.take(told).collect();
        }
        let between = shown.take(BETWEEN_MAX);
        let sent_by_then = |offset: &u64| {
            let mut ids = index.at(key, *offset).into_iter();
            ids.any(|id| id.as_write().is_none_or(|write| write < self.begun))
        };
        between.filter(sent_by_then).collect()
    }

    fn ended_sends(&mut self, index: &Index, ending: &Ending) {
        let (op, time) = (ending.op, ending.time);
        let mut writes = Vec::new();
        for_each_send(&op.f, |send| {
            let number = index.find(send.key, send.value);
            if let Some(number) = number.filter(|number| !index.writes.is_suspect(*number)) {
                let seen = Seen {
                    value: send.value,
                    op: op.op,
                    time,
                };
                writes.push((send.key, (number, seen)));
            }
        });
        let mut senders = std::mem::take(&mut self.senders);
        let counts = ending.outcome != WriteOutcome::Fail;
        senders.sent(ending.slot, counts, writes.into_iter(), |sent| {
            self.sent(index, op.process, sent);
        });
        self.senders = senders;
    }

    fn sent(&mut self, index: &Index, process: u32, sent: Sent<Seen>) {
        let key = index.writes.key(sent.first.0);
        // Where a record stands twice, it is its first place that has to follow.
        let place = |number| index.writes.places(number).map(|places| places.0);
        let (Some(from), Some(to)) = (place(sent.first.0), place(sent.second.0)) else {
            return;
        };
        let between = if sent.within {
            self.between(index, key, from, to)
        } else {
            Vec::new()
        };
        self.found += usize::from(to <= from || !between.is_empty());
        let (name, found) = match (to <= from, sent.within) {
            (true, true) => (INT_NONMONOTONIC_SEND, &mut self.missent),
            (true, false) => (NONMONOTONIC_SEND, &mut self.missent),
            (false, _) if between.is_empty() => return,
            // Other clients' records may always come between.
            (false, _) => (INT_SEND_SKIP, &mut self.missent_allowed),
        };
        found.entry(name).or_default().push(|| Missent {
            process,
            key,
            first: (from, sent.first.1),
            second: (to, sent.second.1),
            between,
        });
    }
}
