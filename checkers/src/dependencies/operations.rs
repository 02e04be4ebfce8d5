//! The operations in the windows, as a second walk finds them.

use std::collections::BTreeMap;
use std::ops::Range;

use history::{Key, Offset};

use super::place;
use crate::evidence::{Ending, for_each_record};
use crate::index::{Index, Open, WriteOutcome};

/// When something happened: the number of the event, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) event: u64,
    pub(crate) time: u64,
}

/// An operation that may be part of a cycle.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(super) place: u64,
    pub(crate) op: u64,
    pub(crate) process: u32,
    pub(crate) outcome: WriteOutcome,
    pub(crate) begun: Moment,
    pub(crate) ended: Option<Moment>,
    /// Its writes.
    pub(crate) writes: Range<u32>,
    /// Where what it read is kept.
    reads: Range<u32>,
    /// The same of where it stopped reading.
    stops: Range<u32>,
}

/// A record that an operation read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadOf {
    pub(crate) write: u32,
    pub(crate) offset: Offset,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    wanted: bool,
    pub(super) all: Vec<Operation>,
    reads: Vec<ReadOf>,
    stops: Vec<(Key, Offset)>,
}

/// Where an operation stopped reading each partition: the offset of the last record that it got of it. Kept of
/// transactions that write, where the offsets are to order the writes.
pub(super) fn stops(index: &Index, ending: &Ending) -> BTreeMap<Key, Offset> {
    let mut stops = BTreeMap::new();
    if index.versions.is_some() && ending.open.writes > 0 {
        for_each_record(&ending.op.f, |record| {
            stops.insert(record.key, record.offset);
        });
    }
    stops
}

impl Operations {
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// What an operation read of others.
    pub(crate) fn reads(&self, operation: &Operation) -> &[ReadOf] {
        &self.reads[operation.reads.start as usize..operation.reads.end as usize]
    }

    /// Where an operation stopped reading each partition.
    pub(super) fn stops(&self, operation: &Operation) -> &[(Key, Offset)] {
        &self.stops[operation.stops.start as usize..operation.stops.end as usize]
    }

    pub(crate) fn ended(&mut self, index: &Index, ending: &Ending) {
        if !self.wanted {
            return;
        }
        let open = &ending.open;
        let (mut reads, first) = (false, self.reads.len());
        for_each_record(&ending.op.f, |record| {
            reads = true;
            if let Some(write) = index.known(record.key, record.value)
                && !open.numbers().contains(&write)
            {
                let offset = record.offset;
                self.reads.push(ReadOf { write, offset });
            }
        });
        let place = place(index, open, reads, Some(ending.event));
        if (open.writes == 0 && self.reads.len() == first) || !index.windows.hold(place) {
            self.reads.truncate(first);
            return;
        }
        let first_stop = self.stops.len();
        self.stops.extend(stops(index, ending));
        self.all.push(Operation {
            place,
            op: open.op,
            process: open.process,
            outcome: ending.outcome,
            begun: moment_of(open),
            ended: Some(Moment {
                event: ending.event,
                time: ending.time,
            }),
            writes: open.numbers(),
            reads: first as u32..self.reads.len() as u32,
            stops: first_stop as u32..self.stops.len() as u32,
        });
    }

    /// An operation that was begun and never over.
    pub(crate) fn never_ended(&mut self, index: &Index, open: &Open) {
        let place = place(index, open, false, None);
        if self.wanted && open.writes > 0 && index.windows.hold(place) {
            self.all.push(Operation {
                place,
                op: open.op,
                process: open.process,
                outcome: WriteOutcome::Info,
                begun: moment_of(open),
                ended: None,
                writes: open.numbers(),
                reads: 0..0,
                stops: 0..0,
            });
        }
    }

    /// The walk is over: puts them in the order of their places.
    pub(crate) fn finish(&mut self) {
        self.all.sort_unstable_by_key(|operation| operation.place);
    }
}

fn moment_of(open: &Open) -> Moment {
    Moment {
        event: open.event,
        time: open.time,
    }
}
