//! The controllers: who is alive, who leads, who is in sync.
//!
//! The quorum is taken for what it promises and not simulated message by message: a decision is made by the
//! active controller while it is awake and reaches a majority, and is then known for good. How the nodes hear of
//! it takes its time and gets lost like any message, and a controller that lost its majority goes on believing in
//! itself for a while.

use history::{Key, NodeId};

use super::message::Token;
use super::node::{Leadership, Process, Role};
use super::nodes::NodeSet;
use super::world::{CONTROLLER_PORT, Event, Partition, World};

/// A leader asks for an ISR.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlterIsr {
    pub(super) node: NodeId,
    pub(super) key: Key,
    pub(super) epoch: i32,
    pub(super) version: u32,
    pub(super) isr: NodeSet,
    /// Counts upwards: of two requests the one that was sent first is void once the other has come.
    pub(super) attempt: Token,
}

/// A decision of the controllers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) key: Key,
    pub(super) leadership: Leadership,
    /// The term of the controller that made it.
    pub(super) term: i32,
    pub(super) at: u64,
}

/// What the controllers have decided.
pub(super) struct Controller {
    pub(super) active: NodeId,
    pub(super) term: i32,
    /// Every decision, in order; nodes know them up to one of them.
    pub(super) decisions: Vec<Decision>,
    /// What holds now, by key.
    pub(super) state: Vec<Leadership>,
    pub(super) fenced: NodeSet,
    /// When each node, from 1, was heard of last.
    heartbeats: Vec<u64>,
    /// When the active one last had its majority.
    healthy_at: u64,
    /// The newest attempt of a leader, by key.
    attempts: Vec<Token>,
}

impl Controller {
    pub(super) fn new(partitions: &[Partition], nodes: u32, seed: u64) -> Self {
        let first = |partition: &Partition| Leadership {
            leader: partition.replicas.first().copied(),
            epoch: 0,
            isr: partition.replicas.iter().copied().collect(),
            version: 0,
        };
        let state: Vec<_> = partitions.iter().map(first).collect();
        let made = |(key, leadership): (Key, Leadership)| Decision {
            key,
            leadership,
            term: 1,
            at: 0,
        };
        Self {
            active: (seed % u64::from(nodes)) as NodeId + 1,
            term: 1,
            decisions: (0..).zip(state.iter().copied()).map(made).collect(),
            fenced: NodeSet::default(),
            heartbeats: vec![0; nodes as usize],
            healthy_at: 0,
            attempts: vec![0; state.len()],
            state,
        }
    }
}

impl World {
    /// Whether the active controller can decide anything now.
    pub(super) fn can_decide(&self) -> bool {
        self.has_majority(self.controller.active)
    }

    fn has_majority(&self, node: NodeId) -> bool {
        let reached =
            |other: &NodeId| self.node(*other).is_awake() && self.carries(node, *other, CONTROLLER_PORT);
        let voters = self.ids();
        self.node(node).is_awake() && 2 * voters.iter().filter(|other| reached(other)).count() > voters.len()
    }

    pub(super) fn controller_tick(&mut self) {
        self.push(self.now + self.settings.timing.tick, Event::ControllerTick);
        if self.can_decide() {
            self.controller.healthy_at = self.now;
        } else if self.now - self.controller.healthy_at > self.settings.timing.election {
            self.elect_controller();
        }
        if !self.can_decide() {
            return;
        }
        let timing = self.settings.timing;
        for id in self.ids() {
            let silent = self.now - self.controller.heartbeats[id as usize - 1].min(self.now);
            let fenced = self.controller.fenced.contains(id);
            let node = self.node(id);
            let up_to_date =
                node.process == Process::Serving && node.applied == self.controller.decisions.len();
            if !fenced && silent > timing.session {
                self.fence(id);
            } else if fenced && silent <= 3 * timing.tick && up_to_date {
                self.unfence(id);
            }
        }
        self.expire_transactions();
        self.expire_members();
    }

