//! What one producer wrote to a partition stands there in the order in which it was written.
//!
//! Where operations name the producer that had them in flight. With an idempotent producer this holds whatever it had in flight at
//! once and however often it tried (KIP-98); without, a retry may overtake, and what is found breaks no promise. Judged by the complete final
//! reads; of the copies of a duplicate the first counts, as the others are told by the check `log`.

use std::collections::{BTreeMap, BTreeSet};

use history::{Key, Offset, ProducerPromise, Value};

use crate::anomaly::REORDERED_WRITE;
use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::seconds;
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let (sequences, finals) = (&context.applications.sequences, &context.applications.finals);
    if !sequences.are_there() {
        return Outcome::not_asked();
    }
    if !finals.are_complete() {
        outcome.unknown(
            "the final reads are not complete: nobody knows in which order records stand".to_owned(),
        );
        return outcome;
    }
    let promised = context.header.expect.producers == ProducerPromise::Idempotent;
    for key in finals.keys() {
        let mut last: BTreeMap<u64, (Offset, Value)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (offset, value) in finals.log(key) {
            let Some((producer, place)) = sequences.of(*value) else {
                continue;
            };
            if !seen.insert(*value) {
                continue;
            }
            let before = last.get(&producer).copied();
            let later = before.filter(|(_, before)| {
                sequences
                    .of(*before)
                    .is_some_and(|(_, before)| before.op > place.op)
            });
            match later {
                Some(before) => outcome.found_one(promised, REORDERED_WRITE, || {
                    reordered(context, key, producer, before, (*offset, *value))
                }),
                None => {
                    last.insert(producer, (*offset, *value));
                }
            }
        }
    }
    outcome
}

fn reordered(
    context: &Context,
    key: Key,
    producer: u64,
    later: (Offset, Value),
    earlier: (Offset, Value),
) -> Case {
    let place = |value| context.applications.sequences.of(value).map(|(_, place)| place);
    let began = |(offset, value): (Offset, Value)| {
        let place = place(value).unwrap_or_default();
        format!(
            "value {} (op {}, begun at {}) stands at offset {offset}",
            context.value(value),
            place.op,
            seconds(place.time)
        )
    };
    let time = place(earlier.1).unwrap_or_default().time;
    let ops = [earlier.1, later.1].map(|value| place(value).unwrap_or_default().op);
    Case {
        offset: Some(earlier.0),
        values: vec![earlier.1, later.1],
        ops: ops.to_vec(),
        story: vec![
            format!(
                "Producer {producer} wrote two records to {}: {}, and {}.",
                context.name(key),
                began(earlier),
                began(later)
            ),
            "The one that was begun first stands behind the other.".to_owned(),
            context.faults_sentence(time),
        ],
        ..context.case(time, key)
    }
}
