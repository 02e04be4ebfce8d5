//! Which records may be gone by right, because somebody asked the broker to delete them.
//!
//! From the moment a request goes out, what lies below its offset may be gone, whatever becomes of the answer; only
//! a refusal takes that back. Nothing is excused that a client had missed before.

use std::collections::BTreeMap;

use history::{Deletion, DeletionStep, Key, Offset};

/// All requests that were not refused, by partition, each with the time at which it went out.
#[derive(Debug, Default)]
pub(crate) struct Deletions {
    asked: BTreeMap<Key, Vec<(u64, Offset)>>,
}

/// Whether a write is gone by right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// It stood at or above every point below which was deleted.
    No,
    /// It stood below.
    Yes,
    /// Something was deleted, and nobody knows where it stood.
    Perhaps,
}

impl Deletions {
    pub(super) fn step(&mut self, time: u64, deletion: &Deletion) {
        let asked = self.asked.entry(deletion.key).or_default();
        match &deletion.step {
            DeletionStep::Asking => asked.push((time, deletion.below)),
            DeletionStep::Refused { .. } => {
                let same = asked.iter().rposition(|(_, below)| *below == deletion.below);
                if let Some(refused) = same {
                    asked.remove(refused);
                }
            }
            DeletionStep::Done { .. } | DeletionStep::Unknown { .. } => {}
        }
    }

    /// Below which offset records of a partition may be gone at that time; 0 where none may.
    pub(crate) fn below(&self, key: Key, time: u64) -> Offset {
        let asked = self.asked.get(&key).into_iter().flatten();
        let by_then = asked.filter(|(asked, _)| *asked <= time);
        by_then.map(|(_, below)| *below).fold(0, Offset::max)
    }

    /// The same at the end.
    pub(crate) fn finally_below(&self, key: Key) -> Offset {
        self.below(key, u64::MAX)
    }
}
