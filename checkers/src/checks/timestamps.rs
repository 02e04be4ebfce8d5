//! Brokers give records their times, which never change, and find records by them.
//!
//! A record's time lies between the beginning of its write and the acknowledgement, by the clients' clock and give or take the skew that
//! the plan allows brokers' clocks (KIP-32). Clients take their wall clock down, so that it can be held against the history's own. A look-up (KIP-79) finds the first record that is not older than
//! asked: judged by the records whose times were seen. One that passes over a record that was acknowledged before and is newer than asked is
//! wrong whoever answered, since whoever has the record that it found has those before it too. Only one that finds nothing may come from a leader
//! that was deposed. A record of exactly the time that was asked for is never missed: an index of times may point behind the first of
//! several.

use std::collections::BTreeMap;

use history::{Application, Key, Offset, Timestamps};

use crate::anomaly::{STALE_LOOK_UP, TIME_CHANGED, WRONG_LOOK_UP, WRONG_TIME};
use crate::applications::{Answer, Seen};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::{number, seconds};
use crate::verdict::Case;

const MILLISECOND: i64 = 1_000_000;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(Application::Timestamps(promise)) = &context.header.expect.application else {
        return Outcome::not_asked();
    };
    let times = &context.applications.times;
    let Some(ahead) = times.ahead() else {
        outcome
            .unknown("no client took its wall clock down: times cannot be held against anything".to_owned());
        return outcome;
    };
    let mut judged = 0_u64;
    for (key, records) in times.seen() {
        for (offset, seen) in records {
            judged += u64::from(judge_time(
                context,
                promise,
                ahead,
                (*key, *offset, seen),
                &mut outcome,
            ));
        }
    }
    for changed in &times.changed {
        outcome.violation(TIME_CHANGED, || Case {
            offset: Some(changed.offset),
            values: vec![changed.first.value],
            ops: vec![changed.first.op, changed.second.op],
            story: vec![format!(
                "Value {} at offset {} of {} bore the time {} when it was read by op {}, and {} when it was read by op {}.",
                context.value(changed.first.value),
                changed.offset,
                context.name(changed.key),
                changed.first.time,
                changed.first.op,
                changed.second.time,
                changed.second.op
            )],
            ..context.case(changed.second.read, changed.key)
        });
    }
    let highest = highest(times.seen());
    for answer in &times.answers {
        judge_answer(context, &highest, answer, &mut outcome);
    }
    if judged == 0 || times.answers.is_empty() {
        outcome.unknown("no times of records were read, or none was looked up".to_owned());
    } else {
        outcome.note(format!(
            "{} times of records, and {} look-ups",
            number(judged),
            number(times.answers.len() as u64)
        ));
    }
    outcome
}

/// Whether it could be judged.
fn judge_time(
    context: &Context,
    promise: &Timestamps,
    (least, most): (i64, i64),
    (key, offset, seen): (Key, Offset, &Seen),
    outcome: &mut Outcome,
) -> bool {
    let Some((op, writing)) = context.applications.times.written(seen.value) else {
        return false;
    };
    let skew = promise.skew.as_nanos() as i64;
    let until = if writing.acknowledged == 0 {
        seen.read
    } else {
        writing.acknowledged
    };
    // A time is a whole number of milliseconds, cut off.
    let earliest = (writing.begun as i64 + least - skew) / MILLISECOND - 1;
    let latest = (until as i64 + most + skew) / MILLISECOND + 1;
    if !(earliest..=latest).contains(&seen.time) {
        outcome.violation(WRONG_TIME, || {
            let (off, which) = if seen.time < earliest {
                (earliest - seen.time, "before its write began")
            } else {
                (seen.time - latest, "after its write was over")
            };
            Case {
                offset: Some(offset),
                values: vec![seen.value],
                ops: vec![op, seen.op],
                story: vec![
                    format!(
                        "The time of value {} in {} is {} s {which}, more than the {} that clocks may differ by.",
                        context.value(seen.value),
                        context.name(key),
                        off as f64 / 1e3,
                        promise.skew
                    ),
                    format!(
                        "It was written from {} to {} (op {op}), and the broker gave it the time {} at offset {offset}.",
                        seconds(writing.begun),
                        seconds(until),
                        seen.time
                    ),
                    context.faults_sentence(writing.begun),
                ],
                ..context.case(writing.begun, key)
            }
        });
    }
    true
}

/// Of each partition the records that are newer than all before them: offset and time, both ascending.
fn highest(seen: &BTreeMap<Key, BTreeMap<Offset, Seen>>) -> BTreeMap<Key, Vec<(Offset, Seen)>> {
    let of_key = |records: &BTreeMap<Offset, Seen>| {
        let mut newest: Vec<(Offset, Seen)> = Vec::new();
        for (offset, seen) in records {
            if newest.last().is_none_or(|(_, before)| before.time < seen.time) {
                newest.push((*offset, *seen));
            }
        }
        newest
    };
    seen.iter()
        .map(|(key, records)| (*key, of_key(records)))
        .collect()
}

fn judge_answer(
    context: &Context,
    highest: &BTreeMap<Key, Vec<(Offset, Seen)>>,
    answer: &Answer,
    outcome: &mut Outcome,
) {
    let times = &context.applications.times;
    let (key, asked) = (answer.asked.key, answer.asked.time);
    let found = answer.asked.found;
    if let Some(offset) = found
        && let Some(record) = times.seen().get(&key).and_then(|records| records.get(&offset))
        && record.time < asked
    {
        outcome.violation(WRONG_LOOK_UP, || {
            wrong(context, answer, (offset, *record), "is older than that")
        });
        return;
    }
    let newest = highest.get(&key).map_or(&[][..], Vec::as_slice);
    let first = newest.partition_point(|(_, seen)| seen.time <= asked);
    let Some((offset, passed)) = newest.get(first).copied() else {
        return;
    };
    let acknowledged = times
        .written(passed.value)
        .is_some_and(|(_, writing)| writing.acknowledged != 0 && writing.acknowledged < answer.begun);
    let is_passed = found.is_none_or(|found| offset < found);
    if !acknowledged || !is_passed {
        return;
    }
    let case = || wrong(context, answer, (offset, passed), "is not, and was passed over");
    if found.is_some() || answer.whole {
        outcome.violation(WRONG_LOOK_UP, case);
    } else {
        outcome.allowance(STALE_LOOK_UP, case);
    }
}

fn wrong(context: &Context, answer: &Answer, (offset, record): (Offset, Seen), why: &str) -> Case {
    let key = answer.asked.key;
    let found = answer
        .asked
        .found
        .map_or("nothing".to_owned(), |found| format!("offset {found}"));
    Case {
        offset: Some(offset),
        values: vec![record.value],
        ops: vec![answer.op, record.op],
        story: vec![
            format!(
                "The first record of {} that is not older than {} was looked up (op {}, ended at {}), and {found} was found.",
                context.name(key),
                answer.asked.time,
                answer.op,
                seconds(answer.ended)
            ),
            format!(
                "The record at offset {offset} (value {}) bears the time {}: it {why}.",
                context.value(record.value),
                record.time
            ),
            context.faults_sentence(answer.begun),
        ],
        ..context.case(answer.begun, key)
    }
}
