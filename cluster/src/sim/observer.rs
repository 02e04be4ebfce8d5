//! The observer: asks every node what it believes, over a side channel that no fault cuts.

use std::collections::BTreeMap;

use history::{
    Claim, Eligible, Key, Metadata, NodeId, Observed, Partitions, Probe, Quorum, QuorumReplica, Silence,
    Stand, Stands, What,
};

use super::node::{Process, Role};
use super::settings::MILLISECOND;
use super::world::{Event, World};

/// An answer comes within this time.
const ANSWER_WITHIN: u64 = 500 * MILLISECOND;
/// An answer like the one before is recorded this long after it.
const REPEAT_AFTER: u64 = 1_000 * MILLISECOND;

/// A question, by its name in silences, and what answers it.
type Question = (&'static str, fn(&World, NodeId) -> Probe);

/// What each node is asked.
const QUESTIONS: [Question; 4] = [
    ("metadata", World::metadata_answer),
    ("partitions", World::partitions_answer),
    ("stands", World::stands_answer),
    ("quorum", World::quorum_answer),
];

/// What the observer has recorded.
pub(super) struct Observer {
    /// By node, then by question: when what was recorded last.
    recorded: BTreeMap<(NodeId, &'static str), (u64, u32, Probe)>,
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
        for (question, answer_to) in QUESTIONS {
            let answer = self
                .silence(node, question)
                .unwrap_or_else(|| answer_to(self, node));
            self.record(node, asked, question, answer);
        }
    }

    fn record(&mut self, node: NodeId, asked: u64, question: &'static str, answer: Probe) {
        let incarnation = self.node(node).incarnation;
        if let Some((at, before, recorded)) = self.observer.recorded.get(&(node, question))
            && *before == incarnation
            && says_the_same(recorded, &answer)
            && self.now - at < REPEAT_AFTER
        {
            return;
        }
        let now = self.now;
        let kept = (now, incarnation, answer.clone());
        self.observer.recorded.insert((node, question), kept);
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
            (Process::Starting, _) if asked_for != "quorum" => "connection refused",
            _ => return None,
        };
        Some(Probe::Silent(Silence {
            asked_for: asked_for.to_owned(),
            reason: reason.to_owned(),
        }))
    }

    fn metadata_answer(&self, node: NodeId) -> Probe {
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

    /// Nobody is eligible beside the ISR here.
    fn partitions_answer(&self, node: NodeId) -> Probe {
        let known = (0..self.keys()).map(|key: Key| {
            let told = self.told(node, key);
            Eligible {
                key,
                leader: told.leader,
                epoch: told.epoch,
                isr: told.isr.iter().collect(),
                elr: Vec::new(),
                last_known: Vec::new(),
            }
        });
        Probe::Partitions(Partitions {
            partitions: known.collect(),
        })
    }

    fn stands_answer(&self, node: NodeId) -> Probe {
        let stands = (0..self.keys()).filter_map(|key: Key| self.stand(node, key));
        Probe::Stands(Stands {
            stands: stands.collect(),
        })
    }

    /// What a node that names itself leader answers as leader in that epoch. One that lies about itself lies here as well.
    fn stand(&self, node: NodeId, key: Key) -> Option<Stand> {
        let told = self.told(node, key);
        if told.leader != Some(node) {
            return None;
        }
        let replica = self.node(node).replicas[key as usize].as_ref()?;
        let leads = matches!(&replica.role, Role::Leader(leading) if leading.epoch == told.epoch);
        let answers = leads || told != self.node(node).cache[key as usize];
        Some(Stand {
            key,
            epoch: told.epoch,
            high_watermark: answers.then_some(replica.high_watermark),
            end: answers.then(|| replica.log.end()),
            refused: (!answers).then(|| "NOT_LEADER_OR_FOLLOWER".to_owned()),
        })
    }

    /// Up to where a leader of that term knows the decisions to be committed: what a later one decided is none of its own.
    fn committed_by(&self, node: NodeId, term: i32) -> usize {
        let known = &self.controller.decisions[..self.node(node).applied];
        known.partition_point(|decision| decision.term <= term)
    }

    fn quorum_answer(&self, node: NodeId) -> Probe {
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
            high_watermark: self.committed_by(node, term) as i64,
            voters: voters.collect(),
        })
    }
}

/// Whether two answers say the same: ends of logs always grow.
fn says_the_same(one: &Probe, other: &Probe) -> bool {
    let (Probe::Stands(one), Probe::Stands(other)) = (one, other) else {
        return one == other;
    };
    let stance = |stand: &Stand| (stand.key, stand.epoch, stand.refused.is_some());
    one.stands.iter().map(stance).eq(other.stands.iter().map(stance))
}
