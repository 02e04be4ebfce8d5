//! One pass over the history that every check leans on: each write with what became of it, what stood at
//! each offset, each replica's own copy, and whatever makes the history ill-formed.

mod build;
mod copies;
mod flaws;
mod logs;
mod writes;

use std::collections::BTreeMap;

use history::{FinalReads, Header, History, KEYS_MAX, Key, NodeId, Offset, Record, Value};

pub(crate) use copies::ReplicaCopy;
pub(crate) use flaws::Flaws;
pub(crate) use logs::KeyLog;
pub(crate) use writes::{Outcome as WriteOutcome, Reading, Write, Writes};

/// How many keys are looked at.
pub(crate) fn keys_of(header: &Header) -> u32 {
    header.keys().min(KEYS_MAX)
}

/// What the first pass gathers.
#[derive(Debug, Default)]
pub(crate) struct Index<'h> {
    /// All writes.
    pub(crate) writes: Writes,
    /// What stood at each offset, by key.
    pub(crate) logs: Vec<KeyLog>,
    /// Writes that stood at more than one offset: all their offsets.
    pub(crate) places: BTreeMap<u32, Vec<Offset>>,
    /// Records that were read under another key than they were sent to.
    pub(crate) misplaced: Vec<Misread>,
    /// Values that were read and never sent: their first reading.
    pub(crate) strangers: BTreeMap<Value, Misread>,
    /// Each replica's own copy.
    pub(crate) copies: BTreeMap<(Key, NodeId), ReplicaCopy<'h>>,
    /// What came of the final reads.
    pub(crate) final_reads: Option<&'h FinalReads>,
    /// When the phase of the final reads began.
    pub(crate) final_start: Option<u64>,
    /// Records that the final reader read.
    pub(crate) final_records: u64,
    /// Whether the history names phases: every run of Tribunal does, a foreign history does not.
    pub(crate) phased: bool,
    /// What makes the history ill-formed.
    pub(crate) flaws: Flaws,
    /// Operations that were begun.
    pub(crate) operations: u64,
    /// Records that clients read.
    pub(crate) records: u64,
}

/// A record that should not have been read where it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Misread {
    /// When.
    pub(crate) time: u64,
    /// What.
    pub(crate) record: Record,
    /// The operation, where a client read it.
    pub(crate) op: Option<u64>,
}

impl<'h> Index<'h> {
    /// Reads a history.
    pub(crate) fn of(history: &'h History) -> Self {
        build::build(history)
    }

    /// Whether the final reads of a key tell a lost record from a late one.
    pub(crate) fn complete(&self, key: Key) -> bool {
        self.final_reads.is_some_and(|reads| {
            // A reader that recorded nothing although there was something contradicts itself.
            let contradicts = self.final_records == 0 && reads.ends.iter().any(|end| *end > 0);
            reads.complete && (key as usize) < reads.ends.len() && !contradicts
        }) && self.final_start.is_some()
    }

    /// The copies of one partition, by node.
    pub(crate) fn copies_of(&self, key: Key) -> impl Iterator<Item = (NodeId, &ReplicaCopy<'h>)> {
        self.copies
            .range((key, 0)..=(key, NodeId::MAX))
            .map(|((_, node), copy)| (*node, copy))
    }
}
