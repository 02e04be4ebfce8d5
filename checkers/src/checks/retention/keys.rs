//! Keys that were deleted, and came back: of a compacted log the tombstone is gone, and an older record of its key is not.
//!
//! A cleaner removes what a tombstone follows before it removes the tombstone, so no single log shows that. A replica that was away while
//! both went on the others may: it never gets the tombstone (`delete.retention.ms` is how long anybody may be away). So it breaks a
//! promise only where all replicas were in sync since the tombstone was written. Nor does it count where the final reads took longer than
//! tombstones stay: then the record may have been read before the cleaner came, and the tombstone's place after.

use std::collections::BTreeMap;

use history::{Key, Offset, Phase, Retention};

use crate::anomaly::RESURRECTED_KEY;
use crate::context::Context;
use crate::index::{Deleted, WriteOutcome};
use crate::outcome::Outcome;
use crate::text::seconds;
use crate::verdict::Case;

pub(super) fn find(context: &Context, retention: &Retention, outcome: &mut Outcome) {
    let begun = context.timeline.phase_start(Phase::FinalReads);
    let took = begun
        .zip(context.returned.over)
        .map(|(from, to)| to.saturating_sub(from));
    if took.is_none_or(|took| took >= retention.tombstones_stay.as_nanos()) {
        return;
    }
    for ((key, _), mut writes) in named(context, retention) {
        // The last place first; one that nobody has seen may stand behind all others.
        writes.sort_unstable_by(|one, other| other.cmp(one));
        let [(place, tombstone), (before, left), ..] = writes[..] else {
            continue;
        };
        if place == Offset::MAX || !is_gone(context, retention, tombstone) {
            continue;
        }
        if context.index.writes.is_read_finally(left) {
            let since = context.index.removals.begun(tombstone).unwrap_or_default();
            let promised = context.returned.were_whole(key, since);
            outcome.found_one(promised, RESURRECTED_KEY, || {
                case(context, key, (place, tombstone), (before, left), since)
            });
        }
    }
}

/// By partition and record's key: the writes that may have happened, with their last places.
fn named(context: &Context, retention: &Retention) -> BTreeMap<(Key, u64), Vec<(Offset, u32)>> {
    let writes = &context.index.writes;
    let mut named: BTreeMap<(Key, u64), Vec<(Offset, u32)>> = BTreeMap::new();
    for number in writes
        .numbers()
        .filter(|number| writes.outcome(*number) != WriteOutcome::Fail)
    {
        let place = writes.places(number).map_or(Offset::MAX, |(_, last)| last);
        let of_name = (writes.key(number), retention.name(writes.value(number)));
        named.entry(of_name).or_default().push((place, number));
    }
    named
}

/// Whether a tombstone certainly stood in the log, and the cleaner took it.
fn is_gone(context: &Context, retention: &Retention, number: u32) -> bool {
    let writes = &context.index.writes;
    retention.is_tombstone(writes.value(number))
        && (writes.is_committed(number) || writes.is_read(number))
        && !writes.is_suspect(number)
        && !writes.is_read_finally(number)
        && context.index.deleted_by_request(number) == Deleted::No
}

fn case(
    context: &Context,
    key: Key,
    (place, tombstone): (Offset, u32),
    (before, left): (Offset, u32),
    since: u64,
) -> Case {
    let writes = &context.index.writes;
    Case {
        offset: Some(before),
        values: vec![writes.value(left), writes.value(tombstone)],
        story: vec![
            format!(
                "The tombstone (value {}) at offset {place} of {}, begun{}, is gone, as it may be by now.",
                context.value(writes.value(tombstone)),
                context.name(key),
                context.at(since)
            ),
            format!(
                "What it deleted is not: value {}, of the same key, is still there at offset {before}, and nothing of that key follows.",
                context.value(writes.value(left))
            ),
            format!(
                "Whoever reads the partition from its start by {} takes the key for one that was never deleted.",
                seconds(context.timeline.end)
            ),
        ],
        ..context.case(context.timeline.end, key)
    }
}
