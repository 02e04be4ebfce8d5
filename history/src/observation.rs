//! What the observer saw: brokers and controllers asked on their own, over a side channel that no fault cuts.
//!
//! Metadata is a broker's cache, not its belief: what a broker says of a leader is a [`Claim`], and only
//! within one process of that broker do claims follow each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::header::{Key, NodeId, Offset, Value};
use crate::transaction::Undecided;

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
    /// To `DescribeTopicPartitions`: the same cache, with the replicas that may lead beside the ISR.
    Partitions(Partitions),
    /// To `ListOffsets` and `OffsetForLeaderEpoch` at the epoch that it believes in, by a broker that takes itself for a leader.
    Stands(Stands),
    /// To a produce with acks=1 and a fetch on the probe topic, by a broker that takes itself for a leader there.
    Served(Served),
    /// Its own metrics.
    Metrics(Metrics),
    /// To `DescribeQuorum` on the controller's own port, by the one that leads.
    Quorum(Quorum),
    /// To `DescribeQuorum`, by a controller that does not lead.
    NotLeader,
    /// By a node of `ZooKeeper`: what it holds of Kafka's.
    #[serde(rename = "zookeeper")]
    ZooKeeper(ZooKeeper),
    /// Nothing, or an error.
    Silent(Silence),
    /// A piece of the replica's own log, read by raw Fetch at this node after the run.
    Log(LogChunk),
    /// By a partition's leader after the run: transactions hold its last stable offset back, or do no more.
    Undecided(Undecided),
}

/// What a node of `ZooKeeper` holds of Kafka's. It may lag behind its leader, as far as the ensemble lets it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ZooKeeper {
    /// Whether the node leads its ensemble, or is alone.
    pub leads: bool,
    /// The broker that is the controller; none while none is elected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<NodeId>,
    /// The term of that controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
    /// The brokers that are registered, each with the session that its registration ends with.
    pub sessions: Vec<Session>,
    /// Who leads the workload's partitions, as the controllers wrote it.
    pub claims: Vec<Claim>,
}

/// By which session a broker is registered in `ZooKeeper`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The broker.
    pub node: NodeId,
    /// The session's number.
    pub session: i64,
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

/// A broker's cached view of partitions, with who may lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partitions {
    /// One for each partition that the broker answered for.
    pub partitions: Vec<Eligible>,
}

/// What one broker says of one partition and of who may lead it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Eligible {
    /// The partition.
    pub key: Key,
    /// The leader; `None` is no claim.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// The eligible leader replicas (KIP-966).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elr: Vec<NodeId>,
    /// Who led last, where neither ISR nor ELR hold anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_known: Vec<NodeId>,
}

/// What a broker that takes itself for the leader of partitions answers for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stands {
    /// One for each partition that it was asked for.
    pub stands: Vec<Stand>,
}

/// Whether a broker answers as leader of a partition in the epoch in which it believes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stand {
    /// The partition.
    pub key: Key,
    /// The epoch that it was asked in: the newest in which its own metadata named it leader.
    pub epoch: i32,
    /// Up to where it lets consumers read (`ListOffsets`, latest): it answered as leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_watermark: Option<Offset>,
    /// Where its log of that epoch ends (`OffsetForLeaderEpoch`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Offset>,
    /// Why it did not answer as leader: Kafka's name of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a broker did for a client on the partitions of the probe topic that it takes itself for the leader of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// One for each of these partitions.
    pub served: Vec<Service>,
}

/// What a broker did for a client on one partition of the probe topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The partition of the probe topic, which is no key of the run.
    pub partition: u32,
    /// The epoch in which its metadata named it leader.
    pub epoch: i32,
    /// What became of a produce with acks=1.
    pub write: Answer,
    /// What became of a fetch.
    pub read: Answer,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was served: the offset of what was written or, of a fetch, the high watermark.
    Done(Offset),
    /// It was refused, or not answered: why.
    Refused(String),
}

/// A broker's own metrics, those that it has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// What each stood at.
    pub values: BTreeMap<Metric, i64>,
}

/// A metric that operators watch. The names are those of the brokers' `MBeans`; each node is broker and controller, and tells those
/// of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// `KafkaController.ActiveControllerCount`: 1 where this node is the active controller.
    ActiveControllers,
    /// `ControllerStats.LeaderElectionRateAndTimeMs`: elections of partition leaders since the process started. The controller of
    /// `ZooKeeper` mode has it; in `KRaft` nothing counts all elections.
    Elections,
    /// `ControllerStats.UncleanLeaderElectionsPerSec`: unclean ones since the process started. In `KRaft` every controller
    /// counts those that it sees in the metadata log, not the active one alone.
    UncleanElections,
    /// `KafkaController.OfflinePartitionsCount`: partitions without a leader, of all topics. In `KRaft` every controller tells it.
    OfflinePartitions,
    /// `ReplicaManager.UnderReplicatedPartitions`: led here, with fewer in sync than replicas.
    UnderReplicated,
    /// `ReplicaManager.UnderMinIsrPartitionCount`: led here, with fewer in sync than `min.insync.replicas`.
    UnderMinIsr,
    /// `ReplicaManager.LeaderCount`: partitions led here, of all topics.
    Leaders,
    /// `ReplicaManager.FailedIsrUpdatesPerSec`: changes of an ISR that failed, since the process started.
    FailedIsrUpdates,
    /// `ReplicaManager.IsrShrinksPerSec`: as leader, since the process started.
    IsrShrinks,
    /// `ReplicaManager.IsrExpandsPerSec`: as leader, since the process started.
    IsrExpands,
    /// `ControllerStats.ElectionFromEligibleLeaderReplicasPerSec`: elections of a leader that was not in the ISR but eligible
    /// (KIP-966), since the process started. `KRaft` from 4.0 on; every controller counts.
    ElrElections,
    /// `KafkaController.NewActiveControllersCount`: how often this controller has seen the quorum elect a leader since the process
    /// started. `KRaft` alone.
    NewControllers,
    /// `KafkaController.GlobalPartitionCount`: partitions of all topics. In `KRaft` every controller tells it.
    Partitions,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ActiveControllers,
        Self::Elections,
        Self::UncleanElections,
        Self::OfflinePartitions,
        Self::UnderReplicated,
        Self::UnderMinIsr,
        Self::Leaders,
        Self::FailedIsrUpdates,
        Self::IsrShrinks,
        Self::IsrExpands,
        Self::ElrElections,
        Self::NewControllers,
        Self::Partitions,
    ];
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
    /// What was asked: `metadata`, `partitions`, `stands`, `served`, `metrics` or `quorum`.
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
