//! The story of a range of records, as data: what `verdict.json` holds, and what every text and picture of it is made from.

use history::{BrokerLine, Key, NodeId, Offset};
use serde::{Deserialize, Serialize};

/// Findings of one partition that belong together, told as one story: consecutive offsets, the same acknowledging
/// broker and epoch, the same fate. What nobody knows is left out here and named in [`Story::missing`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Story {
    /// The name of the findings: `lost-write`, `inconsistent-offsets` or `duplicate`.
    pub anomaly: String,
    /// The partition, by key.
    pub key: Key,
    /// The partition, by name.
    pub partition: String,
    /// The lowest offset, where the records have any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Offset>,
    /// The highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Offset>,
    /// How many findings it tells of.
    pub records: u64,
    /// Of these, how many a client had read.
    #[serde(default)]
    pub read: u64,
    /// Who acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<NodeId>,
    /// As leader of which epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
    /// Whether that epoch is only inferred from what the broker showed: an acknowledgement names none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub epoch_inferred: bool,
    /// When the first was acknowledged, in nanoseconds of the history's clock.
    pub from: u64,
    /// When the last was.
    pub until: u64,
    /// The partition's state when the first was acknowledged…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StoryState>,
    /// …and when the last was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_state: Option<StoryState>,
    /// The replicas of whose disks a copy is known, and what they had of the range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// The faults that belong to it, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<u32>,
    /// That the one who acknowledged had been deposed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<DeposedLeader>,
    /// The election after which the records were gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub election: Option<StoryElection>,
    /// Which replicas threw records of the range away, by their own word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncations: Vec<Truncation>,
    /// The brokers' own log lines that it quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<BrokerLine>,
    /// It all in plain sentences, in order.
    pub sentences: Vec<String>,
    /// What nothing shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// Who might lead a partition at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StoryState {
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// The eligible leader replicas; `None` where the source does not speak of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elr: Option<Vec<NodeId>>,
    /// Who says so.
    pub source: Source,
}

/// Where a state is known from, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The controllers' own log.
    MetadataLog,
    /// A broker's answer to `DescribeTopicPartitions`.
    Partitions,
    /// A broker's answer to Metadata.
    Metadata,
}

/// What the copies of a node's disk show of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    /// The node.
    pub node: NodeId,
    /// How many of the range's records it held in any copy.
    pub records: u64,
    /// When the last copy was made that holds any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<u64>,
    /// Why that copy was made, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_moment: Option<String>,
    /// When the first later copy was made that certainly lacks what that one had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_by: Option<u64>,
    /// Why that copy was made, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_moment: Option<String>,
}

/// A leader that acknowledged records after it had been deposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeposedLeader {
    /// The node.
    pub node: NodeId,
    /// The epoch in which it had led.
    pub epoch: i32,
    /// The epoch that deposed it.
    pub newer_epoch: i32,
    /// Who leads that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_leader: Option<NodeId>,
    /// When it was deposed, at the latest.
    pub since: u64,
    /// How long it went on acknowledging records of the range, in nanoseconds.
    pub acknowledged_for: u64,
    /// How many of the range it acknowledged meanwhile.
    pub acknowledged: u64,
    /// When it last named itself leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_itself_until: Option<u64>,
    /// When it last answered a request as leader of that epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_until: Option<u64>,
}

/// An election in a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StoryElection {
    /// When, at the latest.
    pub time: u64,
    /// The epoch that it began.
    pub epoch: i32,
    /// The new leader.
    pub leader: NodeId,
    /// Why this one.
    pub why: Why,
    /// The partition's state that it changed, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<StoryState>,
    /// The new leader was the only one that might be elected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_one: bool,
    /// The fault by which somebody asked for an election then, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<u32>,
    /// Where the new leader's own log ended as it began to lead, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<Offset>,
}

/// Why a node was elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was in the ISR.
    InIsr,
    /// It was in the ELR.
    InElr,
    /// It was in neither.
    Unclean,
    /// It was not in the ISR; of the ELR nothing is known.
    OutsideIsr,
    /// Nobody knows.
    Unknown,
}

/// A replica that cut its log off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Truncation {
    /// The node.
    pub node: NodeId,
    /// When, by its own clock put on the history's.
    pub at: u64,
    /// From which offset on.
    pub to: Offset,
}
