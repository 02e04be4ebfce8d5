//! Vectors of events that are gone, for those that come.

use std::mem;

use crate::event::{Event, F, Mop, Op, Record, Seen, What};
use crate::header::{Key, Value};

/// Free vectors of all kinds hold at most so many bytes of each.
const BYTES_KEPT: usize = 2 << 20;

/// Free vectors.
#[derive(Default)]
pub(crate) struct Buffers {
    records: Free<Record>,
    mops: Free<Mop>,
    values: Free<Value>,
    keys: Free<Key>,
    bytes: Free<u8>,
    taken: u64,
}

impl Buffers {
    /// How many vectors were taken so far: whether an event took one shows by it.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn records(&mut self) -> Vec<Record> {
        self.taken += 1;
        self.records.take()
    }

    pub(super) fn mops(&mut self) -> Vec<Mop> {
        self.taken += 1;
        self.mops.take()
    }

    pub(super) fn values(&mut self) -> Vec<Value> {
        self.taken += 1;
        self.values.take()
    }

    pub(super) fn keys(&mut self) -> Vec<Key> {
        self.taken += 1;
        self.keys.take()
    }

    pub(super) fn bytes(&mut self) -> Vec<u8> {
        self.taken += 1;
        self.bytes.take()
    }

    /// Takes back the memory that an event held.
    pub(crate) fn reclaim(&mut self, event: &mut Event) {
        match &mut event.what {
            What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => self.reclaim_op(op),
            other => *other = What::Interrupted,
        }
    }

    fn reclaim_op(&mut self, op: &mut Op) {
        self.keys.give(mem::take(&mut op.rebalanced));
        self.bytes.give(op.error.take().unwrap_or_default().into_bytes());
        match &mut op.f {
            F::Poll(poll) => self.records.give(mem::take(&mut poll.records)),
            F::Assign(assign) => self.keys.give(mem::take(&mut assign.keys)),
            F::Subscribe(subscribe) => self.keys.give(mem::take(&mut subscribe.keys)),
            F::Txn(txn) => self.reclaim_mops(mem::take(&mut txn.mops)),
            F::Send(_) | F::Crash => {}
            // Rare, and read by serde: what it holds is given back to the system.
            F::Group(_) | F::Share(_) | F::Times(_) => op.f = F::Crash,
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
struct Free<T> {
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
    fn take(&mut self) -> Vec<T> {
        let Some(vector) = self.vectors.pop() else {
            return Vec::new();
        };
        self.bytes -= Self::bytes_of(&vector);
        vector
    }

    /// Takes a vector back, unless there is enough.
    fn give(&mut self, mut vector: Vec<T>) {
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

#[cfg(test)]
mod tests {
    use super::{BYTES_KEPT, Buffers};
    use crate::event::{Event, F, Mop, Op, Poll, Record, Seen, Txn, What};

    fn event(f: F) -> Event {
        let error = Some("timed out".to_owned());
        let op = Op {
            error,
            ..Op::new(0, 0, f)
        };
        Event {
            time: 0,
            what: What::Info(op),
        }
    }

    #[test]
    fn what_an_event_held_is_taken_back_empty() {
        let mut buffers = Buffers::default();
        let poll = Poll {
            records: vec![Record::from((0, 0, 0)); 3],
        };
        let mops = vec![Mop::Poll(poll), Mop::Read(0, Seen::List(vec![1, 2]))];
        let mut event = event(F::Txn(Txn { mops }));
        buffers.reclaim(&mut event);
        let lengths = [
            buffers.records().len(),
            buffers.mops().len(),
            buffers.values().len(),
            buffers.bytes().len(),
        ];
        assert_eq!(lengths, [0; 4]);
        assert_eq!(buffers.taken(), 4);
        // Each kind had one.
        assert_eq!(
            buffers.records().capacity() + buffers.mops().capacity() + buffers.values().capacity(),
            0
        );
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let mut buffers = Buffers::default();
        let records = BYTES_KEPT / size_of::<Record>();
        for _ in 0..3 {
            let mut event = event(F::Poll(Poll {
                records: Vec::with_capacity(records),
            }));
            buffers.reclaim(&mut event);
        }
        assert!(buffers.records().capacity() >= records);
        assert_eq!(buffers.records().capacity(), 0);
    }
}
