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
    /// How many keys records have at a time: a record's is its value modulo that. At least 1.
    pub names: u64,
    /// After so many records of a key no more come of it, and a new one takes its place; 0 where keys last for ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub renew_every: u64,
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
    /// How many bytes of each partition's newest records stay at least, before which any may go; where it is not given, none goes by
    /// that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_bytes: Option<u64>,
    /// The most bytes that one record can take in a log, with all that goes with it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub record_bytes: u64,
}

/// For what is left out of a line where it says nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Retention {
    /// The record's own key.
    pub fn name(&self, value: Value) -> u64 {
        let names = self.names.max(1);
        let renewals = (value / names).checked_div(self.renew_every).unwrap_or_default();
        value % names + renewals.saturating_mul(names)
    }

    /// Of how many records after it a partition certainly keeps this many bytes: only what so many follow may go by size.
    pub fn keeps_records(&self) -> Option<u64> {
        Some(self.keep_bytes? / self.record_bytes.max(1))
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
            ..Retention::default()
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

    #[test]
    fn keys_are_renewed_after_so_many_records() {
        let retention = Retention {
            names: 10,
            renew_every: 2,
            ..Retention::default()
        };
        let names: Vec<u64> = [7, 17, 27, 37, 47].map(|value| retention.name(value)).to_vec();
        assert_eq!(names, [7, 7, 17, 17, 27]);
    }

    #[test]
    fn what_is_kept_by_size_is_counted_in_the_largest_records() {
        let retention = Retention {
            keep_bytes: Some(1_000),
            record_bytes: 300,
            ..Retention::default()
        };
        assert_eq!(retention.keeps_records(), Some(3));
        assert_eq!(Retention::default().keeps_records(), None);
    }
}
