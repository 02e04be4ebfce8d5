//! What the controllers decided: the metadata log, put together from all nodes' copies of it.
//!
//! A metadata log grows and, above what is committed, may be cut off, as any log of Raft's. So of two records at one
//! offset the one of the higher term stands, and whatever lies at or above the first offset of a later term without
//! being of it was never committed: leaders hold all that is. What of two logs cannot be true is kept as it is, see
//! [`Rulings::logs`].

mod clock;
mod election;
mod merge;
mod metadata;

use std::collections::BTreeMap;

use history::{Key, NodeId, Ruling};

pub use clock::Clock;
pub use election::{Election, Standing};
pub(crate) use merge::Builder;
pub use metadata::{Conflict, MetadataCopy};

/// What the controllers decided about the workload's partitions.
#[derive(Debug, Default)]
pub struct Rulings {
    keys: BTreeMap<Key, Vec<Ruled>>,
    logs: BTreeMap<NodeId, MetadataCopy>,
}

/// A record of the metadata log about one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The state that it gave to the partition.
    pub ruling: Ruling,
    /// When, in nanoseconds of the history's clock, as well as that is known: see [`Ruled::clock`].
    pub at: u64,
    /// By which clock that is.
    pub clock: Clock,
    /// The nodes that were seen to hold the record.
    pub nodes: Vec<NodeId>,
    /// Whether it is certain that the quorum had committed it: it lay below a high watermark that some node had noted,
    /// or in the logs of most of the run's nodes. Otherwise nobody knows.
    pub committed: bool,
}

impl Rulings {
    /// Whether no copy holds any: nothing is known.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What was decided about a partition, in order.
    pub fn of(&self, key: Key) -> &[Ruled] {
        self.keys.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The rulings of one epoch of a partition, in order: the first says who was elected, the others are changes of the
    /// ISR. Empty where that epoch is not known.
    pub fn of_epoch(&self, key: Key, epoch: i32) -> &[Ruled] {
        let all = self.of(key);
        let from = all.partition_point(|ruled| ruled.ruling.epoch < epoch);
        let to = all.partition_point(|ruled| ruled.ruling.epoch <= epoch);
        &all[from..to.max(from)]
    }

    /// What held for a partition at a time of the history's clock, by the times that the rulings have.
    pub fn at(&self, key: Key, time: u64) -> Option<&Ruled> {
        let all = self.of(key);
        let after = all.partition_point(|ruled| ruled.at <= time);
        after.checked_sub(1).map(|number| &all[number])
    }

    /// All changes of a partition's epoch, in order, each with the state that it changed.
    pub fn elections(&self, key: Key) -> impl Iterator<Item = Election<'_>> {
        election::all(self.of(key))
    }

    /// The election that began an epoch.
    pub fn election(&self, key: Key, epoch: i32) -> Option<Election<'_>> {
        self.elections(key)
            .find(|election| election.after.ruling.epoch == epoch)
    }

    /// The first election after an epoch that gave the partition a leader.
    pub fn next_leader(&self, key: Key, epoch: i32) -> Option<Election<'_>> {
        self.elections(key)
            .find(|election| election.after.ruling.epoch > epoch && election.after.ruling.leader.is_some())
    }

    /// Each node's metadata log as its copies showed it.
    pub fn logs(&self) -> impl Iterator<Item = &MetadataCopy> {
        self.logs.values()
    }

    /// Batches of two nodes' logs that lie at one offset and are not the same, by offset. In one term that cannot be; in
    /// two terms it can, where one of them was never committed.
    pub fn conflicts(&self) -> Vec<Conflict> {
        metadata::conflicts(&self.logs)
    }
}

#[cfg(test)]
mod tests;
