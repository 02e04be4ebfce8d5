//! The rulings of all copies, merged into one sequence for each partition.

use std::collections::BTreeMap;

use history::{DiskCopy, Header, Key, NodeId, Offset, Ruling};

use super::clock::{Clock, Times};
use super::metadata::MetadataCopy;
use super::{Ruled, Rulings};
use crate::timeline::Timeline;

/// Takes the metadata logs of all copies down.
#[derive(Default)]
pub(crate) struct Builder {
    logs: BTreeMap<NodeId, MetadataCopy>,
    /// By key and offset: what stood there, in more than one form only where a log was cut off.
    rulings: BTreeMap<Key, BTreeMap<Offset, Vec<Found>>>,
}

struct Found {
    ruling: Ruling,
    nodes: Vec<NodeId>,
    /// When the first copy was made that shows it.
    time: u64,
}

impl Builder {
    /// The next copy, in order of time.
    pub(crate) fn push(&mut self, time: u64, copy: &DiskCopy) {
        let Some(metadata) = &copy.metadata else { return };
        let log = self.logs.entry(copy.node).or_default();
        log.node = copy.node;
        log.push(time, metadata);
        for ruling in &metadata.rulings {
            let of_key = self.rulings.entry(ruling.key).or_default();
            let there = of_key.entry(ruling.offset).or_default();
            match there.iter_mut().find(|found| found.ruling == *ruling) {
                Some(found) if found.nodes.contains(&copy.node) => {}
                Some(found) => found.nodes.push(copy.node),
                None => there.push(Found {
                    ruling: ruling.clone(),
                    nodes: vec![copy.node],
                    time,
                }),
            }
        }
    }

    /// What the walk gathered.
    pub(crate) fn finish(self, header: &Header, timeline: &Timeline) -> Rulings {
        let merge = Merge {
            terms: self.terms(),
            high_watermark: self.logs.values().filter_map(|log| log.high_watermark).max(),
            voters: match header.controllers.len() {
                0 => header.nodes.len().max(self.logs.len()),
                own => own,
            },
            controllers: header.controllers.clone(),
            times: Times::new(header, timeline),
        };
        let keys = self
            .rulings
            .into_iter()
            .map(|(key, found)| (key, merge.of(key, found)));
        Rulings {
            keys: keys.collect(),
            logs: self.logs,
        }
    }

    /// Each term with its lowest offset in any log.
    fn terms(&self) -> BTreeMap<i32, Offset> {
        let mut terms: BTreeMap<i32, Offset> = BTreeMap::new();
        let mut begins = |term: i32, offset: Offset| {
            let lowest = terms.entry(term).or_insert(offset);
            *lowest = offset.min(*lowest);
        };
        for log in self.logs.values() {
            let cut = log.cut.iter().map(|(_, batch)| batch);
            for batch in log.batches.iter().chain(cut) {
                begins(batch.term, batch.first);
            }
        }
        for found in self.rulings.values().flatten().flat_map(|(_, found)| found) {
            begins(found.ruling.term, found.ruling.offset);
        }
        terms
    }
}

struct Merge<'t> {
    terms: BTreeMap<i32, Offset>,
    high_watermark: Option<Offset>,
    /// All nodes of the run may vote, also those of whose disk there is no copy.
    voters: usize,
    /// The voters, where they are nodes of their own: what lies on a broker's disk then decides nothing.
    controllers: Vec<NodeId>,
    times: Times<'t>,
}

impl Merge<'_> {
    /// How many of these nodes may vote.
    fn votes(&self, nodes: &[NodeId]) -> usize {
        let votes = |node: &&NodeId| self.controllers.is_empty() || self.controllers.contains(node);
        nodes.iter().filter(votes).count()
    }

    fn of(&self, key: Key, found: BTreeMap<Offset, Vec<Found>>) -> Vec<Ruled> {
        let kept = self.kept(found);
        let rulings: Vec<&Ruling> = kept.iter().map(|found| &found.ruling).collect();
        let seen = self.times.seen(key, &rulings);
        let mut merged: Vec<Ruled> = Vec::new();
        for (found, seen) in kept.into_iter().zip(seen) {
            let ruling = found.ruling;
            let (mut at, mut clock) = self.times.of(&ruling, seen, found.time);
            if let Some(last) = merged.last().filter(|last| last.at > at) {
                // No change is older than the one before; one of the two clocks was wrong.
                (at, clock) = (last.at, last.clock.max(Clock::Observation));
            }
            let below = self.high_watermark.is_some_and(|end| ruling.offset < end);
            let committed = below || 2 * self.votes(&found.nodes) > self.voters;
            merged.push(Ruled {
                ruling,
                at,
                clock,
                nodes: found.nodes,
                committed,
            });
        }
        merged
    }

    /// What stands of a partition, each state once.
    fn kept(&self, found: BTreeMap<Offset, Vec<Found>>) -> Vec<Found> {
        let mut kept: Vec<Found> = Vec::new();
        let version = |found: &Found| (found.ruling.epoch, found.ruling.partition_epoch);
        for found in found.into_values().filter_map(|there| self.standing(there)) {
            // A snapshot says again what held.
            if kept.last().is_none_or(|last| version(last) < version(&found)) {
                kept.push(found);
            }
        }
        kept
    }

    /// What stands at an offset: the record of the highest term, where no log of a later term had come by before.
    fn standing(&self, there: Vec<Found>) -> Option<Found> {
        let found = there.into_iter().max_by_key(|found| found.ruling.term)?;
        let term = found.ruling.term;
        let mut later = self.terms.iter().filter(|(later, _)| **later > term);
        later
            .all(|(_, first)| *first > found.ruling.offset)
            .then_some(found)
    }
}
