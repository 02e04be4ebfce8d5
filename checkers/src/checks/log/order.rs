//! What is told of a client that read or wrote out of order.

use history::{Key, Offset, Value};

use crate::context::Context;
use crate::evidence::{Misread, Missent, Seen};
use crate::outcome::Outcome;
use crate::text::{count, list};
use crate::verdict::Case;

/// Skipped values that are named.
const SKIPPED_MAX: usize = 10;

pub(super) fn find(context: &Context, outcome: &mut Outcome) {
    let disorder = &context.evidence.disorder;
    for (name, found) in &disorder.misread {
        outcome.violations(name, found, |found| misread(context, found));
    }
    for (name, found) in &disorder.misread_allowed {
        outcome.allowances(name, found, |found| misread(context, found));
    }
    for (name, found) in &disorder.missent {
        outcome.violations(name, found, |found| missent(context, found));
    }
    for (name, found) in &disorder.missent_allowed {
        outcome.allowances(name, found, |found| missent(context, found));
    }
}

fn misread(context: &Context, found: &Misread) -> Case {
    let Misread {
        process,
        key,
        from,
        to,
        skipped,
    } = found;
    let (key, story) = (*key, steps(context, *from, *to));
    let partition = context.name(key);
    let story = if skipped.is_empty() {
        let again = if from.0 == to.0 {
            "read the same offset again"
        } else {
            "went back"
        };
        vec![
            format!("Client {process} {again} in {partition}: {story}."),
            "No assignment in between took the partition from it, and it did not crash.".to_owned(),
        ]
    } else {
        vec![
            format!("Client {process} passed over records of {partition}: {story}."),
            between(context, key, skipped),
        ]
    };
    let first_skipped = skipped.first().map(|offset| *offset as Offset);
    Case {
        offset: first_skipped.or(Some(to.0)),
        values: if skipped.is_empty() {
            vec![from.1.value, to.1.value]
        } else {
            values_at(context, key, skipped)
        },
        ops: ops(*from, *to),
        story,
        ..context.case(to.1.time, key)
    }
}

fn missent(context: &Context, found: &Missent) -> Case {
    let Missent {
        process,
        key,
        first,
        second,
        between: others,
    } = found;
    let within = first.1.op == second.1.op;
    let sent = |(offset, seen): &(Offset, Seen)| {
        format!(
            "value {} (op {}) stands at offset {offset}",
            context.value(seen.value),
            seen.op
        )
    };
    let mut story = vec![format!(
        "Client {process} sent two records to {}, {}: {}, and {}.",
        context.name(*key),
        if within {
            "one after the other in one operation"
        } else {
            "the second when the first was over"
        },
        sent(first),
        sent(second)
    )];
    if !others.is_empty() {
        story.push(between(context, *key, others));
        story.push(
            "Other clients' records may come between a client's own: this breaks no promise.".to_owned(),
        );
    }
    Case {
        offset: Some(second.0),
        values: vec![first.1.value, second.1.value],
        ops: ops(*first, *second),
        story,
        ..context.case(second.1.time, *key)
    }
}

fn between(context: &Context, key: Key, offsets: &[u64]) -> String {
    let named = values_at(context, key, offsets);
    let named = named.iter().zip(offsets);
    let named: Vec<String> = named
        .map(|(value, offset)| format!("value {} at offset {offset}", context.value(*value)))
        .collect();
    let more = if offsets.len() > SKIPPED_MAX {
        ", the first of which are"
    } else {
        ":"
    };
    format!(
        "Between them stood {}{more} {}.",
        count(offsets.len() as u64, "record"),
        list(&named)
    )
}

fn values_at(context: &Context, key: Key, offsets: &[u64]) -> Vec<Value> {
    let log = context.index.log(key);
    let first = |offset: &u64| log.and_then(|log| log.first(*offset));
    let ids = offsets.iter().take(SKIPPED_MAX).filter_map(first);
    ids.map(|id| context.index.value_of(id)).collect()
}

fn ops(last: (Offset, Seen), next: (Offset, Seen)) -> Vec<u64> {
    if last.1.op == next.1.op {
        vec![next.1.op]
    } else {
        vec![last.1.op, next.1.op]
    }
}

fn steps(context: &Context, last: (Offset, Seen), next: (Offset, Seen)) -> String {
    let step = |(offset, seen): (Offset, Seen)| {
        format!(
            "offset {offset} (value {}, op {}){}",
            context.value(seen.value),
            seen.op,
            context.at(seen.time)
        )
    };
    format!("{}, then {}", step(last), step(next))
}
