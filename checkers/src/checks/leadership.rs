//! A partition has one leader in each epoch, and no broker process ever goes back to an earlier epoch.
//!
//! What a broker says is its cache's, so two leaders in *different* epochs are normal for a while after an
//! election; how long each deposed leader went on naming itself is told, and no violation. A claim without a
//! leader is no claim.

use std::collections::BTreeMap;

use history::{Claim, Key, NodeId, Observed, Probe};

use crate::anomaly::{EPOCH_WENT_BACK, LEADER_CHANGED_IN_EPOCH, TWO_LEADERS_IN_EPOCH};
use crate::context::{Context, distinct, with_faults};
use crate::outcome::{Kept, Outcome};
use crate::succession::{Height, Succession};
use crate::text::{isr, seconds};
use crate::verdict::Case;

/// Deposed leaders that are named in the reasons.
const DEPOSED_MAX: usize = 20;

/// A claim that names a leader, and the answer that made it.
#[derive(Clone)]
struct Claimed {
    time: u64,
    asked: u64,
    node: NodeId,
    incarnation: u32,
    key: Key,
    epoch: i32,
    leader: NodeId,
    isr: Vec<NodeId>,
}

/// The first claim on an epoch.
struct First {
    claimed: Claimed,
    /// Whether another was reported that contradicts it.
    reported: bool,
}

/// What the claims of the brokers show.
#[derive(Default)]
pub(crate) struct Claims {
    epochs: BTreeMap<(Key, i32), First>,
    successions: BTreeMap<(NodeId, u32, Key), Succession>,
    two_leaders: Kept<(Claimed, Claimed)>,
    changed: Kept<(Claimed, Claimed)>,
    went_back: Kept<(Claimed, Height)>,
}

impl Claims {
    /// The next answer.
    pub(crate) fn observed(&mut self, time: u64, observed: &Observed) {
        let Probe::Metadata(metadata) = &observed.answer else {
            return;
        };
        for claim in &metadata.claims {
            if let Some(leader) = claim.leader {
                self.claim(time, observed, claim, leader);
            }
        }
    }

    fn claim(&mut self, time: u64, observed: &Observed, claim: &Claim, leader: NodeId) {
        let claimed = || Claimed {
            time,
            asked: observed.asked,
            node: observed.node,
            incarnation: observed.incarnation,
            key: claim.key,
            epoch: claim.epoch,
            leader,
            isr: claim.isr.clone(),
        };
        let process = (observed.node, observed.incarnation);
        let first = self
            .epochs
            .entry((claim.key, claim.epoch))
            .or_insert_with(|| First {
                claimed: claimed(),
                reported: false,
            });
        if first.claimed.leader != leader && !first.reported {
            first.reported = true;
            let same = process == (first.claimed.node, first.claimed.incarnation);
            let found = if same {
                &mut self.changed
            } else {
                &mut self.two_leaders
            };
            found.push(|| (first.claimed.clone(), claimed()));
        }
        let succession = self.successions.entry((process.0, process.1, claim.key));
        let before = succession
            .or_default()
            .next(observed.asked, time, claim.epoch, leader);
        if let Some(before) = before {
            self.went_back.push(|| (claimed(), before));
        }
    }
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let claims = &context.claims;
    outcome.violations(TWO_LEADERS_IN_EPOCH, &claims.two_leaders, |(first, second)| {
        two_leaders(context, first, second)
    });
    outcome.violations(LEADER_CHANGED_IN_EPOCH, &claims.changed, |(first, second)| {
        two_leaders(context, first, second)
    });
    outcome.violations(EPOCH_WENT_BACK, &claims.went_back, |(claimed, before)| {
        went_back(context, claimed, *before)
    });
    deposed(context, &mut outcome);
    outcome
}

fn two_leaders(context: &Context, first: &Claimed, second: &Claimed) -> Case {
    let (key, epoch) = (first.key, first.epoch);
    let said = |claimed: &Claimed| {
        format!(
            "node {} named node {} as leader, with ISR {}, in its answer at {}",
            claimed.node,
            claimed.leader,
            isr(&claimed.isr),
            seconds(claimed.time)
        )
    };
    Case {
        nodes: distinct([first.leader, second.leader]),
        epoch: Some(epoch),
        story: with_faults(
            context,
            second.time,
            vec![
                format!(
                    "{} had two leaders in epoch {epoch}: nodes {} and {}.",
                    context.name(key),
                    first.leader,
                    second.leader
                ),
                format!("For this epoch {}; and {}.", said(first), said(second)),
            ],
        ),
        ..context.case(second.time, key)
    }
}

fn went_back(context: &Context, claimed: &Claimed, before: Height) -> Case {
    let node = claimed.node;
    Case {
        nodes: distinct([node, claimed.leader]),
        epoch: Some(claimed.epoch),
        story: with_faults(
            context,
            claimed.time,
            vec![
                format!(
                    "Node {node} went back from epoch {} to epoch {} of {}.",
                    before.epoch,
                    claimed.epoch,
                    context.name(claimed.key)
                ),
                format!(
                    "Its answer at {} named node {} leader in epoch {}; asked again at {}, the same process (start {}) named node {} leader in epoch {} at {}.",
                    seconds(before.answered),
                    before.leader,
                    before.epoch,
                    seconds(claimed.asked),
                    u64::from(claimed.incarnation) + 1,
                    claimed.leader,
                    claimed.epoch,
                    seconds(claimed.time)
                ),
            ],
        ),
        ..context.case(claimed.time, claimed.key)
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
