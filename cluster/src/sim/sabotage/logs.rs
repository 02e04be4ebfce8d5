//! Bugs of the logs: records that vanish, move, come twice or come back.

use history::{Key, NodeId, Offset, Value};

use super::AGAIN_AFTER;
use crate::sim::bug::Bug;
use crate::sim::log::{Entry, Kind};
use crate::sim::message::{ClientId, Produce, Refusal};
use crate::sim::settings::MILLISECOND;
use crate::sim::world::{Event, World};

/// How long after its refusal a record turns up.
const RESURRECTED_AFTER: u64 = 50 * MILLISECOND;
/// Gaps that are kept in mind.
const HOLES_MAX: usize = 64;

/// A gap that was left before a record, for a later one of the same client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    key: Key,
    offset: Offset,
    client: ClientId,
    /// The producer and, within a transaction, its epoch.
    writer: (Option<u32>, Option<i16>),
}

impl World {
    pub(super) fn lose_middle(&mut self) -> Option<(u64, u32)> {
        let found = self.firm().into_iter().find(|(key, offset)| {
            // Something committed has to stand behind it.
            (1..=8).any(|later| self.is_firm(*key, offset + later))
        });
        let Some((key, offset)) = found else {
            return Some((AGAIN_AFTER, 0));
        };
        self.erase(key, |at, _| at == offset);
        self.fire(Bug::LostMiddle);
        None
    }

    /// Puts a gap in the place of some records of every replica.
    fn erase(&mut self, key: Key, wanted: impl Fn(Offset, &Entry) -> bool) {
        for replica in self.every_replica(key) {
            for offset in 0..replica.log.end() {
                if let Some(entry) = replica.log.get_mut(offset)
                    && entry.kind == Kind::Data
                    && wanted(offset, entry)
                {
                    entry.kind = Kind::Gap;
                }
            }
        }
    }

    pub(super) fn lose_tail(&mut self) {
        let firm = self.firm();
        let mut tails: Vec<(Offset, Key, Offset)> = Vec::new();
        for key in 0..self.keys() {
            let newest = firm.iter().rev().find(|(of, _)| *of == key);
            let end = self
                .leader_of(key)
                .and_then(|leader| Some(self.replica(leader, key)?.log.end()));
            if let (Some((_, offset)), Some(end)) = (newest, end) {
                tails.push((end - offset, key, *offset));
            }
        }
        // The one that leaves the least behind it.
        let Some((_, key, offset)) = tails.into_iter().min() else {
            return;
        };
        let transactional = self.every_replica(key).any(|replica| {
            let end = replica.log.end();
            replica
                .log
                .range(offset, end)
                .iter()
                .any(|entry| entry.transactional)
        });
        if transactional {
            // Without their markers the transactions would never end.
            self.erase(key, |at, _| at >= offset);
        } else {
            for replica in self.every_replica(key) {
                replica.log.truncate(offset);
                replica.high_watermark = replica.high_watermark.min(replica.log.end());
            }
        }
        self.fire(Bug::LostTail);
    }

    /// Whether a partition takes nothing any more: the first that is written to once the bug's time has come.
    pub(in crate::sim) fn is_stalled(&mut self, key: Key) -> bool {
        if self.armed(Bug::StalledPartition) {
            self.sabotage.stalled = Some(key);
            self.fire(Bug::StalledPartition);
        }
        self.sabotage.stalled == Some(key)
    }

    /// Whether a write gets no answer, however often it is tried.
    pub(in crate::sim) fn is_muted(&self, value: Value) -> bool {
        !self.sabotage.is_none() && self.sabotage.muted.contains(&value)
    }

    /// Whether a commit gets no answer.
    pub(in crate::sim) fn mutes_commit(&mut self, producer: u32, epoch: i16) -> bool {
        if self.armed(Bug::VanishedRecord) && !self.sabotage.muted_commits.contains(&(producer, epoch)) {
            self.sabotage.muted_commits.push((producer, epoch));
            self.fire(Bug::VanishedRecord);
        }
        !self.sabotage.is_none() && self.sabotage.muted_commits.contains(&(producer, epoch))
    }

    pub(super) fn vanish(&mut self) {
        let (muted, commits) = (self.sabotage.muted.clone(), self.sabotage.muted_commits.clone());
        if muted.is_empty() && commits.is_empty() {
            return;
        }
        let of_commit = |entry: &Entry| {
            let origin = entry.origin.filter(|_| entry.transactional);
            origin.is_some_and(|origin| commits.contains(&(origin.producer, origin.epoch)))
        };
        for key in 0..self.keys() {
            self.erase(key, |_, entry| muted.contains(&entry.value) || of_commit(entry));
        }
    }

