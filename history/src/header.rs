//! The first line of a history: what was run, and what was promised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::application::Application;
use crate::availability::AvailabilityLimits;
use crate::retention::Retention;
use crate::span::Span;
use crate::transaction::TransactionLimits;

/// The name of the format, as the header carries it.
pub const FORMAT: &str = "tribunal-history";
/// The version of the format that this crate writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// More partitions than this are no run of ours, and would cost memory before the first event.
pub const KEYS_MAX: u32 = 1 << 20;

/// A broker's or controller's number in its cluster, as the broker knows it (`node.id`).
pub type NodeId = u32;
/// A partition of the run: a dense index into [`Header::topics`], partitions of the first topic first.
pub type Key = u32;
/// A record's place in its partition.
pub type Offset = i64;
/// What a record carries: dense, and unique in a run.
pub type Value = u64;

/// What was run, and what is expected of it: enough to judge the history with nothing else at hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// At most [`VERSION`].
    pub version: u32,
    /// The plan's name.
    pub plan: String,
    /// The seed that every random choice came from.
    pub seed: u64,
    /// The broker and its version, such as `kafka-4.4.0`.
    pub broker: String,
    /// The library that the clients are of, as a plan names it: `librdkafka`, `java:4.4.0`. None where that is not known, and where the broker is
    /// simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Wall-clock time of the run's start, for people (RFC 3339).
    pub started: String,
    /// The number of every node that is a broker, in order.
    pub nodes: Vec<NodeId>,
    /// The controllers, in order, where they are nodes of their own; none where the brokers are the controllers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<NodeId>,
    /// The nodes of `ZooKeeper`, in order, where it holds what the brokers' controller knows; none where the controllers are a quorum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zookeepers: Vec<NodeId>,
    /// The topics of the workload, whose partitions are the history's keys.
    pub topics: Vec<Topic>,
    /// What the checks hold the run to.
    pub expect: Expectation,
}

impl Header {
    /// Every node, whatever it is.
    pub fn all_nodes(&self) -> Vec<NodeId> {
        [&self.nodes[..], &self.controllers, &self.zookeepers].concat()
    }

    /// How many keys there are: all topics' partitions together.
    pub fn keys(&self) -> u32 {
        let partitions = self.topics.iter().map(|topic| topic.partitions);
        partitions.fold(0, u32::saturating_add)
    }

    /// The topic's name and the partition's number of a key; `None` for a key that is not of this run.
    pub fn partition(&self, key: Key) -> Option<(&str, u32)> {
        partition_of(&self.topics, key)
    }

    /// A key as people write it: `orders-3`, or `key 17` where it is not of this run.
    pub fn key_name(&self, key: Key) -> String {
        key_name(&self.topics, key)
    }

    /// The partition that a list or a register of the run lives in: they are numbered past the partitions, and shared out in turn.
    pub fn home(&self, object: Key) -> Key {
        object % self.keys().max(1)
    }

    /// The topic that a key is a partition of.
    pub fn topic(&self, key: Key) -> Option<&Topic> {
        let (name, _) = self.partition(key)?;
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The key of a topic's partition, where it is of this run.
    pub fn key_of(&self, topic: &str, partition: u32) -> Option<Key> {
        key_of(&self.topics, topic, partition)
    }
}

/// The key of a topic's partition, partitions of the first topic first; `None` where it is none of these topics'.
pub fn key_of(topics: &[Topic], topic: &str, partition: u32) -> Option<Key> {
    let mut first: Key = 0;
    for candidate in topics {
        if candidate.name == topic {
            let key = first.checked_add(partition)?;
            return (partition < candidate.partitions).then_some(key);
        }
        first = first.saturating_add(candidate.partitions);
    }
    None
}

/// The topic's name and the partition's number of a key, partitions of the first topic first; `None` for a key
/// beyond the last.
pub fn partition_of(topics: &[Topic], key: Key) -> Option<(&str, u32)> {
    let mut rest = key;
    for topic in topics {
        if rest < topic.partitions {
            return Some((&topic.name, rest));
        }
        rest -= topic.partitions;
    }
    None
}

/// A key as people write it: `orders-3`, or `key 17` where no topic has it.
pub fn key_name(topics: &[Topic], key: Key) -> String {
    partition_of(topics, key).map_or_else(
        || format!("key {key}"),
        |(topic, number)| format!("{topic}-{number}"),
    )
}

/// A topic of the workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Its name at the broker.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many replicas each partition has.
    pub replication_factor: u32,
    /// `min.insync.replicas`, set on the topic.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable`, set on the topic.
    pub unclean_election: bool,
    /// What else is set on the topic, as Kafka writes it: `cleanup.policy`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

impl Topic {
    /// Whether the broker removes records by itself that are followed by newer ones of their keys.
    pub fn is_compacted(&self) -> bool {
        let policy = self.config.get("cleanup.policy");
        policy.is_some_and(|policy| policy.split(',').any(|word| word.trim() == "compact"))
    }

