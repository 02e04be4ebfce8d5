//! Acknowledged writes that are gone.
//!
//! After complete final reads: whatever they do not hold, at the tail as well as in the middle, even if a
//! client had read it before. Without them, of a foreign history, Jepsen's rule: the write stands at or below the
//! highest offset of its key that an `ok` operation read, and no `ok` operation read it. Of a run of ours, whose
//! clients may begin anywhere: a client read through where it stands without getting it.

use super::story;
use crate::anomaly::{LOST_WRITE, VANISHED_READ};
use crate::context::Context;
use crate::evidence::WriteStory;
use crate::outcome::Outcome;
use crate::verdict::Case;

pub(super) fn find(context: &Context, outcome: &mut Outcome) {
    let stories = &context.evidence.writes;
    outcome.violations(LOST_WRITE, &context.tally.lost, |number| {
        let write = stories.of_number(*number);
        let story = story::lost(context, *number, &write);
        case(context, write.time(), &write, write.offset, story)
    });
    outcome.violations(VANISHED_READ, &context.tally.vanished, |number| {
        let write = stories.of_number(*number);
        let story = story::vanished(context, &write);
        let read = write.read.map(|read| (read.time, read.offset));
        let time = read.map_or(write.time(), |read| read.0);
        case(context, time, &write, read.map(|read| read.1), story)
    });
}

fn case(context: &Context, time: u64, write: &WriteStory, offset: Option<i64>, story: Vec<String>) -> Case {
    Case {
        offset: offset.or(write.place),
        values: vec![write.value],
        nodes: write.broker.into_iter().collect(),
        epoch: write
            .broker
            .and_then(|broker| story::claim_of(context, write.key, broker, time))
            .map(|span| span.epoch),
        ops: vec![write.op],
        story,
        ..context.case(time, write.key)
    }
}
