//! A running cluster, as the nemesis, the workloads and the run see it: whatever broker it is made of.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use history::{Key, Moment, NodeId, Offset, Topic, Undecided, Value};

use crate::admin::Admin;
use crate::clock::ClockReading;
use crate::disk::{FileKind, Files};
use crate::environment::{Exit, Links, Machine};
use crate::migration::Migration;
use crate::releases::Releases;
use crate::view::ClusterView;
use crate::voters::Voters;

/// The TCP ports of each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Where clients and other brokers connect.
    pub client: u16,
    /// Where the controllers speak to each other, and brokers to them.
    pub controller: u16,
}

/// A cluster under trial. All of it can be called from any task; nothing here waits longer than it says.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The machines, in the order of their nodes' numbers.
    fn machines(&self) -> &[Arc<dyn Machine>];
    /// The nodes that are controllers alone, in order; none where every node is a broker.
    fn controllers_alone(&self) -> Vec<NodeId> {
        Vec::new()
    }
    /// The nodes of `ZooKeeper`, in order; none where the controllers are a quorum, or there are none.
    fn zookeepers(&self) -> Vec<NodeId> {
        Vec::new()
    }
    /// The links between them, where the environment can cut them.
    fn links(&self) -> Option<Arc<dyn Links>>;
    /// Its versions, where the broker has more than one.
    fn releases(&self) -> Option<Arc<dyn Releases>> {
        None
    }
    /// Its administration, where the broker has one.
    fn admin(&self) -> Option<Arc<dyn Admin>> {
        None
    }
    /// The voters of its controllers' quorum, where they can change.
    fn voters(&self) -> Option<Arc<dyn Voters>> {
        None
    }
    /// How it is moved from `ZooKeeper` to controllers of its own, where it has both.
    fn migration(&self) -> Option<Arc<dyn Migration>> {
        None
    }
    /// The ports of each node.
    fn ports(&self) -> Ports;
    /// The addresses a client begins with, as `host:port,…`.
    fn bootstrap(&self) -> String;
    /// Which files of a node's disk are of that kind, by their names.
    fn files_of(&self, _kind: FileKind) -> Files {
        Files::any()
    }
    /// Who leads, as far as the observer has seen.
    fn view(&self) -> &ClusterView;

    /// Creates the topics and waits until each partition has a leader that every broker knows.
    async fn create_topics(&self, topics: &[Topic], within: Duration) -> Result<()>;
    /// The number of a node's newest process, see [`history::NodeChange::incarnation`].
    fn incarnation(&self, node: NodeId) -> u32;
    /// Starts a node's broker process where none runs; does not wait until it serves.
    async fn start_node(&self, node: NodeId) -> Result<()>;
    /// Ends a node's broker process with SIGKILL and waits until it is gone.
    async fn kill_node(&self, node: NodeId) -> Result<Exit>;
    /// Asks a node's broker process to end (SIGTERM), waits, and kills it where it takes longer.
    async fn stop_node(&self, node: NodeId, within: Duration) -> Result<Exit>;
    /// Removes all that a node's broker keeps on its disk, and formats it anew: the same cluster and node, and a
    /// directory that nobody knows. Fails where its process runs.
    async fn wipe_node(&self, node: NodeId) -> Result<Wiped> {
        bail!("wipe node {node}: this cluster's nodes have no disk that can be formatted anew")
    }
    /// Keeps what lies on these nodes' disks, as it may be destroyed now: copies it, and records what it was once that was read.
    /// Starts of nodes ([`Cluster::start_node`]) and wipes are kept by themselves. Never fails: what goes wrong is in the event.
    async fn keep(&self, _nodes: &[NodeId], _moment: Moment) {}
    /// How far the newest process of a node has come with recovering its logs.
    async fn recovery(&self, node: NodeId) -> Result<Recovery> {
        bail!("see node {node} recover its logs: this cluster does not tell")
    }
    /// Whether the node's broker answers a request over the side channel in that time.
    async fn answers(&self, node: NodeId, within: Duration) -> bool;
    /// By how much a node's clock is off, as its broker itself says over the side channel.
    async fn clock_reading(&self, node: NodeId) -> Result<ClockReading> {
        anyhow::bail!("ask node {node} for its time: the brokers of this cluster tell nobody")
    }
    /// Writes one record that no check looks at (an empty one) to a partition's leader, with acks=1, over
    /// the side channel: a follower that stands at its leader's end never leaves the ISR.
    async fn nudge(&self, key: Key) -> Result<()>;
    /// Whether every replica is in its ISR, in the eyes of every broker, with the same end offset: then
    /// each key's end. Otherwise the error says who is not; it is a [`WatermarkBehind`] where that is all.
    async fn settled(&self) -> Result<Vec<Offset>>;
    /// How far a partition is decided, by its leader's word and that of the coordinators of transactions, and who the leader is; `None`
    /// where this cluster does not tell.
    async fn undecided(&self, _key: Key) -> Result<Option<(NodeId, Undecided)>> {
        Ok(None)
    }
    /// Reads one replica's own copy of a partition, by raw Fetch at that node over the side channel, from its
    /// start to its own high watermark.
    async fn replica_log(&self, node: NodeId, key: Key) -> Result<ReplicaLog>;
}

/// A replica that holds all that the others do, and has not heard yet that all of it is committed.
///
/// A follower hears so in an answer to a fetch. It throws such an answer away where it came while its leader changed, and within one fetch
/// session a leader says the same high watermark of a partition once (KIP-227): without another record the follower stays behind. Seen
/// with Kafka 4.4.0 for a minute after a truncation, on a machine that was short of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} ends at {end} on node {node}, whose high watermark is {high_watermark}")]
pub struct WatermarkBehind {
    /// The partition.
    pub key: Key,
    /// Its name.
    pub name: String,
    /// Where every replica ends.
    pub end: Offset,
    /// The first of the replicas of which it is true.
    pub node: NodeId,
    /// What that one takes for committed.
    pub high_watermark: Offset,
}

/// What was removed from a node's disk, and what took its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiped {
    /// How many files were removed.
    pub files: u64,
    /// How many bytes of the disk they took up.
    pub bytes: u64,
    /// By which number the cluster knew the directory of its data.
    pub directory_before: String,
    /// The number it has now.
    pub directory: String,
}

/// How far a broker's process has come with recovering its logs. It does so before it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It has not begun.
    Before,
    /// It is at it.
    Underway,
    /// It has ended.
    Over,
}

impl dyn Cluster {
    /// Every node's number, in order.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.machines().iter().map(|machine| machine.node()).collect()
    }

    /// The nodes that are brokers, in order.
    pub fn brokers(&self) -> Vec<NodeId> {
        let (mut nodes, others) = (
            self.nodes(),
            [self.controllers_alone(), self.zookeepers()].concat(),
        );
        nodes.retain(|node| !others.contains(node));
        nodes
    }

    /// The machine of a node.
    pub fn machine(&self, node: NodeId) -> Result<&Arc<dyn Machine>> {
        self.machines()
            .iter()
            .find(|machine| machine.node() == node)
            .ok_or_else(|| anyhow::anyhow!("there is no node {node}"))
    }
}

/// A replica's own copy of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaLog {
    /// The high watermark that the replica named.
    pub high_watermark: Offset,
    /// `(offset, value, leader epoch of its batch)`, without empty records and markers.
    pub records: Vec<(Offset, Value, i32)>,
}