    /// Whether the broker removes records by itself, each replica when it comes to it: newer ones follow them, or they are too old or
    /// too many.
    pub fn removes_records(&self) -> bool {
        let limits = ["retention.ms", "retention.bytes"];
        self.is_compacted() || limits.iter().any(|limit| self.config.contains_key(*limit))
    }
}

/// What a producer promised about repetition, which decides whether a duplicate is a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProducerPromise {
    /// A retry may write a record twice.
    AtLeastOnce,
    /// `enable.idempotence=true`: a duplicate is a violation.
    Idempotent,
}

/// What the checks hold a run to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Under this number of acknowledged writes nothing was put to the test: the verdict is unknown.
    pub minimum_acknowledged: u64,
    /// Kinds of fault of which each must have bitten at least once; else the verdict is unknown.
    pub required_faults: Vec<String>,
    /// Steps of the plan, by their names, whose faults (by their numbers) must have bitten; else the verdict is unknown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub required_steps: BTreeMap<String, u32>,
    /// The plan declares a run without faults (`nemesis = "none"`), which may be valid.
    pub without_faults: bool,
    /// What the producers promised.
    pub producers: ProducerPromise,
    /// `acks` of the producers: `0`, `1` or `all`.
    pub acks: String,
    /// Whether consumers read what is not committed: then only the final reads show that a transaction of unknown outcome happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_uncommitted: bool,
    /// What the clients make of records, beside writing and reading them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
    /// What brokers may remove by themselves; where it is not given, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The consistency model that lists and registers are held to, by its name; strict serializability where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<String>,
    /// How long a partition may go without an acknowledged write while the faults are within what the
    /// configuration tolerates. Where it is not given, nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Span>,
    /// How long what clients need may be missing, and how much may be lost. Where nothing is given, nobody asks.
    #[serde(default, skip_serializing_if = "AvailabilityLimits::is_empty")]
    pub availability: AvailabilityLimits,
    /// How long two controllers may be active at one time, in different terms. Where it is not given, nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_controllers: Option<Span>,
    /// How long a transaction may stay open. Where it is not given, nobody says of one that it hangs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<TransactionLimits>,
    /// Of a hundred writes that were due, how many have to begin in time; else the verdict is unknown. Where it is not given,
    /// nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<u32>,
    /// How many requests a producer has to have had under way at one broker at once; else the verdict is unknown. Where it is not
    /// given, nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// How many writes the clients have to have given up as their time was over; else the verdict is unknown. Where it is not
    /// given, nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    /// Whether a metric of a broker that lies breaks a promise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict_metrics: bool,
}

/// The least that a run can be held to, as a history is that says nothing of what was promised: Jepsen's own assumptions
/// (idempotent producers that ask for all acknowledgements), no minimum, no limit.
impl Default for Expectation {
    fn default() -> Self {
        Self {
            minimum_acknowledged: 0,
            required_faults: Vec::new(),
            required_steps: BTreeMap::new(),
            without_faults: true,
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
            read_uncommitted: false,
            application: None,
            retention: None,
            consistency: None,
            liveness: None,
            availability: AvailabilityLimits::default(),
            two_controllers: None,
            transactions: None,
            load: None,
            in_flight: None,
            expired: None,
            strict_metrics: false,
        }
    }
}
