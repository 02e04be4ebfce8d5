//! A share group delivers each record until somebody's word on it is confirmed, and never after that.
//!
//! What members of a share group (KIP-932) rely on: a record that was accepted or rejected, and of which a broker confirmed that, is
//! done with; one that was released is delivered again, with a greater number of deliveries, up to the limit, at which it is archived;
//! and what was written is delivered to somebody. A client may hold back what it got for a while, so a delivery counts as one
//! that came after a confirmation only where the member's client held nothing back since: an acquisition had come to nothing that
//! began two request time-outs after it. Numbers of deliveries may fall where leaders change, as brokers
//! keep them only with what members say; so two members with one record at a time, which a lock that ran out allows
//! as well, are not judged.

mod deliveries;

use history::Key;

use crate::anomaly::{DELIVERED_BEYOND_LIMIT, DELIVERIES_WENT_BACK, REDELIVERED, UNDELIVERED};
use crate::context::{Context, with_faults};
use crate::outcome::Outcome;
use crate::text::{count, number, seconds};
use crate::verdict::Case;

pub(crate) use deliveries::Deliveries;

use deliveries::{Again, Record};

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let deliveries = &context.deliveries;
    if deliveries.queue.is_none() {
        return Outcome::not_asked();
    }
    outcome.violations(REDELIVERED, &deliveries.done_again, |again| {
        delivered(context, again)
    });
    outcome.violations(DELIVERIES_WENT_BACK, &deliveries.went_back, |again| {
        delivered(context, again)
    });
    outcome.violations(DELIVERED_BEYOND_LIMIT, &deliveries.beyond, |again| {
        delivered(context, again)
    });
    missing(context, &mut outcome);
    let [accepted, released, rejected] = deliveries.confirmed;
    if accepted == 0 {
        outcome.unknown("no acknowledgement was confirmed: nothing was put to the test".to_owned());
    }
    outcome.note(format!(
        "{} of records, {} of them not the first; {} accepted, {} released, {} rejected, {} refused, and of {} nobody knows",
        deliveries_of(deliveries.all),
        number(deliveries.redeliveries),
        number(accepted),
        number(released),
        number(rejected),
        number(deliveries.refused),
        number(deliveries.unknown)
    ));
    outcome
}

fn delivered(context: &Context, again: &Again) -> Case {
    let record = &again.record;
    let place = format!("offset {} of {}", record.offset, context.name(record.key));
    let mut story = Vec::new();
    let mut ops = vec![again.op];
    if let Some(word) = &again.word {
        story.push(format!(
            "The record at {place} came to client {} at {} as delivery {}, after a broker had confirmed that it was {} in delivery {}.",
            again.process,
            seconds(again.time),
            record.deliveries,
            past(word.fate),
            word.deliveries
        ));
        ops.insert(0, word.op);
        let again_client = if again.process == word.process {
            String::new()
        } else {
            format!(" client {}", again.process)
        };
        story.push(format!(
            "Client {} had that confirmed at {}, and{again_client} had held nothing back since {}.",
            word.process,
            seconds(word.time),
            seconds(again.after)
        ));
    } else {
        let limit = context
            .deliveries
            .queue
            .as_ref()
            .map_or(0, |queue| queue.delivery_limit);
        story.push(format!(
            "The record at {place} came to client {} at {} as delivery {}, where the limit is {limit}.",
            again.process,
            seconds(again.time),
            record.deliveries
        ));
    }
    Case {
        offset: Some(record.offset),
        values: record.value.into_iter().collect(),
        ops,
        story: with_faults(context, again.time, story),
        ..context.case(again.time, record.key)
    }
}

fn deliveries_of(number_of_them: u64) -> String {
    match number_of_them {
        1 => "1 delivery".to_owned(),
        more => format!("{} deliveries", number(more)),
    }
}

