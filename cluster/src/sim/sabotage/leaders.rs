//! Bugs of leaders and controllers: who leads, and in which epoch.

use history::{Key, NodeId};

use super::{AGAIN_AFTER, Stale};
use crate::sim::bug::Bug;
use crate::sim::node::Leadership;
use crate::sim::nodes::NodeSet;
use crate::sim::settings::MILLISECOND;
use crate::sim::world::World;

/// Acknowledgements of a stale leader that are enough.
const STALE_ENOUGH: u32 = 3;
/// How long a stale leader has to find a client that still believes in it.
const STALE_FOR: u64 = 3_000 * MILLISECOND;

impl World {
    /// A partition with an awake leader and another awake node in its ISR, beginning at one that is drawn.
    fn contested(&mut self) -> Option<(Key, NodeId, NodeId)> {
        let keys = self.keys();
        let first = self.dice.below(u64::from(keys)) as Key;
        (0..keys).map(|turn| (first + turn) % keys).find_map(|key| {
            let decided = self.controller.state[key as usize];
            let leader = decided.leader.filter(|leader| self.answers(*leader))?;
            let mut others = decided.isr.without(leader).iter();
            let other = others.find(|node| self.answers(*node) && !self.controller.fenced.contains(*node))?;
            Some((key, leader, other))
        })
    }

    /// Long enough for the observer to have seen what a node claims.
    fn observed_after(&self) -> u64 {
        4 * self.settings.timing.probe
    }

    pub(super) fn stale_leader(&mut self, step: u32) -> Option<(u64, u32)> {
        if step == 0 {
            let Some((key, leader, other)) = self.contested() else {
                return Some((AGAIN_AFTER, 0));
            };
            if self.move_leader(key, other) {
                self.sabotage.stale = Some(Stale {
                    node: leader,
                    key,
                    since: self.now,
                    acknowledged: 0,
                });
                return Some((AGAIN_AFTER, 1));
            }
            return Some((AGAIN_AFTER, 0));
        }
        let stale = self.sabotage.stale?;
        let enough = stale.acknowledged >= STALE_ENOUGH;
        if !enough && self.now - stale.since < STALE_FOR {
            return Some((AGAIN_AFTER, 1));
        }
        self.sabotage.stale = None;
        self.wake_up(stale.node, stale.key);
        if stale.acknowledged > 0 {
            self.fire(Bug::StaleLeader);
            return None;
        }
        Some((AGAIN_AFTER, 0))
    }

    /// A node acts on what its cache says of a partition.
    fn wake_up(&mut self, node: NodeId, key: Key) {
        if self.answers(node) {
            let known = self.node(node).cache[key as usize];
            self.assume_role(node, key, &known);
        }
    }

    /// Whether a node does not notice what is decided about a partition.
    pub(in crate::sim) fn is_deaf(&self, node: NodeId, key: Key) -> bool {
        let stale = self.sabotage.stale.as_ref();
        stale.is_some_and(|stale| (stale.node, stale.key) == (node, key))
    }

    /// Whether a leader acknowledges without its followers.
    pub(in crate::sim) fn acknowledges_alone(&self, node: NodeId, key: Key) -> bool {
        self.is_deaf(node, key)
    }

    /// A follower gets nothing until it is out of the ISR and lacks what was acknowledged; then it is elected.
    pub(super) fn unclean_leader(&mut self, step: u32) -> Option<(u64, u32)> {
        if step == 0 {
            let Some((key, _, follower)) = self.contested() else {
                return Some((AGAIN_AFTER, 0));
            };
            let partition = &self.partitions[key as usize];
            let left = self.controller.state[key as usize].isr.len() - 1;
            if left >= partition.min_isr {
                self.sabotage.starved = Some((key, follower));
                return Some((AGAIN_AFTER, 1));
            }
            return Some((AGAIN_AFTER, 0));
        }
        let (key, follower) = self.sabotage.starved?;
        let end = self.replica(follower, key)?.log.end();
        let firm = self.firm();
        let lacks = firm.iter().any(|(of, offset)| *of == key && *offset >= end);
        let decided = self.controller.state[key as usize];
        if !lacks || decided.isr.contains(follower) || !self.answers(follower) || !self.can_decide() {
            return Some((AGAIN_AFTER, 1));
        }
        self.sabotage.starved = None;
        let elected = Leadership {
            leader: Some(follower),
            epoch: decided.epoch + 1,
            isr: NodeSet::default().with(follower),
            version: decided.version + 1,
        };
        self.decide(key, elected);
        self.fire(Bug::UncleanLeader);
        None
    }

    /// Whether a follower gets no data.
    pub(in crate::sim) fn is_starved(&self, key: Key, follower: NodeId) -> bool {
        self.sabotage.starved == Some((key, follower))
    }

