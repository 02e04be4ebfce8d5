//! Which findings belong together.

use history::{Key, NodeId, Offset, Value};

use crate::context::Context;
use crate::disks::Held;
use crate::evidence::WriteStory;

/// Offsets between two lost records that are looked at for one that survived; with more between them they are told apart.
const GAP_MAX: Offset = 1_000;

/// Lost writes of one partition, epoch and broker, with none between them that survived.
pub(super) struct Range {
    pub(super) key: Key,
    pub(super) broker: Option<NodeId>,
    pub(super) epoch: Option<i32>,
    /// The epoch is only what the broker showed at that time.
    pub(super) inferred: bool,
    /// In the order of their offsets; those without one alone.
    pub(super) writes: Vec<Lost>,
}

/// A lost write.
#[derive(Clone, Copy)]
pub(super) struct Lost {
    pub(super) number: u32,
    pub(super) offset: Option<Offset>,
    pub(super) write: WriteStory,
}

impl Range {
    /// The lowest and the highest offset.
    pub(super) fn offsets(&self) -> Option<(Offset, Offset)> {
        let first = self.writes.first()?.offset?;
        Some((first, self.writes.last()?.offset?))
    }

    /// When the first and the last was acknowledged.
    pub(super) fn times(&self) -> (u64, u64) {
        let times = self.writes.iter().map(|lost| lost.write.time());
        (times.clone().min().unwrap_or(0), times.max().unwrap_or(0))
    }

    /// The lost records that have a place.
    pub(super) fn records(&self) -> impl Iterator<Item = (Offset, Value)> {
        let writes = self.writes.iter();
        writes.filter_map(|lost| Some((lost.offset?, lost.write.value)))
    }
}

/// All lost writes as ranges, in the order of the first acknowledgements.
pub(super) fn lost(context: &Context) -> Vec<Range> {
    let mut all: Vec<(Option<i32>, bool, Lost)> = context
        .tally
        .lost_all
        .iter()
        .map(|number| told(context, *number))
        .collect();
    all.sort_by_key(|(epoch, _, lost)| {
        (
            lost.write.key,
            lost.write.broker,
            *epoch,
            lost.offset,
            lost.number,
        )
    });
    let mut ranges: Vec<Range> = Vec::new();
    for (epoch, inferred, lost) in all {
        let write = &lost.write;
        if let Some(range) = ranges.last_mut()
            && (range.key, range.broker, range.epoch) == (write.key, write.broker, epoch)
            && range
                .writes
                .last()
                .is_some_and(|last| adjoins(context, epoch, last, &lost))
        {
            range.inferred |= inferred;
            range.writes.push(lost);
        } else {
            ranges.push(Range {
                key: write.key,
                broker: write.broker,
                epoch,
                inferred,
                writes: vec![lost],
            });
        }
    }
    ranges.sort_by_key(|range| (range.times().0, range.key));
    ranges
}

fn told(context: &Context, number: u32) -> (Option<i32>, bool, Lost) {
    let write = context.evidence.writes.of_number(number);
    let offset = write.offset.or(write.place);
    let on_disk = offset.and_then(|offset| epoch_on_disk(context, write.key, offset, write.value));
    let claimed = || {
        let claim = crate::checks::log::claim_of(context, write.key, write.broker?, write.time())?;
        (claim.leader == write.broker).then_some(claim.epoch)
    };
    let epoch = on_disk.or_else(claimed);
    let lost = Lost {
        number,
        offset,
        write,
    };
    (epoch, on_disk.is_none() && epoch.is_some(), lost)
}

/// The leader epoch of a record's batch, as any copy of a disk shows it.
fn epoch_on_disk(context: &Context, key: Key, offset: Offset, value: Value) -> Option<i32> {
    context.disks.replicas(key).find_map(|(_, replica)| {
        let state = replica.last_holding(offset, value)?;
        match replica.at(state, offset) {
            Held::Record { epoch, .. } => Some(epoch),
            _ => None,
        }
    })
}

/// Whether nothing that stands between two lost records survived of their epoch.
fn adjoins(context: &Context, epoch: Option<i32>, before: &Lost, after: &Lost) -> bool {
    let (Some(from), Some(to)) = (before.offset, after.offset) else {
        return before.offset == after.offset;
    };
    let key = before.write.key;
    to.saturating_sub(from) <= GAP_MAX
        && !(from.saturating_add(1)..to).any(|offset| survived(context, key, epoch, offset))
}

fn survived(context: &Context, key: Key, epoch: Option<i32>, offset: Offset) -> bool {
    let Ok(place) = u64::try_from(offset) else {
        return false;
    };
    let copies = context.index.copies_of(key);
    let copy = copies.map(|(_, copy)| copy).find(|copy| copy.whole);
    if let (Some(copy), Some(epoch)) = (copy, epoch) {
        let stands = copy.at(&context.index, key, place);
        return stands.is_some_and(|(_, of)| of == epoch);
    }
    let ids = context.index.at(key, place);
    let writes = &context.index.writes;
    let read = |number: u32| writes.is_read(number) && context.tally.lost_all.binary_search(&number).is_err();
    ids.len() == 1 && ids[0].as_write().is_some_and(read)
}
