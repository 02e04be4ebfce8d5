//! The pass over the events.

use std::collections::HashMap;

use history::{
    Event, F, FinalReads, History, KEYS_MAX, Key, LogChunk, Observed, Op, Phase, Probe, Record, Send, Value,
    What,
};

use super::writes::{Outcome, Reading, Write};
use super::{Index, Misread, keys_of};
use crate::dense::Dense;

/// Offsets of one value that are told apart: more of them make no worse a finding.
const PLACES_MAX: usize = 64;

pub(super) fn build(history: &History) -> Index<'_> {
    let keys = keys_of(&history.header);
    let mut builder = Builder {
        keys,
        ..Builder::default()
    };
    builder.final_process = history.events.iter().rev().find_map(|event| match &event.what {
        What::FinalReads(reads) => Some(reads.process),
        _ => None,
    });
    builder.index.logs.resize_with(keys as usize, Default::default);
    for event in &history.events {
        builder.event(event);
    }
    if history.header.keys() > KEYS_MAX {
        builder.flaw(0, || format!("the header has more than {KEYS_MAX} keys"));
    }
    builder.finish()
}

#[derive(Default)]
struct Builder<'h> {
    index: Index<'h>,
    keys: u32,
    final_process: Option<u32>,
    /// By process: the operation that is open.
    open: HashMap<u32, Open<'h>>,
    /// Operation numbers that were used.
    used: Dense<u8>,
    phase: Option<Phase>,
    time: u64,
}

struct Open<'h> {
    op: &'h Op,
    /// The number of the write, where it is one.
    write: Option<u32>,
}

