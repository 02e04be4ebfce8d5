//! What a plan says of Kafka, and the `server.properties` that it comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use history::{NodeId, Span};
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::lock;
use super::release::{KRAFT_VERSION, Release, is_older, release};
use super::tuning::{NodeTuning, wrong_option, wrong_property};
use crate::{Levels, Machine, Ports};

/// The ports of every node.
pub const PORTS: Ports = Ports {
    client: 9092,
    controller: 9093,
};
/// More combined nodes than this make no sense on one machine.
pub const NODES_MAX: u32 = 9;

/// What a plan says of Kafka. Nodes are numbered from 1, and each is broker and controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KafkaConfig {
    /// The version: one of [`lock::RUNNABLE`].
    pub version: String,
    /// The versions of nodes that begin with another.
    pub versions: BTreeMap<NodeId, String>,
    /// How many nodes.
    pub nodes: u32,
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
            features: BTreeMap::new(),
            quorum: Quorum::default(),
            timeouts: Timeouts::default(),
            properties: BTreeMap::new(),
            jvm: Vec::new(),
            tuning: BTreeMap::new(),
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
        (1..=self.nodes).collect()
    }

    /// Refuses what cannot be run, before anything starts.
    pub fn validate(&self) -> Result<()> {
        for version in std::iter::once(&self.version).chain(self.versions.values()) {
            lock::locked_jars(version)?;
        }
        ensure!(
            (1..=NODES_MAX).contains(&self.nodes),
            "run {} nodes: it must be 1 to {NODES_MAX}",
            self.nodes
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
                (1..=self.nodes).contains(node),
                "set what is node {node}'s own: the nodes are 1 to {}",
                self.nodes
            );
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
        let oldest = release(self.oldest_version());
        let Some(oldest) = oldest else { return Vec::new() };
        let judged = self
            .features
            .iter()
            .filter_map(|(name, level)| Some((name.as_str(), wrong_level(oldest, name, level.0)?)));
        judged.collect()
    }

    /// How long two controllers may be active at one time. A leader that no majority fetches from resigns after one and a half
    /// times `controller.quorum.fetch.timeout.ms` (`LeaderState.checkQuorumTimeoutMs`, from Kafka 3.7 on, so in every version
    /// that can be run); the rest is for a busy machine.
    pub fn two_controllers(&self) -> Span {
        /// As Kafka ships.
        const FETCH_TIMEOUT_MS: u64 = 2_000;
        const BUSY_MS: u64 = 5_000;
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

    /// The properties of a node that do not depend on where the nodes are: what a resolved plan shows.
    pub fn properties(&self, node: NodeId) -> Vec<(String, String)> {
        self.properties_of(self.version_of(node), node)
    }

    fn properties_of(&self, version: &str, node: NodeId) -> Vec<(String, String)> {
        let replicas = self.nodes.min(3).to_string();
        let in_sync = self.nodes.min(2).to_string();
        let mut list = vec![
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", node.to_string()),
            ("auto.create.topics.enable", "false".to_owned()),
            ("offsets.topic.replication.factor", replicas.clone()),
            ("transaction.state.log.replication.factor", replicas.clone()),
            ("transaction.state.log.min.isr", in_sync.clone()),
            ("group.initial.rebalance.delay.ms", "0".to_owned()),
            // As Kafka ships, the first client with a group makes fifty partitions of three replicas: seconds of work
            // for three brokers on two cores, in the middle of a trial.
            ("offsets.topic.num.partitions", "1".to_owned()),
            ("transaction.state.log.num.partitions", "1".to_owned()),
            // As Kafka ships, 128 MiB are taken at the start for compacting: half of the small heap, and a tenth of the time to start.
            ("log.cleaner.dedupe.buffer.size", (16_u32 << 20).to_string()),
        ];
        if release(version).is_none_or(|release| release.share_groups) {
            list.extend([
                ("share.coordinator.state.topic.replication.factor", replicas),
                ("share.coordinator.state.topic.min.isr", in_sync),
                ("share.coordinator.state.topic.num.partitions", "1".to_owned()),
            ]);
        }
        list.extend(
            self.timeouts
                .properties()
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let mut list: Vec<(String, String)> = list
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let own = self.tuning.get(&node).into_iter();
        let over = self.properties.iter().chain(own.flat_map(|own| &own.properties));
        for (name, value) in over {
            match list.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => list.push((name.clone(), value.clone())),
            }
        }
        list
    }

    /// All properties of a node that runs this version, as its `server.properties` has them.
    pub fn server_properties(
        &self,
        version: &str,
        own: NodeAddress,
        all: &[NodeAddress],
        data: &Path,
    ) -> Vec<(String, String)> {
        let listeners = |host: Ipv4Addr| {
            format!(
                "PLAINTEXT://{host}:{},CONTROLLER://{host}:{}",
                PORTS.client, PORTS.controller
            )
        };
        let mut list = self.properties_of(version, own.node);
        let placed = [
            ("listeners", listeners(own.bind)),
            ("advertised.listeners", listeners(own.advertised)),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            ),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            self.quorum.property(all),
            ("log.dirs", data.display().to_string()),
        ];
        list.extend(placed.into_iter().map(|(name, value)| (name.to_owned(), value)));
        list
    }
}

