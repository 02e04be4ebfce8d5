//! What the prober got done: whether a partition could be written and read, from moment to moment.
//!
//! Measured by attempts of its own, a fresh connection after each that timed out, never by gaps in a workload, to which
//! the back-off of TCP and of clients adds seconds.

use serde::{Deserialize, Serialize};

use crate::header::Key;

/// Attempts of the prober at one partition, one after the other, that all came out alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probed {
    /// The partition.
    pub key: Key,
    /// What was tried.
    pub f: ProbeOf,
    /// When the first of them began, on the run's clock.
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
