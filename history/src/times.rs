//! What clients see of the times of records.

use serde::{Deserialize, Serialize};

use crate::header::{Key, Offset, Value};

/// A step of a client that looks at times. On a line, `{"times":{"look-up":{…}}}`. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeStep {
    /// It looks at its own wall clock: the invocation holds 0, the completion what it showed in between.
    Clock(i64),
    /// What it read bore these times. The invocation holds none.
    Read(Vec<Stamp>),
    /// It asks for the first offset whose record is not older than a time.
    LookUp(LookUp),
}

/// The time of a record: on a line, `[key, offset, value, time]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Key, Offset, Value, i64)", into = "(Key, Offset, Value, i64)")]
pub struct Stamp {
    /// The partition.
    pub key: Key,
    /// The place in it.
    pub offset: Offset,
    /// What it carries.
    pub value: Value,
    /// Its time.
    pub time: i64,
}

impl From<(Key, Offset, Value, i64)> for Stamp {
    fn from((key, offset, value, time): (Key, Offset, Value, i64)) -> Self {
        Self {
            key,
            offset,
            value,
            time,
        }
    }
}

impl From<Stamp> for (Key, Offset, Value, i64) {
    fn from(stamp: Stamp) -> Self {
        (stamp.key, stamp.offset, stamp.value, stamp.time)
    }
}

/// A look-up by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// The partition.
    pub key: Key,
    /// The time that is asked for.
    pub time: i64,
    /// What was found, once it is answered: `null` where every record is older.
    pub found: Option<Offset>,
}

impl TimeStep {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Clock(_) => "clock",
            Self::Read(_) => "times",
            Self::LookUp(_) => "look-up",
        }
    }

    /// The partitions that it is about, each once.
    pub fn keys(&self) -> Vec<Key> {
        match self {
            Self::Clock(_) => Vec::new(),
            Self::Read(stamps) => {
                let mut keys: Vec<Key> = stamps.iter().map(|stamp| stamp.key).collect();
                keys.sort_unstable();
                keys.dedup();
                keys
            }
            Self::LookUp(look_up) => vec![look_up.key],
        }
    }
}
