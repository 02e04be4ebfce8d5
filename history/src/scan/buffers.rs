//! Vectors of events that are gone, for those that come.

use crate::event::{Event, F, Mop, Op, Record, Seen, What};
use crate::header::{Key, Value};

/// Free vectors of all kinds hold at most so many bytes of each.
const BYTES_KEPT: usize = 2 << 20;

/// Free vectors.
#[derive(Default)]
pub(crate) struct Buffers {
    pub records: Free<Record>,
    pub mops: Free<Mop>,
    pub values: Free<Value>,
    pub keys: Free<Key>,
    pub bytes: Free<u8>,
}

impl Buffers {
    /// Takes back what an event had.
    pub(crate) fn reclaim(&mut self, event: Event) {
        if let What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) = event.what {
            self.reclaim_op(op);
        }
    }

    fn reclaim_op(&mut self, op: Op) {
        self.keys.give(op.rebalanced);
        self.bytes.give(op.error.unwrap_or_default().into_bytes());
        match op.f {
            F::Poll(poll) => self.records.give(poll.records),
            F::Assign(assign) => self.keys.give(assign.keys),
            F::Subscribe(subscribe) => self.keys.give(subscribe.keys),
            F::Txn(txn) => self.reclaim_mops(txn.mops),
            F::Send(_) | F::Crash => {}
        }
    }

    fn reclaim_mops(&mut self, mut mops: Vec<Mop>) {
        for mop in mops.drain(..) {
            match mop {
                Mop::Poll(poll) => self.records.give(poll.records),
                Mop::Read(_, Seen::List(values)) => self.values.give(values),
                _ => {}
            }
        }
        self.mops.give(mops);
    }
}

/// Free vectors of one kind.
pub(crate) struct Free<T> {
    vectors: Vec<Vec<T>>,
    bytes: usize,
}

impl<T> Default for Free<T> {
    fn default() -> Self {
        Self {
            vectors: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T> Free<T> {
    /// An empty vector, one that was used before if there is one.
    pub(crate) fn take(&mut self) -> Vec<T> {
        let Some(vector) = self.vectors.pop() else {
            return Vec::new();
        };
        self.bytes -= Self::bytes_of(&vector);
        vector
    }

    /// Takes a vector back, unless there is enough.
    pub(crate) fn give(&mut self, mut vector: Vec<T>) {
        let bytes = Self::bytes_of(&vector);
        if bytes == 0 || self.bytes + bytes > BYTES_KEPT {
            return;
        }
        vector.clear();
        self.bytes += bytes;
        self.vectors.push(vector);
    }

    fn bytes_of(vector: &Vec<T>) -> usize {
        vector.capacity() * size_of::<T>()
    }
}
