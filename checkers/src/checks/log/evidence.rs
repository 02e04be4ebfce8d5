//! Where values in question were seen: a second look at the history, for those values alone.

use std::collections::BTreeMap;

use history::{F, History, Key, NodeId, Observed, Offset, Op, Probe, Value, What};

use crate::context::distinct;
use crate::dense::Dense;
use crate::text::{copies_of, list, seconds};

/// Places of one value that are kept.
const PLACES_MAX: usize = 16;

/// Where each value in question was seen.
pub(super) struct Evidence {
    wanted: Dense<u8>,
    places: BTreeMap<Value, Vec<Place>>,
}

/// A value at an offset, and how that is known.
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) offset: Offset,
    /// Who acknowledged it there: time, client, operation, broker.
    acknowledged: Option<(u64, u32, u64, Option<NodeId>)>,
    /// Who read it there first: time, client, operation.
    read: Option<(u64, u32, u64)>,
    /// In whose own copies it stands there.
    copies: Vec<NodeId>,
}

impl Evidence {
    /// Gathers what is known of some values.
    pub(super) fn gather(history: &History, values: impl IntoIterator<Item = Value>) -> Self {
        let mut evidence = Self {
            wanted: Dense::default(),
            places: BTreeMap::new(),
        };
        for value in values {
            evidence.wanted.set(value, 1);
        }
        for event in &history.events {
            evidence.look(event.time, &event.what);
        }
        evidence
    }

    fn look(&mut self, time: u64, what: &What) {
        match what {
            What::Ok(Op {
                f: F::Send(send),
                op,
                process,
                ..
            }) => {
                if let Some(offset) = send.offset
                    && let Some(place) = self.place(send.key, offset, send.value)
                {
                    place
                        .acknowledged
                        .get_or_insert((time, *process, *op, send.broker));
                }
            }
            What::Ok(op) | What::Fail(op) | What::Info(op) => self.look_at_poll(time, op),
            What::Observed(Observed {
                answer: Probe::Log(chunk),
                node,
                ..
            }) => {
                for (offset, value, _) in &chunk.records {
                    if let Some(place) = self.place(chunk.key, *offset, *value) {
                        place.copies.push(*node);
                    }
                }
            }
            _ => {}
        }
    }

    fn look_at_poll(&mut self, time: u64, op: &Op) {
        let F::Poll(poll) = &op.f else { return };
        for record in &poll.records {
            if let Some(place) = self.place(record.key, record.offset, record.value) {
                place.read.get_or_insert((time, op.process, op.op));
            }
        }
    }

    /// The place of a value in question.
    fn place(&mut self, key: Key, offset: Offset, value: Value) -> Option<&mut Place> {
        if self.wanted.get(value) == 0 {
            return None;
        }
        let places = self.places.entry(value).or_default();
        let known = places
            .iter()
            .position(|place| (place.key, place.offset) == (key, offset));
        let index = known.unwrap_or(places.len());
        if known.is_none() {
            if places.len() == PLACES_MAX {
                return None;
            }
            places.push(Place {
                key,
                offset,
                acknowledged: None,
                read: None,
                copies: Vec::new(),
            });
        }
        places.get_mut(index)
    }

    /// Where a value was seen.
    pub(super) fn of(&self, value: Value) -> &[Place] {
        self.places.get(&value).map_or(&[], Vec::as_slice)
    }
}

impl Place {
    /// When a client first saw it there; copies are read after the run, at a time that says nothing.
    pub(super) fn time(&self) -> Option<u64> {
        let times = [self.acknowledged.map(|seen| seen.0), self.read.map(|seen| seen.0)];
        times.into_iter().flatten().min()
    }

    /// How it is known, as the rest of a sentence.
    pub(super) fn known_by(&self) -> String {
        let mut ways = Vec::new();
        if let Some((time, process, op, broker)) = self.acknowledged {
            let by = broker.map_or_else(String::new, |broker| format!(" by node {broker}"));
            ways.push(format!(
                "acknowledged{by} to client {process} at {} (op {op})",
                seconds(time)
            ));
        }
        if let Some((time, process, op)) = self.read {
            ways.push(format!("read by client {process} at {} (op {op})", seconds(time)));
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
