//! Places for all operations that write, in an order that their offsets follow too.
//!
//! Each operation's place is as early as its time allows, but behind whoever wrote the offset before it: along each
//! log the latest beginning so far. Where an operation was over before such a place, no order follows both, and the
//! step there leads back. Operations that write to several partitions take a few rounds.

use super::spans::{NEVER, Spans};
use crate::index::Index;

/// Operations that follow each other by their offsets alone, at one event.
const STEPS_BITS: u32 = 20;
/// Rounds until whatever is still out of order counts as leading back.
const ROUNDS_MAX: usize = 8;

/// The last place at an event.
pub(super) fn end_of(event: u64) -> u64 {
    event << STEPS_BITS | ((1 << STEPS_BITS) - 1)
}

/// The places.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    spans: Spans,
    /// By the first write of each operation.
    places: Vec<u64>,
}

impl Versions {
    /// Finds them.
    pub(crate) fn of(index: &Index, spans: Spans) -> Self {
        let earliest = spans.earliest().iter();
        let places = earliest.map(|event| u64::from(*event) << STEPS_BITS).collect();
        let mut versions = Self { spans, places };
        for _ in 0..ROUNDS_MAX {
            if !versions.round(index) {
                break;
            }
        }
        versions
    }

    /// The place of the operation that a write belongs to.
    pub(crate) fn place(&self, write: u32) -> u64 {
        self.places[self.spans.head(write) as usize]
    }

    /// Moves operations behind those whose offsets come before theirs. Whether any moved.
    fn round(&mut self, index: &Index) -> bool {
        let mut moved = false;
        for (key, _) in index.logs() {
            let mut before: Option<u32> = None;
            for (_, write) in index.versions_of(key) {
                let head = self.spans.head(write);
                if let Some(before) = before.filter(|before| *before != head) {
                    let behind = self.places[before as usize] + 1;
                    let last = match self.spans.latest(head) {
                        NEVER => u64::MAX,
                        event => end_of(u64::from(event)),
                    };
                    let place = &mut self.places[head as usize];
                    if *place < behind.min(last) {
                        *place = behind.min(last);
                        moved = true;
                    }
                }
                before = Some(head);
            }
        }
        moved
    }

    /// The steps from one offset to the next that lead back: where to, and from where.
    pub(super) fn back_edges(&self, index: &Index) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        for (key, _) in index.logs() {
            let places = index
                .versions_of(key)
                .map(|(_, write)| (self.spans.head(write), self.place(write)));
            let mut before: Option<(u32, u64)> = None;
            for (head, place) in places {
                if let Some((_, from)) = before.filter(|before| before.0 != head && before.1 >= place) {
                    found.push((place, from));
                }
                before = Some((head, place));
            }
        }
        found
    }
}
