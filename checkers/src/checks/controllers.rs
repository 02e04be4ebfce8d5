//! The controllers' quorum has one leader in each term, and no controller process ever goes back to an earlier term.
//!
//! Two active controllers in different terms are normal for a moment: the deposed one has not heard yet.

use std::collections::BTreeMap;

use history::{NodeId, Observed, Probe};

use crate::anomaly::{TERM_WENT_BACK, TWO_CONTROLLERS_IN_TERM};
use crate::context::{Context, distinct, with_faults};
use crate::outcome::{Kept, Outcome};
use crate::succession::{Height, Succession};
use crate::text::seconds;
use crate::verdict::Case;

/// An answer of a controller that leads.
#[derive(Clone, Copy)]
struct Answer {
    time: u64,
    asked: u64,
    node: NodeId,
    incarnation: u32,
    leader: NodeId,
    term: i32,
}

/// What is wrong with an answer, and the earlier one that shows it.
enum Wrong {
    TwoLeaders { first: Answer },
    WentBack { before: Height },
}

/// What the answers of the controllers show.
#[derive(Default)]
pub(crate) struct Quorums {
    /// The first answer of each term, and whether another was reported that contradicts it.
    terms: BTreeMap<i32, (Answer, bool)>,
    successions: BTreeMap<(NodeId, u32), Succession>,
    wrong: [Kept<(Answer, Wrong)>; 2],
}

impl Quorums {
    /// The next answer.
    pub(crate) fn observed(&mut self, time: u64, observed: &Observed) {
        let Probe::Quorum(quorum) = &observed.answer else {
            return;
        };
        let answer = Answer {
            time,
            asked: observed.asked,
            node: observed.node,
            incarnation: observed.incarnation,
            leader: quorum.leader,
            term: quorum.epoch,
        };
        let (first, reported) = self.terms.entry(answer.term).or_insert((answer, false));
        if first.leader != answer.leader && !*reported {
            *reported = true;
            let first = *first;
            self.wrong[0].push(|| (answer, Wrong::TwoLeaders { first }));
        }
        let process = (answer.node, answer.incarnation);
        let succession = self.successions.entry(process).or_default();
        if let Some(before) = succession.next(answer.asked, time, answer.term, answer.leader) {
            self.wrong[1].push(|| (answer, Wrong::WentBack { before }));
        }
    }
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let names = [TWO_CONTROLLERS_IN_TERM, TERM_WENT_BACK];
    for (name, wrong) in names.into_iter().zip(&context.quorums.wrong) {
        outcome.violations(name, wrong, |(answer, wrong)| match wrong {
            Wrong::TwoLeaders { first } => two_leaders(context, first, answer),
            Wrong::WentBack { before } => went_back(context, answer, *before),
        });
    }
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
