//! The walk over the events.

mod reads;
mod replicas;
mod sends;

use std::collections::BTreeMap;

use history::{
    Deletion, Event, F, FinalReads, Header, KEYS_MAX, Key, Mop, Op, Phase, Record, Retention, What,
};

use super::clients::{Clients, Doing, Open};
use super::id::Id;
use super::logs::Sighting;
use super::readers::{Readers, Reading};
use super::senders::{Senders, Sent};
use super::writes::{Outcome, flag};
use super::{Index, KEYS_WITHOUT_TOPICS, KeyLog, Precommitted, keys_of};
use crate::dependencies::{Spans, Versions};

/// Takes down what the events say, one after the other.
#[derive(Default)]
pub(crate) struct Builder {
    index: Index,
    /// Keys from here on are none of this history.
    keys: u32,
    /// Whether consumers read what is not committed.
    read_uncommitted: bool,
    /// What brokers may remove by themselves.
    retention: Option<Retention>,
    /// Whether the header names the keys.
    named_keys: bool,
    /// The process of the final reads: as it is known, or as it seems.
    final_process: Option<u32>,
    clients: Clients,
    readers: Readers<()>,
    senders: Senders<()>,
    /// Room for an operation's writes, each with the one before it.
    pairs: Vec<Sent<()>>,
    /// Writes that follow each other, one of which nobody has seen yet: within an operation, or between two.
    unplaced: Vec<(u32, u32, bool)>,
    /// Offsets that operations of unknown outcome named.
    doubtful: Vec<(u32, u64)>,
    /// Transactions that are open, by their first write: how many writes, and who read one of them first.
    open_transactions: BTreeMap<u32, (u32, Option<u64>)>,
    /// When each write can have happened, where that matters.
    spans: Option<Spans>,
    /// Who read one of the writes that are being begun, of all things.
    read_early: Option<u64>,
    phase: Option<Phase>,
    time: u64,
    /// The number of the event, from 1.
    event: u64,
}

impl Builder {
    /// Begins a walk. The process of the final reads is known only from the end of the history: where an earlier
    /// walk found it, it is given.
    ///
    /// Where the offsets are to order the writes (`versions`), it is kept when each can have happened.
    pub(crate) fn new(header: &Header, final_process: Option<u32>, versions: bool) -> Self {
        let named_keys = !header.topics.is_empty();
        let mut builder = Self {
            keys: if named_keys {
                keys_of(header)
            } else {
                KEYS_WITHOUT_TOPICS
            },
            named_keys,
            retention: header.expect.retention.clone(),
            read_uncommitted: header.expect.read_uncommitted,
            final_process,
            spans: versions.then(Spans::default),
            ..Self::default()
        };
        if header.keys() > KEYS_MAX {
            builder.flaw(0, || format!("the header has more than {KEYS_MAX} keys"));
        }
        builder
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        let time = event.time;
        self.event += 1;
        if time < self.time {
            let before = self.time;
            self.flaw(time, || format!("time goes back from {before} ns to {time} ns"));
        }
        self.time = time;
        match &event.what {
            What::Invoke(op) => self.invoke(time, op),
            What::Ok(op) => self.complete(time, op, Outcome::Ok),
            What::Fail(op) => self.complete(time, op, Outcome::Fail),
            What::Info(op) => self.complete(time, op, Outcome::Info),
            What::Phase(phase) => self.phase(time, *phase),
            What::Observed(observed) => self.observed(time, observed),
            What::FinalReads(reads) => self.final_reads(time, reads),
            What::Deletion(deletion) => self.deletion(time, deletion),
            What::Header(_) => self.flaw(time, || "a second header".to_owned()),
            What::Probed(probed) => {
                self.keys_in_range(time, [probed.key], || "an attempt of the prober".to_owned());
            }
            What::Disk(copy) => self.disk(time, copy),
            What::Line(line) => {
                self.keys_in_range(time, line.key, || format!("a line of node {}'s log", line.node));
            }
            What::Load(load) => self.index.load = Some(*load),
            What::Fault(_) | What::Node(_) | What::Interrupted => {}
        }
    }

    fn flaw(&mut self, time: u64, text: impl FnOnce() -> String) {
        self.index.flaws.add(time, text);
    }

