//! The configuration of a cluster with `ZooKeeper`: the brokers' properties, and the file of each of its nodes.

use std::fmt::Write as _;
use std::path::Path;

use history::NodeId;

use super::{KafkaConfig, NodeAddress, Role, Timeouts};
use crate::kafka::release::{Release, is_older, release};
use crate::kafka::zookeeper::{CLIENT_PORT, ELECTION_PORT, PEER_PORT};

/// The smallest unit of `ZooKeeper`'s time, in milliseconds: what is tuned has sessions that end within seconds, and an ensemble
/// that elects a leader as fast.
const TICK_TUNED: u32 = 500;
/// As `ZooKeeper` ships.
const TICK_DEFAULT: u32 = 2_000;
/// So many ticks a node may take to join its leader, and so many it may lag behind.
const INIT_TICKS: u32 = 10;
const SYNC_TICKS: u32 = 5;
/// Between these a session's timeout may lie, in milliseconds, whatever a tick is: what Kafka asks for is what it gets.
const SESSION_MIN: u32 = 1_000;
const SESSION_MAX: u32 = 60_000;
/// So long a broker looks for `ZooKeeper` as it starts, in milliseconds: both are started at once. As Kafka ships it is the
/// session's timeout.
const CONNECT_WITHIN: u32 = 60_000;

impl Timeouts {
    /// What is set for it in a cluster with `ZooKeeper`.
    pub(super) fn with_zookeeper(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Default => &[],
            Self::Tuned => &[
                ("zookeeper.session.timeout.ms", "2000"),
                ("replica.lag.time.max.ms", "1500"),
            ],
        }
    }

    fn tick(self) -> u32 {
        match self {
            Self::Default => TICK_DEFAULT,
            Self::Tuned => TICK_TUNED,
        }
    }
}

impl KafkaConfig {
    /// Whether `ZooKeeper` holds what the controller knows, at first.
    pub fn has_zookeeper(&self) -> bool {
        self.zookeepers > 0
    }

    /// Whether the cluster can be moved from `ZooKeeper` to controllers of its own.
    pub fn can_move(&self) -> bool {
        self.has_zookeeper() && self.controllers > 0
    }

    /// Why no version of the cluster, or not every one, runs in this shape, where that is so.
    pub fn wrong_shape(&self) -> Option<String> {
        let cannot = |can: fn(&Release) -> bool| {
            let mut versions = self.all_versions().into_iter();
            versions.find(|version| release(version).is_some_and(|release| !can(release)))
        };
        if self.has_zookeeper() {
            if let Some(version) = cannot(Release::has_zookeeper) {
                return Some(format!(
                    "Kafka {version} runs without ZooKeeper alone, which 3.9 was the last to know: write \"combined\" or \"separate\""
                ));
            }
            let version = self
                .can_move()
                .then(|| cannot(Release::moves_to_kraft))
                .flatten()?;
            return Some(format!(
                "Kafka {version} cannot be moved from ZooKeeper to controllers: 3.6 to 3.9 can"
            ));
        }
        let version = cannot(Release::has_kraft)?;
        Some(format!(
            "Kafka {version} runs with ZooKeeper alone here (its KRaft was a preview, or is not there): write \"zookeeper\""
        ))
    }

    pub(super) fn identity_with_zookeeper(&self, version: &str, node: NodeId) -> Vec<(&'static str, String)> {
        let mut list = vec![("broker.id", node.to_string())];
        let oldest = self.oldest_version();
        // What brokers say to each other, and write, is what the oldest of them understands.
        if is_older(oldest, version) {
            list.push(("inter.broker.protocol.version", line(oldest)));
        }
        list.push(("zookeeper.connection.timeout.ms", CONNECT_WITHIN.to_string()));
        list
    }

    /// Where brokers, and controllers that take over, find `ZooKeeper`.
    pub(super) fn ensemble_at(&self, all: &[NodeAddress]) -> String {
        let servers = self
            .ensemble(all)
            .map(|node| format!("{}:{CLIENT_PORT}", node.advertised));
        servers.collect::<Vec<_>>().join(",")
    }

    /// The file of a node of `ZooKeeper`.
    pub fn zoo_cfg(&self, own: NodeAddress, all: &[NodeAddress], data: &Path) -> String {
        let mut text = format!(
            "tickTime={}\ninitLimit={INIT_TICKS}\nsyncLimit={SYNC_TICKS}\n\
             minSessionTimeout={SESSION_MIN}\nmaxSessionTimeout={SESSION_MAX}\n\
             maxClientCnxns=0\ndataDir={}\nclientPort={CLIENT_PORT}\nclientPortAddress={}\n\
             4lw.commands.whitelist=ruok,srvr,mntr\nadmin.enableServer=false\n",
            self.timeouts.tick(),
            data.display(),
            own.bind,
        );
        // One alone is no ensemble.
        if self.zookeepers > 1 {
            for node in self.ensemble(all) {
                let (number, address) = (node.node, node.advertised);
                let _ = writeln!(text, "server.{number}={address}:{PEER_PORT}:{ELECTION_PORT}");
            }
        }
        text
    }

    fn ensemble<'a>(&'a self, all: &'a [NodeAddress]) -> impl Iterator<Item = &'a NodeAddress> {
        all.iter()
            .filter(|address| self.role(address.node) == Role::ZooKeeper)
    }
}

/// What Kafka calls the protocol of a version: `2.8` for `2.8.2`.
fn line(version: &str) -> String {
    let numbers: Vec<&str> = version.split('.').collect();
    // Before 1.0 three numbers made a line.
    let count = if numbers.first() == Some(&"0") { 3 } else { 2 };
    numbers[..numbers.len().min(count)].join(".")
}
