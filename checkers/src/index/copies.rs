//! A replica's own copy of a partition, as it was read from this replica alone: a bit for each record that is the
//! same as in the log that was put together from all evidence.

use std::collections::BTreeMap;

use history::{LogChunk, Offset, Value};

use super::Index;
use crate::paged::Paged;

/// The newest copy that was read of one replica.
#[derive(Debug, Default)]
pub(crate) struct ReplicaCopy {
    /// A bit for each offset that holds a record.
    held: Paged<u64>,
    /// The records that are not those which were first seen at their offsets.
    odd: BTreeMap<u64, Value>,
    /// The epochs of the batches: each from an offset on.
    epochs: Vec<(u64, i32)>,
    next: Offset,
    /// How many records it holds that carry a value.
    pub(crate) records: u64,
    /// Whether its last piece was read.
    pub(crate) whole: bool,
    /// Its high watermark, as the newest piece names it.
    pub(crate) high_watermark: Offset,
    /// When the newest piece was read.
    pub(crate) time: u64,
}

impl ReplicaCopy {
    /// Takes the next piece: `is_first` says whether a value is the one that was first seen at an offset. A piece
    /// that does not follow the one before begins a new copy.
    pub(super) fn push(&mut self, time: u64, chunk: &LogChunk, is_first: impl Fn(u64, Value) -> bool) {
        let first = chunk.records.first().map_or(self.next, |record| record.0);
        if self.whole || first < self.next {
            *self = Self::default();
        }
        for (offset, value, epoch) in &chunk.records {
            let place = *offset as u64;
            *self.held.slot(place / 64) |= 1 << (place % 64);
            if !is_first(place, *value) {
                self.odd.insert(place, *value);
            }
            if self.epochs.last().is_none_or(|last| last.1 != *epoch) {
                self.epochs.push((place, *epoch));
            }
            self.next = offset.saturating_add(1);
        }
        self.records += chunk.records.len() as u64;
        self.whole = chunk.last;
        self.high_watermark = chunk.high_watermark;
        self.time = time;
    }

    /// One past its last record.
    pub(crate) fn end(&self) -> Offset {
        self.next
    }

    /// Up to where it says what is committed: a copy that was not read to its end says nothing of what lies beyond.
    pub(crate) fn limit(&self) -> Offset {
        if self.whole {
            self.high_watermark
        } else {
            self.high_watermark.min(self.next)
        }
    }

    /// What stands at an offset: the value and the leader epoch of its batch.
    pub(crate) fn at(&self, index: &Index, key: history::Key, offset: u64) -> Option<(Value, i32)> {
        if self.held.get(offset / 64) >> (offset % 64) & 1 == 0 {
            return None;
        }
        let first = || index.log(key)?.first(offset).map(|id| index.value_of(id));
        let value = self.odd.get(&offset).copied().or_else(first)?;
        let batch = self.epochs.partition_point(|(from, _)| *from <= offset);
        let epoch = batch.checked_sub(1).map_or(0, |batch| self.epochs[batch].1);
        Some((value, epoch))
    }
}

/// The offsets below a limit at which some copies hold different records, in order.
pub(crate) fn differences<'c>(
    copies: &'c [&'c ReplicaCopy],
    below: Offset,
) -> impl Iterator<Item = u64> + 'c {
    let below = u64::try_from(below).unwrap_or(0);
    let words = Words {
        copies,
        next: Some(0),
    };
    words
        .take_while(move |word| word * 64 < below)
        .flat_map(move |word| {
            let differing = differing(copies, word);
            (0..64)
                .filter(move |bit| differing >> bit & 1 != 0)
                .map(move |bit| word * 64 + bit)
        })
        .filter(move |offset| *offset < below)
}

/// A bit for each offset of a word at which some copies differ.
fn differing(copies: &[&ReplicaCopy], word: u64) -> u64 {
    let Some((first, rest)) = copies.split_first() else {
        return 0;
    };
    let held = first.held.get(word);
    let mut differing = rest
        .iter()
        .fold(0, |bits, copy| bits | (copy.held.get(word) ^ held));
    let last = word.saturating_mul(64).saturating_add(63);
    for copy in copies {
        for (offset, value) in copy.odd.range(word * 64..=last) {
            if copies.iter().any(|other| other.odd.get(offset) != Some(value)) {
                differing |= 1 << (offset % 64);
            }
        }
    }
    differing
}

/// The numbers of the words in which any copy holds something, in order.
struct Words<'c> {
    copies: &'c [&'c ReplicaCopy],
    next: Option<u64>,
}

impl Iterator for Words<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let from = self.next?;
        let next = self.copies.iter().filter_map(|copy| copy.held.next(from));
        let word = next.map(|(word, _)| word).min();
        self.next = word.and_then(|word| word.checked_add(1));
        word
    }
}
