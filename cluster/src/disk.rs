//! The disks of machines: what can be done to them, and what it did.

use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;
use history::NodeId;
use serde::{Deserialize, Serialize};

pub use ::sandbox::{
    DiskEffect, DiskStats, Files, Flip, Hook, HookCounts, HookId, Loss, Lost, Operation, Which,
};

use crate::Cluster;

/// The disk under a machine's data. It works until somebody steers it; all faults end with [`Disk::restore`] and
/// [`Disk::unhook`].
#[async_trait]
pub trait Disk: Send + Sync {
    /// The power fails: from this instant on nothing is read, written or synced. Whether there was power.
    fn cut(&self) -> bool;
    /// Whether there is power.
    fn is_on(&self) -> bool;
    /// Drops what was not synced. The power is cut, and the machine's process has ended.
    async fn lose(&self, how: Loss) -> Result<Lost>;
    /// The power is back, where it was cut. (A machine on which a process is started has power in any case.)
    async fn restore(&self) -> Result<()>;
    /// Puts a fault in force.
    fn hook(&self, hook: Hook) -> HookId;
    /// What a fault has done so far, or did.
    fn counts(&self, id: HookId) -> HookCounts;
    /// Ends a fault, and says what it did.
    fn unhook(&self, id: HookId) -> HookCounts;
    /// Flips so many bits of files of a kind, drawn from a seed.
    async fn rot(&self, files: &Files, bits: u32, seed: u64) -> Result<Vec<Flip>>;
    /// Flips back those that are still as they were left; how many.
    async fn mend(&self, flips: &[Flip]) -> Result<u32>;
    /// What it has done so far.
    fn stats(&self) -> DiskStats;
}

/// The kinds of files that a broker keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// All of them.
    #[default]
    Any,
    /// The records of topics.
    Segment,
    /// By which records are found.
    Index,
    /// Notes of how far a broker has come.
    Checkpoint,
    /// The cluster's metadata and who was voted for.
    MetadataLog,
}

impl FileKind {
    /// Its word in plans.
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Segment => "segment",
            Self::Index => "index",
            Self::Checkpoint => "checkpoint",
            Self::MetadataLog => "metadata-log",
        }
    }
}

impl dyn Cluster {
    /// A node's disk, where its environment can do something to it.
    pub fn disk(&self, node: NodeId) -> Result<Arc<dyn Disk>> {
        self.machine(node)?
            .disk()
            .with_context(|| format!("node {node} has no disk that can fail"))
    }

    /// Cuts the power of these nodes' disks: of all of them at one instant, as far as a machine can.
    pub fn cut_power(&self, nodes: &[NodeId]) -> Result<()> {
        let disks: Vec<_> = nodes.iter().map(|node| self.disk(*node)).collect::<Result<_>>()?;
        for disk in disks {
            disk.cut();
        }
        Ok(())
    }
}
