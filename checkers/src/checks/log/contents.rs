//! What stands in the logs that should not: two values at one offset, a value at two offsets, a value that
//! nobody sent, that was certainly not written, or that was sent elsewhere.

use history::payload::FOREIGN;
use history::{Key, Offset, ProducerPromise, Value};

use super::Tally;
use crate::anomaly::{DUPLICATE, G1A, INCONSISTENT_OFFSETS, MISPLACED_RECORD, PHANTOM_READ};
use crate::context::Context;
use crate::evidence::{Place, Wanted, WriteStory};
use crate::index::{Id, Index, Stranger};
use crate::outcome::{Kept, Outcome};
use crate::text::{self, count, list};
use crate::verdict::Case;

pub(super) fn find(context: &Context, outcome: &mut Outcome) {
    let index = &context.index;
    outcome.violations(INCONSISTENT_OFFSETS, &all_divided(index), |(key, offset)| {
        divided(context, *key, *offset)
    });
    let repeats = all_repeated(index);
    let idempotent = context.header.expect.producers == ProducerPromise::Idempotent;
    outcome.found(idempotent, DUPLICATE, &repeats, |(number, offsets)| {
        repeated(context, *number, offsets)
    });
    outcome.violations(G1A, &context.tally.aborted, |number| aborted(context, *number));
    let (phantoms, misplacements) = all_strangers(index);
    outcome.violations(PHANTOM_READ, &phantoms, |number| phantom(context, *number));
    outcome.violations(MISPLACED_RECORD, &misplacements, |number| {
        misplaced(context, *number)
    });
}

/// Adds what the cases are told with.
pub(super) fn wanted(index: &Index, tally: &Tally, wanted: &mut Wanted) {
    for (key, offset) in all_divided(index).first {
        wanted.places.extend(index.at(key, offset));
    }
    let repeats = all_repeated(index).first.into_iter();
    let aborted = tally.aborted.first.iter().copied();
    let writes = repeats.map(|(number, _)| number).chain(aborted);
    wanted.places.extend(writes.map(Id::write));
    let (phantoms, misplacements) = all_strangers(index);
    let strangers = phantoms.first.into_iter().chain(misplacements.first);
    for number in strangers {
        wanted.places.insert(Id::stranger(number));
        wanted.writes.extend(index.strangers.get(number).elsewhere);
    }
}

fn all_divided(index: &Index) -> Kept<(Key, u64)> {
    let mut found = Kept::default();
    for (key, log) in index.logs() {
        for offset in log.divided().filter(|offset| index.at(key, *offset).len() > 1) {
            found.push(|| (key, offset));
        }
    }
    found
}

fn all_repeated(index: &Index) -> Kept<(u32, &[Offset])> {
    let mut found = Kept::default();
    for (number, offsets) in index.writes.repeated() {
        if !index.writes.is_suspect(number) {
            found.push(|| (number, offsets));
        }
    }
    found
}

/// Values that nobody sent, and values that were sent elsewhere.
fn all_strangers(index: &Index) -> (Kept<u32>, Kept<u32>) {
    let (mut phantoms, mut misplacements) = (Kept::default(), Kept::default());
    for (number, stranger) in index.strangers.iter() {
        match stranger.elsewhere {
            None => phantoms.push(|| number),
            Some(write) if index.writes.is_suspect(write) => {}
            Some(_) => misplacements.push(|| number),
        }
    }
    (phantoms, misplacements)
}

fn divided(context: &Context, key: Key, offset: u64) -> Case {
    let ids = context.index.at(key, offset);
    let offset = offset as Offset;
    let places = |id: Id| {
        let places = context.evidence.places.of(id).iter();
        places.filter(move |place| (place.key, place.offset) == (key, offset))
    };
    // It was divided from the second value on.
    let mut times: Vec<u64> = ids
        .iter()
        .filter_map(|id| places(*id).filter_map(Place::time).min())
        .collect();
    times.sort_unstable();
    let time = times
        .get(1)
        .or(times.first())
        .copied()
        .unwrap_or(context.timeline.end);
    let values: Vec<Value> = ids.iter().map(|id| context.index.value_of(*id)).collect();
    let names: Vec<String> = values.iter().map(|value| context.value(*value)).collect();
    let mut story = vec![format!(
        "Offset {offset} of {} held {} different values: {}.",
        context.name(key),
        values.len(),
        list(&names)
    )];
    story.extend(ids.iter().zip(&names).flat_map(|(id, name)| {
        places(*id).map(move |place| format!("Value {name} there: {}.", place.known_by(context)))
    }));
    story.extend(context.faults_known(time));
    let writers = ids.iter().filter_map(|id| id.as_write());
    Case {
        offset: Some(offset),
        values,
        ops: writers
            .map(|number| context.evidence.writes.of_number(number).op)
            .collect(),
        story,
        ..context.case(time, key)
    }
}

