//! Whom a fault is aimed at, as a plan says it.

use std::fmt;

use history::NodeId;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

/// What a plan may write for a target, for error texts.
const ACCEPTED: &str = "\"one\", \"minority\", \"majority\", \"all\", \"leader\", \"follower\", \"controller\", \
     \"zookeeper-leader\", \"zookeeper-follower\", \"zookeepers\" or a list of nodes such as [\"n1\", 2]";

/// Whom a fault is aimed at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// A broker, drawn from the seed.
    #[default]
    One,
    /// As many brokers as the rest can do without, drawn from the seed.
    Minority,
    /// One broker more than half, drawn from the seed.
    Majority,
    /// Every broker.
    All,
    /// Who leads the fault's partition at the moment of injection.
    Leader,
    /// A follower of the fault's partition at the moment of injection.
    Follower,
    /// The active controller at the moment of injection.
    Controller,
    /// The node of `ZooKeeper` that leads the ensemble at the moment of injection, or the only one.
    ZooKeeperLeader,
    /// The first node of `ZooKeeper` that follows at the moment of injection.
    ZooKeeperFollower,
    /// All nodes of `ZooKeeper`.
    ZooKeepers,
    /// These nodes.
    Nodes(Vec<NodeId>),
}

impl Target {
    /// Whether it depends on a partition: who leads it or follows.
    pub fn is_of_a_partition(&self) -> bool {
        matches!(self, Self::Leader | Self::Follower)
    }

    /// Whether it is of `ZooKeeper`: only a cluster that has it has such a node.
    pub fn is_of_zookeeper(&self) -> bool {
        matches!(
            self,
            Self::ZooKeeperLeader | Self::ZooKeeperFollower | Self::ZooKeepers
        )
    }

    fn word(&self) -> Option<&'static str> {
        Some(match self {
            Self::One => "one",
            Self::Minority => "minority",
            Self::Majority => "majority",
            Self::All => "all",
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Controller => "controller",
            Self::ZooKeeperLeader => "zookeeper-leader",
            Self::ZooKeeperFollower => "zookeeper-follower",
            Self::ZooKeepers => "zookeepers",
            Self::Nodes(_) => return None,
        })
    }

    fn from_word(word: &str) -> Option<Self> {
        [
            Self::One,
            Self::Minority,
            Self::Majority,
            Self::All,
            Self::Leader,
            Self::Follower,
            Self::Controller,
            Self::ZooKeeperLeader,
            Self::ZooKeeperFollower,
            Self::ZooKeepers,
        ]
        .into_iter()
        .find(|target| target.word() == Some(word))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(nodes) => formatter.write_str(&node_list(nodes)),
            other => formatter.write_str(other.word().unwrap_or_default()),
        }
    }
}

/// Nodes as people write them: `node 2`, `nodes 1, 3`, `no node`.
pub(crate) fn node_list(nodes: &[NodeId]) -> String {
    let numbers: Vec<_> = nodes.iter().map(ToString::to_string).collect();
    match numbers.as_slice() {
        [] => "no node".to_owned(),
        [one] => format!("node {one}"),
        many => format!("nodes {}", many.join(", ")),
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nodes(nodes) => {
                let mut list = serializer.serialize_seq(Some(nodes.len()))?;
                for node in nodes {
                    list.serialize_element(&format!("n{node}"))?;
                }
                list.end()
            }
            other => serializer.serialize_str(other.word().unwrap_or_default()),
        }
    }
}

struct TargetVisitor;

impl<'de> Visitor<'de> for TargetVisitor {
    type Value = Target;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(ACCEPTED)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Target, E> {
        Target::from_word(word)
            .ok_or_else(|| E::custom(format!("`{word}` is no target: expected {ACCEPTED}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Target, A::Error> {
        let mut nodes = Vec::new();
        while let Some(NodeName(node)) = list.next_element()? {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        if nodes.is_empty() {
            return Err(de::Error::custom(format!(
                "an empty list is no target: expected {ACCEPTED}"
            )));
        }
        nodes.sort_unstable();
        Ok(Target::Nodes(nodes))
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TargetVisitor)
    }
}

/// A node in a list: `"n1"` or `1`.
struct NodeName(NodeId);

struct NodeVisitor;

impl Visitor<'_> for NodeVisitor {
    type Value = NodeName;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a node, such as \"n1\" or 1")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<NodeName, E> {
        NodeId::try_from(number)
            .map(NodeName)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<NodeName, E> {
        NodeId::try_from(number)
            .map(NodeName)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<NodeName, E> {
        name.strip_prefix('n')
            .and_then(|number| number.parse().ok())
            .map(NodeName)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(name), &self))
    }
}

impl<'de> Deserialize<'de> for NodeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}