    fn in_range(&mut self, time: u64, key: Key, what: impl FnOnce() -> String) -> bool {
        let known = key < self.keys;
        if !known {
            let (keys, named) = (self.keys, self.named_keys);
            self.flaw(time, || {
                let but = if named {
                    "the header has"
                } else {
                    "no history is read that has more than"
                };
                format!("{} names key {key}, and {but} {keys} keys", what())
            });
        }
        known
    }

    fn log(&mut self, key: Key) -> &mut KeyLog {
        let place = key as usize;
        if place >= self.index.logs.len() {
            self.index.logs.resize_with(place + 1, || None);
        }
        self.index.logs[place].get_or_insert_default()
    }

    fn invoke(&mut self, time: u64, op: &Op) {
        self.index.counts.operations += 1;
        let mut sound = true;
        if self.clients.is_used(op.op) {
            self.flaw(time, || {
                format!("process {} begins op {}, a number used before", op.process, op.op)
            });
            sound = false;
        }
        let slot = self.clients.slot(op.process);
        if let Some(open) = self.clients.open(slot) {
            let open = open.op;
            self.flaw(time, || {
                format!(
                    "process {} begins op {} while its op {open} is open",
                    op.process, op.op
                )
            });
            sound = false;
        }
        let (first, writes) = self.begin_writes(time, op, sound);
        self.keys_named(time, op);
        let open = Open {
            op: op.op,
            doing: Doing::of(&op.f),
            process: op.process,
            event: self.event,
            time,
            first,
            writes,
        };
        self.clients.begin(slot, open);
    }

    fn keys_named(&mut self, time: u64, op: &Op) {
        let (keys, what) = match &op.f {
            F::Assign(assign) => (&assign.keys, "assignment"),
            F::Subscribe(subscribe) => (&subscribe.keys, "subscription"),
            _ => return,
        };
        for key in keys {
            self.in_range(time, *key, || format!("the {what} of op {}", op.op));
        }
    }

    fn complete(&mut self, time: u64, op: &Op, outcome: Outcome) {
        let Some((slot, open)) = self.clients.end(op) else {
            self.flaw(time, || {
                format!(
                    "process {} completes op {}, which it has not open",
                    op.process, op.op
                )
            });
            return self.complete_unbegun(time, op);
        };
        if open.doing != Doing::of(&op.f) || !self.writes_fit(&open, &op.f, outcome) {
            self.flaw(time, || {
                format!("op {} completes as another operation than it began as", op.op)
            });
            for write in open.numbers() {
                self.index.writes.mark(write, flag::SUSPECT);
            }
            self.close_transaction(&open, false);
            return self.complete_unbegun(time, op);
        }
        if outcome == Outcome::Ok && matches!(open.doing, Doing::Send | Doing::Poll | Doing::Txn) {
            self.index.counts.succeeded += 1;
        }
        if let Some(spans) = &mut self.spans
            && open.writes > 0
        {
            spans.end(self.event, open.first, outcome == Outcome::Ok, reads::any(&op.f));
        }
        self.end_writes(time, slot, &open, &op.f, outcome);
        self.end_reads(time, slot, &open, op, outcome);
        self.move_reader(slot, op, outcome);
    }

    fn move_reader(&mut self, slot: u32, op: &Op, outcome: Outcome) {
        if let Some((kept, subscribed)) = stays_at(op, outcome, self.index.phased) {
            self.readers.reassign(slot, kept, subscribed);
        } else if op.f == F::Crash {
            self.readers.crash(slot);
        }
        if let F::Assign(assign) = &op.f
            && assign.from_beginning
            && self.phase >= Some(Phase::FinalReads)
        {
            self.final_process.get_or_insert(op.process);
        }
    }

    /// A completion that fits no invocation proves nothing, but what it names is not judged either.
    fn complete_unbegun(&mut self, time: u64, op: &Op) {
        match &op.f {
            F::Send(send) => self.suspect_unbegun(time, op, send),
            F::Poll(poll) => self.suspect_records(&poll.records),
            F::Txn(txn) => {
                for mop in &txn.mops {
                    match mop {
                        Mop::Send(send) => self.suspect_unbegun(time, op, send),
                        Mop::Poll(poll) => self.suspect_records(&poll.records),
                        _ => {}
                    }
                }
            }
            F::Assign(_) | F::Subscribe(_) | F::Group(_) | F::Share(_) | F::Times(_) | F::Crash => {}
        }
    }

    fn suspect_records(&mut self, records: &[Record]) {
        for record in records {
            self.suspect(record.key, record.value);
        }
    }

