//! Who votes in the controllers' quorum, where that can change.

use anyhow::Result;
use async_trait::async_trait;
use history::{NodeId, Quorum};

/// The voters of a quorum that can change, asked over the side channel.
#[async_trait]
pub trait Voters: Send + Sync {
    /// The quorum as the active controller describes it.
    async fn quorum(&self) -> Result<Quorum>;
    /// Takes a node out of the voters. Where it is none already, that is no error.
    async fn remove(&self, node: NodeId) -> Result<()>;
    /// Makes a node that has caught up with the log a voter. Where it is one already, that is no error.
    async fn add(&self, node: NodeId) -> Result<()>;
}
