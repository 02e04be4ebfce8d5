//! Transactions that nobody ended: what a partition's leader and the coordinators say of them, and how long one may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::header::{Key, Offset};
use crate::span::Span;

/// How long a transaction of the run may stay open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TransactionLimits {
    /// `transaction.timeout.ms` of the producers: after that the coordinator aborts what nobody has ended.
    pub timeout: Span,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms` of the brokers: how often the coordinator looks for such.
    pub abort_interval: Span,
}

/// The least that is waited beyond what the coordinator may take: it may be slow, as its machine may be.
const SLOW: Duration = Duration::from_secs(10);

impl TransactionLimits {
    /// As Kafka ships.
    pub const ABORT_INTERVAL: Span = Span::from_secs(10);

    /// A transaction that is open for longer than this after the last client ended hangs: twice what the coordinator may take,
    /// and at least ten seconds more than that.
    pub fn hangs_after(&self) -> Duration {
        let may_take = self
            .timeout
            .duration()
            .saturating_add(self.abort_interval.duration());
        may_take.saturating_add(may_take.max(SLOW))
    }
}

/// How far a partition is decided: below its last stable offset every transaction has ended. Asked once the clients have ended, where
/// the two differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Undecided {
    /// The partition.
    pub key: Key,
    /// Up to where who reads committed records may read (`ListOffsets` of the leader, `read_committed`).
    pub last_stable: Offset,
    /// Up to where the partition is replicated (`ListOffsets` of the leader, `read_uncommitted`).
    pub high_watermark: Offset,
    /// The producers that have a transaction open there (`DescribeProducers` of the leader), the one with the lowest offset first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenTransaction>,
    /// Whether leader and coordinators have said what they know of these.
    pub told: Told,
}

/// A transaction that is open in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OpenTransaction {
    /// The producer's number.
    pub producer: i64,
    /// The epoch in which it wrote.
    pub epoch: i32,
    /// The offset of its first record.
    pub first: Offset,
    /// Its transactional id, where a coordinator knows it (`ListTransactions`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactional_id: Option<String>,
    /// The state in which that coordinator has it, as Kafka writes it: `Ongoing`, `PrepareAbort`, `CompleteCommit`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl OpenTransaction {
    /// States in which a coordinator has nothing more to do: no marker is to come.
    const OVER: [&str; 4] = ["Empty", "CompleteCommit", "CompleteAbort", "Dead"];

    /// Whether a coordinator may still end it. What is not known is taken for that.
    pub fn may_end(&self) -> bool {
        let state = self.state.as_deref();
        state.is_some_and(|state| !Self::OVER.contains(&state))
    }
}

/// Whether leader and coordinators have said what they know of open transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// All of them have: a transaction without a state is known to no coordinator.
    All,
    /// These brokers know no such questions (KIP-664: Kafka 3.0 and newer do).
    CannotTell,
    /// Not all of them did: why.
    Silent(String),
}

#[cfg(test)]
mod tests {
    use super::{OpenTransaction, TransactionLimits};
    use crate::span::Span;

    #[track_caller]
    fn hangs_after(timeout: u64, abort_interval: u64, expected: u64) {
        let limits = TransactionLimits {
            timeout: Span::from_secs(timeout),
            abort_interval: Span::from_secs(abort_interval),
        };
        assert_eq!(limits.hangs_after().as_secs(), expected);
    }

    #[test]
    fn what_hangs_is_open_for_clearly_longer_than_it_may_be() {
        hangs_after(5, 1, 16);
        hangs_after(5, 10, 30);
        hangs_after(60, 10, 140);
    }

    #[test]
    fn a_state_that_nobody_knows_may_end() {
        let open = |state: Option<&str>| OpenTransaction {
            producer: 1,
            epoch: 0,
            first: 0,
            transactional_id: None,
            state: state.map(str::to_owned),
        };
        for over in [None, Some("Empty"), Some("CompleteCommit"), Some("CompleteAbort")] {
            assert!(!open(over).may_end(), "{over:?}");
        }
        for under_way in ["Ongoing", "PrepareCommit", "PrepareAbort", "SomethingNew"] {
            assert!(open(Some(under_way)).may_end(), "{under_way}");
        }
    }
}
