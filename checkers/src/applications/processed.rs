//! What each record that was sent was made of, where every record of one topic becomes one of another.

use history::{Event, F, Header, Key, Mop, Op, Record, Value, What};

use crate::paged::Paged;

/// A record that was made of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    /// What it was made of.
    pub(crate) of: Record,
    /// By which operation, when that ended, and how.
    pub(crate) op: u64,
    pub(crate) time: u64,
    pub(crate) committed: bool,
}

/// All records that were made of others.
#[derive(Default)]
pub(crate) struct Processed {
    wanted: bool,
    /// How many partitions the first topic has, which are the first keys.
    inputs: u32,
    made: Vec<Made>,
    /// By value that was sent: its place plus one.
    places: Paged<u32>,
}

impl Processed {
    pub(super) fn new(header: &Header, wanted: bool) -> Self {
        Self {
            wanted,
            inputs: header.topics.first().map_or(0, |topic| topic.partitions),
            ..Self::default()
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        if !self.wanted {
            return;
        }
        match &event.what {
            What::Ok(op) => self.ended(event.time, op, true),
            What::Fail(op) | What::Info(op) => self.ended(event.time, op, false),
            _ => {}
        }
    }

    /// The n-th record that it sent was made of the n-th that it polled.
    fn ended(&mut self, time: u64, op: &Op, committed: bool) {
        let F::Txn(txn) = &op.f else { return };
        let mut inputs = txn.mops.iter().flat_map(|mop| match mop {
            Mop::Poll(poll) => &poll.records[..],
            _ => &[],
        });
        let sent = txn.mops.iter().filter_map(|mop| match mop {
            Mop::Send(send) => Some(send.value),
            _ => None,
        });
        for value in sent {
            let Some(of) = inputs.next() else { return };
            self.made.push(Made {
                of: *of,
                op: op.op,
                time,
                committed,
            });
            *self.places.slot(value) = self.made.len() as u32;
        }
    }

    /// What a value was made of, if a transaction of ours made it.
    pub(crate) fn of(&self, value: Value) -> Option<Made> {
        let place = self.places.get(value).checked_sub(1)?;
        Some(self.made[place as usize])
    }

    /// The partitions of the first topic.
    pub(crate) fn inputs(&self) -> std::ops::Range<Key> {
        0..self.inputs
    }

    /// Where what becomes of a partition's records belongs.
    pub(crate) fn output(&self, input: Key) -> Key {
        input + self.inputs
    }
}
