//! What brokers remove by themselves is what they may remove: by age or size from the log's start on, or because a newer record of its key
//! follows.
//!
//! What is gone and may not be is lost, and the check `log` says so: younger than the run promises to keep it, among the newest bytes
//! that stay, or the last of its key in a compacted topic. Here it is asked whether what went by age or size alone is a beginning of its
//! partition, and whether anything went at all: a run in which nothing was removed has put nothing of this to the test.
//!
//! What is gone may not come back: a record that was deleted on request (`returned`), and a key that was (`keys`). What went by age, by
//! size, or because it is followed may: each replica removes on its own, and another one may lead next.

mod keys;
mod returned;

use history::{Key, Offset, Retention};

pub(crate) use returned::Returned;

use crate::anomaly::{REMOVED_OUT_OF_ORDER, RESURRECTED};
use crate::context::Context;
use crate::index::Deleted;
use crate::outcome::Outcome;
use crate::text::{count, seconds};
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    for (reading, done, promised) in context.returned.all() {
        outcome.found_one(promised, RESURRECTED, || returned(context, reading, done));
    }
    let Some(retention) = &context.header.expect.retention else {
        return if context.returned.is_empty() {
            Outcome::not_asked()
        } else {
            outcome
        };
    };
    let index = &context.index;
    let finals = (0..index.keys).all(|key| index.complete(key));
    if !finals {
        // That nobody knows what is there is said elsewhere.
        return outcome;
    }
    let gone: Vec<u32> = index
        .writes
        .numbers()
        .filter(|number| is_removed(context, *number))
        .collect();
    if gone.is_empty() {
        outcome.unknown(
            "the brokers removed nothing by themselves: nothing of that was put to the test".to_owned(),
        );
        return outcome;
    }
    outcome.note(format!(
        "{} removed by the brokers themselves",
        count(gone.len() as u64, "record")
    ));
    if retention.compacts {
        keys::find(context, retention, &mut outcome);
    } else {
        out_of_order(context, retention, &gone, &mut outcome);
    }
    outcome
}

fn returned(context: &Context, reading: &returned::Reading, done: &returned::Done) -> Case {
    let record = reading.record;
    Case {
        offset: Some(record.offset),
        values: vec![record.value],
        ops: vec![reading.op],
        story: vec![
            format!(
                "What lay below offset {} of {} was deleted on request, which was acknowledged{}.",
                done.below,
                context.name(record.key),
                context.at(done.acknowledged)
            ),
            format!(
                "Client {}, which was assigned the partition{}, read value {} at offset {} all the same (op {}, over{}).",
                reading.process,
                context.at(reading.assigned),
                context.value(record.value),
                record.offset,
                reading.op,
                context.at(reading.time)
            ),
            context.faults_sentence(reading.time),
        ],
        ..context.case(reading.time, record.key)
    }
}

/// Whether a write certainly happened and was removed by right, and not because somebody asked for it.
fn is_removed(context: &Context, number: u32) -> bool {
    let (index, writes) = (&context.index, &context.index.writes);
    let happened = writes.is_committed(number) || writes.is_read(number);
    happened
        && !writes.is_suspect(number)
        && !writes.is_read_finally(number)
        && index.deleted_by_request(number) == Deleted::No
        && index.deleted(number) == Deleted::Yes
}

/// What went by age has nothing before it.
fn out_of_order(context: &Context, retention: &Retention, gone: &[u32], outcome: &mut Outcome) {
    let writes = &context.index.writes;
    let mut first: Vec<Option<Offset>> = vec![None; context.index.keys as usize];
    for number in writes.numbers().filter(|number| writes.is_read_finally(*number)) {
        if let (Some(place), Some(first)) = (writes.place(number), first.get_mut(writes.key(number) as usize))
        {
            *first = Some(first.map_or(place, |known| known.min(place)));
        }
    }
    for number in gone {
        let key = writes.key(*number);
        let stands = first.get(key as usize).copied().flatten();
        if let (Some(place), Some(stands)) = (writes.place(*number), stands)
            && stands < place
        {
            outcome.violation(REMOVED_OUT_OF_ORDER, || {
                case(context, retention, (key, *number), (place, stands))
            });
        }
    }
}

fn case(
    context: &Context,
    retention: &Retention,
    (key, number): (Key, u32),
    (place, stands): (Offset, Offset),
) -> Case {
    let age = retention
        .keep
        .map(|keep| format!("by its age, which was more than {}", seconds(keep.as_nanos())));
    let size = retention
        .keep_bytes
        .map(|bytes| format!("by size, as more than {bytes} bytes followed it"));
    let why: Vec<String> = age.into_iter().chain(size).collect();
    Case {
        offset: Some(place),
        values: vec![context.index.writes.value(number)],
        story: vec![format!(
            "Offset {place} of {} is gone {}, and offset {stands}, which is older, is still there.",
            context.name(key),
            why.join(" or ")
        )],
        ..context.case(context.timeline.end, key)
    }
}
