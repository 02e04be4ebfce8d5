//! One replica's copy of a partition: entries by offset, and what follows from them.

use history::{Offset, Value};

use super::message::Origin;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A client's record.
    Data,
    /// A marker: the transaction of its producer is committed here.
    Commit,
    /// A marker: it is aborted here.
    Abort,
    /// A record that no client wrote and no check looks at.
    Nudge,
    /// Nothing any more.
    Gap,
}

/// One entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) value: Value,
    /// Of the leader that appended it.
    pub(super) epoch: i32,
    pub(super) origin: Option<Origin>,
    pub(super) kind: Kind,
    pub(super) transactional: bool,
    /// Whether its transaction was aborted: known once the marker is there.
    pub(super) aborted: bool,
}

impl Entry {
    /// A client's record.
    pub(super) fn data(value: Value, epoch: i32, origin: Option<Origin>, transactional: bool) -> Self {
        Self {
            value,
            epoch,
            origin,
            kind: Kind::Data,
            transactional,
            aborted: false,
        }
    }

    /// The marker that ends a transaction: from then on the producer has that epoch.
    pub(super) fn marker(commit: bool, epoch: i32, producer: u32, producer_epoch: i16) -> Self {
        let origin = Origin {
            producer,
            epoch: producer_epoch,
            sequence: -1,
        };
        Self {
            kind: if commit { Kind::Commit } else { Kind::Abort },
            ..Self::data(0, epoch, Some(origin), true)
        }
    }

    /// An entry of that kind that carries nothing.
    pub(super) fn empty(kind: Kind, epoch: i32) -> Self {
        Self {
            kind,
            ..Self::data(0, epoch, None, false)
        }
    }
}

/// Whether a record follows those that its producer wrote before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sequel {
    Next,
    /// It is there already, at this offset where that is still known.
    Again(Option<Offset>),
    /// A newer epoch of its producer was here.
    Fenced,
    /// Something before it is missing.
    Gap,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    epoch: i16,
    sequence: i32,
    offset: Offset,
}

/// A replica's copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
    /// Each epoch with its first offset here.
    epochs: Vec<(i32, Offset)>,
    /// By producer: its newest record.
    producers: Vec<Option<Last>>,
    /// Transactions without a marker: producer and first offset.
    open: Vec<(u32, Offset)>,
    /// Transactions whose marker may not be committed itself yet: first offset and the marker's.
    ending: Vec<(Offset, Offset)>,
}

impl Log {
    pub(super) fn end(&self) -> Offset {
        self.entries.len() as Offset
    }

