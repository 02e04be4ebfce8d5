//! From records of the metadata log to the states that they gave to partitions.
//!
//! Source: `PartitionRegistration.merge`: a change that names a leader, be it the same, begins a new leader epoch, and every
//! change a new partition epoch.

use std::collections::HashMap;

use history::{Key, NodeId, Offset, Ruling, Topic};
use uuid::Uuid;

use super::record::{Decision, Partition, read};
use crate::kafka::disk::cursor::Wrong;

/// Where a record stands.
#[derive(Clone, Copy)]
pub struct At {
    pub offset: Offset,
    pub term: i32,
    /// In milliseconds since 1970.
    pub written_ms: i64,
}

/// The partitions as of some record, and how they came to be so.
pub struct Replay<'topics> {
    topics: &'topics [Topic],
    now: State,
    /// All that was as the transaction began that is open.
    before: Option<Box<State>>,
}

#[derive(Clone, Default)]
struct State {
    names: HashMap<Uuid, String>,
    newest: HashMap<Key, Ruling>,
    rulings: Vec<Ruling>,
}

impl<'topics> Replay<'topics> {
    /// Nothing is known yet.
    pub fn new(topics: &'topics [Topic]) -> Self {
        Self {
            topics,
            now: State::default(),
            before: None,
        }
    }

    /// Every state of these topics' partitions, in order. What an open transaction did is left out: it may be aborted.
    pub fn rulings(self) -> Vec<Ruling> {
        self.before.map_or(self.now, |before| *before).rulings
    }

    /// Applies a record.
    pub fn apply(&mut self, at: At, bytes: &[u8]) -> Result<(), Wrong> {
        match read(bytes)? {
            Decision::Topic { name, id } => {
                self.now.names.insert(id, name.to_owned());
            }
            Decision::RemoveTopic { id } => self.remove(id),
            Decision::Partition(state) => self.rule(at, &state, None),
            Decision::Change(change) => {
                let before = self
                    .key(&change)
                    .and_then(|key| self.now.newest.get(&key))
                    .cloned();
                // A change of what was never made: the log begins after it, and no snapshot was there.
                if before.is_some() {
                    self.rule(at, &change, before);
                }
            }
            Decision::ClearElr { topic } => self.clear_elr(at, topic),
            Decision::Begin => self.before = Some(Box::new(self.now.clone())),
            Decision::End => self.before = None,
            Decision::Abort => {
                if let Some(before) = self.before.take() {
                    self.now = *before;
                }
            }
            Decision::Other => {}
        }
        Ok(())
    }

    fn key(&self, of: &Partition) -> Option<Key> {
        let name = self.now.names.get(&of.topic)?;
        history::key_of(self.topics, name, u32::try_from(of.number).ok()?)
    }

    fn rule(&mut self, at: At, of: &Partition, before: Option<Ruling>) {
        let Some(key) = self.key(of) else {
            return;
        };
        let is_change = before.is_some();
        let before = before.unwrap_or_else(|| nothing(key));
        let changes = |new: &Option<Vec<i32>>, old: Vec<NodeId>| new.as_ref().map_or(old, |new| numbers(new));
        let ruling = Ruling {
            offset: at.offset,
            term: at.term,
            written_ms: at.written_ms,
            key,
            leader: of
                .leader
                .map_or(before.leader, |leader| NodeId::try_from(leader).ok()),
            epoch: match of.leader {
                _ if !is_change => of.epoch,
                Some(_) => before.epoch.saturating_add(1),
                None => before.epoch,
            },
            partition_epoch: if is_change {
                before.partition_epoch.saturating_add(1)
            } else {
                of.version
            },
            isr: changes(&of.isr, before.isr),
            elr: changes(&of.elr, before.elr),
            last_known_elr: changes(&of.last_known_elr, before.last_known_elr),
            recovering: of.recovering.unwrap_or(before.recovering),
        };
        self.now.newest.insert(key, ruling.clone());
        self.now.rulings.push(ruling);
    }

    fn remove(&mut self, id: Uuid) {
        let Some(name) = self.now.names.remove(&id) else {
            return;
        };
        for (key, topic, _) in crate::kafka::replica::keys(self.topics) {
            if topic.name == name {
                self.now.newest.remove(&key);
            }
        }
    }

    /// The eligible leaders are forgotten. That is no change of the partition's epoch.
    fn clear_elr(&mut self, at: At, cleared: &str) {
        for (key, topic, _) in crate::kafka::replica::keys(self.topics) {
            if !cleared.is_empty() && topic.name != cleared {
                continue;
            }
            let Some(state) = self.now.newest.get_mut(&key) else {
                continue;
            };
            if state.elr.is_empty() && state.last_known_elr.is_empty() {
                continue;
            }
            state.elr.clear();
            state.last_known_elr.clear();
            (state.offset, state.term, state.written_ms) = (at.offset, at.term, at.written_ms);
            self.now.rulings.push(state.clone());
        }
    }
}

fn nothing(key: Key) -> Ruling {
    Ruling {
        offset: 0,
        term: 0,
        written_ms: 0,
        key,
        leader: None,
        epoch: 0,
        partition_epoch: 0,
        isr: Vec::new(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        recovering: false,
    }
}

fn numbers(nodes: &[i32]) -> Vec<NodeId> {
    nodes
        .iter()
        .filter_map(|node| NodeId::try_from(*node).ok())
        .collect()
}