impl Quorum {
    /// How a node finds the quorum.
    fn property(self, all: &[NodeAddress]) -> (&'static str, String) {
        let place = |node: &NodeAddress| format!("{}:{}", node.advertised, PORTS.controller);
        let voter = |node: &NodeAddress| format!("{}@{}", node.node, place(node));
        let join = |list: Vec<String>| list.join(",");
        match self {
            Self::Static => ("controller.quorum.voters", join(all.iter().map(voter).collect())),
            Self::Dynamic => (
                "controller.quorum.bootstrap.servers",
                join(all.iter().map(place).collect()),
            ),
        }
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

/// Properties as Java reads them from a file.
pub fn to_file(properties: &[(String, String)]) -> String {
    properties.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{}={}", escape(name, true), escape(value, false));
        text
    })
}

fn escape(text: &str, is_name: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\\' => escaped.push_str("\\\\"),
            ' ' if is_name || index == 0 => escaped.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_name => escaped.extend(['\\', character]),
            other if other.is_ascii() => escaped.push(other),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{Exit, ProcessSpec};

    fn addresses(nodes: u32) -> Vec<NodeAddress> {
        (1..=nodes)
            .map(|node| NodeAddress {
                node,
                advertised: Ipv4Addr::new(10, 0, 0, node as u8),
                bind: Ipv4Addr::UNSPECIFIED,
            })
            .collect()
    }

    fn file(config: &KafkaConfig, node: NodeId) -> String {
        let all = addresses(config.nodes);
        let own = all[node as usize - 1];
        to_file(&config.server_properties(config.version_of(node), own, &all, Path::new("/node/data")))
    }

    #[test]
    fn two_controllers_may_be_active_until_the_older_one_has_to_resign() {
        let mut config = KafkaConfig::default();
        assert_eq!(config.two_controllers(), Span::from_millis(6_500));
        config.timeouts = Timeouts::Default;
        assert_eq!(config.two_controllers(), Span::from_millis(8_000));
        config.properties = [(FETCH_TIMEOUT.to_owned(), "4000".to_owned())].into();
        assert_eq!(config.two_controllers(), Span::from_millis(11_000));
    }

    #[test]
    fn three_tuned_nodes() {
        insta::assert_snapshot!(file(&KafkaConfig::default(), 2), @r"
        process.roles=broker,controller
        node.id=2
        auto.create.topics.enable=false
        offsets.topic.replication.factor=3
        transaction.state.log.replication.factor=3
        transaction.state.log.min.isr=2
        group.initial.rebalance.delay.ms=0
        offsets.topic.num.partitions=1
        transaction.state.log.num.partitions=1
        log.cleaner.dedupe.buffer.size=16777216
        share.coordinator.state.topic.replication.factor=3
        share.coordinator.state.topic.min.isr=2
        share.coordinator.state.topic.num.partitions=1
        broker.heartbeat.interval.ms=250
        broker.session.timeout.ms=2000
        controller.quorum.election.timeout.ms=500
        controller.quorum.fetch.timeout.ms=1000
        replica.lag.time.max.ms=1500
        listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093
        advertised.listeners=PLAINTEXT://10.0.0.2:9092,CONTROLLER://10.0.0.2:9093
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        controller.listener.names=CONTROLLER
        controller.quorum.voters=1@10.0.0.1:9093,2@10.0.0.2:9093,3@10.0.0.3:9093
        log.dirs=/node/data
        ");
    }

    #[test]
    fn one_node_with_default_timeouts_and_a_property_of_its_own() {
        let properties = [("num.io.threads", "2"), ("auto.create.topics.enable", "true")];
        let config = KafkaConfig {
            nodes: 1,
            timeouts: Timeouts::Default,
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..KafkaConfig::default()
        };
        insta::assert_snapshot!(file(&config, 1), @r"
        process.roles=broker,controller
        node.id=1
        auto.create.topics.enable=true
        offsets.topic.replication.factor=1
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        group.initial.rebalance.delay.ms=0
        offsets.topic.num.partitions=1
        transaction.state.log.num.partitions=1
        log.cleaner.dedupe.buffer.size=16777216
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        share.coordinator.state.topic.num.partitions=1
        num.io.threads=2
        listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093
        advertised.listeners=PLAINTEXT://10.0.0.1:9092,CONTROLLER://10.0.0.1:9093
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        controller.listener.names=CONTROLLER
        controller.quorum.voters=1@10.0.0.1:9093
        log.dirs=/node/data
        ");
    }

    #[test]
    fn an_older_version_with_a_quorum_that_can_change() {
        let config = KafkaConfig {
            version: "3.9.2".to_owned(),
            quorum: Quorum::Dynamic,
            timeouts: Timeouts::Default,
            ..KafkaConfig::default()
        };
        insta::assert_snapshot!(file(&config, 3), @r"
        process.roles=broker,controller
        node.id=3
        auto.create.topics.enable=false
        offsets.topic.replication.factor=3
        transaction.state.log.replication.factor=3
        transaction.state.log.min.isr=2
        group.initial.rebalance.delay.ms=0
        offsets.topic.num.partitions=1
        transaction.state.log.num.partitions=1
        log.cleaner.dedupe.buffer.size=16777216
        listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093
        advertised.listeners=PLAINTEXT://10.0.0.3:9092,CONTROLLER://10.0.0.3:9093
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        controller.listener.names=CONTROLLER
        controller.quorum.bootstrap.servers=10.0.0.1:9093,10.0.0.2:9093,10.0.0.3:9093
        log.dirs=/node/data
        ");
    }

    #[test]
    fn a_mixed_cluster_is_formatted_by_its_oldest_version() {
        let config = KafkaConfig {
            versions: [(2, "3.9.2".to_owned()), (3, "4.1.1".to_owned())].into(),
            ..KafkaConfig::default()
        };
        config.validate().expect("it can be run");
        assert_eq!(config.version_of(1), lock::DEFAULT_VERSION);
        assert_eq!(config.oldest_version(), "3.9.2");
        assert_eq!(config.finalised(), [("metadata.version".to_owned(), 21)].into());
        assert!(!file(&config, 2).contains("share.coordinator"));
        assert!(file(&config, 3).contains("share.coordinator"));
    }

    #[test]
    fn features_are_held_against_what_the_version_knows() {
        let with = |version: &str, name: &str, level: i16| KafkaConfig {
            version: version.to_owned(),
            features: [(name.to_owned(), Level(level))].into(),
            ..KafkaConfig::default()
        };
        let elr = "eligible.leader.replicas.version";
        with("4.3.1", elr, 0).validate().expect("it can be run");
        refused(&with("4.3.1", elr, 2), "knows the levels 0 to 1");
        refused(
            &with("3.9.2", elr, 0),
            "Kafka 3.9.2 does not know it; it knows metadata.version",
        );
        refused(&with("4.3.1", "metadata.version", 33), "knows the levels 7 to 30");
        refused(&with("4.3.1", "kraft.version", 1), "set quorum = ");
        let beyond = KafkaConfig {
            versions: [(4, "3.9.2".to_owned())].into(),
            ..KafkaConfig::default()
        };
        refused(&beyond, "the nodes are 1 to 3");
    }

    fn refused(config: &KafkaConfig, expected: &str) {
        let error = config.validate().expect_err("it cannot be run").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let default = KafkaConfig::default();
        default.validate().expect("the default can be run");
        refused(
            &KafkaConfig {
                nodes: 0,
                ..default.clone()
            },
            "run 0 nodes: it must be 1 to 9",
        );
        refused(
            &KafkaConfig {
                version: "2.8.2".to_owned(),
                ..default.clone()
            },
            "cannot be run yet",
        );
        let with = |name: &str| KafkaConfig {
            properties: [(name.to_owned(), "1".to_owned())].into(),
            ..default.clone()
        };
        refused(&with("node.id"), "Tribunal sets it by itself");
        refused(&with("min.insync.replicas"), "belongs to the topic");
    }

    #[test]
    fn a_plan_is_read_strictly() {
        let read = |text: &str| serde_json::from_str::<KafkaConfig>(text);
        let config = read(r#"{"version":"4.3.1","timeouts":"default"}"#).expect("it is right");
        assert_eq!(
            (config.version.as_str(), config.nodes, config.timeouts),
            ("4.3.1", 3, Timeouts::Default)
        );
        assert!(read(r#"{"verzion":"4.3.1"}"#).is_err());
        assert!(read(r#"{"timeouts":"fast"}"#).is_err());
    }

    #[test]
    fn what_java_would_misread_is_escaped() {
        let list = [("a b".to_owned(), " x=y\\z\nü".to_owned())];
        assert_eq!(to_file(&list), "a\\ b=\\ x=y\\\\z\\n\\u00fc\n");
    }

    struct Somewhere(Ipv4Addr, Ipv4Addr);

    #[async_trait]
    impl Machine for Somewhere {
        fn node(&self) -> NodeId {
            1
        }
        fn host(&self) -> &'static str {
            "n1"
        }
        fn address(&self) -> Ipv4Addr {
            self.0
        }
        fn side_address(&self) -> Ipv4Addr {
            self.1
        }
        fn directory(&self) -> std::path::PathBuf {
            "/".into()
        }
        async fn start(&self, _: &ProcessSpec) -> Result<()> {
            unreachable!("it runs nothing")
        }
        async fn signal(&self, _: i32) -> Result<()> {
            unreachable!("it runs nothing")
        }
        async fn process_state(&self) -> Result<Option<char>> {
            Ok(None)
        }
        async fn exited(&self) -> Result<Exit> {
            unreachable!("it runs nothing")
        }
    }

    #[test]
    fn a_broker_listens_on_the_side_channel_where_there_is_one() {
        let [data, side] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1)];
        assert_eq!(
            NodeAddress::of(&Somewhere(data, side)).bind,
            Ipv4Addr::UNSPECIFIED
        );
        assert_eq!(NodeAddress::of(&Somewhere(data, data)).bind, data);
    }
}
