//! One key of a history of lists: its version order, what depends on what by it, and what is wrong with it.

use std::collections::BTreeSet;

use history::Value;

use super::{Lists, Read};
use crate::anomaly;
use crate::txn::found::{BadRead, Brief, Finding, Listener, Source, State, Why, Wrong};
use crate::txn::pairs::{Pairs, Reader};
use crate::txn::txns::{NOBODY, TxnId, Txns};
use crate::txn::writes::{Lookup, Write};
use crate::verdict::Rel;

/// Memory for keys without number.
#[derive(Default)]
pub(super) struct Memory {
    lookup: Lookup,
    /// Of each write whether its value has another writer too.
    ambiguous: Vec<bool>,
    /// Of each write the last order in which it was seen, plus one…
    seen: Vec<u32>,
    /// …and its place in the longest, plus one.
    places: Vec<u32>,
    main: Track,
    other: Track,
    reads: Vec<Read>,
    updates: Vec<(u32, u32, TxnId)>,
    readers: Vec<Reader>,
    unread: Vec<(TxnId, Value)>,
}

/// An order with what is known of its elements.
#[derive(Default)]
struct Track {
    /// Of each element its writer, where that may have happened and its write is the only one of the value.
    writers: Vec<TxnId>,
    /// Of each length the place of the last element with a writer, plus one; 0 is none.
    last: Vec<u32>,
    /// Of each length the place of the next element with a writer; the number of elements is none.
    next: Vec<u32>,
    /// Of each length the latest beginning of a writer before.
    begun: Vec<u32>,
    /// Elements of transactions that failed, by place.
    failed: Vec<(u32, TxnId)>,
    /// Elements that nobody appended, by place.
    garbage: Vec<u32>,
    /// The place of the first element that stands there a second time.
    repeated: Option<u32>,
}

/// A key under analysis.
struct Analysis<'a, L> {
    lists: &'a Lists,
    key: u32,
    writes: &'a [Write],
    txns: &'a Txns,
    listener: &'a mut L,
}

/// Works through a key.
pub(super) fn analyse(
    lists: &Lists,
    key: u32,
    txns: &Txns,
    memory: &mut Memory,
    listener: &mut impl Listener,
) {
    let mut analysis = Analysis {
        lists,
        key,
        writes: lists.writes.of(key),
        txns,
        listener,
    };
    analysis.index(memory);
    analysis.future_reads(memory);
    let Some(main) = lists.orders.longest(key) else {
        return;
    };
    let mut track = std::mem::take(&mut memory.main);
    analysis.track(main, memory, &mut track);
    analysis.version_order(main, &track);
    analysis.own_order(main, memory);
    analysis.dirty_updates(main, &track);
    analysis.garbage(main, 0, &track);
    analysis.all_reads(main, &track, memory);
    analysis.unread(main, &track, memory);
    analysis.lost_updates(memory);
    memory.main = track;
}

