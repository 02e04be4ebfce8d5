//! What brokers remove by themselves is what they may remove: by age from the log's start on, or because a newer record of its key
//! follows.
//!
//! What is gone and may not be is lost, and the check `log` says so: younger than the run promises to keep it, or the last of its key in a
//! compacted topic. Here it is asked whether what went by age alone is a beginning of its partition, and whether anything went at all: a
//! run in which nothing was removed has put nothing of this to the test.

use history::{Key, Offset, Retention};

use crate::anomaly::REMOVED_OUT_OF_ORDER;
use crate::context::Context;
use crate::index::Deleted;
use crate::outcome::Outcome;
use crate::text::{count, seconds};
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(retention) = &context.header.expect.retention else {
        return outcome;
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
    if !retention.compacts {
        out_of_order(context, retention, &gone, &mut outcome);
    }
    outcome
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
    let keep = retention.keep.map_or(0, history::Span::as_nanos);
    Case {
        offset: Some(place),
        values: vec![context.index.writes.value(number)],
        story: vec![format!(
            "Offset {place} of {} is gone by its age, which was more than {}, and offset {stands}, which is older, is still there.",
            context.name(key),
            seconds(keep)
        )],
        ..context.case(context.timeline.end, key)
    }
}
