//! One walk through the history that every check leans on: each write with what became of it, what stood at each
//! offset, each replica's own copy, and whatever makes the history ill-formed.
//!
//! Everything is kept in columns of a few bytes: a write takes some 20, an offset 4. What a finding has to tell is
//! gathered by a second walk.

mod build;
mod clients;
mod copies;
mod deletions;
mod flaws;
mod gaps;
mod id;
mod logs;
mod readers;
mod removals;
mod senders;
mod strangers;
mod windows;
mod writes;

use std::collections::BTreeMap;

use history::{FinalReads, Header, KEYS_MAX, Key, Load, NodeId, Offset, Record, Value};

pub(crate) use build::{Builder, stays_at};
pub(crate) use clients::{Clients, Doing, Open};
pub(crate) use copies::{ReplicaCopy, differences};
pub(crate) use deletions::{Deleted, Deletions};
pub(crate) use flaws::Flaws;
pub(crate) use id::Id;
pub(crate) use logs::KeyLog;
pub(crate) use readers::{Readers, Reading, Step};
pub(crate) use removals::Removals;
pub(crate) use senders::{Senders, Sent};
pub(crate) use strangers::{Stranger, Strangers};
pub(crate) use windows::Windows;
pub(crate) use writes::{Outcome as WriteOutcome, Writes};

use crate::dependencies::Versions;
use crate::outcome::Kept;
use crate::paged::Paged;

/// Keys of a history that names no topics: as many as its reader may have numbered.
const KEYS_WITHOUT_TOPICS: u32 = 1 << 23;

/// How many keys of its topics are looked at.
pub(crate) fn keys_of(header: &Header) -> u32 {
    header.keys().min(KEYS_MAX)
}

/// What the first walk gathers.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// All writes.
    pub(crate) writes: Writes,
    /// What stood at each offset, by key, where anything is known.
    logs: Vec<Option<Box<KeyLog>>>,
    /// The write of each value plus one, as long as no two keys were sent one value.
    by_value: Paged<u32>,
    /// Values are told apart by their keys: in foreign histories they may come again under another.
    by_key: bool,
    /// What was seen where nobody had sent it.
    pub(crate) strangers: Strangers,
    /// Transactions of unknown outcome that wrote several records, by their writes: from one, so many.
    pub(crate) in_doubt: Vec<(u32, u32)>,
    /// Operations that read what they wrote themselves, before it was committed.
    pub(crate) precommitted: Kept<Precommitted>,
    /// Clients seem to have read or written out of order: a second walk tells for certain.
    pub(crate) disorder: bool,
    /// Between which places operations can be part of a cycle.
    pub(crate) windows: Windows,
    /// The places of those that write, where the offsets are to order the writes.
    pub(crate) versions: Option<Versions>,
    /// Each replica's own copy.
    copies: BTreeMap<(Key, NodeId), ReplicaCopy>,
    /// Records that may be gone by right.
    pub(crate) deletions: Deletions,
    /// Records that brokers may have removed by themselves.
    pub(crate) removals: Removals,
    /// What came of the final reads.
    pub(crate) final_reads: Option<FinalReads>,
    /// When the phase of the final reads began.
    pub(crate) final_start: Option<u64>,
    /// Records that the final reader read.
    final_records: u64,
    /// Another process made the final reads than it seemed: the walk has to be made again.
    pub(crate) other_final_process: Option<u32>,
    /// Whether the history names phases: every run of Tribunal does, a foreign history does not.
    pub(crate) phased: bool,
    /// What makes the history ill-formed.
    pub(crate) flaws: Flaws,
    /// Counts.
    pub(crate) counts: Counts,
    /// Whether the load was what was asked for, where that was counted.
    pub(crate) load: Option<Load>,
    /// When the last acknowledgement came.
    pub(crate) last_acknowledged: u64,
    /// How many keys there are.
    pub(crate) keys: u32,
}

/// How often what was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Operations that were begun.
    pub(crate) operations: u64,
    /// Of these, transactions.
    pub(crate) transactions: u64,
    /// Sends, polls and transactions that completed `ok`.
    pub(crate) succeeded: u64,
    /// Records that clients read.
    pub(crate) records: u64,
}

/// An operation that read one of its own writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Precommitted {
    pub(crate) time: u64,
    pub(crate) op: u64,
    pub(crate) process: u32,
    pub(crate) record: Record,
}

impl Index {
    /// The write of a value that was sent to a key.
    pub(crate) fn find(&self, key: Key, value: Value) -> Option<u32> {
        if self.by_key {
            return self.log(key)?.written.get(value).checked_sub(1);
        }
        let number = self.by_value.get(value).checked_sub(1)?;
        (self.writes.key(number) == key).then_some(number)
    }

    /// The same, where it is known for certain which write it is.
    pub(crate) fn known(&self, key: Key, value: Value) -> Option<u32> {
        let number = self.find(key, value)?;
        (!self.writes.is_suspect(number)).then_some(number)
    }

    /// The writes of a partition in the order of their offsets, but for offsets that held several values.
    pub(crate) fn versions_of(&self, key: Key) -> impl Iterator<Item = (u64, u32)> {
        let log = self.log(key);
        let all = log.into_iter().flat_map(KeyLog::iter);
        let alone = all.filter(move |(offset, _)| log.is_some_and(|log| !log.is_divided(*offset)));
        let writes = alone.filter_map(|(offset, id)| Some((offset, self.resolve(id).as_write()?)));
        writes.filter(|(_, write)| !self.writes.is_suspect(*write))
    }

