//! A replica's own copy of a partition, as it was read from this replica alone.

use history::{LogChunk, Offset, Value};

/// The newest copy that was read of one replica.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicaCopy<'h> {
    chunks: Vec<&'h LogChunk>,
    next: Offset,
    /// Whether its last piece was read.
    pub(crate) whole: bool,
    /// Its high watermark, as the newest piece names it.
    pub(crate) high_watermark: Offset,
    /// When the newest piece was read.
    pub(crate) time: u64,
}

impl<'h> ReplicaCopy<'h> {
    /// Takes the next piece. A piece that does not follow the one before begins a new copy.
    pub(super) fn push(&mut self, time: u64, chunk: &'h LogChunk) {
        let first = chunk.records.first().map_or(self.next, |record| record.0);
        if self.whole || first < self.next {
            self.chunks.clear();
            self.next = 0;
        }
        self.next = chunk
            .records
            .last()
            .map_or(self.next, |record| record.0.saturating_add(1));
        self.whole = chunk.last;
        self.high_watermark = chunk.high_watermark;
        self.time = time;
        self.chunks.push(chunk);
    }

    /// One past its last record.
    pub(crate) fn end(&self) -> Offset {
        self.next
    }

    /// What stands at an offset: the value and the leader epoch of its batch.
    pub(crate) fn at(&self, offset: Offset) -> Option<(Value, i32)> {
        let after = |chunk: &&LogChunk| chunk.records.last().is_none_or(|record| record.0 < offset);
        let chunk = self.chunks.get(self.chunks.partition_point(after))?;
        let index = chunk
            .records
            .binary_search_by_key(&offset, |record| record.0)
            .ok()?;
        let (_, value, epoch) = chunk.records[index];
        Some((value, epoch))
    }

    /// Its records below its high watermark, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Offset, Value)> {
        let records = self.chunks.iter().flat_map(|chunk| &chunk.records);
        records
            .map(|(offset, value, _)| (*offset, *value))
            .take_while(|(offset, _)| *offset < self.high_watermark)
    }
}
