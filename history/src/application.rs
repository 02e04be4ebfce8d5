//! What the clients make of records, beside writing and reading them: what the checks of applications hold a run to.

use serde::{Deserialize, Serialize};

use crate::span::Span;

/// An application that the clients are. In the header's `expect`: `"application":"group"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Application {
    /// Members of one consumer group read every record at least once.
    Group,
    /// Each record of the first topic becomes exactly one record of the second, in the partition of the same number and in the
    /// same order. Transactions poll records of the first and send what they become; the n-th record that a transaction sends is
    /// what became of the n-th that it polled.
    ExactlyOnce,
    /// Brokers give records their times, and find records by them.
    Timestamps(Timestamps),
    /// Each partition is an account, and each transaction moves an amount from one to another.
    Bank(Bank),
    /// Members of one share group share the records among them (KIP-932).
    Queue(Queue),
}

/// The accounts of a bank. A transfer is two records: an even value is a withdrawal from its partition, and the value after it
/// the deposit of the same amount ([`Bank::amount`]) in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bank {
    /// What lies in each account in the beginning.
    pub initial: i64,
}

impl Bank {
    /// What a record does to its account.
    pub fn amount(value: crate::Value) -> i64 {
        let amount = 1 + (value / 2 % 100) as i64;
        if value.is_multiple_of(2) { -amount } else { amount }
    }
}

/// What a share group is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Queue {
    /// `group.share.delivery.count.limit`: a record that was delivered so often is not delivered again, but archived.
    pub delivery_limit: u32,
    /// `group.share.record.lock.duration.ms`: for so long a record belongs to the member that acquired it.
    pub lock: Span,
    /// `request.timeout.ms` of the members: what a broker answers later than that reaches nobody.
    pub request_timeout: Span,
    /// For so long the members go on after the last record before the group counts as drained.
    pub drain: Span,
}

/// What the times that brokers give are held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamps {
    /// How far a broker's wall clock may be from the clients'.
    pub skew: Span,
}
