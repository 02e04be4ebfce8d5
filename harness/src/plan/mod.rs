//! What the user wrote, and what it means.
//!
//! A [`Plan`] is read with every error at its line and column; [`resolve()`] fills every default in and draws
//! every random choice. A resolved plan is a plan again: running it is the replay.

mod attached;
mod check;
mod client;
mod metrics;
pub mod place;
mod resolve;
mod shipped;
mod simulated;
mod spread;
mod tuning;
mod versions;

use cluster::kafka::{KafkaConfig, Level, NodeTuning, Quorum};
use cluster::sim::Bug;
use history::{AvailabilityLimits, NodeId, Span, Topic};
use nemesis::NemesisConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use attached::{AttachedPlan, Whereabouts, check_allowed};
pub use check::{Wrong, check_name, makes_sense};
pub use client::ClientName;
pub use metrics::MetricsChoice;
pub use resolve::{Overrides, Resolved, SEEDS, draw_seed, resolve};
pub use shipped::{SHIPPED, load};

/// A plan, as the user wrote it, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// The plan's name, which the run's directory carries.
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub about: String,
    /// The seed, where the command line gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The broker and its version.
    #[serde(default = "default_broker")]
    pub broker: String,
    /// The clients' library: `librdkafka`, in this process; `java`, or `java:3.9.2`, Apache's own; `python`, which is confluent-kafka;
    /// `exec:PROGRAM ARGUMENTS`, a driver of one's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub client: ClientName,
    /// How many brokers.
    #[serde(default = "default_nodes")]
    pub nodes: u32,
    /// Who controls: the brokers, nodes of their own, or one broker by way of `ZooKeeper`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: Shape,
    /// How many controllers, where they are nodes of their own, or the cluster is moved to such: three where this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controllers: Option<u32>,
    /// How many nodes of `ZooKeeper`, where the shape has them: three where this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zookeepers: Option<u32>,
    /// The bugs of the simulated broker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bugs: Vec<Bug>,
    /// Whether the voters of the controllers' quorum can change: `static` or `dynamic` (KIP-853).
    #[serde(default)]
    pub quorum: Quorum,
    /// `tuned` (seconds become fractions of one) or `default` (as the broker ships).
    #[serde(default)]
    pub timeouts: cluster::kafka::Timeouts,
    /// What the run waits for, and what it has to reach.
    #[serde(default)]
    pub limits: Limits,
    /// The topics that the workload writes to and reads from.
    pub topics: Vec<TopicPlan>,
    /// What the clients do.
    pub workload: workloads::WorkloadConfig,
    /// What goes wrong.
    pub nemesis: NemesisConfig,
    /// The versions of nodes that begin with another than the broker's: `n2 = "3.9.2"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// The levels of features that formatting does not leave to Kafka.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<String, Level>,
    /// Whether each node's data lies on a disk that can fail.
    #[serde(default, skip_serializing_if = "is_default")]
    pub disk: DiskChoice,
    /// Whether partitions are written and read by a prober of Tribunal's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prober: ProberPlan,
    /// Whether the brokers' own metrics are asked for, and what one that lies does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metrics: MetricsChoice,
    /// Properties of every node's broker, over everything that Tribunal sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Options of every node's JVM, over everything that Tribunal sets: `["-Xmx512m"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jvm: Vec<String>,
    /// What is allowed where the cluster is somebody else's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attached: AttachedPlan,
    /// What single nodes are given over that: `[node.n2]`, with `properties` and `jvm`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node: BTreeMap<String, NodeTuning>,
}

impl Plan {
    /// Whether the broker is the simulated one.
    pub fn is_simulated(&self) -> bool {
        self.broker == cluster::SIMULATED
    }

    /// The configuration of a broker that is Kafka.
    pub fn kafka(&self) -> KafkaConfig {
        KafkaConfig {
            version: self.broker.trim_start_matches("kafka-").to_owned(),
            versions: by_number(&self.versions),
            nodes: self.nodes,
            controllers: self.own_controllers(),
            zookeepers: self.own_zookeepers(),
            features: self.features.clone(),
            quorum: self.quorum,
            timeouts: self.timeouts,
            properties: self.properties.clone(),
            jvm: self.jvm.clone(),
            tuning: by_number(&self.node),
        }
    }

    /// Whether a fault moves the cluster from `ZooKeeper` to controllers.
    pub fn moves(&self) -> bool {
        self.nemesis.kinds().iter().any(|kind| kind == MOVES)
    }

    /// How many nodes are controllers alone. With `ZooKeeper` these are those that the cluster is moved to.
    pub fn own_controllers(&self) -> u32 {
        match self.shape {
            Shape::Combined => 0,
            Shape::ZooKeeper if !self.moves() => 0,
            Shape::ZooKeeper | Shape::Separate => self.controllers.unwrap_or(CONTROLLERS),
        }
    }

    /// How many nodes are `ZooKeeper`'s.
    pub fn own_zookeepers(&self) -> u32 {
        match self.shape {
            Shape::Combined | Shape::Separate => 0,
            Shape::ZooKeeper => self.zookeepers.unwrap_or(ZOOKEEPERS),
        }
    }

    /// How many nodes there are in all.
    pub fn all_nodes(&self) -> u32 {
        let others = self.own_controllers().saturating_add(self.own_zookeepers());
        self.nodes.saturating_add(others)
    }

