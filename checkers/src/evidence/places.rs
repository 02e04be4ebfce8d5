//! Where values in question were seen, and how that is known.

use std::collections::{BTreeMap, BTreeSet};

use history::{Key, NodeId, Observed, Offset, Probe, Value};

use super::{Ending, for_each_record, for_each_send};
use crate::context::{Context, distinct};
use crate::index::{Id, Index, WriteOutcome};
use crate::text::{copies_of, list};

/// Places of one value that are kept.
const PLACES_MAX: usize = 16;

/// Where each value in question was seen.
#[derive(Debug, Default)]
pub(crate) struct Places {
    all: BTreeMap<Id, Vec<Place>>,
}

/// A value at an offset, and how that is known.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) offset: Offset,
    /// The completion that named it: what that said, time, client, operation, broker.
    named: Option<(WriteOutcome, u64, u32, u64, Option<NodeId>)>,
    /// Who read it there first: time, client, operation.
    read: Option<(u64, u32, u64)>,
    /// In whose own copies it stands there.
    copies: Vec<NodeId>,
}

impl Places {
    pub(super) fn new(wanted: &BTreeSet<Id>) -> Self {
        Self {
            all: wanted.iter().map(|id| (*id, Vec::new())).collect(),
        }
    }

    pub(super) fn ended(&mut self, index: &Index, ending: &Ending) {
        if self.all.is_empty() {
            return;
        }
        let (time, op, outcome) = (ending.time, ending.op, ending.outcome);
        for_each_send(&op.f, |send| {
            if outcome != WriteOutcome::Fail
                && let Some(offset) = send.offset
                && let Some(place) = self.place(index, send.key, offset, send.value)
            {
                let named = (outcome, time, op.process, op.op, send.broker);
                place.named.get_or_insert(named);
            }
        });
        for_each_record(&op.f, |record| {
            if let Some(place) = self.place(index, record.key, record.offset, record.value) {
                place.read.get_or_insert((time, op.process, op.op));
            }
        });
    }

    pub(super) fn observed(&mut self, index: &Index, observed: &Observed) {
        if let Probe::Log(chunk) = &observed.answer
            && !self.all.is_empty()
        {
            for (offset, value, _) in &chunk.records {
                if let Some(place) = self.place(index, chunk.key, *offset, *value) {
                    place.copies.push(observed.node);
                }
            }
        }
    }

    /// The place of a value in question.
    fn place(&mut self, index: &Index, key: Key, offset: Offset, value: Value) -> Option<&mut Place> {
        let places = self.all.get_mut(&index.identify(key, value)?)?;
        let known = places
            .iter()
            .position(|place| (place.key, place.offset) == (key, offset));
        let at = known.unwrap_or(places.len());
        if known.is_none() {
            if places.len() == PLACES_MAX {
                return None;
            }
            places.push(Place {
                key,
                offset,
                named: None,
                read: None,
                copies: Vec::new(),
            });
        }
        places.get_mut(at)
    }

    /// Where a value was seen.
    pub(crate) fn of(&self, id: Id) -> &[Place] {
        self.all.get(&id).map_or(&[], Vec::as_slice)
    }
}

impl Place {
    /// When a client first saw it there; copies are read after the run, at a time that says nothing.
    pub(crate) fn time(&self) -> Option<u64> {
        let times = [self.named.map(|seen| seen.1), self.read.map(|seen| seen.0)];
        times.into_iter().flatten().min()
    }

    /// How it is known, as the rest of a sentence.
    pub(crate) fn known_by(&self, context: &Context) -> String {
        let mut ways = Vec::new();
        if let Some((outcome, time, process, op, broker)) = self.named {
            let by = broker.map_or_else(String::new, |broker| format!(" by node {broker}"));
            let how = if outcome == WriteOutcome::Ok {
                format!("acknowledged{by} to client {process}")
            } else {
                format!("named{by} to client {process} in an operation of unknown outcome")
            };
            ways.push(format!("{how}{} (op {op})", context.at(time)));
        }
        if let Some((time, process, op)) = self.read {
            ways.push(format!("read by client {process}{} (op {op})", context.at(time)));
        }
        if !self.copies.is_empty() {
            ways.push(format!(
                "in {}",
                copies_of(&distinct(self.copies.iter().copied()))
            ));
        }
        list(&ways)
    }
}