    /// Two neighbours change places in one follower's log.
    pub(super) fn diverge(&mut self) -> Option<(u64, u32)> {
        let firm = self.firm();
        for (key, offset) in firm.into_iter().rev() {
            let leader = self.leader_of(key);
            let followers = self
                .replicas_of(key)
                .into_iter()
                .filter(|node| Some(*node) != leader);
            for follower in followers.collect::<Vec<_>>() {
                if self.is_firm(key, offset + 1) && self.swap(follower, key, offset) {
                    self.fire(Bug::Divergence);
                    return None;
                }
            }
        }
        Some((AGAIN_AFTER, 0))
    }

    /// Changes a committed entry in one follower's log.
    pub(super) fn harm_follower(&mut self, bug: Bug, change: impl Fn(&mut Entry)) -> Option<(u64, u32)> {
        for (key, offset) in self.firm().into_iter().rev() {
            let leader = self.leader_of(key);
            for follower in self.replicas_of(key) {
                let Some(replica) = self.replica(follower, key).filter(|_| Some(follower) != leader) else {
                    continue;
                };
                // There has to be something behind a hole.
                if offset + 1 < replica.high_watermark
                    && let Some(entry) = replica.log.get_mut(offset)
                {
                    change(entry);
                    self.fire(bug);
                    return None;
                }
            }
        }
        Some((AGAIN_AFTER, 0))
    }

    /// Swaps the values at an offset and the next one, where both are committed as that replica knows.
    fn swap(&mut self, node: NodeId, key: Key, offset: Offset) -> bool {
        let Some(replica) = self.replica(node, key) else {
            return false;
        };
        if offset + 1 >= replica.high_watermark {
            return false;
        }
        let values = [offset, offset + 1].map(|at| replica.log.get(at).map(|entry| entry.value));
        for (at, value) in [(offset, values[1]), (offset + 1, values[0])] {
            if let (Some(entry), Some(value)) = (replica.log.get_mut(at), value) {
                entry.value = value;
            }
        }
        true
    }

    pub(super) fn reorder_log(&mut self) -> Option<(u64, u32)> {
        let found = self
            .firm()
            .into_iter()
            .find(|(key, offset)| self.is_firm(*key, offset + 1) && self.all_have(*key, offset + 1));
        let Some((key, offset)) = found else {
            return Some((AGAIN_AFTER, 0));
        };
        for node in self.replicas_of(key) {
            self.swap(node, key, offset);
        }
        self.fire(Bug::ReorderedLog);
        None
    }

    fn all_have(&mut self, key: Key, offset: Offset) -> bool {
        self.every_replica(key)
            .all(|replica| offset < replica.high_watermark)
    }

    /// What becomes of a record instead of being appended at the end.
    pub(in crate::sim) fn append_otherwise(
        &mut self,
        client: ClientId,
        produce: &Produce,
        epoch: i32,
    ) -> Option<Result<Offset, Refusal>> {
        if self.sabotage.is_none() {
            return None;
        }
        if self.armed(Bug::ResurrectedWrite) && !produce.transactional {
            self.refuse_for_now(produce.key, produce.value);
            return Some(Err(Refusal::InvalidRecord));
        }
        if self.armed(Bug::ReusedOffset) {
            let mut firm = self.firm().into_iter().rev();
            let found = firm.find(|(key, _)| *key == produce.key);
            drop(firm);
            if let Some((key, offset)) = found {
                self.fill(
                    key,
                    offset,
                    Entry::data(produce.value, epoch, produce.origin, false),
                );
                self.fire(Bug::ReusedOffset);
                return Some(Ok(offset));
            }
        }
        self.use_hole(client, produce, epoch).map(Ok)
    }

    /// Puts an entry in the place of another in every replica that reaches there.
    fn fill(&mut self, key: Key, offset: Offset, entry: Entry) {
        for replica in self.every_replica(key) {
            replica.log.fill(offset, entry);
        }
    }

    /// Puts a record into the gap before an earlier one of the same writer, or leaves such a gap.
    fn use_hole(&mut self, client: ClientId, produce: &Produce, epoch: i32) -> Option<Offset> {
        let bug = if produce.transactional {
            Bug::ReversedSends
        } else {
            Bug::LateSlot
        };
        if !self.armed(bug) {
            return None;
        }
        let in_transaction =
            |origin: crate::sim::message::Origin| produce.transactional.then_some(origin.epoch);
        let writer = (
            produce.origin.map(|origin| origin.producer),
            produce.origin.and_then(in_transaction),
        );
        let fits = |hole: &Hole| (hole.key, hole.client, hole.writer) == (produce.key, client, writer);
        if let Some(index) = self.sabotage.holes.iter().position(fits) {
            let hole = self.sabotage.holes.remove(index);
            let entry = Entry::data(produce.value, epoch, produce.origin, produce.transactional);
            self.fill(produce.key, hole.offset, entry);
            self.fire(bug);
            return Some(hole.offset);
        }
        let leader = self.leader_of(produce.key)?;
        if self.epoch_of_leader(leader, produce.key) != Some(epoch) {
            return None;
        }
        let offset = self.append(leader, produce.key, Entry::empty(Kind::Gap, epoch))?;
        if self.sabotage.holes.len() >= HOLES_MAX {
            self.sabotage.holes.remove(0);
        }
        self.sabotage.holes.push(Hole {
            key: produce.key,
            offset,
            client,
            writer,
        });
        None
    }

