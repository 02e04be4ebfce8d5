//! What each replica had noted of the epochs, against its own batches.
//!
//! A leader notes its epoch as it begins, where its log ends; a follower with the first batch of it. So of an epoch that
//! has batches all of them note the same offset, the first batch's. Only such epochs are looked at, and only where they
//! begin above the log's start, and what was deleted by request, and below what is committed.

use history::Offset;

use super::cuts;
use super::members::{Member, Members};
use crate::anomaly::LINEAGE_DIVERGENCE;
use crate::context::Context;
use crate::outcome::Outcome;
use crate::verdict::Case;

/// Compares what was noted with what is there.
pub(super) fn compare(context: &Context, members: &Members, outcome: &mut Outcome) {
    for member in members.each.iter().filter(|member| member.whole) {
        let log = member.log();
        // Deleting records moves what is noted of the first epoch up to the new start at once; the checkpoint of that start
        // is a minute behind, and the segments keep what lies below.
        let deleted = context.index.deletions.finally_below(members.key);
        let known = member.replica.read_from(member.state).max(log.start).max(deleted);
        let begun = log
            .epochs
            .iter()
            .filter(|(_, first)| *first > known && *first < members.below);
        for (epoch, first) in begun {
            let noted = log.noted_epochs.iter().find(|noted| noted.0 == *epoch);
            match noted {
                Some((_, at)) if at == first => {}
                // What it had noted may have been lost with what was not synced.
                _ if cuts::harmed(context, member.node, 0, u64::MAX).is_some() => {}
                Some((_, at)) => outcome.violation(LINEAGE_DIVERGENCE, || {
                    lies(context, members, member, (*epoch, *first, *at))
                }),
                None if log.noted_epochs.is_empty() => {}
                None => outcome.note(format!(
                    "node {} holds batches of epoch {epoch} of {} from offset {first} on, and had noted no such epoch",
                    member.node,
                    context.name(members.key)
                )),
            }
        }
    }
}

fn lies(
    context: &Context,
    members: &Members,
    member: &Member,
    (epoch, first, noted): (i32, Offset, Offset),
) -> Case {
    let node = member.node;
    Case {
        offset: Some(first.min(noted)),
        nodes: vec![node],
        epoch: Some(epoch),
        story: vec![format!(
            "Node {node} had noted that epoch {epoch} of {} began at offset {noted}, and in its log the first batch of that epoch is at offset {first}.",
            context.name(members.key)
        )],
        ..context.case(members.time, members.key)
    }
}
