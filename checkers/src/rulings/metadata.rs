//! Each node's metadata log: its batches as the copies showed them.

use std::collections::BTreeMap;

use history::{MetadataBatch, MetadataLog, NodeId, Offset};

/// One node's metadata log.
#[derive(Clone, Debug, Default)]
pub struct MetadataCopy {
    /// The node.
    pub node: NodeId,
    /// When the newest copy was made.
    pub time: u64,
    /// The first offset that was there in it; what lies below is in a snapshot.
    pub start: Offset,
    /// One past the last.
    pub end: Offset,
    /// The highest committed end that the node ever noted.
    pub high_watermark: Option<Offset>,
    /// The batches that the newest copy held, those that were deleted from its start since included: ascending.
    pub batches: Vec<MetadataBatch>,
    /// Batches that an earlier copy held and a later one held no more, with the time of the later one.
    pub cut: Vec<(u64, MetadataBatch)>,
}

impl MetadataCopy {
    /// The next copy of this node's log.
    pub(super) fn push(&mut self, time: u64, log: &MetadataLog) {
        let replaced = log
            .batches
            .first()
            .map_or(log.end, |batch| batch.first)
            .min(log.end);
        // What is shown again is no change.
        let kept = log.batches.iter().take_while(|batch| self.has(batch)).count();
        let shown = &log.batches[kept..];
        let from = match (kept, shown.first()) {
            (0, _) => replaced,
            (_, Some(next)) => next.first.min(log.end),
            (_, None) => log.end,
        };
        let stays = self
            .batches
            .partition_point(|batch| batch.first < from && batch.last < log.end);
        self.cut
            .extend(self.batches.drain(stays..).map(|batch| (time, batch)));
        for batch in shown {
            if self.batches.last().is_none_or(|last| last.last < batch.first) {
                self.batches.push(*batch);
            }
        }
        (self.time, self.start, self.end) = (time, log.start, log.end);
        self.high_watermark = self.high_watermark.max(log.high_watermark);
    }

    fn has(&self, batch: &MetadataBatch) -> bool {
        self.at(batch.first) == Some(batch)
    }

    /// The batch that begins at an offset.
    pub fn at(&self, first: Offset) -> Option<&MetadataBatch> {
        let place = self.batches.binary_search_by_key(&first, |batch| batch.first);
        place.ok().map(|place| &self.batches[place])
    }

    /// Whether it had noted that an offset is committed.
    pub fn committed(&self, offset: Offset) -> bool {
        self.high_watermark.is_some_and(|end| offset < end)
    }
}

/// Two nodes' batches at one offset that are not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// A node, and its batch.
    pub one: (NodeId, MetadataBatch),
    /// Another node, and its batch there.
    pub other: (NodeId, MetadataBatch),
    /// Both had noted that what lies there is committed.
    pub committed: bool,
}

/// Each batch that differs from that of the first node that has one at its offset, by offset.
pub(super) fn conflicts(logs: &BTreeMap<NodeId, MetadataCopy>) -> Vec<Conflict> {
    let mut first: BTreeMap<Offset, (NodeId, MetadataBatch)> = BTreeMap::new();
    let mut found = Vec::new();
    for log in logs.values() {
        for batch in &log.batches {
            let one = *first.entry(batch.first).or_insert((log.node, *batch));
            if one.1 != *batch {
                let committed = |node: NodeId| logs.get(&node).is_some_and(|log| log.committed(batch.first));
                found.push(Conflict {
                    one,
                    other: (log.node, *batch),
                    committed: committed(one.0) && committed(log.node),
                });
            }
        }
    }
    found.sort_by_key(|conflict| conflict.one.1.first);
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use history::{MetadataBatch, MetadataLog, Offset};

    use super::{MetadataCopy, conflicts};

    fn batch(first: Offset, last: Offset, term: i32, crc: u32) -> MetadataBatch {
        MetadataBatch {
            first,
            last,
            term,
            crc,
        }
    }

    fn log(end: Offset, batches: &[MetadataBatch]) -> MetadataLog {
        MetadataLog {
            end,
            batches: batches.to_vec(),
            ..MetadataLog::default()
        }
    }

    #[test]
    fn a_log_that_was_cut_off_is_followed() {
        let (a, b, c, d) = (
            batch(0, 1, 1, 7),
            batch(2, 2, 1, 8),
            batch(3, 5, 1, 9),
            batch(2, 3, 2, 1),
        );
        let mut copy = MetadataCopy::default();
        copy.push(1, &log(3, &[a, b]));
        copy.push(2, &log(6, &[b, c]));
        assert_eq!(
            (copy.batches.as_slice(), copy.cut.len()),
            ([a, b, c].as_slice(), 0)
        );
        copy.push(3, &log(6, &[]));
        copy.push(4, &log(4, &[d]));
        assert_eq!(copy.batches, [a, d]);
        assert_eq!(copy.cut, [(4, b), (4, c)]);
        copy.push(5, &log(2, &[]));
        assert_eq!(copy.batches, [a]);
    }

    #[test]
    fn what_differs_is_found() {
        let copy = |node, high_watermark, batches: &[MetadataBatch]| {
            let mut copy = MetadataCopy {
                node,
                ..MetadataCopy::default()
            };
            let end = batches.last().map_or(0, |batch| batch.last + 1);
            copy.push(
                1,
                &MetadataLog {
                    high_watermark,
                    ..log(end, batches)
                },
            );
            (node, copy)
        };
        let logs = BTreeMap::from([
            copy(1, Some(2), &[batch(0, 1, 1, 7), batch(2, 2, 1, 8)]),
            copy(2, Some(2), &[batch(0, 1, 1, 7), batch(2, 3, 2, 9)]),
            copy(3, Some(2), &[batch(0, 1, 1, 6)]),
        ]);
        let found = conflicts(&logs);
        let brief: Vec<_> = found
            .iter()
            .map(|conflict| (conflict.one.0, conflict.other.0, conflict.committed))
            .collect();
        assert_eq!(brief, [(1, 3, true), (1, 2, false)]);
    }
}
