//! One key of a history of registers: what depends on what, and what is wrong with it.

use std::collections::BTreeSet;

use history::Value;

use super::Registers;
use super::versions::{Before, INITIAL, Known, Version, Versions};
use crate::txn::found::{BadRead, Finding, Listener, Source, State, Why, Wrong};
use crate::txn::pairs::{Pairs, Reader};
use crate::txn::txns::{Outcome, TxnId, Txns};
use crate::txn::writes::{Lookup, Write};
use crate::verdict::Rel;

/// Dependencies of readers on later versions, for each read and write of a key and for each key.
const MISSED_EACH: usize = 64;
const MISSED_MIN: usize = 1 << 12;

/// Memory for keys without number.
#[derive(Default)]
pub(super) struct Memory {
    lookup: Lookup,
    /// Of each write whether its value has another writer too.
    ambiguous: Vec<bool>,
    versions: Versions,
    known: Vec<Known>,
    in_doubt: Vec<(TxnId, Version)>,
    /// Readers by version, in order.
    readers: Vec<(Version, TxnId)>,
    first_readers: Vec<Reader>,
    roots: Vec<(TxnId, Value)>,
    updates: Vec<(Version, TxnId)>,
}

/// A key under analysis.
struct Analysis<'a, L> {
    registers: &'a Registers,
    key: u32,
    writes: &'a [Write],
    txns: &'a Txns,
    listener: &'a mut L,
}

/// Works through a key.
pub(super) fn analyse(
    registers: &Registers,
    key: u32,
    txns: &Txns,
    memory: &mut Memory,
    listener: &mut impl Listener,
) {
    let mut analysis = Analysis {
        registers,
        key,
        writes: registers.writes.of(key),
        txns,
        listener,
    };
    analysis.index(memory);
    analysis.bad_reads(memory);
    analysis.touches(memory);
    analysis.versions(memory);
    analysis.initial(memory);
    analysis.later(memory);
    analysis.lost_updates(memory);
}

