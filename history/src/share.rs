//! What a member of a share group (KIP-932) does: it acquires records, each for a while and for itself alone, and says of each what
//! is to become of it.

use serde::{Deserialize, Serialize};

use crate::header::{Key, Offset, Value};

/// A step of a member. On a line, `{"share":{"acquire":{…}}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShareStep {
    /// It asks for records. The invocation holds none.
    Acquire(Acquire),
    /// It says of records what is to become of them. An invocation holds no answers; a completion that is not `ok` holds those that there
    /// were.
    Acknowledge(Acknowledge),
}

/// Records that a member acquired, in the order in which it got them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acquire {
    /// The records.
    pub records: Vec<Acquired>,
}

/// A record that a member acquired: on a line, `[key, offset, value, deliveries]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Quadruple", into = "Quadruple")]
pub struct Acquired {
    /// The partition.
    pub key: Key,
    /// The place in it.
    pub offset: Offset,
    /// What it carries; `null` for one that no client of the workload wrote.
    pub value: Option<Value>,
    /// How many times it was delivered, this time among them, as the broker counts.
    pub deliveries: u32,
}

type Quadruple = (Key, Offset, Option<Value>, u32);

impl From<Quadruple> for Acquired {
    fn from((key, offset, value, deliveries): Quadruple) -> Self {
        Self {
            key,
            offset,
            value,
            deliveries,
        }
    }
}

impl From<Acquired> for Quadruple {
    fn from(record: Acquired) -> Self {
        (record.key, record.offset, record.value, record.deliveries)
    }
}

/// What a member says of records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// The records.
    pub records: Vec<Acknowledged>,
}

/// What a member says of a record: on a line, `[key, offset, "accept", true]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "(Key, Offset, Fate, Option<bool>)",
    into = "(Key, Offset, Fate, Option<bool>)"
)]
pub struct Acknowledged {
    /// The partition.
    pub key: Key,
    /// The place in it.
    pub offset: Offset,
    /// What is to become of it.
    pub fate: Fate,
    /// Whether a broker confirmed it (`true`) or refused it (`false`); `null` where nobody knows, as in an invocation.
    pub confirmed: Option<bool>,
}

impl From<(Key, Offset, Fate, Option<bool>)> for Acknowledged {
    fn from((key, offset, fate, confirmed): (Key, Offset, Fate, Option<bool>)) -> Self {
        Self {
            key,
            offset,
            fate,
            confirmed,
        }
    }
}

impl From<Acknowledged> for (Key, Offset, Fate, Option<bool>) {
    fn from(record: Acknowledged) -> Self {
        (record.key, record.offset, record.fate, record.confirmed)
    }
}

/// What is to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is done with.
    Accept,
    /// It is to be delivered again.
    Release,
    /// It is bad, and never to be delivered again.
    Reject,
}

impl Fate {
    /// Whether it ends the record's deliveries.
    pub fn is_final(self) -> bool {
        self != Self::Release
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Release => "release",
            Self::Reject => "reject",
        }
    }
}

impl ShareStep {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acquire(_) => "acquire",
            Self::Acknowledge(_) => "acknowledge",
        }
    }

    /// The partitions that it is about, one for each record.
    pub fn keys(&self) -> Vec<Key> {
        match self {
            Self::Acquire(acquire) => acquire.records.iter().map(|record| record.key).collect(),
            Self::Acknowledge(acknowledge) => acknowledge.records.iter().map(|record| record.key).collect(),
        }
    }
}