    pub(super) fn get(&self, offset: Offset) -> Option<&Entry> {
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// For bugs alone: entries never change once they are appended.
    pub(super) fn get_mut(&mut self, offset: Offset) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(offset).ok()?)
    }

    /// The entries from an offset on, not beyond another.
    pub(super) fn range(&self, from: Offset, to: Offset) -> &[Entry] {
        let to = to.clamp(0, self.end()) as usize;
        let from = (from.max(0) as usize).min(to);
        &self.entries[from..to]
    }

    /// Each epoch with its first offset here.
    pub(super) fn epochs(&self) -> &[(i32, Offset)] {
        &self.epochs
    }

    pub(super) fn last_epoch(&self) -> i32 {
        self.epochs.last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// The newest epoch that is no newer than that, and where it ends here.
    pub(super) fn end_of_epoch(&self, epoch: i32) -> (i32, Offset) {
        let after = self.epochs.partition_point(|(known, _)| *known <= epoch);
        let end = self.epochs.get(after).map_or(self.end(), |(_, start)| *start);
        let known = after.checked_sub(1).map_or(-1, |index| self.epochs[index].0);
        (known, end)
    }

    pub(super) fn sequel(&self, origin: Origin) -> Sequel {
        let Some(last) = self.producers.get(origin.producer as usize).copied().flatten() else {
            return Sequel::Next;
        };
        if origin.epoch < last.epoch {
            return Sequel::Fenced;
        }
        if origin.epoch > last.epoch {
            return if origin.sequence == 0 {
                Sequel::Next
            } else {
                Sequel::Gap
            };
        }
        match origin.sequence - last.sequence {
            1 => Sequel::Next,
            0 => Sequel::Again(Some(last.offset)),
            ..0 => Sequel::Again(None),
            _ => Sequel::Gap,
        }
    }

    pub(super) fn append(&mut self, entry: Entry) -> Offset {
        let offset = self.end();
        if entry.epoch > self.last_epoch() {
            self.epochs.push((entry.epoch, offset));
        }
        self.entries.push(entry);
        self.note(offset);
        offset
    }

    /// Takes into account what an entry means for producers and transactions.
    fn note(&mut self, offset: Offset) {
        let entry = self.entries[offset as usize];
        let Some(origin) = entry.origin else { return };
        let producer = origin.producer as usize;
        if self.producers.len() <= producer {
            self.producers.resize(producer + 1, None);
        }
        self.producers[producer] = Some(Last {
            epoch: origin.epoch,
            sequence: origin.sequence,
            offset,
        });
        let open = self.open.iter().position(|(of, _)| *of == origin.producer);
        match (entry.kind, open) {
            (Kind::Data, None) if entry.transactional => self.open.push((origin.producer, offset)),
            (Kind::Commit | Kind::Abort, Some(open)) => {
                let (_, first) = self.open.remove(open);
                self.ending.push((first, offset));
                if entry.kind == Kind::Abort {
                    self.abort(origin.producer, first, offset);
                }
            }
            _ => {}
        }
    }

    fn abort(&mut self, producer: u32, first: Offset, marker: Offset) {
        for entry in &mut self.entries[first as usize..marker as usize] {
            let own = entry.origin.is_some_and(|origin| origin.producer == producer);
            entry.aborted |= own && entry.transactional;
        }
    }

    /// The first offset of the open transaction of a producer.
    pub(super) fn open_since(&self, producer: u32) -> Option<Offset> {
        let open = self.open.iter().find(|(of, _)| *of == producer);
        open.map(|(_, first)| *first)
    }

    /// The open transactions: producer, the epoch of its newest record, and first offset.
    pub(super) fn open(&self) -> Vec<(u32, i16, Offset)> {
        let epoch = |producer: u32| {
            let last = self.producers.get(producer as usize).copied().flatten();
            last.map_or(-1, |last| last.epoch)
        };
        let open = self.open.iter();
        open.map(|(producer, first)| (*producer, epoch(*producer), *first))
            .collect()
    }

    /// The last stable offset: below it every transaction is decided, and its marker committed.
    pub(super) fn stable(&mut self, high_watermark: Offset) -> Offset {
        self.ending.retain(|(_, marker)| *marker >= high_watermark);
        let open = self.open.iter().map(|(_, first)| *first);
        let ending = self.ending.iter().map(|(first, _)| *first);
        open.chain(ending).fold(high_watermark, Offset::min)
    }

    /// Throws away what is at that offset and beyond.
    pub(super) fn truncate(&mut self, end: Offset) {
        if end >= self.end() {
            return;
        }
        self.entries.truncate(end.max(0) as usize);
        self.epochs.retain(|(_, start)| *start < end);
        self.rebuild();
    }

    /// Finds out again what follows from the entries.
    fn rebuild(&mut self) {
        self.producers.clear();
        self.open.clear();
        self.ending.clear();
        for entry in &mut self.entries {
            entry.aborted = false;
        }
        for offset in 0..self.end() {
            self.note(offset);
        }
    }

    /// For a bug: a record comes to stand in a gap, as if it had been appended before its neighbours.
    pub(super) fn fill(&mut self, offset: Offset, entry: Entry) {
        let Some(place) = self.get_mut(offset) else { return };
        *place = entry;
        let Some(origin) = entry.origin else { return };
        for (producer, first) in &mut self.open {
            if *producer == origin.producer {
                *first = (*first).min(offset);
            }
        }
        if let Some(Some(last)) = self.producers.get_mut(origin.producer as usize) {
            (last.sequence, last.offset) = (origin.sequence, offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Kind, Log, Origin, Sequel};

    fn origin(producer: u32, sequence: i32) -> Origin {
        Origin {
            producer,
            epoch: 0,
            sequence,
        }
    }

    fn log(entries: &[Entry]) -> Log {
        let mut log = Log::default();
        for entry in entries {
            log.append(*entry);
        }
        log
    }

    #[test]
    fn a_retry_is_told_from_a_new_record() {
        let log = log(&[
            Entry::data(5, 0, Some(origin(1, 0)), false),
            Entry::data(6, 0, Some(origin(1, 1)), false),
        ]);
        assert_eq!(log.sequel(origin(1, 2)), Sequel::Next);
        assert_eq!(log.sequel(origin(1, 1)), Sequel::Again(Some(1)));
        assert_eq!(log.sequel(origin(1, 0)), Sequel::Again(None));
        assert_eq!(log.sequel(origin(1, 3)), Sequel::Gap);
        assert_eq!(log.sequel(origin(2, 7)), Sequel::Next, "KIP-360");
    }

    #[test]
    fn a_marker_fences_the_epoch_before_it() {
        let log = log(&[
            Entry::data(5, 0, Some(origin(1, 0)), true),
            Entry::marker(true, 0, 1, 1),
        ]);
        assert_eq!(log.sequel(origin(1, 1)), Sequel::Fenced);
        let next = |sequence| Origin {
            epoch: 1,
            ..origin(1, sequence)
        };
        assert_eq!(log.sequel(next(0)), Sequel::Next);
        assert_eq!(log.sequel(next(1)), Sequel::Gap);
    }

    #[test]
    fn what_is_undecided_holds_the_stable_offset_back() {
        let mut log = log(&[
            Entry::data(5, 0, None, false),
            Entry::data(6, 0, Some(origin(1, 0)), true),
            Entry::data(7, 0, None, false),
        ]);
        assert_eq!(log.stable(3), 1);
        log.append(Entry::marker(false, 0, 1, 1));
        assert_eq!(log.stable(3), 1, "the marker is not committed itself");
        assert_eq!(log.stable(4), 4);
        assert!(log.get(1).expect("an entry").aborted);
        assert!(!log.get(2).expect("an entry").aborted);
    }

    #[test]
    fn what_is_cut_off_is_forgotten() {
        let mut log = log(&[
            Entry::data(5, 0, Some(origin(1, 0)), true),
            Entry::data(6, 1, Some(origin(1, 1)), true),
            Entry::marker(false, 2, 1, 1),
        ]);
        assert_eq!(log.end_of_epoch(1), (1, 2));
        assert_eq!(log.end_of_epoch(7), (2, 3));
        log.truncate(1);
        assert_eq!((log.end(), log.last_epoch()), (1, 0));
        assert_eq!(log.end_of_epoch(1), (0, 1));
        assert!(!log.get(0).expect("an entry").aborted);
        assert_eq!(log.sequel(origin(1, 1)), Sequel::Next);
        assert_eq!(log.stable(1), 0);
    }

    #[test]
    fn an_empty_log_has_no_epoch() {
        let log = Log::default();
        assert_eq!((log.last_epoch(), log.end_of_epoch(3)), (-1, (-1, 0)));
        assert!(log.range(-1, 5).is_empty());
        assert_eq!(Entry::empty(Kind::Gap, 0).kind, Kind::Gap);
    }
}