impl<L: Listener> Analysis<'_, L> {
    fn index(&mut self, memory: &mut Memory) {
        memory.seen.clear();
        memory.seen.resize(self.writes.len(), 0);
        memory.places.clear();
        memory.places.resize(self.writes.len(), 0);
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

    /// Reads of what the reader appended later, where nobody else appended it.
    fn future_reads(&mut self, memory: &Memory) {
        for read in self.lists.future.of(self.key) {
            if memory
                .lookup
                .get(read.value)
                .is_some_and(|write| !memory.ambiguous[write])
            {
                self.listener.found().add(Finding::Read(BadRead {
                    wrong: Wrong::Future,
                    reader: read.txn,
                    writer: None,
                    key: self.key,
                    value: read.value,
                }));
            }
        }
    }

    /// Looks at each element of an order.
    fn track(&mut self, order: u32, memory: &mut Memory, track: &mut Track) {
        let elements = self.lists.orders.elements(order);
        track.clear();
        let mut garbage = BTreeSet::new();
        let mut begun = 0;
        track.begun.push(begun);
        for (place, value) in (0..).zip(elements) {
            let mut writer = NOBODY;
            match memory.lookup.get(*value) {
                // Where it was appended twice, it may stand there twice.
                Some(write) if memory.seen[write] == order + 1 => {
                    if !memory.ambiguous[write] {
                        track.repeat(place);
                    }
                }
                Some(write) => {
                    memory.seen[write] = order + 1;
                    memory.places[write] = place + 1;
                    let txn = self.writes[write].writer();
                    begun = begun.max(self.txns.invoked(txn));
                    if !memory.ambiguous[write] {
                        if self.txns.failed(txn) {
                            track.failed.push((place, txn));
                        } else {
                            writer = txn;
                        }
                    }
                }
                None if garbage.insert(*value) => track.garbage.push(place),
                None => track.repeat(place),
            }
            track.writers.push(writer);
            track.begun.push(begun);
        }
        track.link();
    }

    /// ww: each element's writer comes before the next element's.
    fn version_order(&mut self, main: u32, track: &Track) {
        let elements = self.lists.orders.elements(main);
        let mut before: Option<usize> = None;
        for (place, writer) in track
            .writers
            .iter()
            .enumerate()
            .filter(|(_, writer)| **writer != NOBODY)
        {
            if let Some(before) = before.filter(|before| track.writers[*before] != *writer) {
                self.listener
                    .edge(track.writers[before], *writer, Rel::Ww, || Why::Follows {
                        before: elements[before],
                        value: elements[place],
                    });
            }
            before = Some(place);
        }
    }

    /// A transaction's own appends come one after the other, so no later one is seen without those before it.
    fn own_order(&mut self, main: u32, memory: &Memory) {
        for (place, pair) in self.writes.windows(2).enumerate() {
            let (one, other) = (memory.places[place], memory.places[place + 1]);
            let backwards = other > 0 && (one == 0 || one > other);
            let known = !memory.ambiguous[place] && !memory.ambiguous[place + 1];
            let happened = !self.txns.failed(pair[0].writer());
            if backwards && known && happened && pair[0].precedes(pair[1]) {
                let shown = Source::Shown(self.lists.orders.by(main));
                let source = if one == 0 { Source::Unread } else { shown };
                let first = (Some(pair[0].value), Source::Wrote(pair[0].writer()));
                self.listener.found().add(Finding::CyclicVersions {
                    key: self.key,
                    versions: vec![first, (Some(pair[1].value), source)],
                });
            }
        }
    }

    fn dirty_updates(&mut self, main: u32, track: &Track) {
        let elements = self.lists.orders.elements(main);
        let mut failures = track.failed.iter().peekable();
        while let Some((place, failed)) = failures.next() {
            let until = failures.peek().map_or(elements.len(), |(next, _)| *next as usize);
            let between = *place as usize + 1..until;
            let then = between.clone().find(|place| {
                let writer = track.writers[*place];
                writer != NOBODY && self.txns.is_ok(writer)
            });
            if let Some(then) = then {
                self.listener.found().add(Finding::DirtyUpdate {
                    key: self.key,
                    failed: (*failed, elements[*place as usize]),
                    then: (track.writers[then], elements[then]),
                });
            }
        }
    }

    /// Elements from a place on that nobody appended.
    fn garbage(&mut self, order: u32, from: usize, track: &Track) {
        let first = track.garbage.partition_point(|place| (*place as usize) < from);
        for place in &track.garbage[first..] {
            self.listener.found().add(Finding::Read(BadRead {
                wrong: Wrong::Garbage,
                reader: self.lists.orders.by(order),
                writer: None,
                key: self.key,
                value: self.lists.orders.elements(order)[*place as usize],
            }));
        }
    }

    /// Goes through the reads, order by order where there are several.
    fn all_reads(&mut self, main: u32, track: &Track, memory: &mut Memory) {
        memory.updates.clear();
        memory.readers.clear();
        let mut reads = std::mem::take(&mut memory.reads);
        reads.clear();
        let one_order = self.lists.orders.of(self.key).nth(1).is_none();
        if one_order {
            for read in self.lists.reads.of(self.key) {
                self.read(*read, main, track, memory);
            }
        } else {
            reads.extend(self.lists.reads.of(self.key));
            reads.sort_by_key(|read| read.order);
            for same in reads.chunk_by(|one, other| one.order == other.order) {
                self.reads_of_order(same, main, track, memory);
            }
        }
        memory.reads = reads;
    }

    fn reads_of_order(&mut self, reads: &[Read], main: u32, track: &Track, memory: &mut Memory) {
        let order = reads[0].order;
        if order == main {
            for read in reads {
                self.read(*read, main, track, memory);
            }
            return;
        }
        let (longest, elements) = (
            self.lists.orders.elements(main),
            self.lists.orders.elements(order),
        );
        let common = longest
            .iter()
            .zip(elements)
            .take_while(|(one, other)| one == other)
            .count();
        if common < elements.len() {
            self.listener.found().add(Finding::IncompatibleOrder {
                key: self.key,
                longest: (self.lists.orders.by(main), Brief::of(longest)),
                other: (self.lists.orders.by(order), Brief::of(elements)),
            });
        }
        let mut other = std::mem::take(&mut memory.other);
        self.track(order, memory, &mut other);
        self.garbage(order, common, &other);
        for read in reads {
            if read.length as usize <= common {
                let read = Read { order: main, ..*read };
                self.read(read, main, track, memory);
            } else {
                self.read(*read, main, &other, memory);
            }
        }
        memory.other = other;
    }

    fn read(&mut self, read: Read, main: u32, track: &Track, memory: &mut Memory) {
        let reader = read.reader();
        let length = read.length as usize;
        if let Some(last) = track.last[length].checked_sub(1) {
            let writer = track.writers[last as usize];
            if writer != reader {
                self.listener.edge(writer, reader, Rel::Wr, || Why::Saw {
                    state: self.lists.state(read),
                    value: self.lists.orders.elements(read.order)[last as usize],
                    ends: last as usize + 1 == length,
                });
            }
        }
        if read.order == main {
            self.missed(read, track, memory);
        }
        if read.updates() {
            memory.updates.push((read.order, read.length, reader));
        }
        self.bad_read(read, track, memory);
    }

    /// rw: a read comes before the writer of the next element.
    fn missed(&mut self, read: Read, track: &Track, memory: &mut Memory) {
        let next = track.next[read.length as usize] as usize;
        let Some(writer) = track.writers.get(next) else {
            memory.readers.push((read.reader(), read.length));
            return;
        };
        if *writer != read.reader() {
            self.listener
                .edge(read.reader(), *writer, Rel::Rw, || Why::Missed {
                    state: self.lists.state(read),
                    value: self.lists.orders.elements(read.order)[next],
                });
        }
    }

    /// What a committed transaction must not have read.
    fn bad_read(&mut self, read: Read, track: &Track, memory: &Memory) {
        let (reader, length) = (read.reader(), read.length as usize);
        let elements = self.lists.orders.elements(read.order);
        if !track.failed.is_empty() {
            self.aborted(read, track);
        }
        if track.repeats_before(length) {
            self.repeated(read, track);
        }
        if track.begun[length] > self.txns.completed(reader) {
            self.unobservable(read, track, memory);
        }
        let Some(last) = length.checked_sub(1) else {
            return;
        };
        let write = memory
            .lookup
            .get(elements[last])
            .filter(|write| !memory.ambiguous[*write]);
        let write = write.map(|write| self.writes[write]);
        if let Some(write) = write.filter(|write| write.is_intermediate() && write.writer() != reader) {
            self.listener.found().add(Finding::Read(BadRead {
                wrong: Wrong::Intermediate,
                reader,
                writer: Some(write.writer()),
                key: self.key,
                value: write.value,
            }));
        }
    }

    fn aborted(&mut self, read: Read, track: &Track) {
        let count = track.failed.partition_point(|(place, _)| *place < read.length);
        let mut told = 0;
        for (place, writer) in &track.failed[..count] {
            if self.listener.found().is_full(anomaly::G1A) {
                break;
            }
            told += 1;
            self.listener.found().add(Finding::Read(BadRead {
                wrong: Wrong::Aborted,
                reader: read.reader(),
                writer: Some(*writer),
                key: self.key,
                value: self.lists.orders.elements(read.order)[*place as usize],
            }));
        }
        self.listener.found().count(anomaly::G1A, count as u64 - told);
    }

    fn repeated(&mut self, read: Read, track: &Track) {
        let place = track.repeated.expect("an element that stands there twice");
        self.listener.found().add(Finding::Read(BadRead {
            wrong: Wrong::Twice,
            reader: read.reader(),
            writer: None,
            key: self.key,
            value: self.lists.orders.elements(read.order)[place as usize],
        }));
    }

    fn unobservable(&mut self, read: Read, track: &Track, memory: &Memory) {
        let end = self.txns.completed(read.reader());
        // The first state that holds an element from after the read.
        let place = track.begun.partition_point(|begun| *begun <= end) - 1;
        let value = self.lists.orders.elements(read.order)[place];
        if let Some(write) = memory.lookup.get(value) {
            self.listener.found().add(Finding::Read(BadRead {
                wrong: Wrong::Unobservable,
                reader: read.reader(),
                writer: Some(self.writes[write].writer()),
                key: self.key,
                value,
            }));
        }
    }

    /// Appends that nobody read come after all that were read: who read the last state misses them.
    fn unread(&mut self, main: u32, track: &Track, memory: &mut Memory) {
        memory.unread.clear();
        let unread = self.writes.iter().enumerate().filter(|(place, write)| {
            memory.seen[*place] == 0 && !memory.ambiguous[*place] && !self.txns.failed(write.writer())
        });
        memory
            .unread
            .extend(unread.map(|(_, write)| (write.writer(), write.value)));
        let elements = self.lists.orders.elements(main);
        let last = track.last[elements.len()].checked_sub(1);
        for (txn, value) in &memory.unread {
            if let Some(last) = last.filter(|last| track.writers[*last as usize] != *txn) {
                let (from, last) = (track.writers[last as usize], elements[last as usize]);
                let value = *value;
                self.listener
                    .edge(from, *txn, Rel::Ww, || Why::FollowsAll { last, value });
            }
        }
        let state = |length: u32| State::List(Brief::of(&elements[..length as usize]));
        let pairs = Pairs::new(&mut memory.readers, &mut memory.unread, self.txns);
        self.listener.found().left_out += pairs.left_out();
        for ((reader, length), (txn, value)) in pairs.iter() {
            self.listener.edge(reader, txn, Rel::Rw, || Why::MissedUnread {
                state: state(length),
                value,
            });
        }
    }

    /// Transactions that read one state and then appended to it.
    fn lost_updates(&mut self, memory: &mut Memory) {
        memory.updates.sort_unstable();
        for same in memory
            .updates
            .chunk_by(|one, other| (one.0, one.1) == (other.0, other.1))
        {
            let txns: BTreeSet<TxnId> = same.iter().map(|update| update.2).collect();
            if txns.len() > 1 {
                let (order, length, _) = same[0];
                let read = Read {
                    order,
                    length,
                    tag: 0,
                };
                let read = self.lists.state(read);
                self.listener.found().add(Finding::LostUpdate {
                    key: self.key,
                    read,
                    count: txns.len(),
                    txns: txns.into_iter().take(super::super::TOLD_MAX).collect(),
                });
            }
        }
    }
}

impl Track {
    fn clear(&mut self) {
        self.writers.clear();
        self.last.clear();
        self.next.clear();
        self.begun.clear();
        self.failed.clear();
        self.garbage.clear();
        self.repeated = None;
    }

    fn repeat(&mut self, place: u32) {
        self.repeated.get_or_insert(place);
    }

    fn repeats_before(&self, length: usize) -> bool {
        self.repeated.is_some_and(|place| (place as usize) < length)
    }

    /// Works out the element with a writer before and after each length.
    fn link(&mut self) {
        let mut last = 0;
        self.last.push(last);
        for (place, writer) in (1..).zip(&self.writers) {
            last = if *writer == NOBODY { last } else { place };
            self.last.push(last);
        }
        let mut next = self.writers.len() as u32;
        self.next.resize(self.writers.len() + 1, next);
        for place in (0..self.writers.len()).rev() {
            if self.writers[place] != NOBODY {
                next = place as u32;
            }
            self.next[place] = next;
        }
    }
}
