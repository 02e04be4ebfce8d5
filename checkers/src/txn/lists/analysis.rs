//! One key of a history of lists: its version order, and what depends on what by it.

use std::collections::BTreeSet;

use history::Value;

use super::Lists;
use super::track::Track;
use crate::txn::found::{BadRead, Brief, Finding, Listener, Source, State, Why, Wrong};
use crate::txn::pairs::{Pairs, Reader};
use crate::txn::txns::{NOBODY, TxnId, Txns};
use crate::txn::writes::{Lookup, Write};
use crate::verdict::Rel;

/// Memory for keys without number.
#[derive(Default)]
pub(super) struct Memory {
    lookup: Lookup,
    ambiguous: Vec<bool>,
    main: Track,
    /// Of each write its place in the longest order, plus one.
    places: Vec<u32>,
    pub(super) work: Work,
}

/// What is gathered while the reads of a key are gone through.
#[derive(Default)]
pub(super) struct Work {
    pub(super) other: Track,
    pub(super) other_places: Vec<u32>,
    pub(super) reads: Vec<super::Read>,
    /// Who read a state, by order and length, and appended to it.
    pub(super) updates: Vec<(u32, u32, TxnId)>,
    /// Who read the last state that anybody read.
    pub(super) readers: Vec<Reader>,
    unread: Vec<(TxnId, Value)>,
}

/// The writes of a key by their values.
pub(super) struct Index<'a> {
    pub(super) writes: &'a [Write],
    lookup: &'a Lookup,
    /// Of each write whether its value has another writer too.
    pub(super) ambiguous: &'a [bool],
}

impl Index<'_> {
    /// The place of the write of a value.
    pub(super) fn place(&self, value: Value) -> Option<usize> {
        self.lookup.get(value)
    }

    /// The write of a value, where it is the only one.
    pub(super) fn only(&self, value: Value) -> Option<Write> {
        let place = self.place(value).filter(|place| !self.ambiguous[*place])?;
        Some(self.writes[place])
    }
}

/// A key under analysis.
pub(super) struct Analysis<'a, L> {
    pub(super) lists: &'a Lists,
    pub(super) key: u32,
    pub(super) index: Index<'a>,
    pub(super) txns: &'a Txns,
    pub(super) listener: &'a mut L,
}

/// Works through a key.
pub(super) fn analyse(
    lists: &Lists,
    key: u32,
    txns: &Txns,
    memory: &mut Memory,
    listener: &mut impl Listener,
) {
    let writes = lists.writes.of(key);
    let Memory {
        lookup,
        ambiguous,
        main: track,
        places,
        work,
    } = memory;
    ambiguous.clear();
    ambiguous.resize(writes.len(), false);
    lookup.fill(writes, |first, again| {
        ambiguous[first] = true;
        ambiguous[again] = true;
        let (one, other) = (writes[first].writer(), writes[again].writer());
        let value = writes[first].value;
        let finding = Finding::DuplicateWrites {
            key,
            value,
            one,
            other,
        };
        listener.found().add(finding);
    });
    let index = Index {
        writes,
        lookup,
        ambiguous,
    };
    let mut analysis = Analysis {
        lists,
        key,
        index,
        txns,
        listener,
    };
    analysis.future_reads();
    let Some(main) = lists.orders.longest(key) else {
        return;
    };
    track.fill(lists.orders.elements(main), &analysis.index, txns, places);
    analysis.trust(main, track);
    analysis.version_order(main, track);
    analysis.own_order(main, track, places);
    analysis.dirty_updates(main, track);
    analysis.garbage(main, 0, track);
    analysis.all_reads(main, track, work);
    analysis.unread(main, track, places, work);
    analysis.lost_updates(work);
}

