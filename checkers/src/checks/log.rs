//! Every acknowledged write is in the log once, at one offset, and every client reads the log in its order.
//!
//! The definitions are those of Jepsen's Kafka workload (`jepsen.tests.kafka`), where they prove something:
//! `lost-write`, `unseen`, `duplicate`, `inconsistent-offsets`, `aborted-read` (Adya's G1a), `poll-skip` and
//! `nonmonotonic-poll` with their internal forms (`int-…`, within one poll). Added are `phantom-read` and
//! `misplaced-record`, where Jepsen's checker throws, and `vanished-read`: a record that a client had read and
//! that the final reads do not hold, though its write was never acknowledged.
//!
//! Complete final reads tell a lost record from a late one, at the tail as well. Without them only what a
//! reader passed over is lost.

mod contents;
mod evidence;
mod lost;
mod order;
mod story;

use history::Key;

use crate::context::Context;
use crate::index::{Write, keys_of};
use crate::outcome::Outcome;
use crate::text::{count, number, seconds};
use crate::verdict::Case;
use order::Passes;

const NO_FINAL_READS: &str = "the run ended before its final reads, so nobody knows what was lost";

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let passes = order::find(context, &mut outcome);
    lost::find(context, &passes, &mut outcome);
    contents::find(context, &mut outcome);
    unseen(context, &passes, &mut outcome);
    incomplete(context, &mut outcome);
    outcome
}

/// Acknowledged writes that no client read where nothing proves them lost: too late, or never to come.
fn unseen(context: &Context, passes: &Passes, outcome: &mut Outcome) {
    let writes = context.index.writes.iter();
    let unseen: Vec<&Write> = writes.filter(|write| is_unseen(context, write, passes)).collect();
    outcome.unseen = unseen.len() as u64;
    if context.index.phased || context.history.truncated {
        // The run was cut short, so they may only be late: that makes it unknown, elsewhere.
        if !unseen.is_empty() {
            outcome.note(format!(
                "{} never read: late or lost, nobody can say",
                count(outcome.unseen, "acknowledged write")
            ));
        }
        return;
    }
    for write in unseen {
        outcome.violation("unseen", || Case {
            offset: write.offset,
            values: vec![write.value],
            nodes: write.broker.into_iter().collect(),
            ops: vec![write.op],
            story: vec![
                story::acknowledgement(context, write),
                format!(
                    "No client read it by the end of the history at {}.",
                    seconds(context.timeline.end)
                ),
            ],
            ..context.case(write.completed, write.key)
        });
    }
}

/// Whether a write is acknowledged, was never read, and is not proven lost.
fn is_unseen(context: &Context, write: &Write, passes: &Passes) -> bool {
    write.acknowledged()
        && !write.read_by_anyone()
        && !context.index.complete(write.key)
        && passes.over(write).is_none()
}

/// A run of Tribunal ends with complete final reads, or nobody knows what became of its writes.
fn incomplete(context: &Context, outcome: &mut Outcome) {
    let index = &context.index;
    if !index.phased {
        return;
    }
    match index.final_reads {
        None => outcome.unknown(NO_FINAL_READS.to_owned()),
        Some(reads) if !reads.complete => outcome.unknown(format!(
            "the final reads are not complete: {}",
            reads.reason.as_deref().unwrap_or("no reason was given")
        )),
        Some(_) => {
            let blind: Vec<Key> = (0..keys_of(context.header))
                .filter(|key| !index.complete(*key))
                .collect();
            if let Some(first) = blind.first() {
                outcome.unknown(format!(
                    "the final reads prove nothing of {}, the first being {}",
                    count(blind.len() as u64, "partition"),
                    context.name(*first)
                ));
            }
        }
    }
    let late = index
        .writes
        .iter()
        .filter(|write| write.acknowledged() && write.late)
        .count();
    if late > 0 {
        outcome.unknown(format!(
            "{} acknowledged after the final reads had begun, so they prove nothing of them",
            if late == 1 {
                "1 write was".to_owned()
            } else {
                format!("{} writes were", number(late as u64))
            }
        ));
    }
}
