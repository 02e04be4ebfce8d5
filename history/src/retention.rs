//! What brokers may remove by themselves, and what not.

use serde::{Deserialize, Serialize};

use crate::header::Value;
use crate::span::Span;

/// Which records of a run may go without anybody having asked for it.
///
/// A record's own key, and whether it is a tombstone, follow from its value: so no operation has to say so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Retention {
    /// How many keys records have: a record's is its value modulo that. At least 1.
    pub names: u64,
    /// Of each key every so-manyth record is a tombstone; 0 where none is.
    #[serde(default)]
    pub tombstone_every: u64,
    /// Whether a record may go that a newer one of its key follows.
    #[serde(default)]
    pub compacts: bool,
    /// How long a tombstone stays at least (`delete.retention.ms`), where records are compacted.
    #[serde(default)]
    pub tombstones_stay: Span,
    /// How long any record stays at least, after which it may go by its age; where it is not given, none goes by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
}

impl Retention {
    /// The record's own key.
    pub fn name(&self, value: Value) -> u64 {
        value % self.names.max(1)
    }

    /// Whether a record deletes what bears its key.
    pub fn is_tombstone(&self, value: Value) -> bool {
        let turn = value / self.names.max(1);
        self.tombstone_every > 0 && turn % self.tombstone_every == self.tombstone_every - 1
    }
}

#[cfg(test)]
mod tests {
    use super::Retention;
    use crate::span::Span;

    #[test]
    fn keys_and_tombstones_follow_from_values() {
        let retention = Retention {
            names: 10,
            tombstone_every: 3,
            compacts: true,
            tombstones_stay: Span::from_secs(1),
            keep: None,
        };
        assert_eq!(retention.name(27), 7);
        let deletes: Vec<bool> = [7, 17, 27, 37]
            .map(|value| retention.is_tombstone(value))
            .to_vec();
        assert_eq!(deletes, [false, false, true, false]);
        let none = Retention {
            tombstone_every: 0,
            ..retention
        };
        assert!(!none.is_tombstone(27));
    }
}
