//! Everything of some writes.

use std::collections::{BTreeMap, BTreeSet};

use history::{Key, NodeId, Offset, Op, Value};

use super::{Ending, for_each_record, for_each_send};
use crate::index::{Index, WriteOutcome};

/// A write, and what became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteStory {
    pub(crate) value: Value,
    pub(crate) key: Key,
    pub(crate) op: u64,
    pub(crate) process: u32,
    pub(crate) invoked: u64,
    /// When its completion came, whatever that said.
    pub(crate) completed: Option<u64>,
    /// Where the acknowledgement says that it went.
    pub(crate) offset: Option<Offset>,
    /// Who acknowledged.
    pub(crate) broker: Option<NodeId>,
    /// Where it was first seen to stand, by any evidence.
    pub(crate) place: Option<Offset>,
    /// The first `ok` operation that read it, the final reads not counted.
    pub(crate) read: Option<Glimpse>,
}

/// A reading of a write by a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glimpse {
    pub(crate) time: u64,
    pub(crate) process: u32,
    pub(crate) op: u64,
    pub(crate) offset: Offset,
}

impl WriteStory {
    /// When it was over, or else begun.
    pub(crate) fn time(&self) -> u64 {
        self.completed.unwrap_or(self.invoked)
    }
}

/// The stories of the writes in question.
#[derive(Debug, Default)]
pub(crate) struct WriteStories {
    all: BTreeMap<u32, WriteStory>,
}

impl WriteStories {
    pub(super) fn new(index: &Index, wanted: &BTreeSet<u32>) -> Self {
        let story = |number: &u32| WriteStory {
            value: index.writes.value(*number),
            key: index.writes.key(*number),
            place: index.writes.place(*number),
            ..WriteStory::default()
        };
        Self {
            all: wanted.iter().map(|number| (*number, story(number))).collect(),
        }
    }

    pub(super) fn begun(&mut self, number: u32, time: u64, op: &Op) {
        if let Some(story) = self.all.get_mut(&number) {
            (story.op, story.process, story.invoked) = (op.op, op.process, time);
        }
    }

    pub(super) fn ended(&mut self, index: &Index, ending: &Ending) {
        if self.all.is_empty() {
            return;
        }
        let (time, op, outcome) = (ending.time, ending.op, ending.outcome);
        for (_, story) in self.all.range_mut(ending.open.numbers()) {
            story.completed = Some(time);
        }
        for_each_send(&op.f, |send| {
            if let Some(story) = self.of(index, send.key, send.value) {
                story.broker = send.broker;
                story.offset = send
                    .offset
                    .filter(|offset| *offset >= 0 && outcome == WriteOutcome::Ok);
            }
        });
        if outcome == WriteOutcome::Ok && !ending.finally {
            for_each_record(&op.f, |record| {
                if let Some(story) = self.of(index, record.key, record.value) {
                    story.read.get_or_insert(Glimpse {
                        time,
                        process: op.process,
                        op: op.op,
                        offset: record.offset,
                    });
                }
            });
        }
    }

    fn of(&mut self, index: &Index, key: Key, value: Value) -> Option<&mut WriteStory> {
        self.all.get_mut(&index.find(key, value)?)
    }

    /// A write's story.
    pub(crate) fn of_number(&self, number: u32) -> WriteStory {
        self.all.get(&number).copied().unwrap_or_default()
    }
}