    /// A record was appended: what else comes of it.
    pub(in crate::sim) fn after_append(
        &mut self,
        node: NodeId,
        produce: &Produce,
        entry: Entry,
        offset: Option<Offset>,
    ) {
        if self.sabotage.is_none() || offset.is_none() {
            return;
        }
        if self.armed(Bug::Duplicate) && produce.origin.is_some() && !produce.transactional {
            self.append(node, produce.key, entry);
            self.fire(Bug::Duplicate);
        }
        if self.armed(Bug::MisplacedRecord) && self.keys() > 1 {
            let other = (produce.key + 1) % self.keys();
            if self.append_plain(other, produce.value) {
                self.fire(Bug::MisplacedRecord);
            }
        }
        if self.armed(Bug::VanishedRecord) && !produce.transactional {
            self.sabotage.muted.push(produce.value);
            self.fire(Bug::VanishedRecord);
        }
    }

    /// A record that nobody asked for, at the end of a partition. Whether it has a leader.
    fn append_plain(&mut self, key: Key, value: Value) -> bool {
        let leader = self.leader_of(key);
        let Some((leader, epoch)) =
            leader.and_then(|leader| Some((leader, self.epoch_of_leader(leader, key)?)))
        else {
            return false;
        };
        self.append(leader, key, Entry::data(value, epoch, None, false))
            .is_some()
    }

    fn refuse_for_now(&mut self, key: Key, value: Value) {
        self.sabotage.refused.push((key, value));
        self.fire(Bug::ResurrectedWrite);
        let planted = self.sabotage.planted.iter();
        let planted = planted
            .take_while(|planted| planted.bug != Bug::ResurrectedWrite)
            .count();
        self.push(self.now + RESURRECTED_AFTER, Event::Sabotage { planted, step: 1 });
    }

    pub(super) fn resurrect(&mut self) -> Option<(u64, u32)> {
        let (key, value) = self.sabotage.refused.pop()?;
        if self.append_plain(key, value) {
            return None;
        }
        self.sabotage.refused.push((key, value));
        Some((AGAIN_AFTER, 1))
    }

    /// Whether a transaction is decided otherwise in one of its partitions.
    pub(in crate::sim) fn decides_otherwise(
        &mut self,
        producer: u32,
        key: Key,
        leader: NodeId,
        commit: bool,
        partitions: usize,
    ) -> bool {
        let wrote = |world: &mut Self| {
            let replica = world.replica(leader, key);
            replica.is_some_and(|replica| replica.log.open_since(producer).is_some())
        };
        if commit && partitions > 1 && self.armed(Bug::TornTransaction) && wrote(self) {
            self.fire(Bug::TornTransaction);
            return false;
        }
        commit
    }

    /// Whether a partition does not get a transaction's marker: from the first that is committed on, once the bug's time has come.
    pub(in crate::sim) fn loses_marker(
        &mut self,
        producer: u32,
        key: Key,
        leader: NodeId,
        commit: bool,
    ) -> bool {
        if self.sabotage.is_none() {
            return false;
        }
        if commit && self.armed(Bug::HangingTransaction) {
            let replica = self.replica(leader, key);
            if replica.is_some_and(|replica| replica.log.open_since(producer).is_some()) {
                self.sabotage.unmarked = Some((producer, key));
                self.fire(Bug::HangingTransaction);
            }
        }
        self.sabotage.unmarked == Some((producer, key))
    }

    /// A transaction's marker is about to be written: its last record there may come twice, or come back.
    pub(in crate::sim) fn before_marker(&mut self, leader: NodeId, producer: u32, key: Key, commit: bool) {
        if self.sabotage.is_none() {
            return;
        }
        let Some(replica) = self.replica(leader, key) else {
            return;
        };
        let Some(first) = replica.log.open_since(producer) else {
            return;
        };
        let of_it = |entry: &&Entry| {
            entry.kind == Kind::Data && entry.origin.is_some_and(|origin| origin.producer == producer)
        };
        let end = replica.log.end();
        let Some(last) = replica.log.range(first, end).iter().rev().find(of_it).copied() else {
            return;
        };
        if commit && self.armed(Bug::Duplicate) {
            self.append(leader, key, last);
            self.fire(Bug::Duplicate);
        }
        if !commit && self.armed(Bug::ResurrectedWrite) {
            self.refuse_for_now(key, last.value);
        }
    }
}
