//! What clients wrote to the story's partition in that time.

use std::collections::{BTreeMap, BTreeSet};

use checkers::Story;
use history::{F, NodeId, Offset, Op, What};

use crate::chart::Span;
use crate::run::Run;

/// The picture tells no more moments apart than this.
const BINS: u64 = 400;

/// The moments at which writes ended, each once.
#[derive(Default)]
pub(super) struct Writes {
    /// By broker and whether they are lost.
    acknowledged: BTreeMap<(NodeId, bool), BTreeSet<u64>>,
    /// In the order of [`OUTCOMES`].
    outcomes: [Vec<u64>; 3],
}

/// Class and name of each way to end.
const OUTCOMES: [(&str, &str); 3] = [
    ("ok-tick", "ok"),
    ("info-tick", "in a way that nobody knows"),
    ("fail-tick", "in failure"),
];

impl Writes {
    pub(super) fn of(run: &Run<'_>, story: &Story, span: Span) -> Self {
        let mut writes = Self::default();
        let step = (span.length() / BINS).max(1);
        let mut ended: [BTreeSet<u64>; 3] = Default::default();
        for event in &run.input.history.events {
            let (outcome, op) = match &event.what {
                What::Ok(op) => (0, op),
                What::Info(op) => (1, op),
                What::Fail(op) => (2, op),
                _ => continue,
            };
            let Op { f: F::Send(send), .. } = op else { continue };
            if send.key != story.key || !span.meets(event.time, event.time) {
                continue;
            }
            let time = event.time / step * step;
            ended[outcome].insert(time);
            if let (0, Some(node)) = (outcome, send.broker) {
                let lost = is_of(story, node, send.offset, event.time);
                writes.acknowledged.entry((node, lost)).or_default().insert(time);
            }
        }
        writes.outcomes = ended.map(|times| times.into_iter().collect());
        writes
    }

    /// When a node acknowledged what is kept, and what is lost.
    pub(super) fn acknowledged(&self, node: NodeId) -> (Vec<u64>, Vec<u64>) {
        let times = |lost: bool| {
            let times = self.acknowledged.get(&(node, lost));
            times.into_iter().flatten().copied().collect()
        };
        (times(false), times(true))
    }

    /// When writes ended, by how.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&'static str, &'static str, &[u64])> {
        let all = OUTCOMES.iter().zip(&self.outcomes);
        all.map(|((class, name), times)| (*class, *name, times.as_slice()))
    }
}

/// Whether an acknowledgement is one of the story's.
fn is_of(story: &Story, node: NodeId, offset: Option<Offset>, time: u64) -> bool {
    let within = offset.is_some_and(|offset| Some(offset) >= story.first && Some(offset) <= story.last);
    story.broker == Some(node) && within && (story.from..=story.until).contains(&time)
}
