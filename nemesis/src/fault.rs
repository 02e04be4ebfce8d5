//! What every fault can do: the traits, and what a fault sees of the cluster.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use cluster::{Admin, Cluster, Groups, Machine, TopicPartition};
use history::{Impairment, Key, NodeId, Recorder, Topic, What};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::members::Members;
use crate::roll::VersionChange;
use crate::target::{Target, node_list};

/// How long an injection may take that names no other time.
const INJECT_WITHIN: Duration = Duration::from_secs(120);

/// A kind of fault. Its configuration is the type that implements this.
#[async_trait]
pub trait FaultKind: Send + Sync {
    /// What the environment must be able to do.
    fn needs(&self) -> &'static [Power];
    /// Draws every choice that the plan left to the seed, and refuses what contradicts the cluster. Done once
    /// again, it changes nothing.
    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid>;
    /// What is asked for, before it is known whom it hits: `leader of log-0 cut from its peers`.
    fn describe(&self, scene: &Scene) -> String;
    /// Whether it stays in force beyond its time, until every other fault is over.
    fn stays(&self) -> bool {
        false
    }
    /// Finds whom it hits now. The error says why nobody fits, and the fault is skipped.
    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget>;
    /// What it takes away while it is in force, aimed at these nodes of a cluster that has those others besides.
    /// Limits are kept by it, and it decides whether progress may be asked for meanwhile. One that does not say
    /// takes no node away, but may hold partitions up.
    fn impairs(&self, _nodes: &[NodeId], _others: &[NodeId]) -> Impairment {
        Impairment::degrading()
    }
    /// Whether it can lose records, or leave settings under which they may be lost: nobody's cluster but Tribunal's own is
    /// treated so without leave.
    fn is_destructive(&self) -> bool {
        false
    }
    /// What it does to the versions of the cluster's nodes, where it changes them: those must be at hand before the run.
    fn version_change(&self) -> Option<VersionChange> {
        None
    }
    /// How long its injection may take.
    fn inject_within(&self) -> Duration {
        INJECT_WITHIN
    }
    /// Whom it is aimed at, so that a schedule need not draw what limits would skip. One that does not say hits
    /// a node that is known when it is injected.
    fn target(&self) -> Option<Target> {
        None
    }
}

/// A fault that knows whom it hits.
pub struct Aim {
    /// The nodes it is aimed at.
    pub nodes: Vec<NodeId>,
    /// What will be done to whom, in words.
    pub detail: String,
    /// What does it.
    pub action: Box<dyn Action>,
}

/// Does one fault and undoes it.
///
/// An injection can fail, or be dropped, at any of its waits: an action takes down what it is about to do before
/// it does it, so that `heal` can always be called and undoes exactly what was done.
#[async_trait]
pub trait Action: Send {
    /// Brings the fault into force, and returns once it is.
    async fn inject(&mut self, scene: &Scene) -> Result<()>;
    /// Ends what was injected, and says whether it bit.
    async fn heal(&mut self, scene: &Scene) -> Result<Evidence>;
    /// The nodes whose processes it may start anew as it ends.
    fn restarts(&self) -> &[NodeId] {
        &[]
    }
}

/// Whether a fault had an effect that can be shown, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Whether it had one.
    pub bit: bool,
    /// What shows it, or what was looked for in vain.
    pub text: String,
}

impl Evidence {
    /// The same, with more to tell.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.text.push_str("; ");
        self.text.push_str(more);
        self
    }
}

/// Why a fault was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTarget(pub String);

/// What an environment can do to its machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Cut the links between them.
    Network,
    /// Delay, lose, duplicate, reorder, corrupt and throttle what passes on those links.
    Shaping,
    /// Signal the broker's process, and start it again.
    Process,
    /// Make their wall clocks wrong.
    Clock,
    /// Start a node with another version of the broker.
    Versions,
    /// Ask the broker's own administration to change it.
    Admin,
    /// Change the voters of the controllers' quorum.
    Voters,
    /// Keep a broker from `ZooKeeper`, where there is one.
    ZooKeeper,
    /// Move from `ZooKeeper` to controllers, where there are both.
    Migration,
    /// Freeze the broker's process.
    Freeze,
    /// Make the disk under the broker's data lose what was not synced, and fail.
    Disk,
}

