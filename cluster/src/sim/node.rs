//! A node: its process, what it believes, and its replicas.

use std::collections::VecDeque;

use history::{NodeId, Offset};

use super::disks::Shown;
use super::log::Log;
use super::message::{ClientId, Token};
use super::nodes::NodeSet;
use super::world::Event;

/// Who leads a partition, as the controllers decided it at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Leadership {
    pub(super) leader: Option<NodeId>,
    pub(super) epoch: i32,
    pub(super) isr: NodeSet,
    /// Counts every change.
    pub(super) version: u32,
}

/// What a node's process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Down,
    /// It runs, and has not caught up with the controllers yet.
    Starting,
    Serving,
}

/// What a node believes of the controllers' quorum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quorum {
    pub(super) term: i32,
    pub(super) leads: bool,
    /// Since when it has had no majority.
    pub(super) alone_since: Option<u64>,
}

/// A node.
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) process: Process,
    pub(super) paused: bool,
    pub(super) incarnation: u32,
    /// Its cache: by key, then the coordinator's partition.
    pub(super) cache: Vec<Leadership>,
    /// How many of the controllers' decisions it knows.
    pub(super) applied: usize,
    /// By key; `None` where it holds no replica.
    pub(super) replicas: Vec<Option<Replica>>,
    pub(super) quorum: Quorum,
    /// What arrived while it was paused.
    pub(super) held: Vec<Event>,
    /// What the copies of its disk have shown.
    pub(super) shown: Shown,
}

impl Node {
    /// Whether its process runs and answers.
    pub(super) fn is_awake(&self) -> bool {
        self.process != Process::Down && !self.paused
    }
}

/// A replica: its copy, and what its node does with it.
#[derive(Default)]
pub(super) struct Replica {
    pub(super) log: Log,
    pub(super) high_watermark: Offset,
    pub(super) role: Role,
}

/// What a node does with a replica.
#[derive(Default)]
pub(super) enum Role {
    #[default]
    Idle,
    Leader(Leading),
    Follower(Following),
}

/// What a leader keeps in mind.
pub(super) struct Leading {
    pub(super) epoch: i32,
    /// Where its epoch begins.
    pub(super) start: Offset,
    pub(super) isr: NodeSet,
    pub(super) version: u32,
    /// An ISR that it asked the controllers for. Until there is an answer both are waited for.
    pub(super) proposed: Option<Proposed>,
    /// By node, from 1.
    pub(super) followers: Vec<Follower>,
    /// Writes that are not acknowledged yet, in the order of their offsets.
    pub(super) waiting: VecDeque<Waiting>,
}

/// An ISR that a leader asked for, and when it did so last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proposed {
    pub(super) isr: NodeSet,
    pub(super) since: u64,
    /// Only the answer to the newest request counts.
    pub(super) attempt: Token,
}

/// A follower as its leader sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follower {
    /// The end of its log, -1 where it has not said.
    pub(super) end: Offset,
    /// When it last had everything.
    pub(super) caught_up: u64,
    /// Its fetch that waits for something new.
    pub(super) parked: Option<Parked>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Parked {
    pub(super) sequence: u64,
    pub(super) high_watermark: Offset,
    pub(super) since: u64,
}

/// A write that waits for its followers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) offset: Offset,
    pub(super) client: ClientId,
    pub(super) token: Token,
}

/// What a follower keeps in mind.
pub(super) struct Following {
    pub(super) leader: NodeId,
    pub(super) epoch: i32,
    /// Its fetch under way, and when it was sent.
    pub(super) sequence: u64,
    pub(super) sent: u64,
}

impl Leading {
    pub(super) fn new(epoch: i32, start: Offset, known: &Leadership, nodes: usize, now: u64) -> Self {
        let follower = Follower {
            end: -1,
            caught_up: now,
            parked: None,
        };
        Self {
            epoch,
            start,
            isr: known.isr,
            version: known.version,
            proposed: None,
            followers: vec![follower; nodes],
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn follower(&mut self, node: NodeId) -> &mut Follower {
        &mut self.followers[node as usize - 1]
    }

    /// Everyone who must have a record before it is committed.
    pub(super) fn needed(&self) -> NodeSet {
        match &self.proposed {
            Some(proposed) => self.isr.and(proposed.isr),
            None => self.isr,
        }
    }
}

impl Replica {
    pub(super) fn leading(&mut self) -> Option<&mut Leading> {
        match &mut self.role {
            Role::Leader(leading) => Some(leading),
            Role::Follower(_) | Role::Idle => None,
        }
    }
}
