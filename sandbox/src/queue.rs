//! Frames that wait for their time, bounded by their bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::card::HEADER_BYTES;
use crate::shaper::Trip;

/// How many bytes may wait at once: what a link at 100 MB/s takes in a little more than half a second.
pub(crate) const BYTES_MAX: usize = 64 << 20;

/// A frame that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Its way and its time.
    pub(crate) trip: Trip,
    /// From which port…
    pub(crate) from: usize,
    /// …to which.
    pub(crate) to: usize,
    /// Its bytes, with a virtio header.
    pub(crate) frame: Vec<u8>,
}

/// The queue: the frame that is due first is first, and of frames due at once the one that came first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    bytes: usize,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    due: u64,
    number: u64,
    waiting: Waiting,
}

impl Queue {
    /// Takes a frame in; gives it back where there is no room.
    pub(crate) fn push(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        let bytes = self.bytes + waiting.frame.len();
        if bytes > BYTES_MAX {
            return Err(waiting);
        }
        self.bytes = bytes;
        let (due, number) = (waiting.trip.due, self.next);
        self.next += 1;
        self.heap.push(Reverse(Entry { due, number, waiting }));
        Ok(())
    }

    /// When the first is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(entry)| entry.due)
    }

    /// The first, where it is due.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Waiting> {
        self.next_due().filter(|&due| due <= now)?;
        let Reverse(entry) = self.heap.pop()?;
        self.bytes -= entry.waiting.frame.len();
        Some(entry.waiting)
    }

    /// Takes away the waiting for rules that have ended.
    pub(crate) fn forget_ended(&mut self) {
        let mut entries = std::mem::take(&mut self.heap).into_vec();
        for Reverse(Entry { due, waiting, .. }) in &mut entries {
            waiting.trip.forget_ended(waiting.frame.len() - HEADER_BYTES);
            *due = waiting.trip.due;
        }
        self.heap = entries.into();
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(due: u64, mark: usize, bytes: usize) -> Waiting {
        let trip = Trip {
            due,
            ..Trip::default()
        };
        Waiting {
            trip,
            from: mark,
            to: 0,
            frame: vec![0; bytes],
        }
    }

    #[test]
    fn frames_go_on_in_the_order_of_their_times_and_then_of_their_coming() {
        let mut queue = Queue::default();
        for (mark, due) in [5, 3, 5, 1, 3].into_iter().enumerate() {
            queue.push(waiting(due, mark, 10)).expect("there is room");
        }
        assert_eq!(queue.next_due(), Some(1));
        assert!(queue.pop_due(0).is_none());
        let order: Vec<usize> = std::iter::from_fn(|| queue.pop_due(5))
            .map(|frame| frame.from)
            .collect();
        assert_eq!(order, [3, 1, 4, 0, 2]);
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn the_room_is_bounded_and_comes_back() {
        let mut queue = Queue::default();
        queue.push(waiting(1, 0, BYTES_MAX)).expect("there is room");
        assert_eq!(queue.push(waiting(2, 7, 1)).expect_err("there is none").from, 7);
        queue.pop_due(1).expect("it is due");
        queue.push(waiting(2, 7, 1)).expect("there is room again");
    }
}