    /// Takes a record down wherever it was seen.
    fn sighted(&mut self, time: u64, op: Option<u64>, record: &Record) -> Id {
        let id = match self.index.find(record.key, record.value) {
            Some(write) => Id::write(write),
            None => Id::stranger(self.index.strangers.saw(*record, time, self.event, op)),
        };
        if let Ok(offset) = u64::try_from(record.offset) {
            self.place(id, record.key, offset);
        }
        id
    }

    fn place(&mut self, id: Id, key: Key, offset: u64) {
        let log = self.log(key);
        let mut late = false;
        match log.saw(offset, id) {
            Sighting::Fresh => late = log.gaps.hold(offset),
            Sighting::Again => {}
            Sighting::Other(known) if self.index.resolve(known) == id => {}
            Sighting::Other(_) => self.log(key).divide(offset, id),
        }
        self.index.disorder |= late;
        // A write that stands at several offsets may stand before another by its first one only.
        let repeated = id
            .as_write()
            .is_some_and(|write| self.index.writes.saw(write, offset as i64));
        self.index.disorder |= repeated;
    }

    fn phase(&mut self, time: u64, phase: Phase) {
        self.index.phased = true;
        if let Some(before) = self.phase.filter(|before| *before >= phase) {
            self.flaw(time, || format!("phase {phase:?} comes after phase {before:?}"));
        }
        if phase == Phase::FinalReads {
            self.index.final_start.get_or_insert(time);
        }
        self.phase = self.phase.max(Some(phase));
    }

    /// What is deleted once everything was read back excuses nothing.
    fn deletion(&mut self, time: u64, deletion: &Deletion) {
        if self.in_range(time, deletion.key, || "a deletion".to_owned()) && self.index.final_reads.is_none() {
            self.index.deletions.step(time, deletion);
        }
    }

    fn final_reads(&mut self, time: u64, reads: &FinalReads) {
        if self.index.final_reads.is_some() {
            self.flaw(time, || "the final reads end a second time".to_owned());
        }
        let (ends, keys) = (reads.ends.len(), self.keys);
        if reads.complete && ends != keys as usize {
            self.flaw(time, || {
                format!("the final reads name {ends} ends, and the header has {keys} keys")
            });
        }
        if reads.complete && self.index.final_start.is_none() {
            self.flaw(time, || {
                "the final reads end in no phase of final reads".to_owned()
            });
        }
        self.index.final_reads = Some(reads.clone());
    }

    /// What the walk gathered.
    pub(crate) fn finish(mut self) -> Index {
        self.end_doubt();
        self.place_late();
        self.name_strangers();
        if let Some(retention) = &self.retention {
            let mut removals = std::mem::take(&mut self.index.removals);
            removals.work_out(&self.index, retention);
            self.index.removals = removals;
        }
        let spans = self.spans.take();
        self.index.versions = spans.map(|spans| Versions::of(&self.index, spans));
        self.index.keys = if self.named_keys {
            self.keys
        } else {
            self.index.logs.len() as u32
        };
        if let Some(reads) = &self.index.final_reads {
            let process = reads.process;
            if self.final_process.is_some_and(|seemed| seemed != process) {
                self.index.other_final_process = Some(process);
            } else if reads.complete
                && self.index.final_records == 0
                && self.index.something_was_left(&reads.ends)
            {
                let time = self.time;
                self.flaw(time, || {
                    format!("the final reads are called complete, and process {process} read nothing")
                });
            }
        }
        self.index
    }
}

/// Where a client that changes its partitions is known to go on: the keys that it keeps its place in, and whether
/// its group gives it partitions from now on. `None` where it changes nothing.
///
/// Of a foreign history Jepsen's rule holds: a client stays where it was in the partitions that it had before. A
/// client of ours may begin at the end instead, and who reads from the beginning goes back.
pub(crate) fn stays_at(op: &Op, outcome: Outcome, ours: bool) -> Option<(&[Key], bool)> {
    let (keys, subscribed) = match &op.f {
        F::Assign(assign) if assign.from_beginning => (&[][..], false),
        F::Assign(assign) => (&assign.keys[..], false),
        F::Subscribe(subscribe) => (&subscribe.keys[..], true),
        _ => return None,
    };
    let kept = if ours { &[][..] } else { keys };
    (outcome != Outcome::Fail).then_some((kept, subscribed))
}
