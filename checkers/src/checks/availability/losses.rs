//! The recovery point: how many acknowledged writes were lost, and over how long a time they had been acknowledged.

use std::collections::BTreeMap;

use history::Key;

use crate::checks::log::Tally;
use crate::evidence::Evidence;
use crate::index::Index;
use crate::timeline::{FaultInterval, Timeline};

/// Lost writes by the fault that they are put down to, and by partition.
#[derive(Debug, Default)]
pub(crate) struct Losses(BTreeMap<(u32, Key), Lost>);

/// How many there are, and the first and the last of their acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) count: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Losses {
    /// Of the lost writes of which the evidence tells when they were acknowledged.
    pub(crate) fn of_all(index: &Index, tally: &Tally, timeline: &Timeline, evidence: &Evidence) -> Self {
        let mut losses = Self::default();
        let faults = timeline.faults.iter();
        let mut faults: Vec<&FaultInterval> = faults.filter(|fault| fault.start().is_some()).collect();
        faults.sort_by_key(|fault| fault.start());
        let lost = tally.lost_all.iter();
        for number in lost.filter(|number| index.writes.is_acknowledged(**number)) {
            let write = evidence.writes.of_number(*number);
            let Some(time) = write.completed else { continue };
            let Some(fault) = blamed(&faults, time) else {
                continue;
            };
            let lost = losses.0.entry((fault, write.key)).or_insert(Lost {
                count: 0,
                first: time,
                last: time,
            });
            lost.count += 1;
            lost.first = lost.first.min(time);
            lost.last = lost.last.max(time);
        }
        losses
    }

    /// What of a partition was lost to a fault.
    pub(crate) fn of(&self, fault: u32, key: Key) -> Option<Lost> {
        self.0.get(&(fault, key)).copied()
    }
}

/// The first fault that was not over at a time: what was acknowledged before a fault may be lost to it. After the last, the
/// last.
fn blamed(faults: &[&FaultInterval], time: u64) -> Option<u32> {
    let first = faults.iter().find(|fault| fault.to.is_none_or(|to| to >= time));
    first.or(faults.last()).map(|fault| fault.id)
}
