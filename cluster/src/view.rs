//! Who leads, as far as the observer has seen: read-only, for targets and for the progress line.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use history::{Key, NodeId};
use tokio::sync::watch;
use tokio::time::Instant;

/// One partition as the newest claim has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionView {
    /// The leader.
    pub leader: Option<NodeId>,
    /// Its epoch.
    pub epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// All replicas, in the order of preference: the first is to lead where it can.
    pub replicas: Vec<NodeId>,
}

/// Who leads now. The observer writes it; everybody else reads.
#[derive(Debug, Default)]
pub struct ClusterView {
    inner: RwLock<Inner>,
    changed: watch::Sender<Change>,
}

/// The newest change of a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// How many there have been.
    pub count: u64,
    /// When it was seen; nothing as long as there was none.
    pub at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Inner {
    partitions: BTreeMap<Key, PartitionView>,
    controller: Option<(NodeId, i32)>,
    /// The nodes of `ZooKeeper` that serve, and whether each leads.
    zookeepers: BTreeMap<NodeId, bool>,
    /// The brokers that are registered there, and by which session each is.
    sessions: BTreeMap<NodeId, i64>,
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

    /// The nodes of `ZooKeeper` that serve, and whether each leads its ensemble (or is alone).
    pub fn zookeepers(&self) -> BTreeMap<NodeId, bool> {
        self.read(|inner| inner.zookeepers.clone())
    }

    /// The brokers that are registered in `ZooKeeper`, and by which session each is, as the leader of its ensemble has it.
    pub fn sessions(&self) -> BTreeMap<NodeId, i64> {
        self.read(|inner| inner.sessions.clone())
    }

    /// The leader of `ZooKeeper`'s ensemble holds these registrations.
    pub fn set_sessions(&self, sessions: BTreeMap<NodeId, i64>) {
        self.write(|inner| {
            let news = inner.sessions != sessions;
            inner.sessions = sessions;
            news
        });
    }

    /// A node of `ZooKeeper` serves, leading or not; or it does not serve.
    pub fn set_zookeeper(&self, node: NodeId, leads: Option<bool>) {
        self.write(|inner| {
            let before = inner.zookeepers.get(&node).copied();
            match leads {
                Some(leads) => inner.zookeepers.insert(node, leads),
                None => inner.zookeepers.remove(&node),
            };
            before != leads
        });
    }

    /// Takes a claim over, unless a newer epoch is known.
    pub fn set_partition(&self, key: Key, view: PartitionView) {
        self.write(|inner| {
            let known = inner.partitions.entry(key).or_default();
            let news = view.epoch >= known.epoch && *known != view;
            if news {
                *known = view;
            }
            news
        });
    }

    /// Takes a controller's claim over, unless a newer term is known.
    pub fn set_controller(&self, node: NodeId, epoch: i32) {
        self.write(|inner| {
            let newer = inner.controller.is_none_or(|(_, known)| epoch >= known);
            let news = newer && inner.controller != Some((node, epoch));
            if news {
                inner.controller = Some((node, epoch));
            }
            news
        });
    }

    /// What was known of the controller no longer holds: terms are counted anew.
    pub fn forget_controller(&self) {
        self.write(|inner| inner.controller.take().is_some());
    }

    /// Tells of each change as soon as it is written: for who waits until something is seen.
    pub fn changes(&self) -> watch::Receiver<Change> {
        self.changed.subscribe()
    }

    fn read<T>(&self, f: impl FnOnce(&Inner) -> T) -> T {
        f(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes, and tells those who wait where that made a difference.
    fn write(&self, f: impl FnOnce(&mut Inner) -> bool) {
        let news = f(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner));
        if news {
            self.changed.send_modify(|change| {
                change.count += 1;
                change.at = Some(Instant::now());
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClusterView, PartitionView};

    fn led_by(leader: u32, epoch: i32) -> PartitionView {
        PartitionView {
            leader: Some(leader),
            epoch,
            ..PartitionView::default()
        }
    }

    #[test]
    fn only_what_makes_a_difference_is_a_change() {
        let view = ClusterView::default();
        let changes = view.changes();
        let check = |expected: u64| assert_eq!(changes.borrow().count, expected);
        check(0);
        view.set_partition(0, led_by(1, 3));
        check(1);
        view.set_partition(0, led_by(1, 3));
        view.set_partition(0, led_by(2, 2));
        check(1);
        view.set_partition(0, led_by(2, 4));
        check(2);
        view.set_controller(1, 1);
        view.set_controller(1, 1);
        view.set_controller(3, 0);
        check(3);
        assert!(changes.borrow().at.is_some());
    }
}
