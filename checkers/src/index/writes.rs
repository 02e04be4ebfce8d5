//! Every write of a history, and what became of it.

use history::{Key, NodeId, Offset, Value};

use crate::dense::Dense;

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

/// One write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) value: Value,
    pub(crate) op: u64,
    pub(crate) process: u32,
    pub(crate) key: Key,
    pub(crate) outcome: Outcome,
    /// It was begun in a way that is not well formed: nobody is accused on its account.
    pub(crate) suspect: bool,
    pub(crate) invoked: u64,
    /// When its completion came; meaningless while it is open.
    pub(crate) completed: u64,
    /// Its completion came after the final reads had begun, so that they need not hold it.
    pub(crate) late: bool,
    /// Where the acknowledgement says that it went.
    pub(crate) offset: Option<Offset>,
    /// Who acknowledged.
    pub(crate) broker: Option<NodeId>,
    /// Where it was first seen to stand, by any evidence.
    pub(crate) place: Option<Offset>,
    /// The first `ok` poll that read it under its own key, the final reads not counted.
    pub(crate) read: Option<Reading>,
    /// The final reads read it under its own key.
    pub(crate) read_finally: bool,
}

/// A reading of a write by a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) time: u64,
    pub(crate) process: u32,
    pub(crate) op: u64,
    pub(crate) offset: Offset,
}

impl Write {
    /// Acknowledged, and begun as it should be.
    pub(crate) fn acknowledged(&self) -> bool {
        self.outcome == Outcome::Ok && !self.suspect
    }

    /// Whether any client's completed poll returned it.
    pub(crate) fn read_by_anyone(&self) -> bool {
        self.read_finally || self.read.is_some()
    }
}

/// All writes, in the order in which they were begun.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    all: Vec<Write>,
    /// The write of each value, plus one.
    by_value: Dense<u32>,
}

impl Writes {
    /// Takes a write down; `Err` holds the earlier write of the same value.
    pub(super) fn begin(&mut self, write: Write) -> Result<u32, u32> {
        let number = self.all.len() as u32;
        self.all.push(write);
        if let Some(earlier) = self.by_value.get(write.value).checked_sub(1) {
            return Err(earlier);
        }
        self.by_value.set(write.value, number + 1);
        Ok(number)
    }

    /// The number of the write of a value.
    pub(crate) fn number_of(&self, value: Value) -> Option<u32> {
        self.by_value.get(value).checked_sub(1)
    }

    /// The write of a value.
    pub(crate) fn of(&self, value: Value) -> Option<&Write> {
        self.number_of(value).map(|number| self.get(number))
    }

    /// A write by its number.
    pub(crate) fn get(&self, number: u32) -> &Write {
        &self.all[number as usize]
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut Write {
        &mut self.all[number as usize]
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Write> {
        self.all.iter()
    }

    /// How many were begun.
    pub(crate) fn len(&self) -> u64 {
        self.all.len() as u64
    }
}
