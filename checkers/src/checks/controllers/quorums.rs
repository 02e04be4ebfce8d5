//! What the answers of the controllers show, taken down as the history is walked.

use std::collections::BTreeMap;

use history::{NodeId, Observed, Offset, Probe};

use crate::outcome::Kept;
use crate::succession::{Height, Succession};

/// What the observer calls the question to the controllers.
const QUESTION: &str = "quorum";
/// An answer holds until the next one that is recorded, which is once a second. Where none came for longer the process said nothing,
/// and may have been asleep.
const HOLDS: u64 = 1_500_000_000;
/// Reigns that are kept: a hostile history has as many as it has lines.
const REIGNS_MAX: usize = 100_000;

/// An answer of a controller that leads.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) time: u64,
    pub(super) asked: u64,
    pub(super) node: NodeId,
    pub(super) incarnation: u32,
    pub(super) leader: NodeId,
    pub(super) term: i32,
}

/// What is wrong with an answer, and the earlier one that shows it.
pub(super) enum Wrong {
    TwoLeaders { first: Answer },
    WentBack { before: Height },
}

/// A controller that answered as the leader of a term, each time that it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reign {
    pub(super) node: NodeId,
    pub(super) incarnation: u32,
    pub(super) term: i32,
    /// When its first answer came: it led by then.
    pub(super) from: u64,
    /// When it was asked for its last answer: it still led.
    pub(super) until: u64,
}

/// What the answers of the controllers show.
#[derive(Default)]
pub(crate) struct Quorums {
    /// The first answer of each term, and whether another was reported that contradicts it.
    pub(super) terms: BTreeMap<i32, (Answer, bool)>,
    /// Up to where the leader of each term had committed the metadata log, as it said last.
    pub(super) committed: BTreeMap<i32, Offset>,
    pub(super) reigns: Vec<Reign>,
    /// The reign of each node that has not been interrupted, and when it was last recorded.
    open: BTreeMap<NodeId, (usize, u64)>,
    successions: BTreeMap<(NodeId, u32), Succession>,
    pub(super) wrong: [Kept<(Answer, Wrong)>; 2],
}

impl Quorums {
    /// The process that led a term, by its own word.
    pub(crate) fn leader_of(&self, term: i32) -> Option<(NodeId, u32)> {
        let (answer, _) = self.terms.get(&term)?;
        (answer.leader == answer.node).then_some((answer.node, answer.incarnation))
    }

    /// The next answer.
    pub(crate) fn observed(&mut self, time: u64, observed: &Observed) {
        let quorum = match &observed.answer {
            Probe::Quorum(quorum) => quorum,
            Probe::NotLeader => {
                self.open.remove(&observed.node);
                return;
            }
            Probe::Silent(silence) if silence.asked_for == QUESTION => {
                self.open.remove(&observed.node);
                return;
            }
            _ => return,
        };
        let answer = Answer {
            time,
            asked: observed.asked,
            node: observed.node,
            incarnation: observed.incarnation,
            leader: quorum.leader,
            term: quorum.epoch,
        };
        let committed = self.committed.entry(answer.term).or_insert(quorum.high_watermark);
        *committed = quorum.high_watermark.max(*committed);
        self.in_term(answer);
        self.reign(&answer);
    }

    /// Holds it against the other answers of its term, and of its process.
    fn in_term(&mut self, answer: Answer) {
        let (first, reported) = self.terms.entry(answer.term).or_insert((answer, false));
        if first.leader != answer.leader && !*reported {
            *reported = true;
            let first = *first;
            self.wrong[0].push(|| (answer, Wrong::TwoLeaders { first }));
        }
        let process = (answer.node, answer.incarnation);
        let succession = self.successions.entry(process).or_default();
        if let Some(before) = succession.next(answer.asked, answer.time, answer.term, answer.leader) {
            self.wrong[1].push(|| (answer, Wrong::WentBack { before }));
        }
    }

    fn reign(&mut self, answer: &Answer) {
        // What one says of another is hearsay.
        if answer.leader != answer.node {
            self.open.remove(&answer.node);
            return;
        }
        if let Some((number, recorded)) = self.open.get_mut(&answer.node) {
            let reign = &mut self.reigns[*number];
            let same = (reign.incarnation, reign.term) == (answer.incarnation, answer.term);
            if same && answer.time.saturating_sub(*recorded) <= HOLDS {
                reign.until = reign.until.max(answer.asked);
                *recorded = answer.time;
                return;
            }
        }
        if self.reigns.len() < REIGNS_MAX {
            self.open.insert(answer.node, (self.reigns.len(), answer.time));
            self.reigns.push(Reign {
                node: answer.node,
                incarnation: answer.incarnation,
                term: answer.term,
                from: answer.time,
                until: answer.asked,
            });
        }
    }
}
