//! The controllers' quorum has one leader in each term, and no controller process ever goes back to an earlier term.
//!
//! Two active controllers in different terms are normal for a moment: the deposed one has not heard yet.

use std::collections::BTreeMap;

use history::{NodeId, Observed, Probe, Quorum, What};

use crate::context::{Context, distinct};
use crate::outcome::Outcome;
use crate::succession::{Height, Succession};
use crate::text::seconds;
use crate::verdict::Case;

/// The first answer that named a term.
struct First {
    time: u64,
    node: NodeId,
    leader: NodeId,
    reported: bool,
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let mut terms: BTreeMap<i32, First> = BTreeMap::new();
    let mut successions: BTreeMap<(NodeId, u32), Succession> = BTreeMap::new();
    for event in &context.history.events {
        let What::Observed(observed) = &event.what else {
            continue;
        };
        let Probe::Quorum(quorum) = &observed.answer else {
            continue;
        };
        let first = terms.entry(quorum.epoch).or_insert(First {
            time: event.time,
            node: observed.node,
            leader: quorum.leader,
            reported: false,
        });
        if first.leader != quorum.leader && !first.reported {
            first.reported = true;
            outcome.violation("two-controllers-in-term", || {
                two_leaders(context, event.time, first, observed, quorum)
            });
        }
        let succession = successions
            .entry((observed.node, observed.incarnation))
            .or_default();
        if let Some(before) = succession.next(observed.asked, event.time, quorum.epoch, quorum.leader) {
            outcome.violation("term-went-back", || {
                went_back(context, event.time, observed, quorum, before)
            });
        }
    }
    outcome
}

fn two_leaders(context: &Context, time: u64, first: &First, observed: &Observed, quorum: &Quorum) -> Case {
    Case {
        nodes: distinct([first.leader, quorum.leader]),
        epoch: Some(quorum.epoch),
        story: vec![
            format!(
                "The controllers' quorum had two leaders in term {}: nodes {} and {}.",
                quorum.epoch, first.leader, quorum.leader
            ),
            format!(
                "Node {} named node {} at {}; node {} named node {} at {}.",
                first.node,
                first.leader,
                seconds(first.time),
                observed.node,
                quorum.leader,
                seconds(time)
            ),
            context.faults_sentence(time),
        ],
        ..at(context, time)
    }
}

fn went_back(context: &Context, time: u64, observed: &Observed, quorum: &Quorum, before: Height) -> Case {
    let node = observed.node;
    Case {
        nodes: distinct([node, quorum.leader]),
        epoch: Some(quorum.epoch),
        story: vec![
            format!(
                "Controller {node} went back from term {} to term {}.",
                before.epoch, quorum.epoch
            ),
            format!(
                "Its answer at {} named node {} leader of term {}; asked again at {}, the same process (start {}) named node {} leader of term {} at {}.",
                seconds(before.answered),
                before.leader,
                before.epoch,
                seconds(observed.asked),
                u64::from(observed.incarnation) + 1,
                quorum.leader,
                quorum.epoch,
                seconds(time)
            ),
            context.faults_sentence(time),
        ],
        ..at(context, time)
    }
}

fn at(context: &Context, time: u64) -> Case {
    Case {
        time,
        faults: context.timeline.faults_at(time).map(|fault| fault.id).collect(),
        ..Case::default()
    }
}
