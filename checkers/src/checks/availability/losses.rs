//! The recovery point: how many acknowledged writes were lost, and over how long a time they had been acknowledged.

use std::collections::{BTreeMap, HashSet};

use history::{F, Key, Mop, ReadError, Source, Value, What};

use crate::checks::log::Tally;
use crate::index::Index;
use crate::kafka::scan;
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
    /// Walks through the history once more, where something was lost: when it was acknowledged nobody has noted.
    pub(crate) fn gather(
        source: &mut dyn Source,
        index: &Index,
        tally: &Tally,
        timeline: &Timeline,
    ) -> Result<Self, ReadError> {
        let mut losses = Self::default();
        let mut faults: Vec<&FaultInterval> = timeline
            .faults
            .iter()
            .filter(|fault| fault.start().is_some())
            .collect();
        faults.sort_by_key(|fault| fault.start());
        if tally.lost_all.is_empty() || faults.is_empty() {
            return Ok(losses);
        }
        let lost: HashSet<(Key, Value)> = tally
            .lost_all
            .iter()
            .map(|number| (index.writes.key(*number), index.writes.value(*number)))
            .collect();
        let mut acknowledged = |time: u64, key: Key, value: Value| {
            if let Some(fault) = blamed(&faults, time).filter(|_| lost.contains(&(key, value))) {
                let lost = losses.0.entry((fault, key)).or_insert(Lost {
                    count: 0,
                    first: time,
                    last: time,
                });
                lost.count += 1;
                lost.last = time;
            }
        };
        scan(source, |event| {
            let What::Ok(op) = &event.what else { return };
            match &op.f {
                F::Send(send) => acknowledged(event.time, send.key, send.value),
                F::Txn(txn) => txn.mops.iter().for_each(|mop| {
                    if let Mop::Send(send) = mop {
                        acknowledged(event.time, send.key, send.value);
                    }
                }),
                _ => {}
            }
        })?;
        Ok(losses)
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
