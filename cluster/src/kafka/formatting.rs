//! What `StorageTool` is told when it formats, and the files that it leaves.
//!
//! The files do not depend on the node: they hold the levels of features and, for a quorum that can change, its first
//! voters. A voter is known by its node's number, its controller's address and the identity of its directory, so the identities
//! are made from the numbers: then formatting is the same for every cluster of a shape, and is done once.

use std::path::PathBuf;
use std::sync::Arc;

use history::NodeId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cache::hex;
use super::config::{KafkaConfig, NodeAddress, PORTS, Quorum};
use super::node_files::id_of;
use super::release::{FIRST_SNAPSHOT, METADATA_VERSION, metadata_version_name, release};
use crate::{Levels, Machine};

/// What formatting is told, and by which version it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatting {
    /// The version: the oldest of the cluster's.
    pub(super) version: String,
    /// The levels that are not left to Kafka.
    pub(super) features: Levels,
    /// The first voters of a quorum that can change; none of one that cannot.
    pub(super) voters: Vec<NodeAddress>,
    /// Whether nothing is formatted: `ZooKeeper` holds what formatting leaves elsewhere.
    pub(super) nothing: bool,
}

/// The files by which fresh nodes know the levels of their features and their voters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Each file in the cache, and where it belongs below a node's data directory.
    pub files: Vec<(PathBuf, PathBuf)>,
}

impl Formatting {
    /// For a cluster on these machines.
    pub fn new(config: &KafkaConfig, machines: &[Arc<dyn Machine>]) -> Self {
        let addresses = machines.iter().map(|machine| NodeAddress::of(machine.as_ref()));
        let voters = addresses.filter(|address| config.role(address.node).is_controller());
        Self {
            version: config.oldest_version().to_owned(),
            features: config.asked_levels(),
            nothing: config.has_zookeeper() && !config.can_move(),
            voters: match config.quorum {
                Quorum::Static => Vec::new(),
                Quorum::Dynamic => voters.collect(),
            },
        }
    }

    /// As Kafka formats by itself, for a quorum that cannot change.
    pub(super) fn plain(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            ..Self::default()
        }
    }

    /// The arguments of `StorageTool` beside the configuration and the cluster.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for (feature, level) in &self.features {
            arguments.extend(self.level_argument(feature, *level));
        }
        if !self.voters.is_empty() {
            let voters: Vec<String> = self.voters.iter().map(voter).collect();
            arguments.extend(["--initial-controllers".to_owned(), voters.join(",")]);
        }
        arguments
    }

    /// How a level is told. Before 3.9 that is by the name of a release, and there is no feature but `metadata.version`.
    fn level_argument(&self, feature: &str, level: i16) -> [String; 2] {
        let by_name = release(&self.version).is_some_and(|release| !release.quorums_change());
        match metadata_version_name(level) {
            Some(name) if by_name && feature == METADATA_VERSION => {
                ["--release-version".to_owned(), name.to_owned()]
            }
            _ => ["--feature".to_owned(), format!("{feature}={level}")],
        }
    }

    /// The name of the directory in the cache that holds what it leaves.
    pub(super) fn key(&self) -> String {
        let sum = Sha256::digest(self.arguments().join("\n"));
        format!("format-{}", &hex(&sum)[..12])
    }

    /// Where formatting leaves its files, below the data directory.
    pub(super) fn places(&self) -> Vec<&'static str> {
        if self.nothing {
            return Vec::new();
        }
        let own = release(&self.version).map_or(FIRST_SNAPSHOT, |release| release.bootstrap);
        let mut places = vec![own];
        if !self.voters.is_empty() && own != FIRST_SNAPSHOT {
            places.push(FIRST_SNAPSHOT);
        }
        places
    }

    /// The configuration of the node in whose directory it is done, and where that node is: `own`, unless it is to be a
    /// voter.
    pub(super) fn config(&self, own: NodeAddress) -> (KafkaConfig, NodeAddress) {
        let config = KafkaConfig {
            version: self.version.clone(),
            nodes: 1,
            quorum: if self.voters.is_empty() {
                Quorum::Static
            } else {
                Quorum::Dynamic
            },
            ..KafkaConfig::default()
        };
        (config, self.voters.first().copied().unwrap_or(own))
    }
}

/// The identity of the directory of a node that is one of the first voters.
pub(super) fn directory_of(node: NodeId) -> String {
    let sum = Sha256::digest(format!("the directory of node {node}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sum[..16]);
    id_of(uuid::Builder::from_random_bytes(bytes).into_uuid())
        .unwrap_or_else(|| unreachable!("none of these begins with a dash: there is a test"))
}

fn voter(address: &NodeAddress) -> String {
    let NodeAddress { node, advertised, .. } = address;
    format!("{node}@{advertised}:{}:{}", PORTS.controller, directory_of(*node))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::super::config::NODES_MAX;
    use super::*;

    fn formatting(version: &str, quorum: Quorum) -> Formatting {
        let address = |node: NodeId| NodeAddress {
            node,
            advertised: Ipv4Addr::new(10, 0, 0, node as u8),
            bind: Ipv4Addr::UNSPECIFIED,
        };
        Formatting {
            features: [("transaction.version".to_owned(), 1)].into(),
            voters: match quorum {
                Quorum::Static => Vec::new(),
                Quorum::Dynamic => (1..=2).map(address).collect(),
            },
            ..Formatting::plain(version)
        }
    }

    #[test]
    fn what_the_tool_is_told() {
        assert!(Formatting::plain("4.4.0").arguments().is_empty());
        insta::assert_snapshot!(formatting("4.4.0", Quorum::Static).arguments().join(" "), @"--feature transaction.version=1");
        insta::assert_snapshot!(formatting("4.4.0", Quorum::Dynamic).arguments().join("\n"), @r"
        --feature
        transaction.version=1
        --initial-controllers
        1@10.0.0.1:9093:Sg1MGUOGSlqVIBcdWT5f9w,2@10.0.0.2:9093:3CfDA2OIRiuUWFm3AqCNeg
        ");
    }

    #[test]
    fn an_old_tool_is_told_the_name_of_a_release() {
        let of = |version: &str| Formatting {
            features: [(METADATA_VERSION.to_owned(), 7)].into(),
            ..Formatting::plain(version)
        };
        assert_eq!(of("3.8.1").arguments(), ["--release-version", "3.3-IV3"]);
        assert_eq!(of("3.9.2").arguments(), ["--feature", "metadata.version=7"]);
    }

    #[test]
    fn each_formatting_has_a_place_of_its_own_in_the_cache() {
        let keys: BTreeSet<String> = [
            Formatting::plain("4.4.0"),
            formatting("4.4.0", Quorum::Static),
            formatting("4.4.0", Quorum::Dynamic),
        ]
        .iter()
        .map(Formatting::key)
        .collect();
        assert_eq!(keys.len(), 3);
    }

    #[test]
    fn the_voters_lie_in_the_first_snapshot() {
        assert_eq!(
            formatting("3.9.2", Quorum::Static).places(),
            ["bootstrap.checkpoint"]
        );
        assert_eq!(
            formatting("3.9.2", Quorum::Dynamic).places(),
            ["bootstrap.checkpoint", FIRST_SNAPSHOT]
        );
        for quorum in [Quorum::Static, Quorum::Dynamic] {
            assert_eq!(formatting("4.4.0", quorum).places(), [FIRST_SNAPSHOT]);
        }
    }

    #[test]
    fn directories_differ() {
        let all: BTreeSet<String> = (1..=NODES_MAX).map(directory_of).collect();
        assert_eq!(all.len(), NODES_MAX as usize);
    }
}
