//! Who votes in the controllers' quorum, where that can change.

use anyhow::Result;
use async_trait::async_trait;
use history::NodeId;

/// The voters of a quorum that can change, asked over the side channel. Who they are says [`Admin::quorum`](crate::Admin::quorum).
#[async_trait]
pub trait Voters: Send + Sync {
    /// Takes a node out of the voters. Where it is none already, that is no error.
    async fn remove(&self, node: NodeId) -> Result<()>;
    /// Makes a node that has caught up with the log a voter. Where it is one already, that is no error.
    async fn add(&self, node: NodeId) -> Result<()>;
}
