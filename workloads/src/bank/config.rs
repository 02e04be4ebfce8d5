//! What a plan can set of the `bank` workload.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::TransactionTimes;

/// The settings of the `bank` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BankConfig {
    /// How many clients, each a producer with a transactional id of its own.
    pub clients: u32,
    /// Transfers a second that all clients together begin.
    pub rate: u32,
    /// How many consumers read what is committed while all this goes on.
    pub auditors: u32,
    /// What lies in each account in the beginning.
    pub initial: u32,
    /// Whether a transfer is one transaction. Without that it is two writes of an idempotent producer, and a client that crashes between
    /// them breaks the workload's promise.
    pub transactions: bool,
    /// Of a hundred transfers so many are aborted on purpose; none where they are no transactions.
    pub aborts: u32,
    /// After which time the broker aborts a transaction by itself.
    pub transaction_timeout: Span,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// How long a client goes on trying to commit or to abort. After that nobody knows which it is.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
    /// The mean time between crashes of each client, each between the two records of a transfer; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
}

impl Default for BankConfig {
    fn default() -> Self {
        Self {
            clients: 4,
            rate: 60,
            auditors: 1,
            initial: 1_000,
            transactions: true,
            aborts: 10,
            transaction_timeout: Span::from_secs(5),
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(20),
            metadata_refresh: Span::from_secs(1),
            record_bytes: 32,
            crash_every: None,
        }
    }
}

/// More than this is no test of transactions any more.
const HOUR: Span = Span::from_secs(3_600);

impl BankConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("clients", self.clients, 1, 64);
        found.range("rate", self.rate, 1, 10_000);
        found.range("auditors", self.auditors, 0, 16);
        found.range("aborts", self.aborts, 0, 90);
        found.range("record-bytes", self.record_bytes, 8, 1_000_000);
        let second = Span::from_secs(1);
        found.span("transaction-timeout", self.transaction_timeout, second, HOUR);
        found.span(
            "request-timeout",
            self.request_timeout,
            Span::from_millis(100),
            HOUR,
        );
        if let Some(every) = self.crash_every {
            found.span("crash-every", every, second, HOUR);
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

    /// How long its producers are given.
    pub(super) fn times(&self) -> TransactionTimes {
        TransactionTimes {
            timeout: self.transaction_timeout.duration(),
            deadline: self.deadline.duration(),
        }
    }
}
