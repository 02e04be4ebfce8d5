//! What a plan can set of the `txn` workload.

use std::time::Duration;

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::{Isolation, TransactionTimes};

/// The settings of the `txn` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TxnConfig {
    /// How many clients, each a producer with a transactional id of its own and a consumer of all partitions.
    pub clients: u32,
    /// Transactions a second that all clients together begin.
    pub rate: u32,
    /// The steps of a transaction, sends and polls: 1 to this many, each number as likely.
    pub steps: u32,
    /// Of a hundred transactions so many are aborted on purpose.
    pub aborts: u32,
    /// What the consumers read of transactions. The final reads are always `read-committed`.
    pub isolation: Isolation,
    /// After which time the broker aborts a transaction by itself.
    pub transaction_timeout: Span,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// How long a client goes on trying to commit or to abort. After that nobody knows which it is.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// How long a poll gathers records after its first, and how long it waits for that.
    pub poll_timeout: Span,
    /// How many records one poll returns at most.
    pub poll_records: u32,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
    /// The mean time between two fencings of each client: a second producer with its transactional id begins in the middle of a
    /// transaction, which the first one, who knows nothing of it, then goes on with. Without it nobody is fenced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence_every: Option<Span>,
    /// The mean time between two transactions of each client that it falls asleep over, until the broker has aborted them.
    /// Without it none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_every: Option<Span>,
    /// The mean time between crashes of each client, each in the middle of a transaction; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
    /// The mean time between two records that come late: producers of Tribunal's own write them when their transactions have ended, as
    /// if they were of these. Brokers that take them are left with a transaction that nobody ends. Without it none comes late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_every: Option<Span>,
}

impl Default for TxnConfig {
    fn default() -> Self {
        Self {
            clients: 4,
            rate: 40,
            steps: 4,
            aborts: 10,
            isolation: Isolation::ReadCommitted,
            transaction_timeout: Span::from_secs(5),
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(20),
            metadata_refresh: Span::from_secs(1),
            poll_timeout: Span::from_millis(20),
            poll_records: 200,
            record_bytes: 32,
            fence_every: None,
            stall_every: None,
            crash_every: None,
            late_every: None,
        }
    }
}

/// More than this is no test of transactions any more.
const HOUR: Span = Span::from_secs(3_600);

impl TxnConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("clients", self.clients, 1, 64);
        found.range("rate", self.rate, 1, 10_000);
        found.range("steps", self.steps, 1, 100);
        found.range("aborts", self.aborts, 0, 90);
        found.range("poll-records", self.poll_records, 1, 100_000);
        found.range("record-bytes", self.record_bytes, 8, 1_000_000);
        let second = Span::from_secs(1);
        found.span("transaction-timeout", self.transaction_timeout, second, HOUR);
        found.span(
            "request-timeout",
            self.request_timeout,
            Span::from_millis(100),
            HOUR,
        );
        found.span("poll-timeout", self.poll_timeout, Span::from_millis(1), second);
        for (name, every) in [
            ("fence-every", self.fence_every),
            ("stall-every", self.stall_every),
            ("crash-every", self.crash_every),
            ("late-every", self.late_every),
        ] {
            if let Some(every) = every {
                found.span(name, every, second, HOUR);
            }
        }
        if self.transaction_timeout <= self.request_timeout {
            found.say(
                "transaction-timeout",
                format!(
                    "{} leaves a broker no time to answer: give it more than the request-timeout of {}",
                    self.transaction_timeout, self.request_timeout
                ),
            );
        }
        if self.deadline <= self.transaction_timeout {
            found.say(
                "deadline",
                format!(
                    "{} ends before the broker would abort: give it more than the transaction-timeout of {}",
                    self.deadline, self.transaction_timeout
                ),
            );
        }
        found.all
    }

    /// How long a client sleeps so that the broker has aborted: it looks once a second where the plan says so, and every ten seconds
    /// as it ships.
    pub(super) fn sleep(&self) -> Duration {
        self.transaction_timeout.duration() + Duration::from_secs(3)
    }

    /// How long its producers are given.
    pub(super) fn times(&self) -> TransactionTimes {
        TransactionTimes {
            timeout: self.transaction_timeout.duration(),
            deadline: self.deadline.duration(),
        }
    }

    /// The longest that one transaction takes.
    pub(super) fn longest(&self) -> Duration {
        let sleeps = self.stall_every.map_or(Duration::ZERO, |_| self.sleep());
        // It is committed, and where that fails aborted.
        self.deadline.duration() * 2 + sleeps
    }
}

#[cfg(test)]
mod tests {
    use super::TxnConfig;
    use crate::arena::assert_wrong;
    use history::Span;

    #[track_caller]
    fn check(change: impl FnOnce(&mut TxnConfig), expected: &[(&str, &str)]) {
        let mut config = TxnConfig::default();
        change(&mut config);
        assert_wrong(&config.check(), expected);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        check(|_| {}, &[]);
        check(|config| config.clients = 0, &[("clients", "1 to 64")]);
        check(|config| config.aborts = 100, &[("aborts", "0 to 90")]);
        let short = |config: &mut TxnConfig| config.transaction_timeout = Span::from_secs(1);
        check(short, &[("transaction-timeout", "request-timeout")]);
        let early = |config: &mut TxnConfig| config.deadline = Span::from_secs(5);
        check(early, &[("deadline", "the broker would abort")]);
        let often = |config: &mut TxnConfig| config.fence_every = Some(Span::from_millis(10));
        check(often, &[("fence-every", "\"1s\" to \"1h\"")]);
        let late = |config: &mut TxnConfig| config.late_every = Some(Span::from_secs(7_200));
        check(late, &[("late-every", "\"1s\" to \"1h\"")]);
    }
}
