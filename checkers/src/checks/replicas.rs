//! After the run every replica's own copy holds the same records below the lowest high watermark.
//!
//! Followers serve a raw Fetch up to their own high watermark; what two copies hold below both must be the
//! same, offset by offset.

use history::{Key, NodeId, Offset, Phase, Value};

use crate::anomaly::REPLICA_DIVERGENCE;
use crate::context::Context;
use crate::index::{ReplicaCopy, differences, keys_of};
use crate::outcome::Outcome;
use crate::text::{self, count};
use crate::verdict::Case;

/// What each replica holds at an offset.
type Held = Vec<(NodeId, Option<Value>)>;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    note_disks(context, &mut outcome);
    if !context.index.has_copies() && context.timeline.phase_start(Phase::FinalReads).is_none() {
        if context.index.phased {
            outcome.note("no replica's own copy was read".to_owned());
        }
        return outcome;
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
        compare(context, key, &copies, &mut outcome);
    }
    outcome
}

/// What is missing of the disks' evidence.
fn note_disks(context: &Context, outcome: &mut Outcome) {
    for copy in context.disks.copies() {
        for problem in &copy.problems {
            outcome.note(format!(
                "of the disk of node {} not all could be read{}: {problem}",
                copy.node,
                context.at(copy.time)
            ));
        }
    }
    if !context.disks.is_empty() && context.rulings.is_empty() {
        outcome.note("no copy of a disk says what the controllers decided".to_owned());
    }
}

fn compare(context: &Context, key: Key, copies: &[(NodeId, &ReplicaCopy)], outcome: &mut Outcome) {
    let Some(below) = copies.iter().map(|(_, copy)| copy.limit()).min() else {
        return;
    };
    let time = copies.iter().map(|(_, copy)| copy.time).max().unwrap_or_default();
    let only: Vec<&ReplicaCopy> = copies.iter().map(|(_, copy)| *copy).collect();
    let deleted = context.index.deletions.finally_below(key);
    for offset in differences(&only, below) {
        if (offset as Offset) < deleted && is_deleted_alone(context, key, offset, &only) {
            continue;
        }
        outcome.violation(REPLICA_DIVERGENCE, || {
            let value = |copy: &ReplicaCopy| copy.at(&context.index, key, offset).map(|(value, _)| value);
            let at: Held = copies.iter().map(|(node, copy)| (*node, value(copy))).collect();
            case(context, time, key, offset as Offset, &at, below)
        });
    }
}

/// Whether copies differ at an offset below which was deleted only in that some begin later: those that still hold a
/// record hold the same.
fn is_deleted_alone(context: &Context, key: Key, offset: u64, copies: &[&ReplicaCopy]) -> bool {
    let held = copies
        .iter()
        .filter_map(|copy| copy.at(&context.index, key, offset));
    let mut values: Vec<Value> = held.map(|(value, _)| value).collect();
    values.dedup();
    values.len() <= 1
}

fn case(context: &Context, time: u64, key: Key, offset: Offset, at: &Held, below: Offset) -> Case {
    let mut values: Vec<Value> = at.iter().filter_map(|(_, value)| *value).collect();
    values.sort_unstable();
    values.dedup();
    let holding: Vec<String> = values
        .iter()
        .map(|value| {
            format!(
                "value {value} in {}",
                having(at, Some(*value)).unwrap_or_default()
            )
        })
        .collect();
    let mut story = vec![format!(
        "Offset {offset} of {} is not the same in all replicas: {}{}.",
        context.name(key),
        text::list(&holding),
        match having(at, None) {
            None => String::new(),
            Some(copies) => format!("; no record in {copies}"),
        },
    )];
    story.push(format!(
        "{} compared, each read from its replica alone after the run; all of them are committed up to offset {below}.",
        count(at.len() as u64, "copy").replace("copys", "copies")
    ));
    Case {
        offset: Some(offset),
        values,
        nodes: at.iter().map(|(node, _)| *node).collect(),
        story,
        ..context.case(time, key)
    }
}

fn having(at: &Held, wanted: Option<Value>) -> Option<String> {
    let nodes = at
        .iter()
        .filter(|(_, value)| *value == wanted)
        .map(|(node, _)| *node);
    let nodes: Vec<NodeId> = nodes.collect();
    (!nodes.is_empty()).then(|| text::copies_of(&nodes))
}
