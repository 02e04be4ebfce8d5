//! Which records brokers may have removed by themselves: from when on each write may be gone by right.
//!
//! A record may go once a newer one of its key follows it in its partition, where the topic is compacted; a tombstone once it has
//! stayed its time; and any record once it is as old as the run promises to keep it, or once as many bytes follow it as that. A time is the earliest that it can be: what was
//! begun then may have happened then, and a record is no older than its write. So what is not excused here is gone in breach of a promise.

use std::collections::BTreeMap;

use history::{Key, Offset, Retention};

use super::Index;
use super::writes::Outcome;

/// Empty records of the nemesis that may stand in a log besides.
const NUDGES: u64 = 16;
/// Never.
const NEVER: u64 = u64::MAX;

/// What may be gone, of a run that says so.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    /// By write: when it was begun.
    begun: Vec<u64>,
    /// By write: from when on it may be gone.
    from: Vec<u64>,
}

impl Removals {
    /// The next write is begun.
    pub(super) fn begin(&mut self, time: u64) {
        self.begun.push(time);
    }

    /// When a write was begun.
    pub(crate) fn begun(&self, number: u32) -> Option<u64> {
        self.begun.get(number as usize).copied()
    }

    /// From when on a write may be gone, if ever.
    pub(crate) fn from(&self, number: u32) -> Option<u64> {
        self.from
            .get(number as usize)
            .copied()
            .filter(|from| *from != NEVER)
    }

    /// Works out the times, once all writes have their places.
    pub(super) fn work_out(&mut self, index: &Index, retention: &Retention) {
        self.from = vec![NEVER; self.begun.len()];
        if let Some(keep) = retention.keep {
            for (from, begun) in self.from.iter_mut().zip(&self.begun) {
                *from = begun.saturating_add(keep.as_nanos());
            }
        }
        if let Some(records) = retention.keeps_records() {
            self.by_size(index, records);
        }
        if retention.compacts {
            self.compact(index, retention);
        }
    }

    /// What so many records follow may go by size. A segment goes only where what follows it is as large as what is to stay
    /// (`retention.bytes`), and each offset after it is one record at most. Where records that nobody has seen may stand in a log for a
    /// while, as many fewer are asked for.
    fn by_size(&mut self, index: &Index, records: u64) {
        let mut by_key: BTreeMap<Key, (Vec<(Offset, u64)>, u64)> = BTreeMap::new();
        for number in index.writes.numbers() {
            let Some(begun) = self.begun.get(number as usize) else {
                continue;
            };
            let (placed, unplaced) = by_key.entry(index.writes.key(number)).or_default();
            match index.writes.places(number) {
                Some((first, last)) => placed.extend([(first, *begun), (last, *begun)]),
                None if index.writes.outcome(number) != Outcome::Fail => *unplaced += 1,
                None => {}
            }
        }
        for (placed, _) in by_key.values_mut() {
            placed.sort_unstable();
            placed.dedup_by_key(|(place, _)| *place);
        }
        for number in index.writes.numbers() {
            let Some((placed, unplaced)) = by_key.get(&index.writes.key(number)) else {
                continue;
            };
            let (Some(place), Some(from)) = (index.writes.place(number), self.from.get_mut(number as usize))
            else {
                continue;
            };
            let asked = records.saturating_sub(unplaced + NUDGES);
            let behind = place.saturating_add(Offset::try_from(asked).unwrap_or(Offset::MAX));
            // The log reached so far no sooner than the last that is known to stand before was begun.
            let next = placed.partition_point(|(place, _)| *place <= behind);
            let reached = placed.last().is_some_and(|(last, _)| *last >= behind);
            if let Some((_, begun)) = placed[..next].last().filter(|_| reached) {
                *from = (*from).min(*begun);
            }
        }
    }

    fn compact(&mut self, index: &Index, retention: &Retention) {
        // By partition and record's key: the writes that may have happened, the last place first.
        let mut named: BTreeMap<(Key, u64), Vec<(Offset, u32)>> = BTreeMap::new();
        for number in index.writes.numbers() {
            if index.writes.outcome(number) == Outcome::Fail || number as usize >= self.from.len() {
                continue;
            }
            let name = retention.name(index.writes.value(number));
            // One that nobody has seen may stand behind all others.
            let place = index.writes.places(number).map_or(Offset::MAX, |(_, last)| last);
            let writes = named.entry((index.writes.key(number), name)).or_default();
            writes.push((place, number));
        }
        for writes in named.values_mut() {
            writes.sort_unstable_by(|one, other| other.cmp(one));
            let mut followed_from = NEVER;
            for (_, number) in writes.iter() {
                let begun = self.begun[*number as usize];
                let from = &mut self.from[*number as usize];
                *from = (*from).min(followed_from);
                if retention.is_tombstone(index.writes.value(*number)) {
                    *from = (*from).min(begun.saturating_add(retention.tombstones_stay.as_nanos()));
                }
                followed_from = followed_from.min(begun);
            }
        }
    }
}
