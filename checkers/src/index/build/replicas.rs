//! What the observer saw of the replicas.

use history::{DiskCopy, Key, LogChunk, NodeId, Observed, Probe, Record};

use super::Builder;

impl Builder {
    pub(super) fn observed(&mut self, time: u64, observed: &Observed) {
        let node = observed.node;
        if observed.asked > time {
            self.flaw(time, || format!("node {node} answers before it was asked"));
        }
        match &observed.answer {
            Probe::Metadata(metadata) => {
                for claim in &metadata.claims {
                    self.in_range(time, claim.key, || format!("a claim of node {node}"));
                }
            }
            Probe::Partitions(said) => {
                let keys = said.partitions.iter().map(|partition| partition.key);
                self.keys_in_range(time, keys, || format!("what node {node} says of a partition"));
            }
            Probe::Stands(said) => {
                let keys = said.stands.iter().map(|stand| stand.key);
                self.keys_in_range(time, keys, || format!("what node {node} answers as a leader"));
            }
            Probe::Log(chunk) => self.chunk(time, node, chunk),
            Probe::Undecided(said) => {
                self.keys_in_range(time, [said.key], || {
                    format!("what node {node} says of open transactions")
                });
            }
            Probe::Served(_)
            | Probe::Metrics(_)
            | Probe::Quorum(_)
            | Probe::ZooKeeper(_)
            | Probe::NotLeader
            | Probe::Silent(_) => {}
        }
    }

    /// The copy of a node's disk.
    pub(super) fn disk(&mut self, time: u64, copy: &DiskCopy) {
        let node = copy.node;
        let logs = copy.logs.iter().map(|log| log.key);
        let rulings = copy.metadata.iter().flat_map(|log| &log.rulings);
        let keys = logs.chain(rulings.map(|ruling| ruling.key));
        self.keys_in_range(time, keys, || format!("the copy of the disk of node {node}"));
    }

    pub(super) fn keys_in_range(
        &mut self,
        time: u64,
        keys: impl IntoIterator<Item = Key>,
        what: impl Fn() -> String,
    ) {
        for key in keys {
            self.in_range(time, key, &what);
        }
    }

    fn chunk(&mut self, time: u64, node: NodeId, chunk: &LogChunk) {
        if !self.in_range(time, chunk.key, || format!("a piece of the log of node {node}")) {
            return;
        }
        let ascending = chunk.records.is_sorted_by(|left, right| left.0 < right.0);
        if !ascending || chunk.records.first().is_some_and(|record| record.0 < 0) {
            return self.flaw(time, || {
                format!("a piece of the log of node {node} is out of order")
            });
        }
        for (offset, value, _) in &chunk.records {
            if *offset < chunk.high_watermark {
                let record = Record {
                    key: chunk.key,
                    offset: *offset,
                    value: *value,
                };
                self.sighted(time, None, &record);
            }
        }
        let mut copies = std::mem::take(&mut self.index.copies);
        let copy = copies.entry((chunk.key, node)).or_default();
        let index = &self.index;
        let log = index.log(chunk.key);
        copy.push(time, chunk, |offset, value| {
            let first = log.and_then(|log| log.first(offset));
            first.is_some_and(|id| index.value_of(id) == value)
        });
        self.index.copies = copies;
    }
}