impl Power {
    /// Its word in lists and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Shaping => "shaping",
            Self::Process => "process",
            Self::Clock => "clock",
            Self::Versions => "versions",
            Self::Admin => "admin",
            Self::Voters => "voters",
            Self::ZooKeeper => "zookeeper",
            Self::Migration => "migration",
            Self::Freeze => "freeze",
            Self::Disk => "disk",
        }
    }
}

/// What a fault sees: the cluster, and the names of its partitions.
#[derive(Clone)]
pub struct Scene {
    /// The cluster under trial.
    pub cluster: Arc<dyn Cluster>,
    topics: Arc<[Topic]>,
    recorder: Option<Arc<dyn Recorder>>,
}

impl Scene {
    /// A scene on that cluster, whose partitions are those of these topics.
    pub fn new(cluster: Arc<dyn Cluster>, topics: &[Topic]) -> Self {
        Self {
            cluster,
            topics: topics.into(),
            recorder: None,
        }
    }

    /// The same, with the history that a fault writes into what it takes away by right.
    #[must_use]
    pub fn recording(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Writes into the run's history.
    pub(crate) fn record(&self, what: What) -> Result<()> {
        let recorder = self.recorder.as_ref();
        recorder
            .context("this run has no history to write into")?
            .record(what);
        Ok(())
    }

    /// Whether the environment has a power.
    pub fn has(&self, power: Power) -> bool {
        match power {
            Power::Network => self.cluster.links().is_some(),
            Power::Shaping => self.cluster.links().is_some_and(|links| links.can_shape()),
            Power::Process => self.cluster.machines().iter().all(|machine| machine.is_ours()),
            Power::Clock => self
                .cluster
                .machines()
                .iter()
                .all(|machine| machine.clock().is_some()),
            Power::Versions => self.cluster.releases().is_some(),
            Power::Admin => self.cluster.admin().is_some(),
            Power::Voters => self.cluster.voters().is_some(),
            Power::ZooKeeper => !self.cluster.zookeepers().is_empty(),
            Power::Migration => self.cluster.migration().is_some(),
            Power::Freeze => {
                let freezes = |machine: &Arc<dyn Machine>| machine.groups().is_some_and(Groups::can_freeze);
                self.cluster.machines().iter().all(freezes)
            }
            Power::Disk => self
                .cluster
                .machines()
                .iter()
                .all(|machine| machine.disk().is_some()),
        }
    }

    /// A partition as people write it: `log-0`.
    pub fn key_name(&self, key: Key) -> String {
        history::key_name(&self.topics, key)
    }

    /// The cluster's administration.
    pub fn admin(&self) -> Result<Arc<dyn Admin>> {
        let admin = self.cluster.admin();
        admin.context("this cluster has no administration")
    }

    /// Every partition of the run.
    pub fn keys(&self) -> Vec<Key> {
        (0..self.topics.iter().map(|topic| topic.partitions).sum()).collect()
    }

    /// This partition alone, or every one where none is named.
    pub fn keys_of(&self, key: Option<Key>) -> Vec<Key> {
        key.map_or_else(|| self.keys(), |key| vec![key])
    }

    /// The same in words: `log-0`, `all partitions`.
    pub fn key_or_all(&self, key: Option<Key>) -> String {
        key.map_or_else(|| "all partitions".to_owned(), |key| self.key_name(key))
    }

    /// The name of the topic that a partition is of.
    pub fn topic_name(&self, key: Option<Key>) -> String {
        self.partition(key.unwrap_or_default()).topic
    }

    /// The topic whose partition a key is.
    pub fn topic(&self, key: Key) -> Option<&Topic> {
        let (name, _) = history::partition_of(&self.topics, key)?;
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// A key's topic and partition, as the cluster's administration knows them.
    pub fn partition(&self, key: Key) -> TopicPartition {
        let (topic, partition) = history::partition_of(&self.topics, key).unwrap_or_default();
        TopicPartition {
            topic: topic.to_owned(),
            partition,
        }
    }

    /// Every node, by what it is.
    pub(crate) fn members(&self) -> Members {
        Members {
            brokers: self.cluster.brokers(),
            controllers: self.cluster.controllers_alone(),
            zookeepers: self.cluster.zookeepers(),
        }
    }

    /// Every node but these.
    pub fn others(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut others = self.cluster.nodes();
        others.retain(|node| !nodes.contains(node));
        others
    }

    /// Every broker but these: who else can hold replicas.
    pub(crate) fn other_brokers(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut others = self.cluster.brokers();
        others.retain(|node| !nodes.contains(node));
        others
    }

    /// Who leads the partition, as far as the observer has seen.
    pub fn leader(&self, key: Key) -> Result<NodeId, NoTarget> {
        self.cluster
            .view()
            .partition(key)
            .and_then(|view| view.leader)
            .ok_or_else(|| NoTarget(format!("nobody is known to lead {}", self.key_name(key))))
    }

    /// The nodes that a resolved target means now.
    pub fn find(&self, target: &Target, key: Option<Key>) -> Result<Vec<NodeId>, NoTarget> {
        match target {
            Target::Nodes(nodes) => Ok(nodes.clone()),
            Target::All => Ok(self.cluster.brokers()),
            Target::Leader => Ok(vec![self.leader(key.unwrap_or_default())?]),
            Target::Follower => Ok(vec![self.follower(key.unwrap_or_default())?]),
            Target::Controller => match self.cluster.view().controller() {
                Some((node, _)) => Ok(vec![node]),
                None => Err(NoTarget("no controller is known to be active".to_owned())),
            },
            Target::ZooKeepers | Target::ZooKeeperLeader | Target::ZooKeeperFollower => {
                self.zookeepers(target)
            }
            Target::One | Target::Minority | Target::Majority => Err(NoTarget(format!(
                "the target `{target}` was never drawn: resolve the schedule first"
            ))),
        }
    }

    /// Of these nodes those whose broker's process is in a state that fits; where there is none, why not.
    pub async fn in_state(
        &self,
        nodes: Vec<NodeId>,
        fits: fn(char) -> bool,
        otherwise: &str,
    ) -> Result<Vec<NodeId>, NoTarget> {
        let mut fitting = Vec::new();
        for &node in &nodes {
            let state = match self.cluster.machine(node) {
                Ok(machine) => machine.process_state().await,
                Err(error) => Err(error),
            };
            match state {
                Ok(Some(state)) if fits(state) => fitting.push(node),
                Ok(_) => {}
                Err(error) => {
                    return Err(NoTarget(format!(
                        "the state of node {node} is not known: {error:#}"
                    )));
                }
            }
        }
        if fitting.is_empty() {
            return Err(NoTarget(format!("{}: {otherwise}", node_list(&nodes))));
        }
        Ok(fitting)
    }

    /// The nodes that a resolved target means now, as far as a broker's process runs there.
    pub(crate) async fn running(&self, target: &Target, key: Option<Key>) -> Result<Vec<NodeId>, NoTarget> {
        let nodes = self.find(target, key)?;
        self.in_state(nodes, |_| true, "no process runs").await
    }

    /// What a target means, in words: `leader of log-0`.
    pub fn target_name(&self, target: &Target, key: Option<Key>) -> String {
        match key.filter(|_| target.is_of_a_partition()) {
            Some(key) => format!("{target} of {}", self.key_name(key)),
            None => target.to_string(),
        }
    }

    /// The nodes of `ZooKeeper` that are meant.
    fn zookeepers(&self, target: &Target) -> Result<Vec<NodeId>, NoTarget> {
        let all = self.cluster.zookeepers();
        if all.is_empty() {
            return Err(NoTarget("this cluster has no ZooKeeper".to_owned()));
        }
        if *target == Target::ZooKeepers {
            return Ok(all);
        }
        let leads = *target == Target::ZooKeeperLeader;
        let serving = self.cluster.view().zookeepers();
        let found = serving.iter().find(|(_, other)| **other == leads);
        let found = found.map(|(node, _)| vec![*node]);
        let word = if leads { "leads" } else { "follows in" };
        found.ok_or_else(|| NoTarget(format!("no node is seen that {word} ZooKeeper's ensemble")))
    }

    /// The first follower in the ISR, or else the first of all.
    fn follower(&self, key: Key) -> Result<NodeId, NoTarget> {
        let view = self.cluster.view().partition(key).unwrap_or_default();
        let follows = |node: &&NodeId| view.leader != Some(**node);
        let in_sync = view.isr.iter().find(follows);
        in_sync
            .or_else(|| view.replicas.iter().find(follows))
            .copied()
            .ok_or_else(|| NoTarget(format!("nobody is known to follow in {}", self.key_name(key))))
    }
}
