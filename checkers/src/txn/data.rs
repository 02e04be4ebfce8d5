//! What transactions work on, and the steps of one transaction.

use std::collections::BTreeMap;

use history::{Key, Mop, Seen, Value};

use crate::dense::Dense;

/// What is written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// Lists that are appended to.
    Lists,
    /// Registers that are set.
    Registers,
}

impl Data {
    /// The key and the value that a step writes.
    pub(super) fn written(self, mop: &Mop) -> Option<(Key, Value)> {
        match (self, mop) {
            (Self::Lists, Mop::Append(key, value)) | (Self::Registers, Mop::Write(key, value)) => {
                Some((*key, *value))
            }
            _ => None,
        }
    }

    /// The key that a step is about; `None` where it is no step on such data.
    fn key(self, mop: &Mop) -> Option<Key> {
        match (self, mop) {
            (Self::Lists, Mop::Read(key, Seen::Nothing | Seen::List(_)))
            | (Self::Registers, Mop::Read(key, Seen::Nothing | Seen::One(_))) => Some(*key),
            _ => self.written(mop).map(|(key, _)| key),
        }
    }
}

/// A list that a read shows.
pub(super) fn list(seen: &Seen) -> &[Value] {
    match seen {
        Seen::List(values) => values,
        Seen::Nothing | Seen::One(_) => &[],
    }
}

/// What is known of a transaction that may have happened.
pub(super) fn known(mops: &[Mop]) -> Vec<Mop> {
    let known = |mop: &&Mop| !matches!(mop, Mop::Read(_, Seen::Nothing));
    mops.iter().filter(known).cloned().collect()
}

/// The keys of a history, numbered in the order in which they turn up.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// By key: its number plus one.
    numbers: Dense<u32>,
    keys: Vec<Key>,
}

impl Keys {
    fn number(&mut self, key: Key) -> u32 {
        match self.numbers.get(u64::from(key)) {
            0 => {
                self.keys.push(key);
                self.numbers.set(u64::from(key), self.keys.len() as u32);
                self.keys.len() as u32 - 1
            }
            number => number - 1,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of a number.
    pub(super) fn key(&self, number: u32) -> Key {
        self.keys[number as usize]
    }
}

/// The number of a step's key where the step is not about such data.
const MISFIT: u32 = u32::MAX;
/// Transactions with more steps than this are gone through with a tree.
const FEW_STEPS: usize = 32;

/// How the steps of one transaction hang together.
#[derive(Debug, Default)]
pub(super) struct Steps {
    keys: Vec<u32>,
    /// One more than the place of the step before on the same key; 0 is none.
    before: Vec<u32>,
    /// Whether the key is written by a later step.
    written_later: Vec<bool>,
    /// How many steps before write the key.
    written: Vec<u32>,
}

impl Steps {
    /// Looks at a transaction. Returns how many of its steps are not about such data.
    pub(super) fn look(&mut self, data: Data, mops: &[Mop], keys: &mut Keys) -> u64 {
        self.keys.clear();
        self.keys.extend(
            mops.iter()
                .map(|mop| data.key(mop).map_or(MISFIT, |key| keys.number(key))),
        );
        self.before.clear();
        if mops.len() <= FEW_STEPS {
            self.link_few();
        } else {
            self.link_many();
        }
        self.written.clear();
        for place in 0..mops.len() {
            let before = self.before(place);
            let written = before.map_or(0, |before| {
                self.written[before] + u32::from(data.written(&mops[before]).is_some())
            });
            self.written.push(written);
        }
        self.written_later.clear();
        self.written_later.resize(mops.len(), false);
        for place in (0..mops.len()).rev() {
            if let Some(before) = self.before(place) {
                self.written_later[before] =
                    self.written_later[place] || data.written(&mops[place]).is_some();
            }
        }
        self.keys.iter().filter(|key| **key == MISFIT).count() as u64
    }

    fn link_few(&mut self) {
        for (place, key) in self.keys.iter().enumerate() {
            let before = self.keys[..place].iter().rposition(|other| other == key);
            self.before.push(before.map_or(0, |before| before as u32 + 1));
        }
    }

    fn link_many(&mut self) {
        let mut last = BTreeMap::new();
        for (place, key) in self.keys.iter().enumerate() {
            let before = last.insert(*key, place as u32 + 1);
            self.before.push(before.unwrap_or(0));
        }
    }

    /// How many of the steps read something else than such data holds.
    pub(super) fn misread(&self, mops: &[Mop]) -> u64 {
        let steps = mops.iter().zip(&self.keys);
        steps
            .filter(|(mop, key)| **key == MISFIT && matches!(mop, Mop::Read(..)))
            .count() as u64
    }

    /// The number of a step's key; `None` where it is no step on such data.
    pub(super) fn key(&self, place: usize) -> Option<u32> {
        Some(self.keys[place]).filter(|key| *key != MISFIT)
    }

    /// The step before on the same key.
    pub(super) fn before(&self, place: usize) -> Option<usize> {
        (self.before[place] as usize).checked_sub(1)
    }

    /// How many steps before write the same key.
    pub(super) fn written_before(&self, place: usize) -> u32 {
        self.written[place]
    }

    /// Whether a later step writes the same key.
    pub(super) fn written_later(&self, place: usize) -> bool {
        self.written_later[place]
    }
}
