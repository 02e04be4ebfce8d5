//! The copies that the replicas served themselves after the run.

use std::collections::BTreeSet;

use history::{Key, NodeId, Offset, Phase, Value};

use super::{Held, holding};
use crate::anomaly::REPLICA_DIVERGENCE;
use crate::context::{Context, distinct};
use crate::index::{ReplicaCopy, differences, keys_of};
use crate::outcome::Outcome;
use crate::text::count;
use crate::verdict::Case;

/// Offsets at which replicas were found to differ.
pub(super) type Diverging = BTreeSet<(Key, Offset)>;

/// Compares them, and says where they differ.
pub(super) fn compare(context: &Context, outcome: &mut Outcome) -> Diverging {
    let mut diverging = Diverging::new();
    if !context.index.has_copies() && context.timeline.phase_start(Phase::FinalReads).is_none() {
        if context.index.phased {
            outcome.note("no replica's own copy was read".to_owned());
        }
        return diverging;
    }
    let topics = context.header.topics.iter();
    let wanted = topics
        .flat_map(|topic| std::iter::repeat_n(topic.replication_factor as usize, topic.partitions as usize));
    for (key, wanted) in (0..keys_of(context.header)).zip(wanted) {
        let copies: Vec<(NodeId, &ReplicaCopy)> = context.index.copies_of(key).collect();
        let whole = copies.iter().filter(|(_, copy)| copy.whole).count();
        if whole < wanted {
            outcome.unknown_because(|| {
                format!(
                    "of {wanted} replicas of {} the own copies of {whole} were read to their end",
                    context.name(key)
                )
            });
        }
        compare_key(context, key, &copies, &mut diverging, outcome);
    }
    diverging
}

fn compare_key(
    context: &Context,
    key: Key,
    copies: &[(NodeId, &ReplicaCopy)],
    diverging: &mut Diverging,
    outcome: &mut Outcome,
) {
    let Some(below) = copies.iter().map(|(_, copy)| copy.limit()).min() else {
        return;
    };
    let time = copies.iter().map(|(_, copy)| copy.time).max().unwrap_or_default();
    let only: Vec<&ReplicaCopy> = copies.iter().map(|(_, copy)| *copy).collect();
    let deleted = if context.removes_records(key) {
        Offset::MAX
    } else {
        context.index.deletions.finally_below(key)
    };
    for offset in differences(&only, below) {
        if (offset as Offset) < deleted && is_deleted_alone(context, key, offset, &only) {
            continue;
        }
        diverging.insert((key, offset as Offset));
        outcome.violation(REPLICA_DIVERGENCE, || {
            let value = |copy: &ReplicaCopy| copy.at(&context.index, key, offset).map(|(value, _)| value);
            let at: Held = copies.iter().map(|(node, copy)| (*node, value(copy))).collect();
            case(context, time, key, offset as Offset, &at, below)
        });
    }
}

/// Whether copies differ at an offset of which the record may be gone only in that some lack it: those that still hold one hold
/// the same.
fn is_deleted_alone(context: &Context, key: Key, offset: u64, copies: &[&ReplicaCopy]) -> bool {
    let held = copies
        .iter()
        .filter_map(|copy| copy.at(&context.index, key, offset));
    let mut values: Vec<Value> = held.map(|(value, _)| value).collect();
    values.dedup();
    values.len() <= 1
}

fn case(context: &Context, time: u64, key: Key, offset: Offset, at: &Held, below: Offset) -> Case {
    let mut story = vec![format!(
        "Offset {offset} of {} is not the same in all replicas: {}.",
        context.name(key),
        holding(at),
    )];
    story.push(format!(
        "{} compared, each read from its replica alone after the run; all of them are committed up to offset {below}.",
        count(at.len() as u64, "copy").replace("copys", "copies")
    ));
    Case {
        offset: Some(offset),
        values: distinct(at.iter().filter_map(|(_, value)| *value)),
        nodes: at.iter().map(|(node, _)| *node).collect(),
        story,
        ..context.case(time, key)
    }
}