impl<'h> Builder<'h> {
    fn event(&mut self, event: &'h Event) {
        let time = event.time;
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
            What::Header(_) => self.flaw(time, || "a second header".to_owned()),
            What::Fault(_) | What::Node(_) | What::Interrupted => {}
        }
    }

    fn flaw(&mut self, time: u64, text: impl FnOnce() -> String) {
        self.index.flaws.add(time, text);
    }

    fn in_range(&mut self, time: u64, key: Key, what: impl FnOnce() -> String) -> bool {
        let known = key < self.keys;
        if !known {
            let keys = self.keys;
            self.flaw(time, || {
                format!("{} names key {key}, and the header has {keys} keys", what())
            });
        }
        known
    }

    fn invoke(&mut self, time: u64, op: &'h Op) {
        self.index.operations += 1;
        let mut sound = true;
        if self.used.set(op.op, 1) != 0 {
            self.flaw(time, || {
                format!("process {} begins op {}, a number used before", op.process, op.op)
            });
            sound = false;
        }
        if let Some(open) = self.open.get(&op.process) {
            let open = open.op.op;
            self.flaw(time, || {
                format!(
                    "process {} begins op {} while its op {open} is open",
                    op.process, op.op
                )
            });
            sound = false;
        }
        if let F::Assign(assign) = &op.f {
            for key in &assign.keys {
                self.in_range(time, *key, || format!("the assignment of op {}", op.op));
            }
        }
        let write = match &op.f {
            F::Send(send) => Some(self.begin_write(time, op, send, sound)),
            _ => None,
        };
        self.open.insert(op.process, Open { op, write });
    }

    fn begin_write(&mut self, time: u64, op: &Op, send: &Send, sound: bool) -> u32 {
        let sound = self.in_range(time, send.key, || format!("the send of op {}", op.op)) && sound;
        let begun = self.index.writes.begin(Write {
            value: send.value,
            op: op.op,
            process: op.process,
            key: send.key,
            outcome: Outcome::Info,
            suspect: !sound,
            invoked: time,
            completed: u64::MAX,
            late: false,
            offset: None,
            broker: None,
            place: None,
            read: None,
            read_finally: false,
        });
        if self.index.strangers.remove(&send.value).is_some() {
            self.flaw(time, || {
                format!("op {} sends value {}, which was read before", op.op, send.value)
            });
            self.suspect(send.value);
        }
        match begun {
            Ok(number) => number,
            Err(earlier) => {
                self.flaw(time, || {
                    format!("op {} sends value {}, which was sent before", op.op, send.value)
                });
                self.index.writes.get_mut(earlier).suspect = true;
                let number = (self.index.writes.len() - 1) as u32;
                self.index.writes.get_mut(number).suspect = true;
                number
            }
        }
    }

    fn suspect(&mut self, value: Value) {
        if let Some(number) = self.index.writes.number_of(value) {
            self.index.writes.get_mut(number).suspect = true;
        }
    }

    fn complete(&mut self, time: u64, op: &'h Op, outcome: Outcome) {
        let open = self.open.get(&op.process).filter(|open| open.op.op == op.op);
        let Some(open) = open else {
            self.flaw(time, || {
                format!(
                    "process {} completes op {}, which it has not open",
                    op.process, op.op
                )
            });
            return self.complete_unbegun(time, op);
        };
        let (begun, write) = (open.op, open.write);
        if !same_function(&begun.f, &op.f) {
            self.flaw(time, || {
                format!("op {} completes as another operation than it began as", op.op)
            });
            if let Some(write) = write {
                self.index.writes.get_mut(write).suspect = true;
            }
            self.open.remove(&op.process);
            return self.complete_unbegun(time, op);
        }
        self.open.remove(&op.process);
        match &op.f {
            F::Send(send) => self.complete_write(time, write, send, outcome),
            F::Poll(poll) => self.complete_poll(time, op, &poll.records, outcome),
            F::Assign(_) | F::Subscribe(_) | F::Txn(_) | F::Crash => {}
        }
    }

    /// A completion that fits no invocation proves nothing, but what it names is not judged either.
    fn complete_unbegun(&mut self, time: u64, op: &Op) {
        match &op.f {
            F::Send(send) => self.suspect_unbegun(time, op, send.key, send.value),
            F::Poll(poll) => {
                for record in &poll.records {
                    self.suspect_unbegun(time, op, record.key, record.value);
                }
            }
            F::Assign(_) | F::Subscribe(_) | F::Txn(_) | F::Crash => {}
        }
    }

    fn suspect_unbegun(&mut self, time: u64, op: &Op, key: Key, value: Value) {
        if self.index.writes.number_of(value).is_none() && matches!(op.f, F::Send(_)) {
            let send = Send {
                key,
                value,
                offset: None,
                broker: None,
            };
            self.begin_write(time, op, &send, false);
        }
        self.suspect(value);
    }

    fn complete_write(&mut self, time: u64, write: Option<u32>, send: &Send, outcome: Outcome) {
        let Some(number) = write else { return };
        let write = self.index.writes.get_mut(number);
        write.outcome = outcome;
        write.completed = time;
        write.late = self.phase >= Some(Phase::FinalReads);
        write.broker = send.broker;
        if outcome != Outcome::Ok {
            return;
        }
        // librdkafka's "no offset" is negative: so is what some clients write for it.
        write.offset = send.offset.filter(|offset| *offset >= 0);
        let (suspect, offset) = (write.suspect, write.offset);
        if let Some(offset) = offset
            && !suspect
        {
            self.place(
                number,
                Record {
                    key: send.key,
                    offset,
                    value: send.value,
                },
            );
        }
    }

    fn complete_poll(&mut self, time: u64, op: &Op, records: &[Record], outcome: Outcome) {
        let finally = self.phase >= Some(Phase::FinalReads) && self.final_process == Some(op.process);
        self.index.records += records.len() as u64;
        for record in records {
            if !self.in_range(time, record.key, || format!("the poll of op {}", op.op)) {
                continue;
            }
            if record.offset < 0 {
                self.flaw(time, || {
                    format!("the poll of op {} names offset {}", op.op, record.offset)
                });
                continue;
            }
            self.index.final_records += u64::from(finally && outcome == Outcome::Ok);
            let Some(number) = self.sighted(time, Some(op.op), record) else {
                continue;
            };
            let write = self.index.writes.get_mut(number);
            if outcome != Outcome::Ok || write.key != record.key {
                continue;
            }
            if finally {
                write.read_finally = true;
            } else if write.read.is_none() {
                write.read = Some(Reading {
                    time,
                    process: op.process,
                    op: op.op,
                    offset: record.offset,
                });
            }
        }
    }

    /// Takes a record down wherever it was seen; returns its write.
    fn sighted(&mut self, time: u64, op: Option<u64>, record: &Record) -> Option<u32> {
        let misread = Misread {
            time,
            record: *record,
            op,
        };
        let Some(number) = self.index.writes.number_of(record.value) else {
            self.index.strangers.entry(record.value).or_insert(misread);
            self.index.logs[record.key as usize].saw(record.offset, record.value);
            return None;
        };
        let write = self.index.writes.get(number);
        if write.key == record.key {
            self.place(number, *record);
        } else {
            self.index.logs[record.key as usize].saw(record.offset, record.value);
            if !write.suspect {
                self.index.misplaced.push(misread);
            }
        }
        Some(number)
    }

    fn place(&mut self, number: u32, record: Record) {
        self.index.logs[record.key as usize].saw(record.offset, record.value);
        let write = self.index.writes.get_mut(number);
        match write.place {
            None => write.place = Some(record.offset),
            Some(place) if place != record.offset => {
                let places = self.index.places.entry(number).or_insert_with(|| vec![place]);
                if places.len() < PLACES_MAX && !places.contains(&record.offset) {
                    places.push(record.offset);
                }
            }
            Some(_) => {}
        }
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

    fn observed(&mut self, time: u64, observed: &'h Observed) {
        let node = observed.node;
        if observed.asked > time {
            self.flaw(time, || format!("node {node} answers before it was asked"));
        }
        match &observed.answer {
            Probe::Metadata(metadata) => {
                for claim in &metadata.claims {
                    self.in_range(time, claim.key, || format!("a claim of node {node}"));
                }
            }
            Probe::Log(chunk) => self.chunk(time, node, chunk),
            Probe::Quorum(_) | Probe::NotLeader | Probe::Silent(_) => {}
        }
    }

    fn chunk(&mut self, time: u64, node: u32, chunk: &'h LogChunk) {
        if !self.in_range(time, chunk.key, || format!("a piece of the log of node {node}")) {
            return;
        }
        let ascending = chunk.records.is_sorted_by(|left, right| left.0 < right.0);
        if !ascending || chunk.records.first().is_some_and(|record| record.0 < 0) {
            return self.flaw(time, || {
                format!("a piece of the log of node {node} is out of order")
            });
        }
        self.index
            .copies
            .entry((chunk.key, node))
            .or_default()
            .push(time, chunk);
        for (offset, value, _) in &chunk.records {
            if *offset < chunk.high_watermark {
                let record = Record {
                    key: chunk.key,
                    offset: *offset,
                    value: *value,
                };
                self.sighted(time, None, &record);
            }
        }
    }

    fn final_reads(&mut self, time: u64, reads: &'h FinalReads) {
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
        self.index.final_reads = Some(reads);
    }

    fn finish(mut self) -> Index<'h> {
        let read_nothing = self.index.final_records == 0;
        if let Some(reads) = self.index.final_reads
            && reads.complete
            && read_nothing
            && reads.ends.iter().any(|end| *end > 0)
        {
            let time = self.time;
            self.flaw(time, || {
                format!(
                    "the final reads are called complete, and process {} read nothing",
                    reads.process
                )
            });
        }
        self.index
    }
}

fn same_function(invoked: &F, completed: &F) -> bool {
    match (invoked, completed) {
        (F::Send(invoked), F::Send(completed)) => {
            (invoked.key, invoked.value) == (completed.key, completed.value)
        }
        (F::Poll(_), F::Poll(_)) | (F::Assign(_), F::Assign(_)) | (F::Crash, F::Crash) => true,
        _ => false,
    }
}
