//! Every write of a history and what became of it, in columns: thirteen bytes a write.

use std::collections::BTreeMap;

use history::{Key, Offset, Value};

use crate::column::Column;

/// Offsets of one write that are told apart: more of them make no worse a finding.
const PLACES_MAX: usize = 64;

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody knows; so it is as well where no completion was recorded.
    Info,
}

/// What is known of a write beside its numbers.
pub(super) mod flag {
    /// How it ended: two bits, 0 while it is open.
    pub(crate) const OUTCOME: u8 = 3;
    /// It was begun or ended in a way that is not well formed: nobody is accused on its account.
    pub(crate) const SUSPECT: u8 = 1 << 2;
    /// Its completion came after the final reads had begun, so that they need not hold it.
    pub(crate) const LATE: u8 = 1 << 3;
    /// An `ok` operation read it under its own key, the final reads not counted.
    pub(crate) const READ: u8 = 1 << 4;
    /// The final reads read it under its own key.
    pub(crate) const READ_FINALLY: u8 = 1 << 5;
    /// Its transaction ended `info`, and another of its writes was read: so all of it happened.
    pub(crate) const COMMITTED: u8 = 1 << 6;
    /// It stands at more than one offset.
    pub(crate) const REPEATED: u8 = 1 << 7;
}

/// All writes, numbered in the order in which they were begun.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    keys: Vec<Key>,
    values: Column,
    /// Where each was first seen to stand, by any evidence.
    places: Column,
    flags: Vec<u8>,
    /// All offsets of those that were seen at more than one.
    repeated: BTreeMap<u32, Vec<Offset>>,
}

impl Writes {
    /// Takes a write down, and returns its number.
    pub(super) fn begin(&mut self, key: Key, value: Value, suspect: bool) -> u32 {
        let number = self.flags.len() as u32;
        self.keys.push(key);
        self.values.push(Some(value));
        self.places.push(None);
        self.flags.push(if suspect { flag::SUSPECT } else { 0 });
        number
    }

    /// How many were begun.
    pub(crate) fn len(&self) -> u32 {
        self.flags.len() as u32
    }

    /// Where it was sent to.
    pub(crate) fn key(&self, number: u32) -> Key {
        self.keys[number as usize]
    }

    /// What was sent.
    pub(crate) fn value(&self, number: u32) -> Value {
        self.values.get(number).unwrap_or_default()
    }

    /// Where it was first seen to stand.
    pub(crate) fn place(&self, number: u32) -> Option<Offset> {
        self.places.get(number).map(|place| place as Offset)
    }

    /// The lowest and the highest offset at which it was seen.
    pub(crate) fn places(&self, number: u32) -> Option<(Offset, Offset)> {
        let first = self.place(number)?;
        if !self.has(number, flag::REPEATED) {
            return Some((first, first));
        }
        let all = self.repeated.get(&number)?.iter();
        Some((all.clone().copied().min()?, all.copied().max()?))
    }

    /// Those that were seen at more than one offset, with all their offsets.
    pub(crate) fn repeated(&self) -> impl Iterator<Item = (u32, &[Offset])> {
        self.repeated
            .iter()
            .map(|(number, places)| (*number, places.as_slice()))
    }

    /// Takes down that it stands at an offset. Whether it was already known to stand at another.
    pub(super) fn saw(&mut self, number: u32, offset: Offset) -> bool {
        let Some(first) = self.place(number) else {
            self.places.set(number, offset as u64);
            return false;
        };
        if first == offset {
            return self.has(number, flag::REPEATED);
        }
        self.mark(number, flag::REPEATED);
        let places = self.repeated.entry(number).or_insert_with(|| vec![first]);
        if places.len() < PLACES_MAX && !places.contains(&offset) {
            places.push(offset);
        }
        true
    }

    pub(super) fn mark(&mut self, number: u32, flags: u8) {
        self.flags[number as usize] |= flags;
    }

    pub(super) fn has(&self, number: u32, flags: u8) -> bool {
        self.flags[number as usize] & flags != 0
    }

    pub(super) fn end(&mut self, number: u32, outcome: Outcome, late: bool) {
        let late = if late { flag::LATE } else { 0 };
        let flags = &mut self.flags[number as usize];
        *flags = *flags & !flag::OUTCOME | (outcome as u8 + 1) | late;
    }

    /// Whether its completion has come.
    pub(crate) fn is_ended(&self, number: u32) -> bool {
        self.has(number, flag::OUTCOME)
    }

    /// How it ended.
    pub(crate) fn outcome(&self, number: u32) -> Outcome {
        match self.flags[number as usize] & flag::OUTCOME {
            1 => Outcome::Ok,
            2 => Outcome::Fail,
            _ => Outcome::Info,
        }
    }

    /// It was begun or ended in a way that is not well formed: nobody is accused on its account.
    pub(crate) fn is_suspect(&self, number: u32) -> bool {
        self.has(number, flag::SUSPECT)
    }

    /// Acknowledged, and begun as it should be.
    pub(crate) fn is_acknowledged(&self, number: u32) -> bool {
        self.outcome(number) == Outcome::Ok && !self.is_suspect(number)
    }

    /// Its completion came after the final reads had begun.
    pub(crate) fn is_late(&self, number: u32) -> bool {
        self.has(number, flag::LATE)
    }

    /// It certainly happened: it was acknowledged, or its transaction was, or another write of that was read.
    pub(crate) fn is_committed(&self, number: u32) -> bool {
        !self.is_suspect(number) && (self.outcome(number) == Outcome::Ok || self.has(number, flag::COMMITTED))
    }

    /// An `ok` operation read it, the final reads not counted.
    pub(crate) fn is_read_before(&self, number: u32) -> bool {
        self.has(number, flag::READ)
    }

    /// The final reads read it.
    pub(crate) fn is_read_finally(&self, number: u32) -> bool {
        self.has(number, flag::READ_FINALLY)
    }

    /// Whether any `ok` operation read it.
    pub(crate) fn is_read(&self, number: u32) -> bool {
        self.has(number, flag::READ | flag::READ_FINALLY)
    }

    /// All numbers.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        0..self.len()
    }
}
