//! What a plan says of Kafka, and the `server.properties` that it comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::{Result, bail, ensure};
use history::{NodeId, Span};
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::lock;
use super::release::{KRAFT_VERSION, Release, is_older, release};
use super::tuning::{NodeTuning, wrong_option, wrong_property};
use crate::{Levels, Machine, Mode, Ports};

/// The ports of every node.
pub const PORTS: Ports = Ports {
    client: 9092,
    controller: 9093,
};
/// More combined nodes than this make no sense on one machine.
pub const NODES_MAX: u32 = 9;

/// What a plan says of Kafka. Nodes are numbered from 1, the brokers first. Each is broker and controller, unless there are
/// controllers of their own, or nodes of `ZooKeeper`, with which the brokers elect their controller from among themselves. Where there
/// are both, in this order, the cluster begins with `ZooKeeper` and can be moved to the controllers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KafkaConfig {
    /// The version: one of [`lock::RUNNABLE`].
    pub version: String,
    /// The versions of nodes that begin with another.
    pub versions: BTreeMap<NodeId, String>,
    /// How many brokers.
    pub nodes: u32,
    /// How many nodes that are controllers alone; none where the brokers are the controllers. They do not run at first where there is
    /// `ZooKeeper`.
    pub controllers: u32,
    /// How many nodes that are `ZooKeeper`'s; none where the controllers are a quorum.
    pub zookeepers: u32,
    /// The levels of features that formatting does not leave to Kafka.
    pub features: BTreeMap<String, Level>,
    /// Whether the voters of the controllers' quorum can change.
    pub quorum: Quorum,
    /// How fast failures are noticed.
    pub timeouts: Timeouts,
    /// More broker properties, by their Kafka names. They win over what Tribunal sets.
    pub properties: BTreeMap<String, String>,
    /// More options of every JVM.
    pub jvm: Vec<String>,
    /// What single nodes are given over that.
    pub tuning: BTreeMap<NodeId, NodeTuning>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            version: lock::DEFAULT_VERSION.to_owned(),
            versions: BTreeMap::new(),
            nodes: 3,
            controllers: 0,
            zookeepers: 0,
            features: BTreeMap::new(),
            quorum: Quorum::default(),
            timeouts: Timeouts::default(),
            properties: BTreeMap::new(),
            jvm: Vec::new(),
            tuning: BTreeMap::new(),
        }
    }
}

/// What a node of a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Broker and controller at once.
    Combined,
    /// A broker alone.
    Broker,
    /// A controller alone.
    Controller,
    /// A node of `ZooKeeper`, which holds what the brokers' controller knows.
    ZooKeeper,
}

impl Role {
    /// Whether it is a broker.
    pub fn is_broker(self) -> bool {
        matches!(self, Self::Combined | Self::Broker)
    }

    /// Whether it is a voter of the controllers' quorum.
    pub fn is_controller(self) -> bool {
        matches!(self, Self::Combined | Self::Controller)
    }

    /// Its name in a node's configuration; `ZooKeeper`'s have another.
    fn name(self) -> &'static str {
        match self {
            Self::Combined => "broker,controller",
            Self::Broker => "broker",
            Self::Controller => "controller",
            Self::ZooKeeper => "zookeeper",
        }
    }
}

/// Whether the voters of the controllers' quorum can change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// They stand in every node's configuration (`kraft.version` 0).
    #[default]
    Static,
    /// They stand in the metadata log, and requests add and remove them (`kraft.version` 1, KIP-853).
    Dynamic,
}

/// How fast failures are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timeouts {
    /// Within a second or two, so that a short run sees many elections.
    #[default]
    Tuned,
    /// As Kafka ships.
    Default,
}

impl Timeouts {
    /// Its name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tuned => "tuned",
            Self::Default => "default",
        }
    }

    /// The properties that are set for it.
    pub fn properties(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Default => &[],
            Self::Tuned => &[
                ("broker.heartbeat.interval.ms", "250"),
                ("broker.session.timeout.ms", "2000"),
                ("controller.quorum.election.timeout.ms", "500"),
                (FETCH_TIMEOUT, "1000"),
                ("replica.lag.time.max.ms", "1500"),
            ],
        }
    }
}

