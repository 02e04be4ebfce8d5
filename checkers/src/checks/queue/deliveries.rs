//! What the walk through a history gathers of a share group.

use std::collections::{BTreeMap, BTreeSet};

use history::{
    Acknowledge, Acquire, Acquired, Application, Event, F, Fate, Header, Key, Offset, Op, Phase, Queue,
    ShareStep, Value, What,
};

use crate::outcome::Kept;

/// A confirmed word on a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// When the confirmation came.
    pub(crate) time: u64,
    pub(crate) op: u64,
    pub(crate) process: u32,
    pub(crate) fate: Fate,
    /// How many times the record had been delivered to the member, when it said so.
    pub(crate) deliveries: u32,
}

/// A record was delivered that should not have been.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    /// When it was delivered.
    pub(crate) time: u64,
    pub(crate) op: u64,
    pub(crate) process: u32,
    /// The earliest moment at which the broker can have given it away.
    pub(crate) after: u64,
    pub(crate) record: Acquired,
    /// What had been confirmed of it; `None` where the number of deliveries alone is wrong.
    pub(crate) word: Option<Word>,
}

/// What is known of one record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    /// The greatest number of deliveries that was told.
    pub(crate) deliveries: u32,
    /// When it was delivered last.
    pub(crate) delivered: u64,
    /// The first confirmation that it is done with.
    pub(crate) done: Option<Word>,
    /// The confirmed release with the greatest number of deliveries.
    pub(crate) released: Option<Word>,
    /// A word of which nobody knows what came of it.
    pub(crate) in_doubt: bool,
}

/// A member, by its process.
#[derive(Clone, Debug, Default)]
struct Member {
    /// The acquisition under way: when it began.
    acquiring: Option<u64>,
    /// What it was given before this, the client no longer held back: by that time the last acquisition that came to nothing began,
    /// or its first of all.
    empty_at: Option<u64>,
    /// When the last acquisition began that came to nothing.
    last_empty: u64,
    /// Whether that was its last.
    is_empty: bool,
    /// The deliveries of what it holds.
    holds: BTreeMap<(Key, Offset), u32>,
}

/// All that was acquired and said.
#[derive(Default)]
pub(crate) struct Deliveries {
    /// What the group is held to; `None` where there is none.
    pub(crate) queue: Option<Queue>,
    members: BTreeMap<u32, Member>,
    pub(crate) records: BTreeMap<(Key, Offset), Record>,
    /// The values that were delivered.
    pub(crate) values: BTreeSet<Value>,
    /// The first offset of each partition that was delivered.
    pub(crate) first: BTreeMap<Key, Offset>,
    /// Partitions of which something was delivered in an acquisition that began after the faults were healed.
    pub(crate) served: BTreeSet<Key>,
    /// When the producers were closed.
    settled: Option<u64>,
    /// When something was delivered last.
    pub(crate) last: u64,
    /// When clients crashed, and faults began or ended.
    pub(crate) upsets: Vec<u64>,
    /// Delivered though it was done with.
    pub(crate) done_again: Kept<Again>,
    /// With no more deliveries than had been confirmed to have been.
    pub(crate) went_back: Kept<Again>,
    /// More often than the limit.
    pub(crate) beyond: Kept<Again>,
    /// Words that were confirmed, by kind: accepted, released, rejected.
    pub(crate) confirmed: [u64; 3],
    /// How many were refused, and of how many nobody knows.
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    /// Deliveries, and those of them that were not the first.
    pub(crate) all: u64,
    pub(crate) redeliveries: u64,
}