    /// Why a name is no node's of this cluster, where it is not.
    fn no_such_node(&self, name: &str) -> Option<String> {
        let nodes = self.all_nodes();
        let found = node_number(name).is_some_and(|number| (1..=nodes).contains(&number));
        (!found).then(|| format!("there is no node `{name}`: this cluster has n1 to n{nodes}"))
    }
}

/// The same by the nodes' numbers; a name that is no node's is left out.
fn by_number<T: Clone>(names: &BTreeMap<String, T>) -> BTreeMap<NodeId, T> {
    let names = names.iter();
    names
        .filter_map(|(name, value)| Some((node_number(name)?, value.clone())))
        .collect()
}

/// The number of the node that is called `n1`, `n2` and so on.
fn node_number(name: &str) -> Option<NodeId> {
    name.strip_prefix('n')?.parse().ok()
}

/// The fault that moves a cluster from `ZooKeeper` to controllers.
const MOVES: &str = "migrate";
/// So many controllers of their own there are where a plan does not say.
const CONTROLLERS: u32 = 3;
/// So many nodes of `ZooKeeper` there are where a plan does not say.
const ZOOKEEPERS: u32 = 3;

/// Who controls a cluster of Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Every broker.
    #[default]
    Combined,
    /// Nodes of their own, after the brokers.
    Separate,
    /// One of the brokers, elected with `ZooKeeper`, whose nodes come last.
    #[serde(rename = "zookeeper")]
    #[value(
        name = "zookeeper",
        help = "One of the brokers, elected with ZooKeeper, whose nodes come after them"
    )]
    ZooKeeper,
}

impl Shape {
    /// Its name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::Separate => "separate",
            Self::ZooKeeper => "zookeeper",
        }
    }
}

/// Whether each node's data lies on a disk that can fail, which costs its broker a little time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DiskChoice {
    /// Where a fault of the plan needs it.
    #[default]
    WhenNeeded,
    /// It does.
    Always,
    /// It does not, and faults that need it are skipped.
    Never,
}

/// Whether partitions are written and read, many times a second, to measure outages. The simulated broker's never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ProberPlan {
    /// Whether they are.
    pub enabled: bool,
    /// How many of them, the first of each topic first: each costs forty requests a second.
    pub partitions: u32,
}

impl Default for ProberPlan {
    fn default() -> Self {
        Self {
            enabled: true,
            partitions: 16,
        }
    }
}

/// Whether a plan need not say it.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_broker() -> String {
    "kafka-4.4.0".to_owned()
}

fn default_nodes() -> u32 {
    3
}

/// A topic of the workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TopicPlan {
    /// Its name.
    pub name: String,
    /// How many partitions.
    #[serde(default = "default_partitions")]
    pub partitions: u32,
    /// How many replicas each partition has.
    #[serde(default = "default_nodes")]
    pub replication_factor: u32,
    /// How many replicas must be in sync for acks=all to be acknowledged.
    #[serde(default = "default_min_insync_replicas")]
    pub min_insync_replicas: u32,
    /// Whether a replica that is not in sync may become the leader.
    #[serde(default)]
    pub unclean_election: bool,
    /// What else is set on the topic, as Kafka writes it: `"cleanup.policy" = "compact"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

fn default_partitions() -> u32 {
    4
}

fn default_min_insync_replicas() -> u32 {
    2
}

impl From<&TopicPlan> for Topic {
    fn from(plan: &TopicPlan) -> Self {
        Self {
            name: plan.name.clone(),
            partitions: plan.partitions,
            replication_factor: plan.replication_factor,
            min_insync_replicas: plan.min_insync_replicas,
            unclean_election: plan.unclean_election,
            config: plan.config.clone(),
        }
    }
}

/// What the run waits for, and what it has to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// With fewer acknowledged writes nothing was put to the test.
    pub minimum_acknowledged: u64,
    /// The kinds of fault that must bite; every kind of the plan where this is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_faults: Option<Vec<String>>,
    /// The steps, by their names, whose faults must bite: those without which the rest puts something else to the test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_steps: Vec<String>,
    /// How long clients work before the first fault.
    pub steady: Span,
    /// How long clients go on after the last fault is healed.
    pub recover: Span,
    /// How long the brokers may take to come up.
    pub bring_up: Span,
    /// How long the replicas may take to be in sync again.
    pub settle: Span,
    /// How long the final reads may take.
    pub final_reads: Span,
    /// How long a partition may go without an acknowledged write while the faults are within what the
    /// configuration tolerates: by the brokers' timeouts where this is not given, and `0s` asks for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Span>,
    /// How long what clients need may be missing, as the prober and the observer measure it, and how much may be lost.
    #[serde(skip_serializing_if = "AvailabilityLimits::is_empty")]
    pub availability: AvailabilityLimits,
    /// Of a hundred writes that were due, how many have to begin in time; where it is not given, nobody asks. Faults that stall writes make
    /// clients withhold some, so it is for runs without them, and for rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<u32>,
    /// How long two controllers may be active at one time: by the controllers' timeouts where this is not given, and `0s` asks for
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_controllers: Option<Span>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            minimum_acknowledged: 100,
            required_faults: None,
            required_steps: Vec::new(),
            steady: Span::from_millis(2_000),
            recover: Span::from_millis(2_000),
            bring_up: Span::from_millis(90_000),
            settle: Span::from_millis(60_000),
            final_reads: Span::from_millis(60_000),
            liveness: None,
            availability: AvailabilityLimits::default(),
            load: None,
            two_controllers: None,
        }
    }
}