/// What a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'p> {
    /// The version.
    pub version: &'p str,
    /// By what it knows its cluster.
    pub mode: Mode,
}

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// The node.
    pub node: NodeId,
    /// The address that it tells others: brokers, controllers and clients use it.
    pub advertised: Ipv4Addr,
    /// The address that it listens on; 0.0.0.0 is all of its machine's, the side channel's among them.
    pub bind: Ipv4Addr,
}

impl NodeAddress {
    /// Where a machine's node is. A machine whose side channel is another address listens on all it has; one without has
    /// but the one.
    pub(super) fn of(machine: &dyn Machine) -> Self {
        let advertised = machine.address();
        let one = machine.side_address() == advertised;
        Self {
            node: machine.node(),
            advertised,
            bind: if one { advertised } else { Ipv4Addr::UNSPECIFIED },
        }
    }
}

/// After which time without an answer of the leader a controller asks for votes.
const FETCH_TIMEOUT: &str = "controller.quorum.fetch.timeout.ms";

impl KafkaConfig {
    /// Every node's number, in order.
    pub fn node_ids(&self) -> Vec<NodeId> {
        (1..=self.nodes + self.controllers + self.zookeepers).collect()
    }

    /// What a node is.
    pub fn role(&self, node: NodeId) -> Role {
        match (self.controllers, self.zookeepers) {
            (0, 0) => Role::Combined,
            _ if node <= self.nodes => Role::Broker,
            _ if node <= self.nodes + self.controllers => Role::Controller,
            _ => Role::ZooKeeper,
        }
    }

