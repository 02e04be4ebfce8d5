//! Acknowledged writes that are gone.
//!
//! After complete final reads: whatever they do not hold, at the tail as well as in the middle, even if a
//! client had read it before. Without them, Jepsen's rule as far as it proves something: the write stands, by
//! its acknowledgement or by a reading, where a client read through without getting it.

use history::Value;

use super::order::{Pass, Passes};
use super::story;
use crate::context::Context;
use crate::index::{Write, WriteOutcome};
use crate::outcome::Outcome;
use crate::verdict::Case;

pub(super) fn find(context: &Context, passes: &Passes, outcome: &mut Outcome) {
    let mut lost: Vec<(&Write, Option<Pass>)> = Vec::new();
    let mut vanished: Vec<&Write> = Vec::new();
    for write in context.index.writes.iter().filter(|write| !write.suspect) {
        if context.index.complete(write.key) {
            if write.read_finally {
                continue;
            }
            if write.acknowledged() && !write.late {
                lost.push((write, None));
            } else if write.outcome == WriteOutcome::Info && write.read.is_some() {
                vanished.push(write);
            }
        } else if write.acknowledged()
            && !write.read_by_anyone()
            && let Some(pass) = passes.over(write)
        {
            lost.push((write, Some(pass)));
        }
    }
    lost.sort_by_key(|(write, _)| (write.completed, write.op));
    vanished.sort_by_key(|write| (write.read.map(|read| read.time), write.op));
    for (write, pass) in lost {
        outcome.violation("lost-write", || {
            let story = story::lost(context, write, pass);
            case(context, write.completed, write, write.offset, story)
        });
    }
    for write in vanished {
        let Some(read) = write.read else { continue };
        outcome.violation("vanished-read", || {
            let story = story::vanished(context, write, read);
            case(context, read.time, write, Some(read.offset), story)
        });
    }
}

fn case(context: &Context, time: u64, write: &Write, offset: Option<i64>, story: Vec<String>) -> Case {
    let values: Vec<Value> = vec![write.value];
    Case {
        offset: offset.or(write.place),
        values,
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
