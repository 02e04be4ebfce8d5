//! What lay on a node's disk at one moment: logs, checkpoints, the quorum's state.
//!
//! Truncation destroys evidence. So the ends of the logs are copied before whatever may cut them off (a heal, a restart, a
//! remount) as well as at the end, and what a copy holds is an event.

use serde::{Deserialize, Serialize};

use crate::header::{Key, NodeId, Offset, Value};
use crate::ruling::MetadataLog;

/// A copy of what one node had on its disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiskCopy {
    /// The node.
    pub node: NodeId,
    /// Its newest process then, see [`crate::NodeChange::incarnation`].
    pub incarnation: u32,
    /// When the copying began; the event's time is when what was copied had been read. Same clock.
    pub begun: u64,
    /// Why then.
    pub moment: Moment,
    /// Where the copied files lie, below the run's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The workload's logs, by key.
    pub logs: Vec<DiskLog>,
    /// The metadata log, where the node has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataLog>,
    /// What the node had noted of its quorum (`quorum-state`), where it takes part in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<QuorumState>,
    /// What could not be read, each with file and position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Why a disk was copied at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// A fault was about to be healed: its number.
    BeforeHeal(u32),
    /// The node's broker was about to be started.
    BeforeStart,
    /// What the node's disk had not synced was about to be lost.
    BeforePowerLoss,
    /// The node's data was about to be removed.
    BeforeWipe,
    /// The run was over, and the node's process had ended.
    AtTheEnd,
}

/// One replica's log as it lay on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiskLog {
    /// The partition.
    pub key: Key,
    /// The first offset that is there.
    pub start: Offset,
    /// One past the last of what is whole.
    pub end: Offset,
    /// The high watermark as last noted (`replication-offset-checkpoint`); as much as 5 s old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_watermark: Option<Offset>,
    /// What is known to be synced (`recovery-point-offset-checkpoint`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point: Option<Offset>,
    /// `(epoch, first offset)` as the node had noted it (`leader-epoch-checkpoint`). Leaders note epochs without records,
    /// followers do not.
    pub noted_epochs: Vec<(i32, Offset)>,
    /// `(epoch, first offset)` as the batches themselves say.
    pub epochs: Vec<(i32, Offset)>,
    /// Below this offset the log is as the copy before showed it, or was not read.
    pub from: Offset,
    /// `(offset, value, leader epoch of its batch)` from there on, without empty records and markers.
    pub records: Vec<(Offset, Value, i32)>,
    /// Bytes follow `end` that are no whole batch, see [`DiskCopy::problems`]: the log may go on there, or its node was ended
    /// in the middle of a write.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// Offsets that are missing between batches, from and up to; compaction aside there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<(Offset, Offset)>,
}

/// The state of its quorum that a node had noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QuorumState {
    /// The term.
    pub term: i32,
    /// Who leads it, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<NodeId>,
    /// For whom this node voted in this term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voted: Option<NodeId>,
}

/// A line of a broker's own log that has to do with leadership, elections or truncation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerLine {
    /// The node.
    pub node: NodeId,
    /// When, in nanoseconds of the run's clock: worked out from the line's own wall-clock time, so to a millisecond at best,
    /// and wrong where the node's clock was.
    pub at: u64,
    /// The partition that it names, where it names one of the workload's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The line, without its time.
    pub text: String,
}
