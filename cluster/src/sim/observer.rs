//! The observer: asks every node what it believes, over a side channel that no fault cuts.

use std::collections::BTreeMap;

use history::{Claim, Key, Metadata, NodeId, Observed, Probe, Quorum, QuorumReplica, Silence, What};

use super::node::Process;
use super::settings::MILLISECOND;
use super::world::{Event, World};

/// An answer comes within this time.
const ANSWER_WITHIN: u64 = 500 * MILLISECOND;
/// An answer like the one before is recorded this long after it.
const REPEAT_AFTER: u64 = 1_000 * MILLISECOND;

/// What the observer has recorded.
pub(super) struct Observer {
    /// By node, then by question: when what was recorded last.
    recorded: BTreeMap<(NodeId, bool), (u64, u32, Probe)>,
    on: bool,
}

impl Observer {
    pub(super) fn new() -> Self {
        Self {
            recorded: BTreeMap::new(),
            on: true,
        }
    }
}

impl World {
    /// Nobody asks any more.
    pub fn stop_observing(&mut self) {
        self.observer.on = false;
    }

    pub(super) fn probe(&mut self) {
        if !self.observer.on {
            return;
        }
        self.push(self.now + self.settings.timing.probe, Event::Probe);
        for node in self.ids() {
            let asked = self.now;
            let at = asked + self.delay();
            self.push(at, Event::Answer { node, asked });
        }
    }

    /// The time for an answer has come.
    pub(super) fn observe(&mut self, node: NodeId, asked: u64) {
        if !self.observer.on {
            return;
        }
        let late = self.now >= asked + ANSWER_WITHIN;
        if self.node(node).paused && self.node(node).process != Process::Down && !late {
            return self.push(asked + ANSWER_WITHIN, Event::Answer { node, asked });
        }
        let metadata = self.metadata_answer(node);
        let quorum = self.quorum_answer(node);
        self.record(node, asked, false, metadata);
        self.record(node, asked, true, quorum);
    }

    fn record(&mut self, node: NodeId, asked: u64, of_quorum: bool, answer: Probe) {
        let incarnation = self.node(node).incarnation;
        if let Some((at, before, recorded)) = self.observer.recorded.get(&(node, of_quorum))
            && *before == incarnation
            && *recorded == answer
            && self.now - at < REPEAT_AFTER
        {
            return;
        }
        let now = self.now;
        let kept = (now, incarnation, answer.clone());
        self.observer.recorded.insert((node, of_quorum), kept);
        self.see(What::Observed(Observed {
            node,
            incarnation,
            asked,
            answer,
        }));
    }

    fn silence(&self, node: NodeId, asked_for: &str) -> Option<Probe> {
        let reason = match (self.node(node).process, self.node(node).paused) {
            (Process::Down, _) => "connection refused",
            (_, true) => "no answer in 500 ms",
            (Process::Starting, _) if asked_for == "metadata" => "connection refused",
            _ => return None,
        };
        Some(Probe::Silent(Silence {
            asked_for: asked_for.to_owned(),
            reason: reason.to_owned(),
        }))
    }

    fn metadata_answer(&self, node: NodeId) -> Probe {
        if let Some(silence) = self.silence(node, "metadata") {
            return silence;
        }
        let claims = (0..self.keys()).map(|key: Key| {
            let told = self.told(node, key);
            Claim {
                key,
                leader: told.leader,
                epoch: told.epoch,
                isr: told.isr.iter().collect(),
            }
        });
        Probe::Metadata(Metadata {
            claims: claims.collect(),
        })
    }

    fn quorum_answer(&self, node: NodeId) -> Probe {
        if let Some(silence) = self.silence(node, "quorum") {
            return silence;
        }
        let Some(term) = self.claimed_term(node) else {
            return Probe::NotLeader;
        };
        let voters = self.nodes.iter().map(|voter| QuorumReplica {
            node: voter.id,
            end: voter.applied as i64,
        });
        Probe::Quorum(Quorum {
            leader: node,
            epoch: term,
            high_watermark: self.node(node).applied as i64,
            voters: voters.collect(),
        })
    }
}