    pub(super) fn two_leaders(&mut self, step: u32) -> Option<(u64, u32)> {
        if step > 0 {
            return self.set_right(Bug::TwoLeaders);
        }
        let Some((key, _, other)) = self.contested() else {
            return Some((AGAIN_AFTER, 0));
        };
        self.claim(other, key, |known| known.leader = Some(other));
        Some((self.observed_after(), 1))
    }

    /// A node tells everybody else something else from now on; what it does itself is as it was.
    fn claim(&mut self, node: NodeId, key: Key, change: impl FnOnce(&mut Leadership)) {
        let mut claimed = self.node(node).cache[key as usize];
        change(&mut claimed);
        self.sabotage.victim = Some((key, node));
        self.sabotage.claimed = Some(claimed);
    }

    /// It tells what it knows again.
    fn set_right(&mut self, bug: Bug) -> Option<(u64, u32)> {
        self.sabotage.victim = None;
        self.sabotage.claimed = None;
        self.fire(bug);
        None
    }

    /// What a node tells of a partition.
    pub(in crate::sim) fn told(&self, node: NodeId, key: Key) -> Leadership {
        let known = self.node(node).cache[key as usize];
        let claimed = self
            .sabotage
            .claimed
            .filter(|_| self.sabotage.victim == Some((key, node)));
        claimed.unwrap_or(known)
    }

    /// The leader hears, before anybody else, that another was elected; then it thinks again.
    pub(super) fn same_epoch_election(&mut self, step: u32) -> Option<(u64, u32)> {
        match step {
            0 => {
                let Some((key, leader, other)) = self.contested() else {
                    return Some((AGAIN_AFTER, 0));
                };
                let others = self.ids().into_iter().filter(|node| *node != leader);
                self.sabotage.uninformed = others.collect();
                self.sabotage.victim = Some((key, leader));
                if self.move_leader(key, other) {
                    return Some((self.observed_after(), 1));
                }
                self.sabotage.uninformed = NodeSet::default();
                Some((AGAIN_AFTER, 0))
            }
            1 => {
                let (key, node) = self.sabotage.victim?;
                self.claim(node, key, |known| known.leader = Some(node));
                Some((self.observed_after(), 2))
            }
            _ => {
                self.sabotage.uninformed = NodeSet::default();
                self.set_right(Bug::SameEpochElection)
            }
        }
    }

    /// Whether a node does not hear of decisions.
    pub(in crate::sim) fn withholds_news(&self, node: NodeId) -> bool {
        self.sabotage.uninformed.contains(node)
    }

    pub(super) fn epoch_goes_back(&mut self, step: u32) -> Option<(u64, u32)> {
        match step {
            0 => {
                let Some((key, leader, other)) = self.contested() else {
                    return Some((AGAIN_AFTER, 0));
                };
                // There has to be an epoch before.
                if !self.move_leader(key, other) {
                    return Some((AGAIN_AFTER, 0));
                }
                self.sabotage.victim = Some((key, leader));
                Some((self.observed_after(), 1))
            }
            1 => {
                let (key, node) = self.sabotage.victim?;
                if !self.answers(node) {
                    return Some((AGAIN_AFTER, 0));
                }
                self.claim(node, key, |known| {
                    known.epoch -= 1;
                    known.leader = Some(node);
                });
                Some((self.observed_after(), 2))
            }
            _ => self.set_right(Bug::EpochGoesBack),
        }
    }

    pub(super) fn false_controller(&mut self, bug: Bug, step: u32) -> Option<(u64, u32)> {
        if step > 0 {
            self.sabotage.false_term = None;
            self.fire(bug);
            return None;
        }
        let (active, term) = (self.controller.active, self.controller.term);
        let other = self
            .ids()
            .into_iter()
            .find(|node| *node != active && self.answers(*node));
        let claim = match (bug, other) {
            (Bug::TwoControllers, Some(other)) => (other, term),
            (Bug::TwoControllers, None) => return Some((AGAIN_AFTER, 0)),
            _ => (active, term - 1),
        };
        if !self.answers(active) {
            return Some((AGAIN_AFTER, 0));
        }
        self.sabotage.false_term = Some(claim);
        Some((self.observed_after(), 1))
    }

    /// The term in which a node claims to lead the quorum.
    pub(in crate::sim) fn claimed_term(&self, node: NodeId) -> Option<i32> {
        if let Some((_, term)) = self.sabotage.false_term.filter(|(of, _)| *of == node) {
            return Some(term);
        }
        let quorum = &self.node(node).quorum;
        quorum.leads.then_some(quorum.term)
    }
}