fn past(fate: history::Fate) -> &'static str {
    match fate {
        history::Fate::Accept => "accepted",
        history::Fate::Release => "released",
        history::Fate::Reject => "rejected",
    }
}

/// A record that the group should have delivered, and did not.
struct Missing {
    write: u32,
    key: Key,
    offset: i64,
    record: Option<Record>,
}

/// What was written and is still there was delivered, and delivered again until it was done with.
fn missing(context: &Context, outcome: &mut Outcome) {
    let deliveries = &context.deliveries;
    let limit = u64::from(deliveries.queue.as_ref().map_or(0, |queue| queue.delivery_limit));
    let all = candidates(context);
    if all.is_empty() {
        return;
    }
    if let Some(reason) = deliveries.undrained() {
        let left = count(all.len() as u64, "record");
        outcome.unknown(format!(
            "nobody can say whether the group would have delivered {left} more: {reason}"
        ));
        return;
    }
    let (mut unserved, mut archived) = (0, 0);
    for missing in &all {
        let since = missing.record.map_or(0, |record| record.delivered);
        let seen = missing.record.map_or(0, |record| u64::from(record.deliveries));
        if !deliveries.served.contains(&missing.key) {
            unserved += 1;
        } else if seen + deliveries.unseen_since(since) >= limit {
            archived += 1;
        } else {
            outcome.violation(UNDELIVERED, || undelivered(context, missing));
        }
    }
    if unserved > 0 {
        outcome.unknown(format!(
            "nobody can say whether {} more would have been delivered: nothing of their partitions was after the producers were closed",
            count(unserved, "record")
        ));
    }
    if archived > 0 {
        outcome.note(format!(
            "{} not delivered to the end, and may have reached the limit of {limit} unseen",
            count(archived, "record")
        ));
    }
}

/// Acknowledged writes that the log holds, from the first offset on that the group delivered of a partition, that were never
/// delivered, or of which nobody said anything for certain that ends it.
fn candidates(context: &Context) -> Vec<Missing> {
    let (writes, deliveries) = (&context.index.writes, &context.deliveries);
    let mut all = Vec::new();
    for write in writes.numbers() {
        let held =
            writes.is_acknowledged(write) && writes.is_read_finally(write) && !writes.is_suspect(write);
        let Some((offset, last)) = writes.places(write).filter(|_| held) else {
            continue;
        };
        let key = writes.key(write);
        let begins = deliveries.first.get(&key).copied();
        if offset != last || begins.is_none_or(|first| offset < first) {
            continue;
        }
        let record = deliveries.records.get(&(key, offset)).copied();
        let open = match &record {
            None => !deliveries.values.contains(&writes.value(write)),
            Some(record) => record.done.is_none() && !record.in_doubt,
        };
        if open {
            all.push(Missing {
                write,
                key,
                offset,
                record,
            });
        }
    }
    all
}

fn undelivered(context: &Context, missing: &Missing) -> Case {
    let value = context.index.writes.value(missing.write);
    let place = format!("offset {} of {}", missing.offset, context.name(missing.key));
    let drained = format!(
        "The group went on for {} after its last record, at {}, and got later ones of that partition.",
        context
            .deliveries
            .queue
            .as_ref()
            .map_or_else(String::new, |queue| queue.drain.to_string()),
        seconds(context.deliveries.last)
    );
    let (time, first) = match &missing.record {
        None => (
            context.deliveries.last,
            format!("The record at {place} was acknowledged and is in the log, and no member ever got it."),
        ),
        Some(record) => (
            record.delivered,
            format!(
                "The record at {place} was last delivered at {}, as delivery {}; nobody's word on it was confirmed as final, and it was not delivered again.",
                seconds(record.delivered),
                record.deliveries
            ),
        ),
    };
    Case {
        offset: Some(missing.offset),
        values: vec![value],
        story: with_faults(context, time, vec![first, drained]),
        ..context.case(time, missing.key)
    }
}