    /// The first of them after an offset.
    pub(crate) fn next_version(&self, key: Key, offset: Offset) -> Option<u32> {
        let log = self.log(key)?;
        let after = u64::try_from(offset).ok()?;
        let mut next = log
            .between(after, u64::MAX)
            .filter(|offset| !log.is_divided(*offset));
        next.find_map(|offset| {
            let write = self.resolve(log.first(offset)?).as_write()?;
            (!self.writes.is_suspect(write)).then_some(write)
        })
    }

    /// What a value under a key is, if it was ever seen or sent there.
    pub(crate) fn identify(&self, key: Key, value: Value) -> Option<Id> {
        let stranger = || self.strangers.number_of(key, value);
        self.find(key, value)
            .map(Id::write)
            .or_else(|| Some(self.resolve(Id::stranger(stranger()?))))
    }

    /// The value of what stands somewhere.
    pub(crate) fn value_of(&self, id: Id) -> Value {
        match id.as_stranger() {
            Some(number) => self.strangers.get(number).record.value,
            None => id.as_write().map_or(0, |number| self.writes.value(number)),
        }
    }

    /// What stood at each offset of a partition.
    pub(crate) fn log(&self, key: Key) -> Option<&KeyLog> {
        self.logs.get(key as usize)?.as_deref()
    }

    /// All partitions of which anything is known.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (Key, &KeyLog)> {
        let logs = (0..).zip(&self.logs);
        logs.filter_map(|(key, log)| Some((key, log.as_deref()?)))
    }

    /// Everything that was seen at an offset, each once.
    pub(crate) fn at(&self, key: Key, offset: u64) -> Vec<Id> {
        let mut found = Vec::new();
        for id in self.log(key).into_iter().flat_map(|log| log.at(offset)) {
            let id = self.resolve(id);
            if !found.contains(&id) {
                found.push(id);
            }
        }
        found
    }

    /// Where something was seen: the lowest and the highest offset.
    pub(crate) fn places(&self, id: Id) -> Option<(Offset, Offset)> {
        match id.as_stranger() {
            None => self.writes.places(id.as_write()?),
            Some(number) => {
                let places = self.strangers.get(number).places.iter();
                Some((places.clone().copied().min()?, places.copied().max()?))
            }
        }
    }

    /// A stranger that was sent later after all is that write.
    fn resolve(&self, id: Id) -> Id {
        let stranger = id.as_stranger().map(|number| self.strangers.get(number));
        stranger
            .and_then(|stranger| stranger.sent_later)
            .map_or(id, Id::write)
    }

    /// Whether the final reads of a key tell a lost record from a late one.
    pub(crate) fn complete(&self, key: Key) -> bool {
        self.final_reads.as_ref().is_some_and(|reads| {
            // A reader that recorded nothing although there was something contradicts itself.
            let contradicts = self.final_records == 0 && self.something_was_left(&reads.ends);
            reads.complete && (key as usize) < reads.ends.len() && !contradicts
        }) && self.final_start.is_some()
    }

    /// Whether there was anything for the final reads to read.
    fn something_was_left(&self, ends: &[Offset]) -> bool {
        let mut ends = (0..).zip(ends);
        ends.any(|(key, end)| *end > self.deletions.finally_below(key))
    }

    /// Whether a write is gone by right. One that was seen to stand at several offsets is so only where all of them are.
    pub(crate) fn deleted(&self, number: u32) -> Deleted {
        match self.deleted_by_request(number) {
            Deleted::No if self.may_be_gone(number, self.final_start.unwrap_or(u64::MAX)) => Deleted::Yes,
            asked => asked,
        }
    }

    /// Whether brokers may have removed a write by themselves by that time.
    pub(crate) fn may_be_gone(&self, number: u32, time: u64) -> bool {
        self.removals.from(number).is_some_and(|from| from <= time)
    }

    /// Whether everything that was seen at an offset may be gone by that time.
    pub(crate) fn all_may_be_gone(&self, key: Key, offset: u64, time: u64) -> bool {
        let mut ids = self.at(key, offset).into_iter();
        ids.all(|id| id.as_write().is_some_and(|write| self.may_be_gone(write, time)))
    }

    /// The same, by request alone.
    pub(crate) fn deleted_by_request(&self, number: u32) -> Deleted {
        let below = self.deletions.finally_below(self.writes.key(number));
        match self.writes.places(number) {
            _ if below == 0 => Deleted::No,
            None => Deleted::Perhaps,
            Some((_, last)) if last < below => Deleted::Yes,
            Some(_) => Deleted::No,
        }
    }

    /// The copies of one partition, by node.
    pub(crate) fn copies_of(&self, key: Key) -> impl Iterator<Item = (NodeId, &ReplicaCopy)> {
        self.copies
            .range((key, 0)..=(key, NodeId::MAX))
            .map(|((_, node), copy)| (*node, copy))
    }

    /// Whether any replica's own copy was read.
    pub(crate) fn has_copies(&self) -> bool {
        !self.copies.is_empty()
    }
}
