//! What a cluster's own administration can do to it, whatever broker it is made of.
//!
//! The nemesis turns it into faults. Everything here has a named limit, and an error names what it is about.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use async_trait::async_trait;
use history::{NodeId, Offset, Quorum};

use crate::view::PartitionView;

/// A partition of any topic, of the workload or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: u32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.topic, self.partition)
    }
}

/// Who may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// The first of the replicas, where it is in sync.
    Preferred,
    /// Any replica that is up, in sync or not, where the partition has no leader: what only others hold is lost.
    Unclean,
}

/// What came of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elected {
    /// There was one.
    Yes,
    /// There was no need: the preferred replica leads already, or the partition has a leader.
    NotNeeded,
}

/// A change of a partition's replicas that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassignment {
    /// The partition.
    pub partition: TopicPartition,
    /// All replicas, old and new.
    pub replicas: Vec<NodeId>,
    /// Those that come.
    pub adding: Vec<NodeId>,
    /// Those that go.
    pub removing: Vec<NodeId>,
}

/// A broker that the controllers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegisteredBroker {
    /// Its node.
    pub node: NodeId,
    /// Whether it serves nobody: it is ending, or comes up, or was not heard of for too long.
    pub fenced: bool,
}

/// A topic that is to be made beside the workload's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many replicas each has.
    pub replication_factor: u32,
}

/// Why records were not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The broker refused: nothing was deleted on account of this request.
    #[error("{0}")]
    Refused(String),
    /// There was no answer that says so: they may be deleted, now or later.
    #[error("{0}")]
    Unknown(String),
}

/// A cluster's administration, over the side channel.
#[async_trait]
pub trait Admin: Send + Sync {
    /// The partitions of a topic as this node's broker sees them now, by number: none where it knows no such topic.
    async fn partitions(&self, node: NodeId, topic: &str) -> Result<BTreeMap<u32, PartitionView>>;
    /// Every partition of every topic, internal ones too, as this node's broker sees them now.
    async fn all_partitions(&self, node: NodeId) -> Result<BTreeMap<TopicPartition, PartitionView>>;
    /// The brokers that are registered in the eyes of this node's broker, in order. Kafka before 4.0 names none that
    /// is fenced.
    async fn registered(&self, node: NodeId) -> Result<Vec<RegisteredBroker>>;
    /// Ends the registration of a broker whose process has ended: nobody waits for it any more. Where it has none,
    /// that is no error.
    async fn unregister(&self, node: NodeId) -> Result<()>;
    /// Elects leaders, and says of each partition what came of it. The error of one is the error of all, and names it.
    async fn elect(&self, election: Election, partitions: &[TopicPartition]) -> Result<Vec<Elected>>;
    /// Gives partitions these replicas, in the order of preference. Returns once that is under way.
    async fn reassign(&self, moves: &[(TopicPartition, Vec<NodeId>)]) -> Result<()>;
    /// Ends changes of replicas that are under way: the replicas are those before. Where none is, that is no error.
    async fn cancel_reassignments(&self, partitions: &[TopicPartition]) -> Result<()>;
    /// All changes of replicas that are under way.
    async fn reassignments(&self) -> Result<Vec<Reassignment>>;
    /// Settings of a topic as this node's broker describes them; `None` where it has no value.
    async fn topic_config(
        &self,
        node: NodeId,
        topic: &str,
        names: &[&str],
    ) -> Result<BTreeMap<String, Option<String>>>;
    /// Changes one setting of a topic; `None` takes the topic's own value away, so that the default holds again.
    async fn set_topic_config(&self, topic: &str, name: &str, value: Option<&str>) -> Result<()>;
    /// Gives a topic more partitions, so that it has this many.
    async fn create_partitions(&self, topic: &str, total: u32) -> Result<()>;
    /// Makes topics. One that is there already is no error.
    async fn create_topics(&self, topics: &[NewTopic]) -> Result<()>;
    /// Deletes topics. One that is not there is no error.
    async fn delete_topics(&self, names: &[String]) -> Result<()>;
    /// Where a partition's log begins and up to where it is committed, as its leader has it.
    async fn log_range(&self, partition: &TopicPartition) -> Result<(Offset, Offset)>;
    /// Deletes the records of a partition below an offset. Returns the low watermark that the leader answers with:
    /// the lowest offset at which any live replica's log begins.
    async fn delete_records(&self, partition: &TopicPartition, below: Offset) -> Result<Offset, DeleteError>;
    /// The controllers' quorum, as the active one describes it.
    async fn quorum(&self) -> Result<Quorum>;
}
