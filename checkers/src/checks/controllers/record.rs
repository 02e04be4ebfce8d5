//! The metadata log as it lay on the nodes' disks: what was committed is the same on all.
//!
//! Nodes do not note on disk up to where it is committed, so three things that hold of every log of Raft's are asked (Ongaro and
//! Ousterhout, 2014, "Log Matching" and "Leader Completeness"): in one term no two batches lie at one offset; what two
//! nodes both had noted as committed does not differ; and below what the leader of a term had committed nothing is
//! of a later term.

use history::{MetadataBatch, NodeId, Offset};

use crate::anomaly::METADATA_DIVERGENCE;
use crate::context::{Context, distinct, with_faults};
use crate::outcome::{Kept, Outcome};
use crate::rulings::Conflict;
use crate::verdict::Case;

/// Faults after which a node no longer has what it said it had: Raft promises nothing then.
const FORGETTING: [&str; 2] = ["wipe", "bit-rot"];

enum Found {
    Differ(Conflict),
    /// A batch below what the leader of an earlier term had committed.
    Overwritten {
        node: NodeId,
        batch: MetadataBatch,
        term: i32,
        committed: Offset,
    },
}

pub(super) fn judge(context: &Context, outcome: &mut Outcome) {
    let mut found: Kept<Found> = Kept::default();
    for conflict in context.rulings.conflicts() {
        if conflict.committed || conflict.one.1.term == conflict.other.1.term {
            found.push(|| Found::Differ(conflict));
        }
    }
    for log in context.rulings.logs() {
        let overwritten = log.batches.iter().find_map(|batch| {
            let (term, committed) = committed_before(context, batch.term)?;
            (batch.first < committed).then_some((*batch, term, committed))
        });
        if let Some((batch, term, committed)) = overwritten {
            found.push(|| Found::Overwritten {
                node: log.node,
                batch,
                term,
                committed,
            });
        }
    }
    let forgot = |fault: &crate::FaultInterval| {
        FORGETTING.contains(&fault.kind.as_str()) && fault.may_have_acted_from().is_some()
    };
    let promised = !context.timeline.faults.iter().any(forgot);
    outcome.found(promised, METADATA_DIVERGENCE, &found, |found| {
        case(context, found)
    });
}

/// The furthest that the leader of any earlier term had committed, and which term that was.
fn committed_before(context: &Context, term: i32) -> Option<(i32, Offset)> {
    let earlier = context.quorums.committed.range(..term);
    earlier
        .map(|(term, committed)| (*term, *committed))
        .max_by_key(|(_, committed)| *committed)
}

fn shown(batch: &MetadataBatch) -> String {
    format!(
        "offsets {} to {} of term {} (sum {:08x})",
        batch.first, batch.last, batch.term, batch.crc
    )
}

fn case(context: &Context, found: &Found) -> Case {
    let (time, nodes, epoch, offset, story) = match found {
        Found::Differ(Conflict {
            one,
            other,
            committed,
        }) => {
            let why = if *committed {
                "Both had noted that what lies there is committed."
            } else {
                "In one term a leader writes each offset once."
            };
            let story = vec![
                format!(
                    "The metadata logs of nodes {} and {} differ at offset {}.",
                    one.0, other.0, one.1.first
                ),
                format!(
                    "Node {} holds {}; node {} holds {}.",
                    one.0,
                    shown(&one.1),
                    other.0,
                    shown(&other.1)
                ),
                why.to_owned(),
            ];
            let time = copied(context, one.0).max(copied(context, other.0));
            (time, vec![one.0, other.0], one.1.term, one.1.first, story)
        }
        Found::Overwritten {
            node,
            batch,
            term,
            committed,
        } => {
            let story = vec![
                format!(
                    "Node {node} holds a record of term {} where the metadata log had been committed in term {term}.",
                    batch.term
                ),
                format!(
                    "The leader of term {term} had said that all below offset {committed} is committed; node {node} holds {}.",
                    shown(batch)
                ),
            ];
            (
                copied(context, *node),
                vec![*node],
                batch.term,
                batch.first,
                story,
            )
        }
    };
    Case {
        nodes: distinct(nodes),
        epoch: Some(epoch),
        offset: Some(offset),
        story: with_faults(context, time, story),
        ..context.case_of_cluster(time)
    }
}

/// When a node's log was copied last.
fn copied(context: &Context, node: NodeId) -> u64 {
    let mut logs = context.rulings.logs();
    logs.find(|log| log.node == node).map_or(0, |log| log.time)
}