impl<L: Listener> Analysis<'_, L> {
    /// Reads of what the reader appended later, where nobody else appended it.
    fn future_reads(&mut self) {
        for read in self.lists.future.of(self.key) {
            if self.index.only(read.value).is_some() {
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

    /// Finds out how far the orders of a key agree on what came to stay.
    fn trust(&self, main: u32, track: &mut Track) {
        let stays = |value: &Value| {
            let write = self.index.place(*value).map(|place| self.index.writes[place]);
            write.is_some_and(|write| self.txns.counts(write.writer()))
        };
        let attested = self.lists.orders.attested(main);
        track.attested = attested.len();
        track.trusted = attested.len();
        for order in self.lists.orders.of(self.key).filter(|order| *order != main) {
            let mut others = self
                .lists
                .orders
                .attested(order)
                .iter()
                .filter(|value| stays(value));
            let mut differing = attested.iter().enumerate().filter(|(_, value)| {
                // Where the other order ends there is nothing that it says otherwise.
                stays(value) && others.next().is_some_and(|other| other != *value)
            });
            if let Some((place, _)) = differing.next() {
                track.trusted = track.trusted.min(place);
            }
        }
    }

    /// ww: each element's writer comes before the next element's.
    fn version_order(&mut self, main: u32, track: &Track) {
        let elements = self.lists.orders.elements(main);
        let mut before: Option<usize> = None;
        let trusted = track.writers[..track.trusted].iter().enumerate();
        for (place, writer) in trusted.filter(|(_, writer)| **writer != NOBODY) {
            if let Some(before) = before.filter(|before| track.writers[*before] != *writer) {
                let why = || Why::Follows {
                    before: elements[before],
                    value: elements[place],
                };
                self.listener.edge(track.writers[before], *writer, Rel::Ww, why);
            }
            before = Some(place);
        }
    }

    /// A transaction's own appends come one after the other, so no later one is seen without those before it.
    fn own_order(&mut self, main: u32, track: &Track, places: &[u32]) {
        let read = |place: usize| match places[place] as usize {
            read if read <= track.attested => read,
            _ => 0,
        };
        for (place, pair) in self.index.writes.windows(2).enumerate() {
            let (one, other) = (read(place), read(place + 1));
            let trusted = one.max(other) <= track.trusted && (one > 0 || track.is_trusted());
            let backwards = other > 0 && (one == 0 || one > other);
            let known = !self.index.ambiguous[place] && !self.index.ambiguous[place + 1];
            let happened = self.txns.counts(pair[0].writer());
            if backwards && trusted && known && happened && pair[0].precedes(pair[1]) {
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

    /// Committed transactions whose elements stand behind those of failed ones.
    fn dirty_updates(&mut self, main: u32, track: &Track) {
        let elements = self.lists.orders.elements(main);
        let mut failures = track.failed.iter().peekable();
        while let Some((place, failed)) = failures.next() {
            let until = failures.peek().map_or(elements.len(), |(next, _)| *next as usize);
            let then = (*place as usize + 1..until).find(|place| {
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

    /// Appends that nobody else read come after all that were read: who read the last state misses them.
    fn unread(&mut self, main: u32, track: &Track, places: &[u32], work: &mut Work) {
        if !track.is_trusted() {
            return;
        }
        work.unread.clear();
        for (place, write) in self.index.writes.iter().enumerate() {
            let read = (1..=track.attested).contains(&(places[place] as usize));
            if !read && !self.index.ambiguous[place] && self.txns.counts(write.writer()) {
                work.unread.push((write.writer(), write.value));
            }
        }
        let elements = self.lists.orders.elements(main);
        for (txn, value) in &work.unread {
            let last = track
                .last(track.attested)
                .filter(|last| track.writers[*last] != *txn);
            if let Some(last) = last {
                let (from, last, value) = (track.writers[last], elements[last], *value);
                self.listener
                    .edge(from, *txn, Rel::Ww, || Why::FollowsAll { last, value });
            }
        }
        let state = |length: u32| State::List(Brief::of(&elements[..length as usize]));
        let pairs = Pairs::new(&mut work.readers, &mut work.unread, self.txns);
        self.listener.found().left_out += pairs.left_out();
        for ((reader, length), (txn, value)) in pairs.iter() {
            self.listener.edge(reader, txn, Rel::Rw, || Why::MissedUnread {
                state: state(length),
                value,
            });
        }
    }

    /// Transactions that read one state and then appended to it.
    fn lost_updates(&mut self, work: &mut Work) {
        work.updates.sort_unstable();
        for same in work
            .updates
            .chunk_by(|one, other| (one.0, one.1) == (other.0, other.1))
        {
            let txns: BTreeSet<TxnId> = same.iter().map(|update| update.2).collect();
            if txns.len() > 1 {
                let (order, length, _) = same[0];
                let read = self.lists.state(super::Read {
                    order,
                    length,
                    tag: 0,
                });
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
