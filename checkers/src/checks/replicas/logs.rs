//! The logs as they lie on the disks in the end, record by record and epoch by epoch.

use std::iter::Peekable;

use history::{NodeId, Offset};

use super::fetched::Diverging;
use super::members::{Member, Members};
use super::{Held, holding};
use crate::anomaly::{LINEAGE_DIVERGENCE, REPLICA_DIVERGENCE, REPLICA_HOLE};
use crate::context::{Context, distinct};
use crate::disks;
use crate::outcome::Outcome;
use crate::text;
use crate::verdict::Case;

/// The leader epoch in which each replica has a record.
type Epochs = Vec<(NodeId, i32)>;

/// Records that follow each other, and that each replica has in an epoch of its own.
struct Stretch {
    from: Offset,
    to: Offset,
    epochs: Epochs,
}

/// Compares the logs below what is committed. What the replicas themselves served differently is known already.
pub(super) fn compare(context: &Context, members: &Members, known: &Diverging, outcome: &mut Outcome) {
    let removes = context.removes_records(members.key);
    if !removes {
        holes(context, members, outcome);
    }
    let each = &members.each;
    let mut records: Vec<Peekable<_>> = each
        .iter()
        .map(|member| {
            member
                .replica
                .records(member.state, Offset::MIN, members.below)
                .peekable()
        })
        .collect();
    let mut stretch: Option<Stretch> = None;
    let mut at: Held = Vec::with_capacity(each.len());
    let mut epochs: Epochs = Vec::with_capacity(each.len());
    loop {
        let next = records.iter_mut().filter_map(|records| Some(records.peek()?.0));
        let Some(offset) = next.min() else { break };
        at.clear();
        epochs.clear();
        let mut in_hole = false;
        for (member, records) in each.iter().zip(&mut records) {
            if let Some((_, value, epoch)) = records.next_if(|record| record.0 == offset) {
                at.push((member.node, Some(value)));
                epochs.push((member.node, epoch));
            } else if member.at(offset) == Some(disks::Held::Nothing) && member.has_hole(offset) {
                in_hole = true;
            } else if member.at(offset).is_some() {
                at.push((member.node, None));
            }
        }
        if removes {
            // What one has removed another may still have.
            at.retain(|held| held.1.is_some());
        }
        let first = at.first().and_then(|held| held.1);
        let same = at.iter().all(|held| held.1 == first);
        if !same && !known.contains(&(members.key, offset)) {
            outcome.violation(REPLICA_DIVERGENCE, || diverging(context, members, offset, &at));
        }
        let lineages = epochs.iter().any(|epoch| epoch.1 != epochs[0].1);
        let differing = (same && !in_hole && lineages).then_some(&epochs);
        stretch = follow(context, members, stretch, offset, differing, outcome);
    }
    if let Some(last) = stretch {
        outcome.violation(LINEAGE_DIVERGENCE, || lineages(context, members, &last));
    }
}

/// Goes on with records that have different epochs, or ends them.
fn follow(
    context: &Context,
    members: &Members,
    stretch: Option<Stretch>,
    offset: Offset,
    epochs: Option<&Epochs>,
    outcome: &mut Outcome,
) -> Option<Stretch> {
    match (stretch, epochs) {
        (Some(open), Some(epochs)) if open.epochs == *epochs => Some(Stretch { to: offset, ..open }),
        (open, epochs) => {
            if let Some(ended) = open {
                outcome.violation(LINEAGE_DIVERGENCE, || lineages(context, members, &ended));
            }
            epochs.map(|epochs| Stretch {
                from: offset,
                to: offset,
                epochs: epochs.clone(),
            })
        }
    }
}

fn diverging(context: &Context, members: &Members, offset: Offset, at: &Held) -> Case {
    Case {
        offset: Some(offset),
        values: distinct(at.iter().filter_map(|held| held.1)),
        nodes: at.iter().map(|held| held.0).collect(),
        story: vec![
            format!(
                "Offset {offset} of {} is not the same on all disks: {}.",
                context.name(members.key),
                holding(at)
            ),
            compared(members),
        ],
        ..context.case(members.time, members.key)
    }
}

fn lineages(context: &Context, members: &Members, stretch: &Stretch) -> Case {
    let Stretch { from, to, epochs } = stretch;
    let name = context.name(members.key);
    let what = if from == to {
        format!("The record at offset {from} of {name}")
    } else {
        format!("Each record at offsets {from} to {to} of {name}")
    };
    let each: Vec<String> = epochs
        .iter()
        .map(|(node, epoch)| format!("epoch {epoch} on node {node}"))
        .collect();
    Case {
        offset: Some(*from),
        nodes: epochs.iter().map(|epoch| epoch.0).collect(),
        epoch: epochs.iter().map(|epoch| epoch.1).max(),
        story: vec![
            format!(
                "{what} is the same on all disks, but is of another leader's epoch: {}.",
                text::list(&each)
            ),
            compared(members),
        ],
        ..context.case(members.time, members.key)
    }
}

fn compared(members: &Members) -> String {
    let nodes: Vec<NodeId> = members.each.iter().map(|member| member.node).collect();
    format!(
        "The disks of {} were copied at the end; what they hold is committed up to offset {}.",
        text::nodes(&nodes),
        members.below
    )
}

/// A hole in one log where another has something.
fn holes(context: &Context, members: &Members, outcome: &mut Outcome) {
    for member in &members.each {
        let log = member.log();
        for (from, to) in &log.holes {
            let from = (*from).max(log.start);
            if from >= (*to).min(members.below) {
                continue;
            }
            let has = |other: &&Member| {
                let there = other.at(from);
                there.is_some_and(|held| held != disks::Held::Beyond) && !other.has_hole(from)
            };
            let others: Vec<NodeId> = members.each.iter().filter(has).map(|other| other.node).collect();
            if others.is_empty() {
                outcome.note(format!(
                    "offsets {from} to {} of {} are missing from the log of node {} and from all others that reach there",
                    to - 1,
                    context.name(members.key),
                    member.node
                ));
            } else {
                outcome.violation(REPLICA_HOLE, || {
                    hole(context, members, member.node, (from, *to), &others)
                });
            }
        }
    }
}

fn hole(
    context: &Context,
    members: &Members,
    node: NodeId,
    (from, to): (Offset, Offset),
    others: &[NodeId],
) -> Case {
    let (missing, lie) = if to - from == 1 {
        (format!("Offset {from}"), "lies")
    } else {
        (format!("Offsets {from} to {}", to - 1), "lie")
    };
    Case {
        offset: Some(from),
        nodes: vec![node],
        story: vec![
            format!(
                "{missing} of {} {lie} in no batch of the log of node {node}, which goes on behind; the logs of {} have no such hole.",
                context.name(members.key),
                text::nodes(others)
            ),
            compared(members),
        ],
        ..context.case(members.time, members.key)
    }
}
