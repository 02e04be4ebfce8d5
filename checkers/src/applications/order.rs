//! Which operation wrote a value, and in which order each producer began its writes.

use history::{Event, F, Mop, Value, What};

use crate::paged::Paged;

/// One write's place in its producer's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The producer's number plus one; 0 where it has none.
    producer: u64,
    /// The number of its operation: greater is later.
    pub(crate) op: u64,
    /// When it began.
    pub(crate) time: u64,
}

/// The places of all writes that name their producer, or that a transaction made.
#[derive(Default)]
pub(crate) struct Sequences {
    places: Paged<Place>,
    /// Writes of transactions are taken down too.
    transactions: bool,
    any: bool,
}

impl Sequences {
    pub(super) fn new(transactions: bool) -> Self {
        Self {
            transactions,
            ..Self::default()
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let What::Invoke(op) = &event.what else { return };
        match &op.f {
            F::Send(send) => {
                if let Some(producer) = op.producer {
                    self.any = true;
                    self.put(send.value, u64::from(producer) + 1, op.op, event.time);
                }
            }
            F::Txn(txn) if self.transactions => {
                for mop in &txn.mops {
                    if let Mop::Send(send) = mop {
                        self.put(send.value, 0, op.op, event.time);
                    }
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, value: Value, producer: u64, op: u64, time: u64) {
        *self.places.slot(value) = Place { producer, op, time };
    }

    /// The operation that was to write a value, and when it began, where that was taken down.
    pub(crate) fn written(&self, value: Value) -> Option<(u64, u64)> {
        let place = self.places.get(value);
        (place != Place::default()).then_some((place.op, place.time))
    }

    /// Whether any write names its producer.
    pub(crate) fn are_there(&self) -> bool {
        self.any
    }

    /// The producer that wrote a value, and the write's place in its order.
    pub(crate) fn of(&self, value: Value) -> Option<(u64, Place)> {
        let place = self.places.get(value);
        Some((place.producer.checked_sub(1)?, place))
    }
}
