//! The move of a cluster of Kafka from `ZooKeeper` to a quorum of controllers, as Kafka's own migration does it (KIP-866).

use anyhow::Result;
use async_trait::async_trait;
use history::{NodeId, Offset};

/// By what a broker or a controller knows who is in the cluster and who leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// By `ZooKeeper` alone. A controller of its own does not run yet.
    ZooKeeper,
    /// By either: what the quorum decides is written to `ZooKeeper` as well.
    Both,
    /// By the quorum alone.
    Quorum,
}

/// How far `ZooKeeper` itself says that the quorum has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// The controller that wrote it.
    pub controller: NodeId,
    /// Its term in the quorum.
    pub term: i32,
    /// Up to which offset of the metadata log `ZooKeeper` holds what the quorum decided.
    pub offset: Offset,
}

/// The nodes of a cluster that can be moved.
#[async_trait]
pub trait Migration: Send + Sync {
    /// How a broker or a controller runs, or will when it is started next.
    fn mode(&self, node: NodeId) -> Mode;
    /// Makes a node whose process does not run start in another mode, its data kept. A controller that never ran is formatted
    /// for the cluster that `ZooKeeper` holds.
    async fn change(&self, node: NodeId, mode: Mode) -> Result<()>;
    /// Who leads the controllers' quorum, and in which term, by its own word over the side channel.
    async fn quorum(&self) -> Result<(NodeId, i32)>;
    /// What `ZooKeeper` holds of the take-over; none as long as the quorum has not copied all that was there.
    async fn taken_over(&self) -> Result<Option<TakenOver>>;
    /// Whether a broker runs by the quorum alone, by its own word over the side channel: only then it knows levels that the quorum has
    /// finalised.
    async fn is_by_quorum(&self, broker: NodeId) -> Result<bool>;
}
