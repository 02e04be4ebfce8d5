//! What a plan can set of the `eos` workload.

use std::time::Duration;

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::{GIVEN_UP_AFTER, GroupProtocol, GroupSettings, TransactionTimes};
use crate::log::LogConfig;

/// The group that all workers are in.
const GROUP: &str = "tribunal-eos";

/// The settings of the `eos` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EosConfig {
    /// How many workers, each a member of the group and a producer with a transactional id of its own.
    pub workers: u32,
    /// How many consumers read what is committed while all this goes on.
    pub auditors: u32,
    /// How far they have read is committed with what they write, or apart from it.
    pub offsets: Offsets,
    /// How they agree on who reads what.
    pub protocol: GroupProtocol,
    /// When the group gives a worker up, in the classic protocol. Brokers have a least value of their own.
    pub session_timeout: Span,
    /// After how long without a poll a worker leaves the group by itself (`max.poll.interval.ms`); no less than the session's time. Without
    /// it the client library's own, five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_poll_interval: Option<Span>,
    /// Records that one transaction processes at most.
    pub batch: u32,
    /// Of a hundred transactions so many are aborted on purpose, and done again.
    pub aborts: u32,
    /// After which time the broker aborts a transaction by itself.
    pub transaction_timeout: Span,
    /// The mean time between crashes of each worker, each in the middle of a transaction or right after one; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
    /// The mean time between two transactions of each worker that it falls asleep over and then goes on with (a zombie): until its broker
    /// has aborted it or, with `max-poll-interval`, every other time only until its group has given it up. Without it none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_every: Option<Span>,
    /// How many producers write the first topic.
    pub producers: u32,
    /// Writes a second that all producers together begin.
    pub rate: u32,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// How long a worker goes on trying to commit or to abort; and when a write without a delivery report counts as `info`.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
}

/// How a worker commits how far it has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offsets {
    /// In the transaction that writes what became of it.
    #[default]
    InTransaction,
    /// As a consumer, once the transaction is committed. A worker that crashes in between processes twice, so this breaks the workload's promise.
    Apart,
}

impl Default for EosConfig {
    fn default() -> Self {
        Self {
            workers: 3,
            auditors: 1,
            offsets: Offsets::InTransaction,
            protocol: GroupProtocol::Classic,
            session_timeout: Span::from_secs(6),
            max_poll_interval: None,
            batch: 20,
            aborts: 5,
            transaction_timeout: Span::from_secs(5),
            crash_every: None,
            stall_every: None,
            producers: 2,
            rate: 100,
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(20),
            metadata_refresh: Span::from_secs(1),
            record_bytes: 32,
        }
    }
}

/// More than this is no test of transactions any more.
const HOUR: Span = Span::from_secs(3_600);

impl EosConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("workers", self.workers, 1, 64);
        found.range("auditors", self.auditors, 0, 16);
        found.range("batch", self.batch, 1, 10_000);
        found.range("aborts", self.aborts, 0, 90);
        let second = Span::from_secs(1);
        found.span("session-timeout", self.session_timeout, second, HOUR);
        found.span("transaction-timeout", self.transaction_timeout, second, HOUR);
        for (name, every) in [
            ("crash-every", self.crash_every),
            ("stall-every", self.stall_every),
        ] {
            if let Some(every) = every {
                found.span(name, every, second, HOUR);
            }
        }
        found.polls(self.max_poll_interval, self.session_timeout);
        if let Some(nap) = self.nap()
            && self.stall_every.is_some()
            && nap >= self.transaction_timeout.duration()
        {
            found.say(
                "max-poll-interval",
                format!(
                    "a worker asleep for {nap:?} until its group has given it up is to find its transaction open still: give a transaction-timeout longer than that"
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
        found.all.extend(self.writes().check());
        found.all
    }

    /// The producers that write the first topic.
    pub(super) fn writes(&self) -> LogConfig {
        LogConfig {
            producers: self.producers,
            rate: self.rate,
            request_timeout: self.request_timeout,
            metadata_refresh: self.metadata_refresh,
            record_bytes: self.record_bytes,
            ..LogConfig::default()
        }
    }

    pub(super) fn group(&self) -> GroupSettings {
        GroupSettings {
            id: GROUP.to_owned(),
            protocol: self.protocol,
            instance: None,
            assignor: "range",
            session_timeout: self.session_timeout.duration(),
            max_poll_interval: self.max_poll_interval.map(Span::duration),
            auto_commit: None,
        }
    }

    /// How long its producers are given.
    pub(super) fn times(&self) -> TransactionTimes {
        TransactionTimes {
            timeout: self.transaction_timeout.duration(),
            deadline: self.deadline.duration(),
        }
    }

    /// How long a worker sleeps so that its broker has given it up, and its group where that may.
    pub(super) fn sleep(&self) -> Duration {
        self.transaction_timeout
            .duration()
            .max(self.session_timeout.duration())
            + GIVEN_UP_AFTER
    }

    /// How long it sleeps so that its group has given it up, and its broker not yet; nothing where its group never does.
    pub(super) fn nap(&self) -> Option<Duration> {
        Some(self.max_poll_interval?.duration() + GIVEN_UP_AFTER)
    }

    /// The longest that one transaction takes.
    pub(super) fn longest(&self) -> Duration {
        let sleeps = self.stall_every.map_or(Duration::ZERO, |_| self.sleep());
        self.deadline.duration() * 2 + sleeps
    }
}
