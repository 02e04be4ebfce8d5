//! How a fake cluster is moved from `ZooKeeper` to controllers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Mutex;

use anyhow::Result;
use async_trait::async_trait;
use cluster::{Migration, Mode, TakenOver};
use history::NodeId;

use super::Journal;

/// Its controllers, …
pub(super) const CONTROLLERS: RangeInclusive<NodeId> = 4..=6;
/// … and its nodes of `ZooKeeper`.
pub(super) const ZOOKEEPERS: RangeInclusive<NodeId> = 7..=9;

/// By what each of its nodes knows the cluster.
pub struct FakeMigration {
    modes: Mutex<BTreeMap<NodeId, Mode>>,
    journal: Journal,
}

impl FakeMigration {
    pub(super) fn new(journal: Journal) -> Self {
        Self {
            modes: Mutex::default(),
            journal,
        }
    }

    fn all(&self, nodes: RangeInclusive<NodeId>, least: Mode) -> bool {
        nodes.into_iter().all(|node| self.mode(node) >= least)
    }
}

#[async_trait]
impl Migration for FakeMigration {
    fn mode(&self, node: NodeId) -> Mode {
        let modes = self.modes.lock().expect("modes");
        modes.get(&node).copied().unwrap_or(Mode::ZooKeeper)
    }
    async fn change(&self, node: NodeId, mode: Mode) -> Result<()> {
        let mut journal = self.journal.lock().expect("the journal");
        journal.push(format!("{node} by {mode:?}"));
        self.modes.lock().expect("modes").insert(node, mode);
        Ok(())
    }
    async fn quorum(&self) -> Result<(NodeId, i32)> {
        anyhow::ensure!(self.all(CONTROLLERS, Mode::Both), "no quorum yet");
        Ok((5, 2))
    }
    async fn taken_over(&self) -> Result<Option<TakenOver>> {
        let all = self.all(CONTROLLERS, Mode::Both) && self.all(1..=3, Mode::Both);
        Ok(all.then_some(TakenOver {
            controller: 5,
            term: 2,
            offset: 117,
        }))
    }
    async fn is_by_quorum(&self, broker: NodeId) -> Result<bool> {
        Ok(self.mode(broker) == Mode::Quorum)
    }
}
