//! Which records brokers may have removed by themselves: from when on each write may be gone by right.
//!
//! A record may go once a newer one of its key follows it in its partition, where the topic is compacted; a tombstone once it has
//! stayed its time; and any record once it is as old as the run promises to keep it. A time is the earliest that it can be: what was
//! begun then may have happened then, and a record is no older than its write. So what is not excused here is gone in breach of a promise.

use std::collections::BTreeMap;

use history::{Key, Offset, Retention};

use super::Index;
use super::writes::Outcome;

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
        if retention.compacts {
            self.compact(index, retention);
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
