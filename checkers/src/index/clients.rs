//! Who is at what: each client's open operation.

use history::{F, Op};

use crate::dense::Dense;
use crate::paged::Paged;

/// What an operation began as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Send,
    Poll,
    Txn,
    Assign,
    Subscribe,
    Group,
    Share,
    Times,
    Crash,
}

impl Doing {
    pub(crate) fn of(f: &F) -> Self {
        match f {
            F::Send(_) => Self::Send,
            F::Poll(_) => Self::Poll,
            F::Txn(_) => Self::Txn,
            F::Assign(_) => Self::Assign,
            F::Subscribe(_) => Self::Subscribe,
            F::Group(_) => Self::Group,
            F::Share(_) => Self::Share,
            F::Times(_) => Self::Times,
            F::Crash => Self::Crash,
        }
    }
}

/// An operation that was begun and is not over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    /// Its number.
    pub(crate) op: u64,
    pub(crate) doing: Doing,
    pub(crate) process: u32,
    /// The event that began it: its number, and its time.
    pub(crate) event: u64,
    pub(crate) time: u64,
    /// The writes that it began: so many from this one on.
    pub(crate) first: u32,
    pub(crate) writes: u32,
}

impl Open {
    /// The numbers of its writes.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.writes
    }
}

/// All clients, each in a slot: numbered in the order in which they first did something.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    slots: Dense<u32>,
    open: Vec<Option<Open>>,
    /// A bit for each number of an operation that was used.
    used: Paged<u64>,
}

impl Clients {
    /// A process's slot.
    pub(crate) fn slot(&mut self, process: u32) -> u32 {
        if let Some(slot) = self.slots.get(u64::from(process)).checked_sub(1) {
            return slot;
        }
        self.open.push(None);
        let slot = self.open.len() as u32;
        self.slots.set(u64::from(process), slot);
        slot - 1
    }

    /// What a client is at.
    pub(crate) fn open(&self, slot: u32) -> Option<&Open> {
        self.open[slot as usize].as_ref()
    }

    /// Takes the number of an operation; whether it had been taken before.
    pub(crate) fn is_used(&mut self, op: u64) -> bool {
        let word = self.used.slot(op / 64);
        let before = *word;
        *word |= 1 << (op % 64);
        before == *word
    }

    /// A client begins an operation.
    pub(crate) fn begin(&mut self, slot: u32, open: Open) {
        self.open[slot as usize] = Some(open);
    }

    /// A client's operation ends: `None` where this one is not open.
    pub(crate) fn end(&mut self, op: &Op) -> Option<(u32, Open)> {
        let slot = self.slot(op.process);
        let open = self.open[slot as usize].take_if(|open| open.op == op.op)?;
        Some((slot, open))
    }

    /// What is still open.
    pub(crate) fn all_open(&self) -> impl Iterator<Item = &Open> {
        self.open.iter().flatten()
    }
}
