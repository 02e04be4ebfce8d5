//! Who leads, as far as the observer has seen: read-only, for targets and for the progress line.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use history::{Key, NodeId};

/// One partition as the newest claim has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionView {
    /// The leader.
    pub leader: Option<NodeId>,
    /// Its epoch.
    pub epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// All replicas.
    pub replicas: Vec<NodeId>,
}

/// Who leads now. The observer writes it; everybody else reads.
#[derive(Debug, Default)]
pub struct ClusterView {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    partitions: BTreeMap<Key, PartitionView>,
    controller: Option<(NodeId, i32)>,
}

impl ClusterView {
    /// What is known of a partition.
    pub fn partition(&self, key: Key) -> Option<PartitionView> {
        self.read(|inner| inner.partitions.get(&key).cloned())
    }

    /// All partitions that are known.
    pub fn partitions(&self) -> BTreeMap<Key, PartitionView> {
        self.read(|inner| inner.partitions.clone())
    }

    /// The active controller and its term.
    pub fn controller(&self) -> Option<(NodeId, i32)> {
        self.read(|inner| inner.controller)
    }

    /// Takes a claim over, unless a newer epoch is known.
    pub fn set_partition(&self, key: Key, view: PartitionView) {
        self.write(|inner| {
            let known = inner.partitions.entry(key).or_default();
            if view.epoch >= known.epoch {
                *known = view;
            }
        });
    }

    /// Takes a controller's claim over, unless a newer term is known.
    pub fn set_controller(&self, node: NodeId, epoch: i32) {
        self.write(|inner| {
            if inner.controller.is_none_or(|(_, known)| epoch >= known) {
                inner.controller = Some((node, epoch));
            }
        });
    }

    fn read<T>(&self, f: impl FnOnce(&Inner) -> T) -> T {
        f(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}
