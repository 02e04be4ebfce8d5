//! What the prober got done: whether a partition could be written and read, from moment to moment.
//!
//! Measured by attempts of its own, each with a time-out of its own, never by gaps in a workload, to which
//! the back-off of TCP and of clients adds seconds.

use serde::{Deserialize, Serialize};

use crate::header::Key;
use crate::span::Span;

/// Attempts of the prober at one partition, one after the other, that all came out alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probed {
    /// The partition.
    pub key: Key,
    /// What was tried.
    pub f: ProbeOf,
    /// When the first of them began, on the run's clock. The first success after failures is a streak of its own, so that its
    /// end is the end of an outage.
    pub from: u64,
    /// When the last of them ended.
    pub until: u64,
    /// How many there were.
    pub attempts: u64,
    /// Why they failed, in the words of the last; nothing where they succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What the prober tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOf {
    /// To write an empty record with acks=all.
    Write,
    /// To read what is committed, from the leader.
    Read,
}

/// How long what clients need may be missing, while the faults are within what the configuration tolerates, and how much
/// may be lost. What is not given has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AvailabilityLimits {
    /// How long a partition may be without a successful write, acks=all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_outage: Option<Span>,
    /// How long a partition may be without a successful read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_outage: Option<Span>,
    /// How long a partition whose leader was taken away may be without a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<Span>,
    /// How long after a fault's healing all replicas may be missing from the in-sync ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_isr: Option<Span>,
    /// How long after a fault's healing everything may take to be served again by all replicas in sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_time: Option<Span>,
    /// How many acknowledged writes of one partition may be lost to one fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_records: Option<u64>,
    /// Over how long a time of acknowledgements they may be spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_time: Option<Span>,
}

impl AvailabilityLimits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits that only a prober can hold a run to.
    pub fn probed(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            (self.write_outage.is_some(), "write-outage"),
            (self.read_outage.is_some(), "read-outage"),
            (self.recovery_time.is_some(), "recovery-time"),
        ];
        given
            .into_iter()
            .filter_map(|(given, name)| given.then_some(name))
    }

    /// The limits that are lengths of time, by their names in a plan.
    pub fn spans(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let all = [
            ("write-outage", self.write_outage),
            ("read-outage", self.read_outage),
            ("leader", self.leader),
            ("full-isr", self.full_isr),
            ("recovery-time", self.recovery_time),
            ("lost-time", self.lost_time),
        ];
        all.into_iter().filter_map(|(name, span)| Some((name, span?)))
    }
}
