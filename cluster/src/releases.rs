//! The versions of a cluster's broker, where its nodes can run more than one.

use std::collections::BTreeMap;

use anyhow::Result;
use async_trait::async_trait;
use history::NodeId;

/// Levels of features by their names; one that is not named is at 0.
pub type Levels = BTreeMap<String, i16>;

/// The lowest and the highest level of each feature that a node can do. They tell its version.
pub type Abilities = BTreeMap<String, (i16, i16)>;

/// The ability of a broker that knows no features, with `ZooKeeper`: how many kinds of requests it answers, and the newest versions of all of
/// them, added up.
pub const REQUESTS: &str = "versions of requests";
/// The ability of a node of `ZooKeeper`: its own version, as a number (3.8.4 is 30804).
pub const ZOOKEEPER_VERSION: &str = "ZooKeeper's version";

/// Which version a node runs, and what all of them together have switched on.
#[async_trait]
pub trait Releases: Send + Sync {
    /// The versions that were made ready for this run, the others cannot be run.
    fn all(&self) -> Vec<String>;
    /// The version that a node runs, or will when it is started next.
    fn of(&self, node: NodeId) -> Option<String>;
    /// Makes a node whose broker does not run start with another version, its data kept.
    async fn change(&self, node: NodeId, version: &str) -> Result<()>;
    /// What a node's broker can do, as it says itself, over the side channel.
    async fn abilities(&self, node: NodeId) -> Result<Abilities>;
    /// What the cluster has finalised, as a node's broker knows it: a version that does not know it cannot join any more.
    async fn finalised(&self, node: NodeId) -> Result<Levels>;
    /// Finalises all that a version has switched on when it is formatted. There is no way back.
    async fn finalise(&self, version: &str) -> Result<()>;
    /// What of that keeps brokers of a version from joining, in words; nothing where they can.
    fn cannot_join(&self, version: &str, finalised: &Levels) -> Option<String>;
    /// Whether the first of two versions is the older.
    fn is_older(&self, one: &str, other: &str) -> bool;
}
