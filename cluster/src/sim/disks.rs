//! The disks of a simulated cluster: what a copy of one shows, in the same form as a real node's.
//!
//! A node's log survives its process, so a copy is what the replica holds. A gap is a hole. The metadata log of a node
//! is what it knows of the controllers' decisions, each a batch of its own; all of it is committed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use history::{
    DiskCopy, DiskLog, Key, MetadataBatch, MetadataLog, Moment, NodeId, Offset, QuorumState, Ruling, What,
};

use super::cluster::Sink;
use super::controller::Decision;
use super::log::{Entry, Kind};
use super::node::{Replica, Role};
use super::settings::MILLISECOND;
use super::world::World;

/// What the copies of a node's disk have shown so far.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// By key: what tells one entry from another.
    logs: BTreeMap<Key, Vec<Mark>>,
    decisions: usize,
}

type Mark = (Kind, history::Value, i32);

impl World {
    /// Copies the disks of these nodes, one after the other, and writes down what they hold.
    pub fn copy_disks(&mut self, ids: &[NodeId], moment: &Moment, sink: &mut dyn Sink) {
        for id in ids {
            let copied = self.copy_disk(*id, moment.clone());
            sink.take(self.now, copied);
        }
    }

    /// Copies a node's disk: the event that shows it, to be written down now.
    pub fn copy_disk(&mut self, id: NodeId, moment: Moment) -> What {
        let mut shown = std::mem::take(&mut self.node_mut(id).shown);
        let node = self.node(id);
        let logs = (0..).zip(&node.replicas).filter_map(|(key, replica)| {
            let before = shown.logs.entry(key).or_default();
            Some(copy_log(key, replica.as_ref()?, before))
        });
        let logs = logs.collect();
        let metadata = self.copy_metadata(node.applied, shown.decisions);
        let copy = DiskCopy {
            node: id,
            incarnation: node.incarnation,
            begun: self.now,
            moment,
            directory: None,
            logs,
            metadata: Some(metadata),
            quorum: Some(QuorumState {
                term: node.quorum.term,
                leader: node.quorum.leads.then_some(id),
                voted: None,
            }),
            problems: Vec::new(),
        };
        shown.decisions = self.node(id).applied;
        self.node_mut(id).shown = shown;
        What::Disk(Box::new(copy))
    }

    fn copy_metadata(&self, known: usize, shown: usize) -> MetadataLog {
        let decisions = &self.controller.decisions[shown.min(known)..known];
        let numbered = (shown as Offset..).zip(decisions);
        let of_the_workload = numbered
            .clone()
            .filter(|(_, decision)| decision.key < self.keys());
        MetadataLog {
            start: 0,
            end: known as Offset,
            high_watermark: Some(known as Offset),
            batches: numbered
                .map(|(offset, decision)| batch(offset, decision))
                .collect(),
            rulings: of_the_workload
                .map(|(offset, decision)| ruling(offset, decision))
                .collect(),
        }
    }
}

fn batch(offset: Offset, decision: &Decision) -> MetadataBatch {
    let mut sum = DefaultHasher::new();
    let leadership = &decision.leadership;
    let isr: Vec<NodeId> = leadership.isr.iter().collect();
    (
        decision.key,
        leadership.leader,
        leadership.epoch,
        isr,
        leadership.version,
    )
        .hash(&mut sum);
    MetadataBatch {
        first: offset,
        last: offset,
        term: decision.term,
        crc: sum.finish() as u32,
    }
}

fn ruling(offset: Offset, decision: &Decision) -> Ruling {
    Ruling {
        offset,
        term: decision.term,
        written_ms: (decision.at / MILLISECOND) as i64,
        key: decision.key,
        leader: decision.leadership.leader,
        epoch: decision.leadership.epoch,
        partition_epoch: decision.leadership.version as i32,
        isr: decision.leadership.isr.iter().collect(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        recovering: false,
    }
}

/// A replica's log from where it differs from what was shown of it before.
fn copy_log(key: Key, replica: &Replica, before: &mut Vec<Mark>) -> DiskLog {
    let end = replica.log.end();
    let entries = replica.log.range(0, end);
    let marks = |entry: &Entry| (entry.kind, entry.value, entry.epoch);
    let same = before
        .iter()
        .zip(entries)
        .take_while(|(before, entry)| **before == marks(entry));
    let from = same.count();
    before.truncate(from);
    before.extend(entries[from..].iter().map(marks));
    let numbered = || (0 as Offset..).zip(entries);
    let holes = numbered().filter(|(_, entry)| entry.kind == Kind::Gap);
    let records = numbered()
        .skip(from)
        .filter(|(_, entry)| entry.kind == Kind::Data);
    let batches = numbered().filter(|(_, entry)| entry.kind != Kind::Gap);
    let mut epochs: Vec<(i32, Offset)> = batches.map(|(offset, entry)| (entry.epoch, offset)).collect();
    epochs.dedup_by_key(|(epoch, _)| *epoch);
    let mut noted_epochs = replica.log.epochs().to_vec();
    if let Role::Leader(leading) = &replica.role
        && leading.epoch > replica.log.last_epoch()
    {
        noted_epochs.push((leading.epoch, leading.start));
    }
    DiskLog {
        key,
        start: 0,
        end,
        high_watermark: Some(replica.high_watermark),
        recovery_point: Some(end),
        noted_epochs,
        epochs,
        from: from as Offset,
        records: records
            .map(|(offset, entry)| (offset, entry.value, entry.epoch))
            .collect(),
        unread: false,
        holes: holes.map(|(offset, _)| (offset, offset + 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::copy_log;
    use crate::sim::log::{Entry, Kind, Log};
    use crate::sim::node::Replica;

    fn replica(entries: &[Entry]) -> Replica {
        let mut log = Log::default();
        for entry in entries {
            log.append(*entry);
        }
        Replica {
            log,
            ..Replica::default()
        }
    }

    #[test]
    fn a_copy_shows_what_is_new() {
        let data = |value, epoch| Entry::data(value, epoch, None, false);
        let mut shown = Vec::new();
        let first = copy_log(0, &replica(&[data(5, 0), data(6, 0), data(7, 0)]), &mut shown);
        assert_eq!((first.from, first.records.len()), (0, 3));
        let cut = [
            data(5, 0),
            Entry::empty(Kind::Gap, 2),
            data(9, 2),
            Entry::empty(Kind::Nudge, 2),
        ];
        let second = copy_log(0, &replica(&cut), &mut shown);
        assert_eq!((second.from, second.end), (1, 4));
        assert_eq!(second.records, [(2, 9, 2)]);
        assert_eq!(second.epochs, [(0, 0), (2, 2)]);
        assert_eq!(second.holes, [(1, 2)]);
        let third = copy_log(0, &replica(&cut[..3]), &mut shown);
        assert_eq!((third.from, third.end, third.records.len()), (3, 3, 0));
    }
}
