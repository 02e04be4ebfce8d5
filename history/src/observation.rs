//! What the observer saw: brokers and controllers asked on their own, over a side channel that no fault cuts.
//!
//! Metadata is a broker's cache, not its belief: what a broker says of a leader is a [`Claim`], and only
//! within one process of that broker do claims follow each other.

use serde::{Deserialize, Serialize};

use crate::header::{Key, NodeId, Offset, Value};

/// One answer, or the lack of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The node that was asked.
    pub node: NodeId,
    /// The process of that node, see [`crate::NodeChange::incarnation`].
    pub incarnation: u32,
    /// When the request went out; the event's time is when the answer came. Same clock.
    pub asked: u64,
    /// What it answered.
    pub answer: Probe,
}

/// What a node answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// To Metadata: what the broker's cache holds of the workload's partitions.
    Metadata(Metadata),
    /// To `DescribeQuorum` on the controller's own port, by the one that leads.
    Quorum(Quorum),
    /// To `DescribeQuorum`, by a controller that does not lead.
    NotLeader,
    /// Nothing, or an error.
    Silent(Silence),
    /// A piece of the replica's own log, read by raw Fetch at this node after the run.
    Log(LogChunk),
}

/// A broker's cached view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// One claim for each partition that the broker answered for.
    pub claims: Vec<Claim>,
}

/// What one broker says of one partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The partition.
    pub key: Key,
    /// The leader; `None` is no claim.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
}

/// A controller that leads its quorum, as it sees itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quorum {
    /// The leader it names (itself).
    pub leader: NodeId,
    /// The term.
    pub epoch: i32,
    /// The committed end of the metadata log.
    pub high_watermark: Offset,
    /// The voters.
    pub voters: Vec<QuorumReplica>,
}

/// A voter of the quorum as its leader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuorumReplica {
    /// The voter.
    pub node: NodeId,
    /// The end of its log.
    pub end: Offset,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// What was asked: `metadata` or `quorum`.
    pub asked_for: String,
    /// `connection refused`, `no answer in 500 ms`, `error 7`, …
    pub reason: String,
}

/// A piece of one replica's own log, up to its own high watermark. Pieces follow each other by offset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogChunk {
    /// The partition.
    pub key: Key,
    /// The high watermark that the replica named.
    pub high_watermark: Offset,
    /// Whether this is the last piece.
    pub last: bool,
    /// `(offset, value, leader epoch of its batch)`.
    pub records: Vec<(Offset, Value, i32)>,
}
