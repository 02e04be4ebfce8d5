//! From what a plan says of Kafka to each node's `server.properties`.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use history::NodeId;

use super::{KafkaConfig, NodeAddress, PORTS, Program, Quorum};
use crate::Mode;
use crate::kafka::release::{Release, release};

/// Whether a node takes part in the move from `ZooKeeper` to the quorum.
pub(super) const MIGRATION: &str = "zookeeper.metadata.migration.enable";

impl KafkaConfig {
    /// The properties of a node that do not depend on where the nodes are: what a resolved plan shows.
    pub fn properties(&self, node: NodeId) -> Vec<(String, String)> {
        self.properties_of(self.program_of(node), node)
    }

    /// What a node is, and its number.
    fn identity(&self, program: Program<'_>, node: NodeId) -> Vec<(&'static str, String)> {
        let role = self.role(node);
        let mut list = if program.mode != Mode::Quorum && role.is_broker() {
            self.identity_with_zookeeper(program.version, node)
        } else {
            vec![
                ("process.roles", role.name().to_owned()),
                ("node.id", node.to_string()),
            ]
        };
        if program.mode == Mode::Both {
            list.push((MIGRATION, "true".to_owned()));
        }
        list
    }

    fn timeout_properties(&self, mode: Mode) -> Vec<(&'static str, &'static str)> {
        let zookeeper = (mode != Mode::Quorum).then(|| self.timeouts.with_zookeeper());
        let quorum = (mode != Mode::ZooKeeper).then(|| self.timeouts.properties());
        let mut list: Vec<(&str, &str)> = Vec::new();
        // What both name is the same.
        for property in zookeeper.into_iter().chain(quorum).flatten() {
            if !list.contains(property) {
                list.push(*property);
            }
        }
        list
    }

    fn properties_of(&self, program: Program<'_>, node: NodeId) -> Vec<(String, String)> {
        let version = program.version;
        let replicas = self.nodes.min(3).to_string();
        let in_sync = self.nodes.min(2).to_string();
        let mut list = self.identity(program, node);
        list.extend([
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
        ]);
        if release(version).is_none_or(|release| release.share_groups) {
            list.extend([
                ("share.coordinator.state.topic.replication.factor", replicas),
                ("share.coordinator.state.topic.min.isr", in_sync),
                ("share.coordinator.state.topic.num.partitions", "1".to_owned()),
            ]);
        }
        list.extend(
            self.timeout_properties(program.mode)
                .into_iter()
                .map(|(name, value)| (name, value.to_owned())),
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

    /// All properties of a node that runs this, as its `server.properties` has them.
    pub fn server_properties(
        &self,
        program: Program<'_>,
        own: NodeAddress,
        all: &[NodeAddress],
        data: &Path,
    ) -> Vec<(String, String)> {
        let role = self.role(own.node);
        let listeners = |host: Ipv4Addr, controllers: bool| {
            let broker = format!("PLAINTEXT://{host}:{}", PORTS.client);
            let controller = format!("CONTROLLER://{host}:{}", PORTS.controller);
            let broker = role.is_broker().then_some(broker);
            let controller = (role.is_controller() && controllers).then_some(controller);
            let both: Vec<String> = broker.into_iter().chain(controller).collect();
            both.join(",")
        };
        // Before 3.9 controllers are found by the voters alone, and one that tells where it is does not start.
        let told = release(program.version).is_none_or(Release::quorums_change);
        let mut list = self.properties_of(program, own.node);
        let mut placed = vec![
            ("listeners", listeners(own.bind, true)),
            ("advertised.listeners", listeners(own.advertised, told)),
        ];
        if program.mode != Mode::Quorum {
            placed.push(("zookeeper.connect", self.ensemble_at(all)));
        }
        if program.mode != Mode::ZooKeeper {
            placed.extend(self.quorum_at(all));
        }
        placed.push(("log.dirs", data.display().to_string()));
        // A controller alone has no listener of brokers, and one that tells nobody where it is says nothing.
        let is_meant = |name: &str, value: &str| {
            !value.is_empty() && (role.is_broker() || name != "inter.broker.listener.name")
        };
        let placed = placed.into_iter().filter(|(name, value)| is_meant(name, value));
        list.extend(placed.map(|(name, value)| (name.to_owned(), value)));
        list
    }

    /// How a node finds the quorum, and speaks with it.
    fn quorum_at(&self, all: &[NodeAddress]) -> [(&'static str, String); 4] {
        let voters: Vec<NodeAddress> = all
            .iter()
            .copied()
            .filter(|address| self.role(address.node).is_controller())
            .collect();
        [
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            ),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            self.quorum.property(&voters),
        ]
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
