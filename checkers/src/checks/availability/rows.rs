//! What each fault did to each partition.

use std::collections::BTreeSet;

use history::{Impairment, Key, NodeId, ProbeOf};

use super::attempts::Gap;
use crate::aftermath::{next_fault, whole};
use crate::availability::{Outage, WithoutFault};
use crate::context::Context;
use crate::timeline::{FaultInterval, Lane};

/// A row, and the times that it can be held against limits by.
pub(super) struct Row {
    pub(super) outage: Outage,
    /// When the fault began.
    pub(super) start: u64,
    /// When all that came of it was over, or the next one began.
    over: u64,
    /// From the fault to a new leader, or as long as there was none.
    pub(super) without_leader: Option<(u64, u64)>,
    /// From the healing to all replicas in sync, or as long as they were not.
    pub(super) without_isr: Option<(u64, u64)>,
    /// The same, until a write had succeeded too; none where nobody tried to write.
    pub(super) unrecovered: Option<(u64, u64)>,
}

/// The partitions of which there are figures: those that were probed; where none was and yet the plan has limits, all.
pub(super) fn keys(context: &Context) -> Vec<Key> {
    let probed = context.attempts.probed();
    if probed.is_empty() && !context.header.expect.availability.is_empty() {
        return (0..context.index.keys).collect();
    }
    probed
}

/// A fault that was in force, and what of it is the same for each partition.
struct Hit<'c> {
    fault: &'c FaultInterval,
    start: u64,
    /// When the next one began, or the history ended.
    until: u64,
    /// The nodes that it takes away.
    gone: BTreeSet<NodeId>,
    took_controller: bool,
}

impl<'c> Hit<'c> {
    /// `None` where it never was in force.
    fn of(context: &Context, fault: &'c FaultInterval) -> Option<Self> {
        let start = fault.start()?;
        let gone = gone(context, fault);
        let controller = context.timeline.controller_at(start);
        Some(Self {
            fault,
            start,
            until: next_fault(&context.timeline, fault, start).1,
            took_controller: controller.is_some_and(|controller| gone.contains(&controller)),
            gone,
        })
    }
}

/// A row for each fault that was in force and each of these partitions.
pub(super) fn rows(context: &Context, keys: &[Key]) -> impl Iterator<Item = Row> {
    let faults = context.timeline.faults.iter();
    let hits = faults.filter_map(|fault| Hit::of(context, fault));
    hits.flat_map(move |hit| keys.iter().filter_map(move |key| row(context, &hit, *key)))
}

/// The times in which these partitions could not be written and no fault was in force or just over; `None` where nobody tried.
pub(super) fn without_fault(context: &Context, keys: &[Key]) -> Option<WithoutFault> {
    let faults = context.timeline.faults.iter();
    let hits: Vec<Hit> = faults.filter_map(|fault| Hit::of(context, fault)).collect();
    let mut found = None;
    for &key in keys {
        let Some(gaps) = context.attempts.gaps_of(key, ProbeOf::Write) else {
            continue;
        };
        let found = found.get_or_insert_with(WithoutFault::default);
        if gaps.is_empty() {
            continue;
        }
        let rows = hits.iter().filter_map(|hit| row(context, hit, key));
        let spans = union(rows.map(|row| (row.start, row.over)).collect());
        for gap in gaps.iter().filter(|gap| !overlaps(&spans, gap)) {
            let time = gap.to - gap.from;
            found.count += 1;
            found.longest = found.longest.max(time);
            found.total = found.total.saturating_add(time);
        }
    }
    found
}