impl Deliveries {
    pub(crate) fn new(header: &Header) -> Self {
        let queue = match &header.expect.application {
            Some(Application::Queue(queue)) => Some(queue.clone()),
            _ => None,
        };
        Self {
            queue,
            ..Self::default()
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        if self.queue.is_none() {
            return;
        }
        let time = event.time;
        match &event.what {
            What::Invoke(op) => self.invoke(time, op),
            What::Ok(op) | What::Fail(op) | What::Info(op) => {
                let ok = matches!(event.what, What::Ok(_));
                self.complete(time, op, ok);
            }
            What::Fault(_) | What::Node(_) => self.upsets.push(time),
            What::Phase(Phase::Settle) => {
                self.settled.get_or_insert(time);
            }
            _ => {}
        }
    }

    fn invoke(&mut self, time: u64, op: &Op) {
        match &op.f {
            F::Share(ShareStep::Acquire(_)) => {
                // Two time-outs are taken off again where the moment is used: before its first acquisition it asked for nothing.
                let grace = self.grace();
                let member = self.members.entry(op.process).or_default();
                member.acquiring = Some(time);
                member.empty_at.get_or_insert(time.saturating_add(grace));
                member.is_empty = false;
            }
            F::Crash => self.upsets.push(time),
            _ => {}
        }
    }

    fn complete(&mut self, time: u64, op: &Op, ok: bool) {
        match &op.f {
            F::Share(ShareStep::Acquire(acquire)) => self.acquired(time, op, acquire, ok),
            F::Share(ShareStep::Acknowledge(said)) => self.acknowledged(time, op, said),
            _ => {}
        }
    }

    /// A broker's answer that is older than that reaches nobody: the time-out of a request, twice, since clients are not punctual.
    fn grace(&self) -> u64 {
        let queue = self.queue.as_ref();
        queue.map_or(0, |queue| queue.request_timeout.as_nanos().saturating_mul(2))
    }

    fn acquired(&mut self, time: u64, op: &Op, acquire: &Acquire, ok: bool) {
        let grace = self.grace();
        let limit = self.queue.as_ref().map_or(0, |queue| queue.delivery_limit);
        let member = self.members.entry(op.process).or_default();
        let Some(began) = member.acquiring.take() else {
            return;
        };
        let after = member.empty_at.unwrap_or(u64::MAX).saturating_sub(grace);
        if acquire.records.is_empty() {
            if ok {
                member.empty_at = member.empty_at.max(Some(began));
                (member.last_empty, member.is_empty) = (began, true);
            }
            return;
        }
        let again = |record: &Acquired, word| Again {
            time,
            op: op.op,
            process: op.process,
            after,
            record: *record,
            word,
        };
        for record in &acquire.records {
            let place = (record.key, record.offset);
            member.holds.insert(place, record.deliveries);
            let known = self.records.entry(place).or_default();
            if let Some(word) = known.done.filter(|word| word.time <= after) {
                self.done_again.push(|| again(record, Some(word)));
            } else if let Some(word) = known
                .released
                .filter(|word| word.time <= after && record.deliveries <= word.deliveries)
            {
                self.went_back.push(|| again(record, Some(word)));
            }
            if record.deliveries > limit {
                self.beyond.push(|| again(record, None));
            }
            self.all += 1;
            self.redeliveries += u64::from(record.deliveries > 1);
            known.deliveries = known.deliveries.max(record.deliveries);
            known.delivered = time;
            self.values.extend(record.value);
            let first = self.first.entry(record.key).or_insert(record.offset);
            *first = (*first).min(record.offset);
            if self.settled.is_some_and(|settled| settled <= began) {
                self.served.insert(record.key);
            }
        }
        self.last = time;
    }

    fn acknowledged(&mut self, time: u64, op: &Op, said: &Acknowledge) {
        let member = self.members.entry(op.process).or_default();
        for record in &said.records {
            let place = (record.key, record.offset);
            let deliveries = member.holds.remove(&place).unwrap_or(0);
            let known = self.records.entry(place).or_default();
            match record.confirmed {
                None => {
                    known.in_doubt = true;
                    self.unknown += 1;
                    continue;
                }
                Some(false) => {
                    // A client may have asked before, without an answer: what is refused then was done.
                    known.in_doubt = true;
                    self.refused += 1;
                    continue;
                }
                Some(true) => {}
            }
            let word = Word {
                time,
                op: op.op,
                process: op.process,
                fate: record.fate,
                deliveries,
            };
            match record.fate {
                Fate::Accept => self.confirmed[0] += 1,
                Fate::Release => self.confirmed[1] += 1,
                Fate::Reject => self.confirmed[2] += 1,
            }
            if record.fate.is_final() {
                known.done.get_or_insert(word);
            } else if known
                .released
                .is_none_or(|released| released.deliveries < deliveries)
            {
                known.released = Some(word);
            }
        }
    }

    /// Why nobody can say that the group was drained; `None` where it was: for as long as the plan says nothing came, and every member
    /// that was at work after the producers were closed went on asking.
    pub(crate) fn undrained(&self) -> Option<String> {
        let queue = self.queue.as_ref()?;
        let Some(settled) = self.settled else {
            return Some("the run ended before the producers were closed".to_owned());
        };
        let quiet = self.last.max(settled).saturating_add(queue.drain.as_nanos());
        let mut at_work = 0;
        for (process, member) in &self.members {
            if member.last_empty >= settled || member.acquiring.is_some_and(|began| began >= settled) {
                at_work += 1;
                if member.last_empty < quiet {
                    return Some(format!(
                        "process {process} did not go on asking for {} after the last record",
                        queue.drain
                    ));
                }
            }
        }
        (at_work == 0).then(|| "no member was at work after the producers were closed".to_owned())
    }

    /// How often a record can have been delivered at most without anybody seeing it, since that time: each such delivery takes a
    /// lock or a request that runs out, or something that upsets brokers or clients.
    pub(crate) fn unseen_since(&self, time: u64) -> u64 {
        let Some(queue) = &self.queue else { return 0 };
        let shortest = queue.lock.as_nanos().min(queue.request_timeout.as_nanos()).max(1);
        let upset = self.upsets.iter().filter(|upset| **upset >= time);
        let until = self.upsets.iter().copied().max().unwrap_or(time);
        until.saturating_sub(time) / shortest + upset.count() as u64 + 1
    }
}
