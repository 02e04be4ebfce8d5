//! What will happen, in the order of its time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Events to come. Those of one time happen in the order in which they were put in.
pub(super) struct Queue<E> {
    heap: BinaryHeap<Timed<E>>,
    count: u64,
}

struct Timed<E> {
    time: u64,
    number: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            count: 0,
        }
    }
}

impl<E> Queue<E> {
    pub(super) fn push(&mut self, time: u64, event: E) {
        self.count += 1;
        self.heap.push(Timed {
            time,
            number: self.count,
            event,
        });
    }

    /// The next event, where its time is no later than that.
    pub(super) fn pop(&mut self, until: u64) -> Option<(u64, E)> {
        if self.heap.peek()?.time > until {
            return None;
        }
        self.heap.pop().map(|timed| (timed.time, timed.event))
    }
}

impl<E> Ord for Timed<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.number).cmp(&(self.time, self.number))
    }
}

impl<E> PartialOrd for Timed<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Timed<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Timed<E> {}