    /// What a node begins with.
    pub fn program_of(&self, node: NodeId) -> Program<'_> {
        Program {
            version: self.version_of(node),
            mode: self.first_mode(),
        }
    }

    /// By what the nodes begin to know their cluster.
    pub fn first_mode(&self) -> Mode {
        if self.has_zookeeper() {
            Mode::ZooKeeper
        } else {
            Mode::Quorum
        }
    }

    /// Refuses what cannot be run, before anything starts.
    pub fn validate(&self) -> Result<()> {
        for version in std::iter::once(&self.version).chain(self.versions.values()) {
            lock::locked_jars(version)?;
        }
        ensure!(
            self.nodes > 0 && self.node_ids().len() <= NODES_MAX as usize,
            "run {} nodes: it must be 1 to {NODES_MAX}",
            self.node_ids().len()
        );
        let own = self.tuning.values();
        let names = self
            .properties
            .keys()
            .chain(own.clone().flat_map(|own| own.properties.keys()));
        for name in names {
            if let Some(reason) = wrong_property(name) {
                bail!("set the broker property {name}: {reason}");
            }
        }
        let mut options = self.jvm.iter().chain(own.flat_map(|own| &own.jvm));
        if let Some(reason) = options.find_map(|option| wrong_option(option)) {
            bail!("set an option of the JVM: {reason}");
        }
        for node in self.versions.keys().chain(self.tuning.keys()) {
            ensure!(
                self.node_ids().contains(node),
                "set what is node {node}'s own: the nodes are 1 to {}",
                self.node_ids().len()
            );
        }
        if let Some(reason) = self.wrong_shape() {
            bail!("bring Kafka up in this shape: {reason}");
        }
        if let Some(reason) = self.wrong_quorum() {
            bail!("run a dynamic quorum: {reason}");
        }
        match self.wrong_features().into_iter().next() {
            Some((feature, reason)) => bail!("set the feature {feature}: {reason}"),
            None => Ok(()),
        }
    }

    /// The version that a node begins with.
    pub fn version_of(&self, node: NodeId) -> &str {
        self.versions.get(&node).unwrap_or(&self.version)
    }

    /// The oldest version that a node begins with: it formats, so that every node knows what is finalised.
    pub fn oldest_version(&self) -> &str {
        let mut oldest = self.version_of(1);
        for node in self.node_ids() {
            let version = self.version_of(node);
            if is_older(version, oldest) {
                oldest = version;
            }
        }
        oldest
    }

    /// What the cluster has finalised when it comes up. Empty where its version is not known.
    pub fn finalised(&self) -> Levels {
        if self.has_zookeeper() {
            return Levels::new();
        }
        let oldest = release(self.oldest_version());
        oldest.map_or_else(Levels::new, |release| release.formatted(&self.asked_levels()))
    }

    /// The levels that the plan names.
    pub(super) fn asked_levels(&self) -> Levels {
        let asked = self.features.iter();
        asked.map(|(name, level)| (name.clone(), level.0)).collect()
    }

    /// The versions that nodes begin with, each once.
    pub fn all_versions(&self) -> BTreeSet<&str> {
        let nodes = self.node_ids().into_iter();
        nodes.map(|node| self.version_of(node)).collect()
    }

    /// The features that cannot be set so, each with the reason.
    pub fn wrong_features(&self) -> Vec<(&str, String)> {
        if self.has_zookeeper() {
            let reason = || "a cluster with ZooKeeper finalises no features: leave it out".to_owned();
            return self
                .features
                .keys()
                .map(|name| (name.as_str(), reason()))
                .collect();
        }
        let oldest = release(self.oldest_version());
        let Some(oldest) = oldest else { return Vec::new() };
        let judged = self
            .features
            .iter()
            .filter_map(|(name, level)| Some((name.as_str(), wrong_level(oldest, name, level.0)?)));
        judged.collect()
    }

    /// Why the quorum cannot be as the plan wants it, where it cannot.
    pub fn wrong_quorum(&self) -> Option<String> {
        let oldest = release(self.oldest_version())?;
        if self.quorum == Quorum::Dynamic && self.has_zookeeper() {
            return Some(
                "a cluster with ZooKeeper has no quorum of controllers: write \"static\"".to_owned(),
            );
        }
        (self.quorum == Quorum::Dynamic && !oldest.quorums_change()).then(|| {
            format!(
                "the voters of Kafka {} cannot change, those of 3.9 and newer can: write \"static\"",
                oldest.version
            )
        })
    }

    /// How long two controllers may be active at one time. A leader that no majority fetches from resigns after one and a half
    /// times `controller.quorum.fetch.timeout.ms`; the rest is for a busy machine. Before 3.7 it never does, and with `ZooKeeper`
    /// nobody asks, so there is no limit: none is zero.
    pub fn two_controllers(&self) -> Span {
        /// As Kafka ships.
        const FETCH_TIMEOUT_MS: u64 = 2_000;
        const BUSY_MS: u64 = 5_000;
        let resigns = release(self.oldest_version()).is_none_or(Release::controllers_resign);
        if self.has_zookeeper() || !resigns {
            return Span::from_millis(0);
        }
        let properties = self.properties(1);
        let set = properties.iter().find(|(name, _)| name == FETCH_TIMEOUT);
        let timeout = set.and_then(|(_, value)| value.trim().parse().ok());
        let timeout: u64 = timeout.unwrap_or(FETCH_TIMEOUT_MS);
        Span::from_millis(timeout.saturating_add(timeout / 2).saturating_add(BUSY_MS))
    }

    /// The options of a node's JVM beside those that every one gets.
    pub fn jvm_of(&self, node: NodeId) -> Vec<String> {
        let own = self.tuning.get(&node).map(|own| own.jvm.as_slice());
        [self.jvm.as_slice(), own.unwrap_or_default()].concat()
    }
}

/// Why a feature cannot be formatted at a level by a version, where it cannot.
fn wrong_level(release: &Release, name: &str, level: i16) -> Option<String> {
    if name == KRAFT_VERSION {
        return Some("the quorum decides it: set quorum = \"static\" or \"dynamic\"".to_owned());
    }
    let Some((lowest, highest)) = release.levels(name) else {
        let known: Vec<&str> = release.features().filter(|name| *name != KRAFT_VERSION).collect();
        let (version, known) = (release.version, known.join(", "));
        return Some(format!("Kafka {version} does not know it; it knows {known}"));
    };
    let known = (lowest..=highest).contains(&level);
    (!known).then(|| {
        format!(
            "level {level}: Kafka {} knows the levels {lowest} to {highest}",
            release.version
        )
    })
}

mod properties;
mod zookeeper;

pub use properties::to_file;

#[cfg(test)]
mod tests;
