//! The controllers' quorum has one leader in each term, no controller process ever goes back to an earlier term, and what was
//! committed is the same on all nodes.
//!
//! Two active controllers in different terms are normal for a moment: the deposed one has not heard yet. A leader that
//! no majority fetches from resigns after one and a half fetch timeouts (`LeaderState.checkQuorumTimeoutMs`, Kafka 3.7 and
//! newer), so a longer time side by side is a violation where the plan's limit says so. Terms that were raised for
//! nothing, and elections after healing, are told.

mod overlap;
mod quorums;
mod raised;
mod record;

use crate::anomaly::{TERM_WENT_BACK, TWO_CONTROLLERS_IN_TERM};
use crate::context::{Context, distinct, with_faults};
use crate::outcome::Outcome;
use crate::succession::Height;
use crate::text::seconds;
use crate::verdict::Case;

pub(crate) use quorums::Quorums;

use quorums::{Answer, Wrong};

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let names = [TWO_CONTROLLERS_IN_TERM, TERM_WENT_BACK];
    for (name, wrong) in names.into_iter().zip(&context.quorums.wrong) {
        outcome.violations(name, wrong, |(answer, wrong)| match wrong {
            Wrong::TwoLeaders { first } => two_leaders(context, first, answer),
            Wrong::WentBack { before } => went_back(context, answer, *before),
        });
    }
    overlap::judge(context, &mut outcome);
    record::judge(context, &mut outcome);
    raised::note(context, &mut outcome);
    outcome
}

fn two_leaders(context: &Context, first: &Answer, second: &Answer) -> Case {
    Case {
        nodes: distinct([first.leader, second.leader]),
        epoch: Some(second.term),
        story: with_faults(
            context,
            second.time,
            vec![
                format!(
                    "The controllers' quorum had two leaders in term {}: nodes {} and {}.",
                    second.term, first.leader, second.leader
                ),
                format!(
                    "Node {} named node {} at {}; node {} named node {} at {}.",
                    first.node,
                    first.leader,
                    seconds(first.time),
                    second.node,
                    second.leader,
                    seconds(second.time)
                ),
            ],
        ),
        ..context.case_of_cluster(second.time)
    }
}

fn went_back(context: &Context, answer: &Answer, before: Height) -> Case {
    let node = answer.node;
    Case {
        nodes: distinct([node, answer.leader]),
        epoch: Some(answer.term),
        story: with_faults(
            context,
            answer.time,
            vec![
                format!(
                    "Controller {node} went back from term {} to term {}.",
                    before.epoch, answer.term
                ),
                format!(
                    "Its answer at {} named node {} leader of term {}; asked again at {}, the same process (start {}) named node {} leader of term {} at {}.",
                    seconds(before.answered),
                    before.leader,
                    before.epoch,
                    seconds(answer.asked),
                    u64::from(answer.incarnation) + 1,
                    answer.leader,
                    answer.term,
                    seconds(answer.time)
                ),
            ],
        ),
        ..context.case_of_cluster(answer.time)
    }
}