    fn elect_controller(&mut self) {
        let mut candidates = self.ids();
        candidates.rotate_left(self.controller.active as usize % self.nodes.len());
        let Some(elected) = candidates.into_iter().find(|node| self.has_majority(*node)) else {
            return;
        };
        let now = self.now;
        let controller = &mut self.controller;
        controller.active = elected;
        controller.term += 1;
        controller.healthy_at = now;
        // Who was heard of is known to nobody but the controller before.
        controller.heartbeats.fill(now);
        let term = controller.term;
        let quorum = &mut self.node_mut(elected).quorum;
        (quorum.term, quorum.leads, quorum.alone_since) = (term, true, None);
    }

    /// A node's regular contact with the controllers.
    pub(super) fn touch_controller(&mut self, id: NodeId) {
        let (active, term) = (self.controller.active, self.controller.term);
        let reached = self.node(active).is_awake() && self.carries(id, active, CONTROLLER_PORT);
        self.believe(id, reached, term);
        if !reached || !self.can_decide() {
            return;
        }
        self.controller.heartbeats[id as usize - 1] = self.now;
        let all = self.controller.decisions.len();
        if self.node(id).process == Process::Starting && !self.withholds_news(id) {
            // A process that begins anew holds nothing of what the one before had.
            if !self.controller.fenced.contains(id) {
                self.fence(id);
            }
            let all = self.controller.decisions.len();
            self.catch_up(id, all);
            self.node_mut(id).process = Process::Serving;
            self.assume_roles(id);
        } else if self.node(id).applied < all && !self.withholds_news(id) {
            self.catch_up(id, all);
        }
    }

    /// What a node believes of the quorum after it reached the active controller, or did not.
    fn believe(&mut self, id: NodeId, reached: bool, term: i32) {
        let (now, patience) = (self.now, self.settings.timing.election);
        let (active, majority) = (self.controller.active, self.has_majority(id));
        let quorum = &mut self.node_mut(id).quorum;
        if reached {
            quorum.term = quorum.term.max(term);
            quorum.leads = id == active;
            quorum.alone_since = None;
        } else if majority {
            quorum.alone_since = None;
        } else {
            let since = *quorum.alone_since.get_or_insert(now);
            quorum.leads &= now - since <= patience;
        }
    }

    /// Something is decided; every node hears of it, if it can.
    pub(super) fn decide(&mut self, key: Key, leadership: Leadership) {
        let active = self.controller.active;
        self.controller.state[key as usize] = leadership;
        self.controller.decisions.push(Decision {
            key,
            leadership,
            term: self.controller.term,
            at: self.now,
        });
        let count = self.controller.decisions.len();
        for node in self.ids() {
            self.send(
                active,
                node,
                CONTROLLER_PORT,
                true,
                Event::Decisions { node, count },
            );
        }
    }

    pub(super) fn decisions_arrive(&mut self, node: NodeId, count: usize) {
        if self.node(node).process == Process::Serving && !self.withholds_news(node) {
            self.catch_up(node, count);
        }
    }

    /// A node takes decisions over, up to that number.
    pub(super) fn catch_up(&mut self, node: NodeId, count: usize) {
        while self.node(node).applied < count {
            let Decision { key, leadership, .. } = self.controller.decisions[self.node(node).applied];
            self.node_mut(node).applied += 1;
            self.node_mut(node).cache[key as usize] = leadership;
            if self.node(node).process == Process::Serving {
                self.assume_role(node, key, &leadership);
            }
        }
    }

    fn assume_roles(&mut self, node: NodeId) {
        for key in 0..self.keys() {
            let leadership = self.node(node).cache[key as usize];
            self.assume_role(node, key, &leadership);
        }
    }

    pub(super) fn assume_role(&mut self, node: NodeId, key: Key, known: &Leadership) {
        if self.is_deaf(node, key) {
            return;
        }
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        match (&mut replica.role, known.leader) {
            (Role::Leader(leading), Some(leader)) if leader == node && leading.epoch == known.epoch => {
                if known.version > leading.version {
                    (leading.isr, leading.version, leading.proposed) = (known.isr, known.version, None);
                    self.advance(node, key);
                }
            }
            (Role::Follower(following), Some(leader))
                if leader == following.leader && following.epoch == known.epoch => {}
            (_, Some(leader)) if leader == node => self.lead(node, key, known),
            (_, Some(leader)) => self.follow(node, key, known, leader),
            (_, None) => self.resign(node, key),
        }
    }