/// The same times, those that overlap as one, in order.
fn union(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn overlaps(spans: &[(u64, u64)], gap: &Gap) -> bool {
    let after = spans.partition_point(|(_, to)| *to < gap.from);
    spans.get(after).is_some_and(|(from, _)| *from <= gap.to)
}

/// How many these are.
pub(super) fn count(context: &Context, keys: &[Key]) -> usize {
    let faults = context.timeline.faults.iter();
    let in_force = faults.filter(|fault| fault.start().is_some());
    in_force.count().saturating_mul(keys.len())
}

fn row(context: &Context, hit: &Hit, key: Key) -> Option<Row> {
    let Hit {
        fault, start, until, ..
    } = *hit;
    let lane = context.timeline.lanes.get(key as usize)?;
    let before = lane.at(start);
    let hit_leader =
        before.is_some_and(|state| state.leader.is_some_and(|leader| hit.gone.contains(&leader)));
    let elected = before
        .and_then(|state| lane.next_leader(start, state.epoch))
        .map(|change| change.time)
        .filter(|time| *time <= until);
    let without_leader = hit_leader.then(|| (start, elected.unwrap_or_else(|| fault.to.unwrap_or(until))));
    let isr = all_in_sync(context, fault, lane, until);
    let writes = context.attempts.gaps_of(key, ProbeOf::Write);
    let written = fault.to.and_then(|to| served(writes?, to));
    let recovered = isr.and_then(|isr| Some(isr.max(written?)));
    let over = recovered.unwrap_or(until);
    let write = longest(writes, start, over);
    let read = longest(context.attempts.gaps_of(key, ProbeOf::Read), start, over);
    let since = |time: Option<u64>| Some(time?.saturating_sub(fault.to?));
    let lost = context.losses.of(fault.id, key);
    let outage = Outage {
        fault: fault.id,
        kind: fault.kind.clone(),
        key,
        partition: context.name(key),
        hit_leader,
        hit_controller: hit.took_controller,
        write_outage: write.map(|(time, _)| time),
        read_outage: read.map(|(time, _)| time),
        unended: [write, read].into_iter().flatten().any(|(_, ended)| !ended),
        leader: elected.filter(|_| hit_leader).map(|time| time - start),
        full_isr: since(isr),
        recovery: since(recovered),
        lost: lost.map_or(0, |lost| lost.count),
        lost_time: lost.map_or(0, |lost| lost.last.saturating_sub(lost.first)),
    };
    Some(Row {
        outage,
        start,
        over,
        without_leader,
        without_isr: fault.to.map(|to| (to, isr.unwrap_or(until).max(to))),
        unrecovered: fault.to.zip(writes).map(|(to, _)| (to, over.max(to))),
    })
}

/// The nodes that a fault takes away from most others: those that answer nobody, and those that most cannot talk with.
/// Where it does not say what it takes away, those that it is aimed at.
fn gone(context: &Context, fault: &FaultInterval) -> BTreeSet<NodeId> {
    let Some(impairs) = context.attempts.impairs(fault.id) else {
        return fault.nodes.iter().copied().collect();
    };
    let header = &context.header;
    let groups = [&header.nodes, &header.controllers, &header.zookeepers];
    let cut_off = |node: NodeId, group: &[NodeId]| {
        let others = group.iter().filter(|other| **other != node).count();
        2 * apart(impairs, node, group) > others
    };
    let mut gone: BTreeSet<NodeId> = impairs.down.iter().copied().collect();
    for group in groups {
        gone.extend(group.iter().filter(|node| cut_off(**node, group)));
    }
    // A broker that does not reach those who say which brokers there are is no longer one of them.
    let elect = if header.controllers.is_empty() {
        &header.zookeepers
    } else {
        &header.controllers
    };
    gone.extend(header.nodes.iter().filter(|node| cut_off(**node, elect)));
    gone
}

/// From how many of these a node is cut off.
fn apart(impairs: &Impairment, node: NodeId, group: &[NodeId]) -> usize {
    let mut others = BTreeSet::new();
    for (one, other) in &impairs.apart {
        if *one == node {
            others.insert(*other);
        } else if *other == node {
            others.insert(*one);
        }
    }
    others.iter().filter(|other| group.contains(other)).count()
}

/// Since when, from the fault's healing on, all replicas were in sync.
fn all_in_sync(context: &Context, fault: &FaultInterval, lane: &Lane, until: u64) -> Option<u64> {
    let mut left = lane.key;
    let topic = context.header.topics.iter().find(|topic| {
        let here = left < topic.partitions;
        left = left.saturating_sub(topic.partitions);
        here
    })?;
    whole(lane, topic.replication_factor as usize, fault.to?, until)
}

/// The first moment from a time on at which writes succeeded.
fn served(gaps: &[Gap], time: u64) -> Option<u64> {
    match gaps.iter().find(|gap| gap.from <= time && time < gap.to) {
        Some(gap) => gap.ended.then_some(gap.to),
        None => Some(time),
    }
}

/// The last success before a fault is as much older than the fault.
const BEFORE: u64 = 500_000_000;

/// The longest outage that overlaps a time, and whether it ended; `None` where nobody tried. One that begins at its end
/// and goes on is the next fault's, and what was long missing before it began counts from its beginning.
fn longest(gaps: Option<&[Gap]>, from: u64, to: u64) -> Option<(u64, bool)> {
    let within = |gap: &&Gap| gap.to <= to || gap.from.saturating_add(BEFORE) < to;
    let overlapping = gaps?
        .iter()
        .filter(|gap| gap.to > from && gap.from < to)
        .filter(within);
    let lengths = overlapping.map(|gap| {
        let begun = if gap.from.saturating_add(BEFORE) < from {
            from
        } else {
            gap.from
        };
        (gap.to - begun, gap.ended)
    });
    Some(lengths.max().unwrap_or((0, true)))
}
