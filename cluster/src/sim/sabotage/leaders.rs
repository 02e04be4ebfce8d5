//! Bugs of leaders and controllers: who leads, and in which epoch.

use history::{Key, NodeId, Offset};

use super::{AGAIN_AFTER, Stale};
use crate::sim::bug::Bug;
use crate::sim::node::Leadership;
use crate::sim::nodes::NodeSet;
use crate::sim::settings::MILLISECOND;
use crate::sim::world::World;

/// Acknowledgements of a stale leader that are enough.
const STALE_ENOUGH: usize = 3;
/// How long a stale leader has to find clients that still believe in it, and a follower to fall behind.
const STALE_FOR: u64 = 700 * MILLISECOND;

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
        match step {
            0 => {
                let Some((key, leader, other)) = self.contested() else {
                    return Some((AGAIN_AFTER, 0));
                };
                let end = self.replica(leader, key)?.log.end();
                if self.move_leader(key, other) {
                    self.sabotage.stale = Some(Stale {
                        node: leader,
                        key,
                        since: self.now,
                        end,
                        acknowledged: Vec::new(),
                    });
                    return Some((AGAIN_AFTER, 1));
                }
                Some((AGAIN_AFTER, 0))
            }
            1 => {
                let stale = self.sabotage.stale.as_ref()?;
                let enough = stale.acknowledged.len() >= STALE_ENOUGH;
                if !enough && self.now - stale.since < STALE_FOR {
                    return Some((AGAIN_AFTER, 1));
                }
                let Stale {
                    node,
                    key,
                    acknowledged,
                    ..
                } = self.sabotage.stale.take()?;
                self.wake_up(node, key);
                self.sabotage.rewritten = (key, acknowledged);
                Some((self.observed_after(), 2))
            }
            _ => {
                // It may lead again, and then nothing was lost.
                let (key, values) = std::mem::take(&mut self.sabotage.rewritten);
                let leader = self.leader_of(key);
                let Some(replica) = leader.and_then(|leader| self.replica(leader, key)) else {
                    return Some((AGAIN_AFTER, 0));
                };
                let end = replica.log.end();
                let kept = replica.log.range(0, end).iter();
                let kept = kept.filter(|entry| values.contains(&entry.value)).count();
                if kept >= values.len() {
                    return Some((AGAIN_AFTER, 0));
                }
                self.fire(Bug::StaleLeader);
                None
            }
        }
    }

    /// An acknowledgement has reached its client: maybe that of a stale leader.
    pub(super) fn note_stale(&mut self, node: NodeId, key: Key, offset: Offset) {
        let stale = self.sabotage.stale.as_ref();
        let by_it = stale.is_some_and(|stale| (stale.node, stale.key) == (node, key) && offset >= stale.end);
        let value = self
            .replica(node, key)
            .and_then(|replica| Some(replica.log.get(offset)?.value));
        if let (true, Some(stale), Some(value)) = (by_it, &mut self.sabotage.stale, value) {
            stale.acknowledged.push(value);
        }
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
            self.sabotage.starved = None;
            let Some((key, _, follower)) = self.contested() else {
                return Some((AGAIN_AFTER, 0));
            };
            let partition = &self.partitions[key as usize];
            let left = self.controller.state[key as usize].isr.len() - 1;
            if left >= partition.min_isr {
                self.sabotage.starved = Some((key, follower, self.now));
                return Some((AGAIN_AFTER, 1));
            }
            return Some((AGAIN_AFTER, 0));
        }
        if step == 2 {
            self.sabotage.starved = None;
            self.fire(Bug::UncleanLeader);
            return None;
        }
        let (key, follower, since) = self.sabotage.starved?;
        if self.now - since > STALE_FOR + 2 * self.settings.timing.lag {
            return Some((AGAIN_AFTER, 0));
        }
        let end = self.replica(follower, key)?.log.end();
        let firm = self.firm();
        let lacks = firm.iter().any(|(of, offset)| *of == key && *offset >= end);
        let decided = self.controller.state[key as usize];
        if !lacks || decided.isr.contains(follower) || !self.answers(follower) || !self.can_decide() {
            return Some((AGAIN_AFTER, 1));
        }
        let elected = Leadership {
            leader: Some(follower),
            epoch: decided.epoch + 1,
            isr: NodeSet::default().with(follower),
            version: decided.version + 1,
        };
        self.decide(key, elected);
        // Until it leads it gets nothing either.
        Some((self.observed_after(), 2))
    }

    /// Whether a follower gets no data.
    pub(in crate::sim) fn is_starved(&self, key: Key, follower: NodeId) -> bool {
        let starved = self.sabotage.starved;
        starved.is_some_and(|(of, node, _)| (of, node) == (key, follower))
    }

    pub(super) fn two_leaders(&mut self, step: u32) -> Option<(u64, u32)> {
        if step > 0 {
            return self.set_right(Bug::TwoLeaders);
        }
        let Some((key, leader, other)) = self.contested() else {
            return Some((AGAIN_AFTER, 0));
        };
        if !self.move_leader(key, other) {
            return Some((AGAIN_AFTER, 0));
        }
        // The leader before never hears of the new one: in the new epoch it names itself.
        self.claim(leader, key, |known| known.epoch += 1);
        Some((self.observed_after(), 1))
    }

    /// A node tells everybody else something else from now on; what it does itself is as it was.
    fn claim(&mut self, node: NodeId, key: Key, change: impl FnOnce(&mut Leadership)) {
        let mut claimed = self.node(node).cache[key as usize];
        change(&mut claimed);
        self.sabotage.victim = Some((key, node));
        self.sabotage.claimed = Some(claimed);
    }

    /// It tells what it knows again. Where nobody could ask it meanwhile, another will be found.
    fn set_right(&mut self, bug: Bug) -> Option<(u64, u32)> {
        let (_, node) = self.sabotage.victim.take()?;
        self.sabotage.claimed = None;
        if !self.answers(node) {
            return Some((AGAIN_AFTER, 0));
        }
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
                let decided = self.controller.state[key as usize];
                let heard = self.node(node).cache[key as usize] == decided && decided.leader != Some(node);
                if !self.answers(node) || !heard {
                    self.sabotage.uninformed = NodeSet::default();
                    return Some((AGAIN_AFTER, 0));
                }
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

    /// The active controller has been seen in its term; then it goes back, or another claims the same.
    pub(super) fn false_controller(&mut self, bug: Bug, step: u32) -> Option<(u64, u32)> {
        let (active, term) = (self.controller.active, self.controller.term);
        if step == 2 {
            self.sabotage.false_term = None;
            self.fire(bug);
            return None;
        }
        if step == 0 || self.sabotage.seen_controller != Some((active, term)) || !self.answers(active) {
            self.sabotage.seen_controller = Some((active, term));
            return Some((self.observed_after(), 1));
        }
        let other = self
            .ids()
            .into_iter()
            .find(|node| *node != active && self.answers(*node));
        self.sabotage.false_term = match (bug, other) {
            (Bug::TwoControllers, Some(other)) => Some((other, term)),
            (Bug::TwoControllers, None) => return Some((AGAIN_AFTER, 1)),
            _ => Some((active, term - 1)),
        };
        Some((self.observed_after(), 2))
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
