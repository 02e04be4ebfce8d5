//! What stood at each offset of a partition, over all evidence.

use std::collections::BTreeMap;

use super::gaps::Gaps;
use super::id::Id;
use crate::paged::Paged;

/// Values that are told apart at one offset: more of them make no worse a finding.
const VALUES_MAX: usize = 64;

/// What a sighting at an offset is.
pub(super) enum Sighting {
    /// Nothing was known of the offset before.
    Fresh,
    /// The same had been seen there.
    Again,
    /// This had been seen there first.
    Other(Id),
}

/// The values seen at each offset of one partition.
#[derive(Debug, Default)]
pub(crate) struct KeyLog {
    /// The first that was seen at each offset: it never changes.
    first: Paged<u32>,
    /// Further ones, where two were seen at one offset.
    others: BTreeMap<u64, Vec<Id>>,
    /// What was passed over while nothing was known of it.
    pub(super) gaps: Gaps,
    /// The write of each value plus one, where values are told apart by their keys.
    pub(super) written: Paged<u32>,
}

impl KeyLog {
    /// Takes one sighting down, but for one that is another than the first.
    pub(super) fn saw(&mut self, offset: u64, id: Id) -> Sighting {
        let slot = self.first.slot(offset);
        match Id::of_slot(*slot) {
            Some(known) if known == id => Sighting::Again,
            Some(known) => Sighting::Other(known),
            None => {
                *slot = id.to_slot();
                Sighting::Fresh
            }
        }
    }

    /// Takes down that another value was seen at an offset.
    pub(super) fn divide(&mut self, offset: u64, id: Id) {
        let others = self.others.entry(offset).or_default();
        if others.len() < VALUES_MAX && !others.contains(&id) {
            others.push(id);
        }
    }

    /// Each offset at which more than one value was seen.
    pub(crate) fn divided(&self) -> impl Iterator<Item = u64> {
        self.others.keys().copied()
    }

    /// Everything that was seen at an offset, strangers as they were taken down.
    pub(super) fn at(&self, offset: u64) -> impl Iterator<Item = Id> {
        self.first(offset)
            .into_iter()
            .chain(self.others.get(&offset).into_iter().flatten().copied())
    }

    /// Whether more than one value was seen at an offset.
    pub(crate) fn is_divided(&self, offset: u64) -> bool {
        self.others.contains_key(&offset)
    }

    /// The first value that was seen at an offset.
    pub(crate) fn first(&self, offset: u64) -> Option<Id> {
        Id::of_slot(self.first.get(offset))
    }

    /// Each offset between these two at which something is known, in order.
    pub(crate) fn between(&self, from: u64, to: u64) -> impl Iterator<Item = u64> {
        let mut next = from.checked_add(1);
        std::iter::from_fn(move || {
            let (offset, _) = self.first.next(next?)?;
            next = offset.checked_add(1);
            (offset < to).then_some(offset)
        })
    }

    /// Each offset with the first value that was seen there, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Id)> {
        let offsets = self.first.iter();
        offsets.filter_map(|(offset, slot)| Some((offset, Id::of_slot(slot)?)))
    }
}
