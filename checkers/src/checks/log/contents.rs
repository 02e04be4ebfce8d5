//! What stands in the logs that should not: two values at one offset, a value at two offsets, a value that
//! nobody sent, that was certainly not written, or that was sent elsewhere.

use std::collections::BTreeSet;

use history::payload::FOREIGN;
use history::{Key, Offset, ProducerPromise, Value};

use super::evidence::{Evidence, Place};
use crate::context::Context;
use crate::index::{Misread, Write, WriteOutcome};
use crate::outcome::Outcome;
use crate::text::{count, list, seconds};
use crate::verdict::{CASES_MAX, Case};

/// Records in question, before they are looked at more closely.
struct Found<'a> {
    divided: Vec<(Key, Offset, Vec<Value>)>,
    repeated: Vec<(&'a Write, &'a Vec<Offset>)>,
    aborted: Vec<&'a Write>,
}

pub(super) fn find(context: &Context, outcome: &mut Outcome) {
    let found = gather(context);
    let evidence = Evidence::gather(context.history, wanted(context, &found));
    for (key, offset, values) in &found.divided {
        outcome.violation("inconsistent-offsets", || {
            divided(context, &evidence, *key, *offset, values)
        });
    }
    let promised = context.header.expect.producers == ProducerPromise::Idempotent;
    for (write, offsets) in &found.repeated {
        let case = || repeated(context, &evidence, write, offsets);
        if promised {
            outcome.violation("duplicate", case);
        } else {
            outcome.allowed("duplicate", case);
        }
    }
    for write in &found.aborted {
        outcome.violation("aborted-read", || aborted(context, &evidence, write));
    }
    for misread in context.index.strangers.values() {
        outcome.violation("phantom-read", || phantom(context, &evidence, misread));
    }
    for misread in &context.index.misplaced {
        outcome.violation("misplaced-record", || misplaced(context, misread));
    }
}

fn gather<'a>(context: &'a Context) -> Found<'a> {
    let index = &context.index;
    let logs = (0..).zip(&index.logs);
    let repeated = index
        .places
        .iter()
        .map(|(number, offsets)| (index.writes.get(*number), offsets));
    Found {
        divided: logs
            .flat_map(|(key, log)| log.divided().map(move |(offset, values)| (key, offset, values)))
            .collect(),
        repeated: repeated.filter(|(write, _)| !write.suspect).collect(),
        aborted: index
            .writes
            .iter()
            .filter(|write| write.outcome == WriteOutcome::Fail && write.read_by_anyone() && !write.suspect)
            .collect(),
    }
}

/// The values of the cases that will be told.
fn wanted(context: &Context, found: &Found) -> BTreeSet<Value> {
    let divided = found
        .divided
        .iter()
        .take(CASES_MAX)
        .flat_map(|(_, _, values)| values.iter().copied());
    let repeated = found
        .repeated
        .iter()
        .take(CASES_MAX)
        .map(|(write, _)| write.value);
    let aborted = found.aborted.iter().take(CASES_MAX).map(|write| write.value);
    let strangers = context.index.strangers.keys().take(CASES_MAX).copied();
    divided.chain(repeated).chain(aborted).chain(strangers).collect()
}

fn divided(context: &Context, evidence: &Evidence, key: Key, offset: Offset, values: &[Value]) -> Case {
    let places = |value: &Value| {
        let places = evidence.of(*value).iter();
        places.filter(move |place| (place.key, place.offset) == (key, offset))
    };
    // It was divided from the second value on.
    let mut times: Vec<u64> = values
        .iter()
        .filter_map(|value| places(value).filter_map(Place::time).min())
        .collect();
    times.sort_unstable();
    let time = times
        .get(1)
        .or(times.first())
        .copied()
        .unwrap_or(context.timeline.end);
    let mut story = vec![format!(
        "Offset {offset} of {} held {} different values: {}.",
        context.name(key),
        values.len(),
        list(values)
    )];
    story.extend(values.iter().flat_map(|value| {
        places(value).map(move |place| format!("Value {value} there: {}.", place.known_by()))
    }));
    story.push(context.faults_sentence(time));
    Case {
        offset: Some(offset),
        values: values.to_vec(),
        ops: writers(context, values),
        story,
        ..context.case(time, key)
    }
}

