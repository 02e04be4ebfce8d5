//! The reads of one key: whom they come after and before, and what they should not have shown.

use super::Read;
use super::analysis::{Analysis, Work};
use super::track::Track;
use crate::anomaly;
use crate::txn::found::{BadRead, Brief, Finding, Listener, Why, Wrong};
use crate::txn::txns::TxnId;
use crate::verdict::Rel;

impl<L: Listener> Analysis<'_, L> {
    /// Goes through the reads, order by order where there are several.
    pub(super) fn all_reads(&mut self, main: u32, track: &Track, work: &mut Work) {
        work.updates.clear();
        work.readers.clear();
        let of_key = self.lists.reads.of(self.key);
        if self.lists.orders.of(self.key).nth(1).is_none() {
            for read in of_key {
                self.read(*read, main, track, work);
            }
            return;
        }
        let mut reads = std::mem::take(&mut work.reads);
        reads.clear();
        reads.extend(of_key);
        reads.sort_by_key(|read| read.order);
        for same in reads.chunk_by(|one, other| one.order == other.order) {
            if same[0].order == main {
                for read in same {
                    self.read(*read, main, track, work);
                }
            } else {
                self.reads_of_other(same, main, track, work);
            }
        }
        work.reads = reads;
    }

    /// Goes through the reads of an order that the longest does not continue.
    fn reads_of_other(&mut self, reads: &[Read], main: u32, track: &Track, work: &mut Work) {
        let (orders, order) = (&self.lists.orders, reads[0].order);
        let (longest, elements) = (orders.elements(main), orders.elements(order));
        let both = longest.iter().zip(elements);
        let common = both.take_while(|(one, other)| one == other).count();
        if common < elements.len() {
            self.listener.found().add(Finding::IncompatibleOrder {
                key: self.key,
                longest: (orders.by(main), Brief::of(longest)),
                other: (orders.by(order), Brief::of(elements)),
            });
        }
        let mut other = std::mem::take(&mut work.other);
        other.fill(elements, &self.index, self.txns, &mut work.other_places);
        self.garbage(order, common, &other);
        for read in reads {
            if read.length as usize <= common {
                let read = Read { order: main, ..*read };
                self.read(read, main, track, work);
                continue;
            }
            let length = self.counted(*read, &other);
            self.read(*read, main, &other, work);
            if length <= common {
                self.missed(*read, (main, length), track, work);
            }
        }
        work.other = other;
    }

    fn read(&mut self, read: Read, main: u32, track: &Track, work: &mut Work) {
        let reader = read.reader();
        let length = self.counted(read, track);
        // wr: a read comes after the writer of the last element.
        if let Some(last) = track.last(length).filter(|last| track.writers[*last] != reader) {
            self.listener
                .edge(track.writers[last], reader, Rel::Wr, || Why::Saw {
                    state: self.lists.state(read),
                    value: self.lists.orders.elements(read.order)[last],
                    ends: last + 1 == read.length as usize,
                });
        }
        if read.order == main {
            self.missed(read, (main, length), track, work);
        }
        if read.updates() {
            work.updates.push((read.order, read.length, reader));
        }
        self.bad_read(read, track);
    }

    /// How much of a read counts: what the reader itself appended need not have come to stay where it saw it.
    fn counted(&self, read: Read, track: &Track) -> usize {
        let length = read.length as usize;
        if self.lists.own_stay {
            length
        } else {
            track.without_own(length, read.reader())
        }
    }

    /// rw: a read of the first so many elements of the longest order comes before the writer of the next one.
    fn missed(&mut self, read: Read, (main, length): (u32, usize), track: &Track, work: &mut Work) {
        let next = track.next(length);
        if next >= track.attested {
            if length <= track.attested {
                work.readers.push((read.reader(), length as u32));
            }
        } else if next < track.trusted && track.writers[next] != read.reader() {
            self.listener
                .edge(read.reader(), track.writers[next], Rel::Rw, || Why::Missed {
                    state: self.lists.state(read),
                    value: self.lists.orders.elements(main)[next],
                });
        }
    }

    /// Elements from a place on that nobody appended.
    pub(super) fn garbage(&mut self, order: u32, from: usize, track: &Track) {
        let first = track.garbage.partition_point(|place| (*place as usize) < from);
        for place in &track.garbage[first..] {
            let reader = self.lists.orders.by(order);
            self.bad(Wrong::Garbage, (reader, None), order, *place);
        }
    }

    /// What a committed transaction must not have read.
    fn bad_read(&mut self, read: Read, track: &Track) {
        let (reader, length) = (read.reader(), read.length as usize);
        if !track.failed.is_empty() {
            self.aborted(read, track);
        }
        if let Some(place) = track.repeated.filter(|_| track.repeats_before(length)) {
            self.bad(Wrong::Twice, (reader, None), read.order, place);
        }
        let end = self.txns.completed(reader);
        if track.begun[length] > end {
            // The first element from after the read.
            let place = track.begun.partition_point(|begun| *begun <= end) - 1;
            let value = self.lists.orders.elements(read.order)[place];
            let writer = self
                .index
                .place(value)
                .map(|write| self.index.writes[write].writer());
            self.bad(Wrong::Unobservable, (reader, writer), read.order, place as u32);
        }
        let Some(last) = self.counted(read, track).checked_sub(1) else {
            return;
        };
        let write = self.index.only(self.lists.orders.elements(read.order)[last]);
        let of_others =
            |write: &crate::txn::writes::Write| write.is_intermediate() && write.writer() != reader;
        if let Some(write) = write.filter(of_others) {
            let writer = Some(write.writer());
            self.bad(Wrong::Intermediate, (reader, writer), read.order, last as u32);
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
            self.bad(Wrong::Aborted, (read.reader(), Some(*writer)), read.order, *place);
        }
        self.listener.found().count(anomaly::G1A, count as u64 - told);
    }

    fn bad(&mut self, wrong: Wrong, (reader, writer): (TxnId, Option<TxnId>), order: u32, place: u32) {
        self.listener.found().add(Finding::Read(BadRead {
            wrong,
            reader,
            writer,
            key: self.key,
            value: self.lists.orders.elements(order)[place as usize],
        }));
    }
}