fn repeated(context: &Context, number: u32, offsets: &[Offset]) -> Case {
    let write = context.evidence.writes.of_number(number);
    let places = context.evidence.places.of(Id::write(number)).iter();
    // It was repeated from the second sighting on.
    let mut times: Vec<u64> = places.clone().filter_map(Place::time).collect();
    times.sort_unstable();
    let time = times.get(1).or(times.first()).copied().unwrap_or(write.invoked);
    let mut sorted = offsets.to_vec();
    sorted.sort_unstable();
    let mut story = vec![format!(
        "Value {} stood at {} of {}: {}.",
        context.value(write.value),
        count(sorted.len() as u64, "offset"),
        context.name(write.key),
        list(&sorted)
    )];
    story.push(begun(context, &write));
    story.extend(places.map(|place| format!("At offset {}: {}.", place.offset, place.known_by(context))));
    story.extend(promise(context));
    Case {
        offset: sorted.last().copied(),
        values: vec![write.value],
        ops: vec![write.op],
        story,
        ..context.case(time, write.key)
    }
}

/// What the producers of a run of ours promised; of others' nobody knows.
fn promise(context: &Context) -> Option<String> {
    let idempotent = context.header.expect.producers == ProducerPromise::Idempotent;
    let sentence = match (context.index.phased, idempotent) {
        (false, true) => return None,
        (true, true) => "Its producer was to be idempotent, so no retry may write it twice.",
        (_, false) => "Its producer was not idempotent, so a retry may have written it twice.",
    };
    Some(sentence.to_owned())
}

fn aborted(context: &Context, number: u32) -> Case {
    let write = context.evidence.writes.of_number(number);
    let places = context.evidence.places.of(Id::write(number));
    let time = places
        .iter()
        .filter_map(Place::time)
        .min()
        .unwrap_or(write.time());
    let mut story = vec![format!(
        "Client {} wrote value {} to {} (op {}), and that failed for certain{}; yet a client read it.",
        write.process,
        context.value(write.value),
        context.name(write.key),
        write.op,
        context.at(write.time())
    )];
    story.extend(standing(context, places));
    story.extend(context.faults_known(time));
    Case {
        offset: places
            .first()
            .map(|place| place.offset)
            .filter(|offset| *offset >= 0),
        values: vec![write.value],
        ops: vec![write.op],
        story,
        ..context.case(time, write.key)
    }
}

fn standing(context: &Context, places: &[Place]) -> impl Iterator<Item = String> {
    places.iter().map(|place| {
        format!(
            "At {} of {}: {}.",
            text::offset(place.offset),
            context.name(place.key),
            place.known_by(context)
        )
    })
}

fn phantom(context: &Context, number: u32) -> Case {
    let stranger = context.index.strangers.get(number);
    let record = stranger.record;
    let mut story = vec![format!(
        "Value {} stood {}, and no client ever sent it.",
        context.value(record.value),
        place_of(context, stranger)
    )];
    if record.value & FOREIGN != 0 && context.index.phased {
        story.push("Its bytes are not those of any record of this run.".to_owned());
    }
    story.extend(standing(
        context,
        context.evidence.places.of(Id::stranger(number)),
    ));
    Case {
        offset: Some(record.offset).filter(|offset| *offset >= 0),
        values: vec![record.value],
        ops: stranger.op.into_iter().collect(),
        story,
        ..context.case(stranger.time, record.key)
    }
}

fn place_of(context: &Context, stranger: &Stranger) -> String {
    let record = stranger.record;
    format!(
        "at {} of {}",
        text::offset(record.offset),
        context.name(record.key)
    )
}

fn misplaced(context: &Context, number: u32) -> Case {
    let stranger = context.index.strangers.get(number);
    let record = stranger.record;
    let write = stranger
        .elsewhere
        .map(|number| context.evidence.writes.of_number(number));
    let sent = write.map_or_else(String::new, |write| begun(context, &write));
    let how = stranger.op.map_or_else(
        || "in a replica's own copy".to_owned(),
        |op| format!("read{} (op {op})", context.at(stranger.time)),
    );
    let sent_by = write.map(|write| write.op);
    Case {
        offset: Some(record.offset).filter(|offset| *offset >= 0),
        values: vec![record.value],
        ops: sent_by.into_iter().chain(stranger.op).collect(),
        story: vec![
            format!(
                "Value {} stood {}, to which it was never sent: {how}.",
                context.value(record.value),
                place_of(context, stranger)
            ),
            sent,
        ],
        ..context.case(stranger.time, record.key)
    }
}

fn begun(context: &Context, write: &WriteStory) -> String {
    format!(
        "Client {} sent it to {}{} (op {}).",
        write.process,
        context.name(write.key),
        context.at(write.invoked),
        write.op
    )
}
