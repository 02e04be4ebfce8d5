//! Two active controllers at one time, in different terms: how long the deposed one went on.

use history::NodeId;

use super::quorums::Reign;
use crate::anomaly::TWO_CONTROLLERS;
use crate::context::{Context, distinct, with_faults};
use crate::outcome::Outcome;
use crate::text::{count, seconds};
use crate::verdict::Case;

/// A controller that went on in its term after another had begun a later one.
struct Overlap {
    reign: Reign,
    /// Since when both led.
    since: u64,
    newer_leader: NodeId,
    newer_term: i32,
}

impl Overlap {
    fn length(&self) -> u64 {
        self.reign.until - self.since
    }
}

pub(super) fn judge(context: &Context, outcome: &mut Outcome) {
    let overlaps = overlaps(context);
    let Some(longest) = overlaps.iter().max_by_key(|overlap| overlap.length()) else {
        return;
    };
    outcome.note(format!(
        "two controllers were active at one time {}, the longest for {}: node {} still led term {} at {}, while node {} led term {} from {} on",
        count(overlaps.len() as u64, "time"),
        seconds(longest.length()),
        longest.reign.node,
        longest.reign.term,
        seconds(longest.reign.until),
        longest.newer_leader,
        longest.newer_term,
        seconds(longest.since),
    ));
    let Some(limit) = context.header.expect.two_controllers else {
        return;
    };
    let limit = limit.as_nanos();
    for overlap in overlaps.iter().filter(|overlap| overlap.length() > limit) {
        let promised = !clock_was_wrong(context, overlap);
        outcome.found_one(promised, TWO_CONTROLLERS, || case(context, overlap, limit));
    }
}

/// Each reign that went on after the first answer of a later term. What is counted is what is certain: the time from the later of
/// the two first answers to the last question that the deposed one still answered as leader. Its silence ends a reign: a
/// process that was asleep cannot know better when it wakes up.
fn overlaps(context: &Context) -> Vec<Overlap> {
    let terms = &context.quorums.terms;
    // For each term the first answer of any later one.
    let mut later = Vec::with_capacity(terms.len());
    let mut first: Option<(u64, NodeId, i32)> = None;
    for (term, (answer, _)) in terms.iter().rev() {
        later.push((*term, first));
        if first.is_none_or(|(time, ..)| answer.time < time) {
            first = Some((answer.time, answer.leader, *term));
        }
    }
    later.reverse();
    let found = context.quorums.reigns.iter().filter_map(|reign| {
        let place = later.binary_search_by_key(&reign.term, |(term, _)| *term).ok()?;
        let (time, newer_leader, newer_term) = later[place].1?;
        let since = time.max(reign.from);
        (reign.until > since && newer_leader != reign.node).then_some(Overlap {
            reign: *reign,
            since,
            newer_leader,
            newer_term,
        })
    });
    found.collect()
}

/// Whether the deposed controller's clock had been tampered with: it resigns by its wall clock, which may have stood still or
/// gone back.
fn clock_was_wrong(context: &Context, overlap: &Overlap) -> bool {
    context.timeline.faults.iter().any(|fault| {
        let acted = fault.may_have_acted_from();
        let acted = acted.is_some_and(|from| from <= overlap.reign.until);
        let whom = fault.nodes.is_empty() || fault.nodes.contains(&overlap.reign.node);
        fault.is_of_clock() && acted && whom
    })
}

fn case(context: &Context, overlap: &Overlap, limit: u64) -> Case {
    let reign = &overlap.reign;
    Case {
        nodes: distinct([reign.node, overlap.newer_leader]),
        epoch: Some(reign.term),
        story: with_faults(
            context,
            overlap.since,
            vec![
                format!(
                    "Two controllers were active for {}, longer than the limit of {}: nodes {} and {}.",
                    seconds(overlap.length()),
                    seconds(limit),
                    reign.node,
                    overlap.newer_leader
                ),
                format!(
                    "Node {} led term {} by {}; node {} (start {}) answered as the leader of term {} from {} on, and still did when it was asked at {}.",
                    overlap.newer_leader,
                    overlap.newer_term,
                    seconds(overlap.since),
                    reign.node,
                    u64::from(reign.incarnation) + 1,
                    reign.term,
                    seconds(reign.from),
                    seconds(reign.until)
                ),
            ],
        ),
        ..context.case_of_cluster(overlap.since)
    }
}