impl<L: Listener> Analysis<'_, L> {
    fn index(&mut self, memory: &mut Memory) {
        memory.ambiguous.clear();
        memory.ambiguous.resize(self.writes.len(), false);
        let (ambiguous, found) = (&mut memory.ambiguous, self.listener.found());
        let (writes, key) = (self.writes, self.key);
        memory.lookup.fill(writes, |first, again| {
            ambiguous[first] = true;
            ambiguous[again] = true;
            let (one, other) = (writes[first].writer(), writes[again].writer());
            let value = writes[first].value;
            found.add(Finding::DuplicateWrites {
                key,
                value,
                one,
                other,
            });
        });
    }

    /// What committed transactions must not have read.
    fn bad_reads(&mut self, memory: &Memory) {
        let mut garbage = BTreeSet::new();
        for touch in self.registers.touches.of(self.key) {
            if let Some(value) = touch.read() {
                self.bad_read(touch.txn(), value, memory, &mut garbage);
            }
        }
        for stray in self.registers.strays.of(self.key) {
            self.bad_read(stray.reader, stray.value, memory, &mut garbage);
        }
    }

    fn bad_read(&mut self, reader: TxnId, value: Value, memory: &Memory, garbage: &mut BTreeSet<Value>) {
        let place = memory.lookup.get(value);
        if place.is_some_and(|place| memory.ambiguous[place]) {
            return;
        }
        let write = place.map(|place| self.writes[place]);
        let Some(write) = write else {
            if garbage.insert(value) {
                self.wrong(Wrong::Garbage, reader, value, None);
            }
            return;
        };
        let writer = write.writer();
        if writer == reader {
            return;
        }
        if self.txns.failed(writer) {
            self.wrong(Wrong::Aborted, reader, value, Some(writer));
        }
        if write.is_intermediate() {
            self.wrong(Wrong::Intermediate, reader, value, Some(writer));
        }
        if self.txns.invoked(writer) > self.txns.completed(reader) {
            self.wrong(Wrong::Unobservable, reader, value, Some(writer));
        }
    }

    fn wrong(&mut self, wrong: Wrong, reader: TxnId, value: Value, writer: Option<TxnId>) {
        let key = self.key;
        self.listener.found().add(Finding::Read(BadRead {
            wrong,
            reader,
            writer,
            key,
            value,
        }));
    }

    /// Takes down who came upon which version. wr: a version's writer comes before its readers.
    fn touches(&mut self, memory: &mut Memory) {
        memory.known.clear();
        memory.readers.clear();
        memory.updates.clear();
        for touch in self.registers.touches.of(self.key) {
            let mut known = Known::of(*touch, |value| self.version(value, memory));
            let writer = known.read.and_then(|version| self.writer(version));
            if writer == Some(known.txn) {
                // What it saw it only wrote later.
                self.wrong(Wrong::Future, known.txn, touch.read, None);
                known.read = None;
            }
            if let Some(version) = known.read {
                memory.readers.push((version, known.txn));
                if known.wrote.is_some() {
                    memory.updates.push((version, known.txn));
                }
            }
            if let Some(writer) = writer.filter(|writer| *writer != known.txn) {
                self.listener.edge(writer, known.txn, Rel::Wr, || Why::Saw {
                    state: State::Register(Some(touch.read)),
                    value: touch.read,
                    ends: true,
                });
            }
            memory.known.push(known);
        }
        memory.readers.sort_unstable();
    }

    /// The version of a value, where its one writer may have happened.
    fn version(&self, value: Value, memory: &Memory) -> Option<Version> {
        let place = memory.lookup.get(value)?;
        let known = !memory.ambiguous[place] && self.txns.counts(self.writes[place].writer());
        known.then_some(place as Version + 1)
    }

    fn writer(&self, version: Version) -> Option<TxnId> {
        let place = (version as usize).checked_sub(1)?;
        Some(self.writes[place].writer())
    }

    fn value(&self, version: Version) -> Option<Value> {
        let place = (version as usize).checked_sub(1)?;
        Some(self.writes[place].value)
    }

    /// Works out which versions come before which.
    fn versions(&mut self, memory: &mut Memory) {
        memory.in_doubt.clear();
        for (place, write) in self.writes.iter().enumerate() {
            let outcome = self.txns.outcome(write.writer());
            let in_doubt =
                matches!(outcome, Outcome::Info | Outcome::Open) && self.txns.counts(write.writer());
            if in_doubt && !write.is_intermediate() && !memory.ambiguous[place] {
                memory.in_doubt.push((write.writer(), place as Version + 1));
            }
        }
        let versions = &mut memory.versions;
        versions.clear();
        versions.infer(
            &memory.known,
            &memory.in_doubt,
            self.registers.assumptions,
            self.txns,
        );
        self.listener.found().left_out += versions.left_out;
        if let Some(edge) = versions.to_initial {
            self.circle(&[
                edge,
                Before {
                    from: INITIAL,
                    to: edge.from,
                    source: Source::Initial,
                },
            ]);
        }
        versions.circles(self.writes.len() + 1, |circle| self.circle(circle));
    }

    fn circle(&mut self, circle: &[Before]) {
        let versions = circle
            .iter()
            .map(|edge| (self.value(edge.from), edge.source))
            .collect();
        let key = self.key;
        self.listener
            .found()
            .add(Finding::CyclicVersions { key, versions });
    }

    /// rw: who read the initial state comes before the writers of all versions; those before which another is known
    /// to come follow from that.
    fn initial(&mut self, memory: &mut Memory) {
        memory.first_readers.clear();
        let first = memory
            .readers
            .iter()
            .take_while(|(version, _)| *version == INITIAL);
        memory.first_readers.extend(first.map(|(_, reader)| (*reader, 0)));
        if memory.first_readers.is_empty() {
            return;
        }
        let mut follows = vec![false; self.writes.len()];
        for edge in &memory.versions.edges {
            follows[edge.to as usize - 1] = true;
        }
        memory.roots.clear();
        for (place, write) in self.writes.iter().enumerate() {
            if !follows[place] && !memory.ambiguous[place] && self.txns.counts(write.writer()) {
                memory.roots.push((write.writer(), write.value));
            }
        }
        let pairs = Pairs::new(&mut memory.first_readers, &mut memory.roots, self.txns);
        self.listener.found().left_out += pairs.left_out();
        for ((reader, _), (writer, value)) in pairs.iter() {
            self.listener.edge(reader, writer, Rel::Rw, || Why::Earlier {
                seen: None,
                value,
                source: Source::Initial,
            });
        }
    }

    /// ww and rw: a version's writer and readers come before the writer of a later version.
    fn later(&mut self, memory: &Memory) {
        let mut room = MISSED_MIN + MISSED_EACH * (memory.readers.len() + self.writes.len());
        for edge in &memory.versions.edges {
            let (Some(from), Some(to)) = (self.writer(edge.from), self.writer(edge.to)) else {
                continue;
            };
            let (before, value) = (self.value(edge.from), self.value(edge.to).unwrap_or_default());
            let source = edge.source;
            if from != to {
                self.listener.edge(from, to, Rel::Ww, || Why::Later {
                    before: before.unwrap_or_default(),
                    value,
                    source,
                });
            }
            let first = memory
                .readers
                .partition_point(|(version, _)| *version < edge.from);
            let readers = memory.readers[first..].iter();
            for (_, reader) in readers.take_while(|(version, _)| *version == edge.from) {
                if room == 0 {
                    self.listener.found().left_out += 1;
                } else if *reader != to {
                    room -= 1;
                    let seen = before;
                    self.listener
                        .edge(*reader, to, Rel::Rw, || Why::Earlier { seen, value, source });
                }
            }
        }
    }

    /// Transactions that read one version and then wrote another.
    fn lost_updates(&mut self, memory: &mut Memory) {
        memory.updates.sort_unstable();
        for same in memory.updates.chunk_by(|one, other| one.0 == other.0) {
            if same.len() > 1 {
                let txns = same.iter().map(|(_, txn)| *txn);
                let read = State::Register(self.value(same[0].0));
                self.listener.found().add(Finding::LostUpdate {
                    key: self.key,
                    read,
                    count: same.len(),
                    txns: txns.take(super::super::TOLD_MAX).collect(),
                });
            }
        }
    }
}
