//! A partition has one leader in each epoch, and no broker process ever goes back to an earlier epoch.
//!
//! What a broker says is its cache's, so two leaders in *different* epochs are normal for a while after an
//! election; how long each deposed leader went on naming itself is told, and no violation. A claim without a
//! leader is no claim.

use std::collections::{BTreeMap, btree_map::Entry};

use history::{Claim, Key, NodeId, Observed, Probe, What};

use crate::context::{Context, distinct};
use crate::outcome::Outcome;
use crate::succession::{Height, Succession};
use crate::text::{isr, seconds};
use crate::verdict::Case;

/// Deposed leaders that are named in the reasons.
const DEPOSED_MAX: usize = 20;

/// The first claim on an epoch.
struct First<'h> {
    time: u64,
    observed: &'h Observed,
    claim: &'h Claim,
    leader: NodeId,
    reported: bool,
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let mut epochs: BTreeMap<(Key, i32), First> = BTreeMap::new();
    let mut successions: BTreeMap<(NodeId, u32, Key), Succession> = BTreeMap::new();
    for event in &context.history.events {
        let What::Observed(observed) = &event.what else {
            continue;
        };
        let Probe::Metadata(metadata) = &observed.answer else {
            continue;
        };
        for claim in &metadata.claims {
            let Some(leader) = claim.leader else { continue };
            let first = First {
                time: event.time,
                observed,
                claim,
                leader,
                reported: false,
            };
            one_leader(context, &mut epochs, first, &mut outcome);
            let succession = successions
                .entry((observed.node, observed.incarnation, claim.key))
                .or_default();
            if let Some(before) = succession.next(observed.asked, event.time, claim.epoch, leader) {
                outcome.violation("epoch-went-back", || {
                    went_back(context, event.time, observed, claim, before)
                });
            }
        }
    }
    deposed(context, &mut outcome);
    outcome
}

fn one_leader<'h>(
    context: &Context,
    epochs: &mut BTreeMap<(Key, i32), First<'h>>,
    claim: First<'h>,
    outcome: &mut Outcome,
) {
    match epochs.entry((claim.claim.key, claim.claim.epoch)) {
        Entry::Vacant(entry) => {
            entry.insert(claim);
        }
        Entry::Occupied(mut entry) => {
            let first = entry.get_mut();
            if first.leader == claim.leader || first.reported {
                return;
            }
            first.reported = true;
            let same = (first.observed.node, first.observed.incarnation);
            let name = if same == (claim.observed.node, claim.observed.incarnation) {
                "leader-changed-in-epoch"
            } else {
                "two-leaders-in-epoch"
            };
            outcome.violation(name, || two_leaders(context, first, &claim));
        }
    }
}

fn two_leaders(context: &Context, first: &First, second: &First) -> Case {
    let (key, epoch) = (first.claim.key, first.claim.epoch);
    let said = |claim: &First| {
        format!(
            "node {} named node {} as leader, with ISR {}, in its answer at {}",
            claim.observed.node,
            claim.leader,
            isr(&claim.claim.isr),
            seconds(claim.time)
        )
    };
    Case {
        nodes: distinct([first.leader, second.leader]),
        epoch: Some(epoch),
        story: vec![
            format!(
                "{} had two leaders in epoch {epoch}: nodes {} and {}.",
                context.name(key),
                first.leader,
                second.leader
            ),
            format!("For this epoch {}; and {}.", said(first), said(second)),
            context.faults_sentence(second.time),
        ],
        ..context.case(second.time, key)
    }
}

fn went_back(context: &Context, time: u64, observed: &Observed, claim: &Claim, before: Height) -> Case {
    let node = observed.node;
    Case {
        nodes: distinct([node].into_iter().chain(claim.leader)),
        epoch: Some(claim.epoch),
        story: vec![
            format!(
                "Node {node} went back from epoch {} to epoch {} of {}.",
                before.epoch,
                claim.epoch,
                context.name(claim.key)
            ),
            format!(
                "Its answer at {} named node {} leader in epoch {}; asked again at {}, the same process (start {}) named node {} leader in epoch {} at {}.",
                seconds(before.answered),
                before.leader,
                before.epoch,
                seconds(observed.asked),
                u64::from(observed.incarnation) + 1,
                claim.leader.unwrap_or_default(),
                claim.epoch,
                seconds(time)
            ),
            context.faults_sentence(time),
        ],
        ..context.case(time, claim.key)
    }
}

fn deposed(context: &Context, outcome: &mut Outcome) {
    let mut deposed = context.timeline.deposed();
    deposed.sort_by_key(|belief| std::cmp::Reverse(belief.until - belief.since));
    for belief in deposed.iter().take(DEPOSED_MAX) {
        let by = belief.newer_leader.map_or_else(
            || "no leader".to_owned(),
            |leader| format!("node {leader} as leader"),
        );
        outcome.note(format!(
            "node {} still named itself leader of {} in epoch {} {} after another broker had first shown {by} in epoch {} at {}",
            belief.node,
            context.name(belief.key),
            belief.epoch,
            seconds(belief.until - belief.since),
            belief.newer_epoch,
            seconds(belief.since)
        ));
    }
    if deposed.len() > DEPOSED_MAX {
        outcome.note(format!(
            "and {} more deposed leaders did so",
            deposed.len() - DEPOSED_MAX
        ));
    }
}
