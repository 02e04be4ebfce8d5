//! Every acknowledged write is in the log once, at one offset, and every client reads the log in its order.
//!
//! The definitions are those of Jepsen's Kafka workload (`jepsen.tests.kafka`), where they prove something; each
//! stands with its name in the list of anomalies. Added are `phantom-read` and `misplaced-record`, where Jepsen's
//! checker throws, and `vanished-read`: a record that a client had read and that the final reads do not hold,
//! though its write was never acknowledged.
//!
//! Complete final reads tell a lost record from a late one, at the tail as well. Without them only what stands
//! below something that was read is lost.

mod contents;
mod lost;
mod order;
mod story;
mod tally;

use history::{Key, ReadError, Source};

pub(crate) use story::{claim_of, proof};
pub(crate) use tally::{PassedOver, Tally};

use crate::anomaly::{PRECOMMITTED_READ, UNSEEN};
use crate::context::Context;
use crate::evidence::Wanted;
use crate::index::{Index, Precommitted};
use crate::outcome::Outcome;
use crate::text::{count, number};
use crate::verdict::Case;

pub(super) const NO_FINAL_READS: &str = "the run ended before its final reads, so nobody knows what was lost";

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    lost::find(context, &mut outcome);
    contents::find(context, &mut outcome);
    outcome.violations(PRECOMMITTED_READ, &context.index.precommitted, |found| {
        precommitted(context, found)
    });
    order::find(context, &mut outcome);
    unseen(context, &mut outcome);
    incomplete(context, &mut outcome);
    outcome
}

/// What has to be found out by a second walk to tell what was found.
pub(crate) fn wanted(index: &Index, tally: &Tally) -> Wanted {
    let mut wanted = Wanted {
        disorder: index.disorder,
        operations: !index.windows.is_empty(),
        ..Wanted::default()
    };
    let told = [&tally.vanished, &tally.aborted, &tally.unseen];
    let told = told.iter().flat_map(|found| &found.first);
    wanted.writes = told.chain(&tally.lost_all).copied().collect();
    if !index.phased {
        let keys = tally.lost.first.iter().map(|number| index.writes.key(*number));
        wanted.passes = keys.collect();
        let bounds = wanted.passes.iter().filter_map(|key| tally.bound(*key));
        let bounds: Vec<u32> = bounds.filter_map(|(_, id)| id.as_write()).collect();
        wanted.writes.extend(bounds);
    }
    contents::wanted(index, tally, &mut wanted);
    let written: Vec<u32> = wanted.places.iter().filter_map(|id| id.as_write()).collect();
    wanted.writes.extend(written);
    wanted
}

/// A run of ours without complete final reads: which acknowledged writes that nobody read a client passed over after
/// they were begun. Takes a walk of its own, since only these are lost.
pub(crate) fn passed_over(source: &mut dyn Source, index: &Index) -> Result<PassedOver, ReadError> {
    PassedOver::gather(source, index)
}

/// Acknowledged writes that no client read where nothing proves them lost: too late, or never to come.
fn unseen(context: &Context, outcome: &mut Outcome) {
    let unseen = &context.tally.unseen;
    outcome.unseen = unseen.count;
    if context.index.phased || context.truncated {
        // The run was cut short, so they may only be late: that makes it unknown, elsewhere.
        if unseen.count > 0 {
            outcome.note(format!(
                "{} never read: late or lost, nobody can say",
                count(unseen.count, "acknowledged write")
            ));
        }
        return;
    }
    outcome.violations(UNSEEN, unseen, |number| {
        let write = context.evidence.writes.of_number(*number);
        Case {
            offset: write.offset,
            values: vec![write.value],
            nodes: write.broker.into_iter().collect(),
            ops: vec![write.op],
            story: vec![
                story::acknowledgement(context, &write),
                format!(
                    "No client read it by the end of the history{}.",
                    context.at(context.timeline.end)
                ),
            ],
            ..context.case(write.time(), write.key)
        }
    });
}

fn precommitted(context: &Context, found: &Precommitted) -> Case {
    let record = found.record;
    Case {
        offset: Some(record.offset).filter(|offset| *offset >= 0),
        values: vec![record.value],
        ops: vec![found.op],
        story: vec![
            format!(
                "Client {} read value {} of {} in the very operation that wrote it (op {}, over{}).",
                found.process,
                context.value(record.value),
                context.name(record.key),
                found.op,
                context.at(found.time)
            ),
            "Nobody may read what a transaction wrote before it is committed, and that ends it.".to_owned(),
        ],
        ..context.case(found.time, record.key)
    }
}

/// What was deleted by request is not lost; of what stood nobody knows where, nobody can say.
fn deleted(context: &Context, outcome: &mut Outcome) {
    let (deleted, perhaps) = (context.tally.deleted, context.tally.perhaps_deleted);
    if deleted > 0 {
        outcome.note(format!(
            "{} {}, by right gone",
            count(deleted, "write"),
            if context.header.expect.retention.is_some() {
                "removed by the brokers"
            } else {
                "deleted by request"
            }
        ));
    }
    if perhaps > 0 {
        outcome.unknown(format!(
            "{} gone from partitions of which records were deleted, and nobody knows whether below that point",
            count(perhaps, "write")
        ));
    }
}

/// A run of Tribunal ends with complete final reads, or nobody knows what became of its writes.
fn incomplete(context: &Context, outcome: &mut Outcome) {
    let index = &context.index;
    if !index.phased {
        return;
    }
    match &index.final_reads {
        None => outcome.unknown(NO_FINAL_READS.to_owned()),
        Some(reads) if !reads.complete => outcome.unknown(format!(
            "the final reads are not complete: {}",
            reads.reason.as_deref().unwrap_or("no reason was given")
        )),
        Some(_) => {
            let blind: Vec<Key> = (0..index.keys).filter(|key| !index.complete(*key)).collect();
            if let Some(first) = blind.first() {
                outcome.unknown(format!(
                    "the final reads prove nothing of {}, the first being {}",
                    count(blind.len() as u64, "partition"),
                    context.name(*first)
                ));
            }
        }
    }
    deleted(context, outcome);
    let late = context.tally.late;
    if late > 0 {
        outcome.unknown(format!(
            "{} acknowledged after the final reads had begun, so they prove nothing of them",
            if late == 1 {
                "1 write was".to_owned()
            } else {
                format!("{} writes were", number(late))
            }
        ));
    }
}