fn repeated(context: &Context, evidence: &Evidence, write: &Write, offsets: &[Offset]) -> Case {
    let places = evidence
        .of(write.value)
        .iter()
        .filter(|place| place.key == write.key);
    // It was repeated from the second sighting on.
    let mut times: Vec<u64> = places.clone().filter_map(Place::time).collect();
    times.sort_unstable();
    let time = times.get(1).or(times.first()).copied().unwrap_or(write.invoked);
    let mut sorted = offsets.to_vec();
    sorted.sort_unstable();
    let mut story = vec![format!(
        "Value {} stood at {} of {}: {}.",
        write.value,
        count(sorted.len() as u64, "offset"),
        context.name(write.key),
        list(&sorted)
    )];
    story.push(begun(context, write));
    story.extend(places.map(|place| format!("At offset {}: {}.", place.offset, place.known_by())));
    if context.header.expect.producers == ProducerPromise::Idempotent {
        story.push("Its producer was idempotent, so no retry may write it twice.".to_owned());
    } else {
        story.push("Its producer was not idempotent, so a retry may have written it twice.".to_owned());
    }
    Case {
        offset: sorted.last().copied(),
        values: vec![write.value],
        ops: vec![write.op],
        story,
        ..context.case(time, write.key)
    }
}

fn aborted(context: &Context, evidence: &Evidence, write: &Write) -> Case {
    let places = evidence.of(write.value);
    let time = places
        .iter()
        .filter_map(Place::time)
        .min()
        .unwrap_or(write.completed);
    let mut story = vec![format!(
        "Client {} wrote value {} to {} (op {}), and that failed for certain at {}; yet a client read it.",
        write.process,
        write.value,
        context.name(write.key),
        write.op,
        seconds(write.completed)
    )];
    story.extend(places.iter().map(|place| {
        format!(
            "At offset {} of {}: {}.",
            place.offset,
            context.name(place.key),
            place.known_by()
        )
    }));
    story.push(context.faults_sentence(time));
    Case {
        offset: places.first().map(|place| place.offset),
        values: vec![write.value],
        ops: vec![write.op],
        story,
        ..context.case(time, write.key)
    }
}

fn phantom(context: &Context, evidence: &Evidence, misread: &Misread) -> Case {
    let record = misread.record;
    let mut story = vec![format!(
        "Value {} stood at offset {} of {}, and no client ever sent it.",
        record.value,
        record.offset,
        context.name(record.key)
    )];
    if record.value & FOREIGN != 0 {
        story.push("Its bytes are not those of any record of this run.".to_owned());
    }
    let places = evidence.of(record.value).iter();
    story.extend(places.map(|place| {
        format!(
            "At offset {} of {}: {}.",
            place.offset,
            context.name(place.key),
            place.known_by()
        )
    }));
    Case {
        offset: Some(record.offset),
        values: vec![record.value],
        ops: misread.op.into_iter().collect(),
        story,
        ..context.case(misread.time, record.key)
    }
}

fn misplaced(context: &Context, misread: &Misread) -> Case {
    let record = misread.record;
    let write = context.index.writes.of(record.value);
    let sent = write.map_or_else(String::new, |write| begun(context, write));
    let how = misread.op.map_or_else(
        || "in a replica's own copy".to_owned(),
        |op| format!("read at {} (op {op})", seconds(misread.time)),
    );
    let sent_by = write.map(|write| write.op);
    Case {
        offset: Some(record.offset),
        values: vec![record.value],
        ops: sent_by.into_iter().chain(misread.op).collect(),
        story: vec![
            format!(
                "Value {} stood at offset {} of {}, to which it was never sent: {how}.",
                record.value,
                record.offset,
                context.name(record.key)
            ),
            sent,
        ],
        ..context.case(misread.time, record.key)
    }
}

fn begun(context: &Context, write: &Write) -> String {
    format!(
        "Client {} sent it to {} at {} (op {}).",
        write.process,
        context.name(write.key),
        seconds(write.invoked),
        write.op
    )
}

fn writers(context: &Context, values: &[Value]) -> Vec<u64> {
    values
        .iter()
        .filter_map(|value| context.index.writes.of(*value))
        .map(|write| write.op)
        .collect()
}
