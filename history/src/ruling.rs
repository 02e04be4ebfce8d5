//! What the controllers decided: the metadata log as it lies on a node's disk.
//!
//! Metadata that a broker answers with is a cache. The log is what was decided: each change of a partition's leader, ISR
//! and ELR, in the order in which the quorum committed it. Source of the fields: Kafka's `PartitionRecord` and
//! `PartitionChangeRecord`.

use serde::{Deserialize, Serialize};

use crate::header::{Key, NodeId, Offset};

/// The metadata log of one node (`__cluster_metadata-0`), as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetadataLog {
    /// The first offset that is there; what lies below is in a snapshot.
    pub start: Offset,
    /// One past the last.
    pub end: Offset,
    /// The committed end as this node had noted it last, where it did: what lies above may yet be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_watermark: Option<Offset>,
    /// The batches, in order, those that an earlier copy of this node's log had shown left out.
    pub batches: Vec<MetadataBatch>,
    /// What they decided about the workload's partitions, in order, likewise.
    pub rulings: Vec<Ruling>,
}

/// A batch of the metadata log: on a line, `[first, last, term, crc]`. Replicas hold the same bytes, so the same sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Offset, Offset, i32, u32)", into = "(Offset, Offset, i32, u32)")]
pub struct MetadataBatch {
    /// Its first offset.
    pub first: Offset,
    /// Its last offset.
    pub last: Offset,
    /// The term in which it was written (the batch's leader epoch).
    pub term: i32,
    /// The sum that the batch carries, which the reader has checked.
    pub crc: u32,
}

impl From<(Offset, Offset, i32, u32)> for MetadataBatch {
    fn from((first, last, term, crc): (Offset, Offset, i32, u32)) -> Self {
        Self {
            first,
            last,
            term,
            crc,
        }
    }
}

impl From<MetadataBatch> for (Offset, Offset, i32, u32) {
    fn from(batch: MetadataBatch) -> Self {
        (batch.first, batch.last, batch.term, batch.crc)
    }
}

/// The state that one record of the metadata log gave to a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ruling {
    /// The record's place in the metadata log. Where the log begins with a snapshot, the state that this holds has the last
    /// place that the snapshot is of.
    pub offset: Offset,
    /// The term of the controller that wrote it.
    pub term: i32,
    /// When that controller wrote it, in milliseconds since 1970 by its own wall clock.
    pub written_ms: i64,
    /// The partition.
    pub key: Key,
    /// The leader, where there is one.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub epoch: i32,
    /// Grows with every change of the partition.
    pub partition_epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
    /// The eligible leader replicas (KIP-966): out of the ISR, and certain to hold what was committed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elr: Vec<NodeId>,
    /// Who led last, where neither ISR nor ELR hold anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_known_elr: Vec<NodeId>,
    /// The leader was elected from outside and has to recover (`LeaderRecoveryState.RECOVERING`): an unclean election.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovering: bool,
}
