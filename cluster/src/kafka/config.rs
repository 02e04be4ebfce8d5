//! What a plan says of Kafka, and the `server.properties` that it comes to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use history::NodeId;
use serde::{Deserialize, Serialize};

use super::lock;
use crate::Ports;

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
    /// How many nodes.
    pub nodes: u32,
    /// How fast failures are noticed.
    pub timeouts: Timeouts,
    /// More broker properties, by their Kafka names. They win over what Tribunal sets.
    pub properties: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            version: lock::DEFAULT_VERSION.to_owned(),
            nodes: 3,
            timeouts: Timeouts::default(),
            properties: BTreeMap::new(),
        }
    }
}

/// How many partitions Kafka's internal topics have.
const INTERNAL_TOPICS: [&str; 3] = [
    "offsets.topic.num.partitions",
    "transaction.state.log.num.partitions",
    "share.coordinator.state.topic.num.partitions",
];

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
    /// The properties that are set for it.
    pub fn properties(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Default => &[],
            Self::Tuned => &[
                ("broker.heartbeat.interval.ms", "250"),
                ("broker.session.timeout.ms", "2000"),
                ("controller.quorum.election.timeout.ms", "500"),
                ("controller.quorum.fetch.timeout.ms", "1000"),
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

/// Properties that decide where a node is and what it is: a plan cannot set them.
const RESERVED: &[&str] = &[
    "advertised.listeners",
    "controller.listener.names",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "metadata.log.dir",
    "node.id",
    "process.roles",
];

impl KafkaConfig {
    /// Every node's number, in order.
    pub fn node_ids(&self) -> Vec<NodeId> {
        (1..=self.nodes).collect()
    }

    /// Refuses what cannot be run, before anything starts.
    pub fn validate(&self) -> Result<()> {
        lock::locked_jars(&self.version)?;
        ensure!(
            (1..=NODES_MAX).contains(&self.nodes),
            "run {} nodes: it must be 1 to {NODES_MAX}",
            self.nodes
        );
        for name in self.properties.keys() {
            if name == "min.insync.replicas" {
                bail!(
                    "set the broker property {name}: it belongs to the topic, and the workload sets it there"
                );
            }
            ensure!(
                !RESERVED.contains(&name.as_str()),
                "set the broker property {name}: Tribunal sets it by itself"
            );
        }
        Ok(())
    }

    /// The properties of a node that do not depend on where the nodes are: what a resolved plan shows.
    pub fn properties(&self, node: NodeId) -> Vec<(String, String)> {
        let replicas = self.nodes.min(3).to_string();
        let in_sync = self.nodes.min(2).to_string();
        let mut list = vec![
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", node.to_string()),
            ("auto.create.topics.enable", "false".to_owned()),
            ("offsets.topic.replication.factor", replicas.clone()),
            ("transaction.state.log.replication.factor", replicas.clone()),
            ("transaction.state.log.min.isr", in_sync.clone()),
            ("share.coordinator.state.topic.replication.factor", replicas),
            ("share.coordinator.state.topic.min.isr", in_sync),
            ("group.initial.rebalance.delay.ms", "0".to_owned()),
        ];
        // As Kafka ships, the first client with a group makes fifty partitions of three replicas: seconds of work
        // for three brokers on two cores, in the middle of a trial.
        list.extend(INTERNAL_TOPICS.map(|name| (name, "1".to_owned())));
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
        for (name, value) in &self.properties {
            match list.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => list.push((name.clone(), value.clone())),
            }
        }
        list
    }

    /// All properties of the node at `addresses[index]`, as its `server.properties` has them.
    pub fn server_properties(
        &self,
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
        let voters: Vec<String> = all
            .iter()
            .map(|voter| format!("{}@{}:{}", voter.node, voter.advertised, PORTS.controller))
            .collect();
        let mut list = self.properties(own.node);
        let placed = [
            ("listeners", listeners(own.bind)),
            ("advertised.listeners", listeners(own.advertised)),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            ),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            ("controller.quorum.voters", voters.join(",")),
            ("log.dirs", data.display().to_string()),
        ];
        list.extend(placed.into_iter().map(|(name, value)| (name.to_owned(), value)));
        list
    }
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
    use super::*;

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
        to_file(&config.server_properties(own, &all, Path::new("/node/data")))
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
        share.coordinator.state.topic.replication.factor=3
        share.coordinator.state.topic.min.isr=2
        group.initial.rebalance.delay.ms=0
        offsets.topic.num.partitions=1
        transaction.state.log.num.partitions=1
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
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        group.initial.rebalance.delay.ms=0
        offsets.topic.num.partitions=1
        transaction.state.log.num.partitions=1
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
                version: "3.9.2".to_owned(),
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
}
