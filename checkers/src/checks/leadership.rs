//! A partition has one leader in each epoch, and no broker process ever goes back to an earlier epoch.
//! Who is elected is an in-sync or an eligible replica.
//!
//! What a broker says is its cache's, so two leaders in *different* epochs are normal for a while after an election. Whoever
//! answers as leader (`ListOffsets` and `OffsetForLeaderEpoch` in that epoch) believes in it: that is stronger than a claim.
//! A claim without a leader is no claim. How long each deposed leader went on naming itself, answering, and serving is told,
//! and is no violation; what it acknowledged meanwhile and was lost is `split-brain-loss`.

mod claims;
mod deposed;
mod elections;
mod held;
mod loss;

use history::Observed;

pub use deposed::{Deposition, Depositions, ServedOn};

use self::claims::Claimed;
use self::held::Beliefs;
use crate::anomaly::{EPOCH_WENT_BACK, LEADER_CHANGED_IN_EPOCH, TWO_LEADERS_IN_EPOCH};
use crate::context::{Context, distinct, with_faults};
use crate::outcome::Outcome;
use crate::succession::Height;
use crate::text::{isr, seconds};
use crate::verdict::Case;

/// What the answers of the brokers show.
#[derive(Default)]
pub(crate) struct Claims {
    claims: claims::Claims,
    beliefs: Beliefs,
}

impl Claims {
    /// The next answer.
    pub(crate) fn observed(&mut self, time: u64, observed: &Observed) {
        self.claims.observed(time, observed);
        self.beliefs.observed(time, observed);
    }
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let claims = &context.claims.claims;
    outcome.violations(TWO_LEADERS_IN_EPOCH, &claims.two_leaders, |(first, second)| {
        two_leaders(context, first, second)
    });
    outcome.violations(LEADER_CHANGED_IN_EPOCH, &claims.changed, |(first, second)| {
        two_leaders(context, first, second)
    });
    outcome.violations(EPOCH_WENT_BACK, &claims.went_back, |(claimed, before)| {
        went_back(context, claimed, *before)
    });
    elections::find(context, &mut outcome);
    let (mut depositions, lost) = (deposed::of(context), loss::Lost::of(context));
    loss::count(context, &lost, &mut depositions.leaders);
    loss::find(context, &lost, &depositions, &mut outcome);
    deposed::tell(context, &depositions, &mut outcome);
    outcome.depositions = depositions.first();
    outcome
}

fn two_leaders(context: &Context, first: &Claimed, second: &Claimed) -> Case {
    let (key, epoch) = (first.key, first.epoch);
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

fn said(claimed: &Claimed) -> String {
    let Claimed { node, leader, .. } = claimed;
    match &claimed.isr {
        Some(in_sync) => format!(
            "node {node} named node {leader} as leader, with ISR {}, in its answer at {}",
            isr(in_sync),
            seconds(claimed.time)
        ),
        None => format!(
            "node {node} was asked in that epoch and answered as leader at {}",
            seconds(claimed.time)
        ),
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
                back_in_words(claimed, before),
            ],
        ),
        ..context.case(claimed.time, claimed.key)
    }
}

fn back_in_words(claimed: &Claimed, before: Height) -> String {
    let process = u64::from(claimed.incarnation) + 1;
    let (answered, asked, time) = (
        seconds(before.answered),
        seconds(claimed.asked),
        seconds(claimed.time),
    );
    if claimed.isr.is_none() {
        return format!(
            "It answered as leader in epoch {} at {answered}; asked again at {asked}, the same process (start {process}) answered as leader in epoch {} at {time}.",
            before.epoch, claimed.epoch
        );
    }
    format!(
        "Its answer at {answered} named node {} leader in epoch {}; asked again at {asked}, the same process (start {process}) named node {} leader in epoch {} at {time}.",
        before.leader, before.epoch, claimed.leader, claimed.epoch
    )
}