    /// A node that is not heard of leads nothing, and nobody waits for it.
    pub(super) fn fence(&mut self, id: NodeId) {
        self.controller.fenced = self.controller.fenced.with(id);
        for key in 0..self.controller.state.len() as Key {
            let before = self.controller.state[key as usize];
            let mut after = before;
            if before.isr.contains(id) && before.isr.len() > 1 {
                after.isr = before.isr.without(id);
            }
            if before.leader == Some(id) {
                after.leader = None;
                after.epoch += 1;
                self.elect(key, &mut after);
            }
            self.decide_change(key, before, after);
        }
    }

    /// A node is back: it may lead what nobody leads.
    fn unfence(&mut self, id: NodeId) {
        self.controller.fenced = self.controller.fenced.without(id);
        for key in 0..self.controller.state.len() as Key {
            let before = self.controller.state[key as usize];
            let mut after = before;
            if key == self.keys() {
                // The coordinator's state is in no log: whoever is back has it.
                after.isr = after.isr.with(id);
            }
            if before.leader.is_none() {
                self.elect(key, &mut after);
                after.epoch += i32::from(after.leader.is_some());
            }
            self.decide_change(key, before, after);
        }
    }

    fn decide_change(&mut self, key: Key, before: Leadership, mut after: Leadership) {
        if after != before {
            after.version += 1;
            self.decide(key, after);
        }
    }

    /// Finds a leader: of the ISR, or where the topic allows it of all replicas.
    fn elect(&self, key: Key, leadership: &mut Leadership) {
        let partition = &self.partitions[key as usize];
        let alive = |node: &&NodeId| !self.controller.fenced.contains(**node);
        let mut alive = partition.replicas.iter().filter(alive);
        let clean = alive.clone().find(|node| leadership.isr.contains(**node));
        if let Some(node) = clean {
            leadership.leader = Some(*node);
        } else if let Some(node) = alive.next().filter(|_| partition.unclean) {
            leadership.leader = Some(*node);
            leadership.isr = NodeSet::default().with(*node);
        }
    }

    /// Makes another node of the ISR the leader, as an administrator would. Where there is none, nothing happens.
    pub(super) fn move_leader(&mut self, key: Key, to: NodeId) -> bool {
        let mut leadership = self.controller.state[key as usize];
        let can = leadership.isr.contains(to) && !self.controller.fenced.contains(to) && self.can_decide();
        if can && leadership.leader != Some(to) {
            leadership.leader = Some(to);
            leadership.epoch += 1;
            leadership.version += 1;
            self.decide(key, leadership);
        }
        can
    }

    /// A leader's request for an ISR arrives.
    pub(super) fn alter_isr(&mut self, asked: AlterIsr) {
        if !self.can_decide() {
            return;
        }
        let index = asked.key as usize;
        if asked.attempt <= self.controller.attempts[index] {
            return;
        }
        self.controller.attempts[index] = asked.attempt;
        let known = self.controller.state[index];
        if known.leader == Some(asked.node) && known.epoch == asked.epoch && known.version > asked.version {
            // It will hear of that.
            return;
        }
        let joins_fenced = asked
            .isr
            .iter()
            .any(|node| self.controller.fenced.contains(node) && !known.isr.contains(node));
        let stale = known.leader != Some(asked.node) || known.epoch != asked.epoch;
        if stale || joins_fenced || asked.isr.is_empty() {
            let active = self.controller.active;
            let refused = Event::IsrRefused {
                node: asked.node,
                key: asked.key,
                attempt: asked.attempt,
            };
            return self.send(active, asked.node, CONTROLLER_PORT, true, refused);
        }
        let leadership = Leadership {
            isr: asked.isr,
            version: known.version + 1,
            ..known
        };
        self.decide(asked.key, leadership);
    }
}
