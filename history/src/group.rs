//! What a member of a consumer group does beside reading.

use serde::{Deserialize, Serialize};

use crate::header::{Key, Offset};

/// A step of a member. On a line, `{"group":{"commit":{…}}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupStep {
    /// It commits how far it has read. `ok`: the group's coordinator acknowledged it.
    Commit(Commit),
    /// It asks what the group has committed. The invocation and a `fail` hold what is asked for, with `null` offsets.
    Committed(Committed),
    /// The group gave it partitions or took some from it. Always completes `ok`, at the moment that its client told of it.
    Rebalance(Rebalance),
}

/// A commit of offsets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Which member of the group it was.
    pub member: MemberId,
    /// The partitions with the offsets to read next: on a line, `[[key, offset], …]`.
    pub offsets: Vec<(Key, Offset)>,
}

/// What a group has committed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    /// The partitions with the offsets to read next, `null` where nothing is committed: on a line, `[[key, offset], …]`.
    pub offsets: Vec<(Key, Option<Offset>)>,
}

/// Who a member is in its group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId {
    /// The id that the group gave it; empty where it has none.
    pub id: String,
    /// The generation of the group (classic protocol) or the member's epoch (KIP-848); -1 where it has none.
    pub generation: i32,
}

/// A change of what a member owns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rebalance {
    /// Which way the partitions went.
    pub change: Change,
    /// The partitions that came or went; those before stay as they are.
    pub keys: Vec<Key>,
    /// Who the member was when it happened.
    pub member: MemberId,
}

/// Which way partitions go in a rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// They are its own from now on.
    Given,
    /// It gives them back, and may still commit for them while it does.
    Revoked,
    /// They were taken from it without its doing.
    Lost,
}

impl GroupStep {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::Committed(_) => "committed",
            Self::Rebalance(_) => "rebalance",
        }
    }

    /// The partitions that it is about.
    pub fn keys(&self) -> Vec<Key> {
        match self {
            Self::Commit(commit) => commit.offsets.iter().map(|(key, _)| *key).collect(),
            Self::Committed(committed) => committed.offsets.iter().map(|(key, _)| *key).collect(),
            Self::Rebalance(rebalance) => rebalance.keys.clone(),
        }
    }
}
