//! The whole of a simulated cluster: its state, and the events that change it.

use std::collections::VecDeque;

use history::{Key, NodeId, Offset, What};

use super::controller::{AlterIsr, Controller};
use super::dice::Dice;
use super::disks::Shown;
use super::follower::ReplicaData;
use super::groups::Group;
use super::leader::ReplicaFetch;
use super::links::{Frame, Links};
use super::message::{ClientId, Happening, Request, Response, Token};
use super::node::{Leadership, Node, Process, Quorum, Replica};
use super::nodes::NODES_MAX;
use super::observer::Observer;
use super::queue::Queue;
use super::sabotage::Sabotage;
use super::settings::Settings;
use super::transactions::Coordinator;
use crate::environment::Place;

/// Where clients and other brokers connect.
pub(super) const CLIENT_PORT: u16 = 9092;
/// Where controllers are spoken to.
pub(super) const CONTROLLER_PORT: u16 = 9093;

/// A simulated cluster with its clock. Nothing happens in it by itself: [`World::next`] makes time pass.
pub struct World {
    pub(super) now: u64,
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    queue: Queue<Event>,
    pub(super) nodes: Vec<Node>,
    pub(super) partitions: Vec<Partition>,
    pub(super) links: Links,
    pub(super) controller: Controller,
    pub(super) coordinator: Coordinator,
    pub(super) group: Group,
    pub(super) observer: Observer,
    pub(super) sabotage: Sabotage,
    seen: VecDeque<What>,
    tokens: Token,
}

/// What does not change about a partition. The last one is the coordinator's: it has leaders, and no log.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) replicas: Vec<NodeId>,
    pub(super) min_isr: u32,
    pub(super) unclean: bool,
}

/// Something that will happen.
pub(super) enum Event {
    Request {
        node: NodeId,
        client: ClientId,
        token: Token,
        request: Request,
    },
    Response {
        client: ClientId,
        token: Token,
        node: NodeId,
        response: Response,
    },
    Timer {
        client: ClientId,
        token: Token,
    },
    ReplicaFetch(ReplicaFetch),
    ReplicaData(ReplicaData),
    /// The controllers' decisions up to that number reach a node.
    Decisions {
        node: NodeId,
        count: usize,
    },
    AlterIsr(AlterIsr),
    /// The controllers refuse an ISR.
    IsrRefused {
        node: NodeId,
        key: Key,
        attempt: Token,
    },
    /// A transaction's marker has to be written to a partition.
    Marker {
        producer: u32,
        key: Key,
    },
    /// Whether a marker that was written is committed.
    MarkerWritten {
        producer: u32,
        key: Key,
        node: NodeId,
        epoch: i32,
        offset: Offset,
    },
    Tick(NodeId),
    ControllerTick,
    Probe,
    Answer {
        node: NodeId,
        asked: u64,
    },
    Sabotage {
        planted: usize,
        step: u32,
    },
}

impl World {
    /// A cluster that is up, its leaders elected.
    pub fn new(settings: Settings) -> Self {
        let nodes = settings.nodes.clamp(1, NODES_MAX - 1);
        let partitions = partitions(&settings, nodes);
        let mut world = Self {
            now: 0,
            dice: Dice::new(settings.seed, 0),
            queue: Queue::default(),
            links: Links::default(),
            controller: Controller::new(&partitions, nodes, settings.seed),
            coordinator: Coordinator::default(),
            group: Group::new(partitions.len() - 1),
            observer: Observer::new(),
            sabotage: Sabotage::new(&settings.bugs),
            nodes: (1..=nodes).map(|id| node(id, &partitions)).collect(),
            partitions,
            seen: VecDeque::new(),
            tokens: 0,
            settings,
        };
        world.boot();
        world
    }

    fn boot(&mut self) {
        for id in self.ids() {
            self.process_changed(id, "started", true);
            self.catch_up(id, self.controller.decisions.len());
            self.push(u64::from(id), Event::Tick(id));
        }
        let active = self.controller.active;
        let quorum = &mut self.node_mut(active).quorum;
        (quorum.term, quorum.leads) = (1, true);
        self.push(self.settings.timing.tick, Event::ControllerTick);
        self.push(self.settings.timing.probe, Event::Probe);
        for (planted, at) in self.sabotage.times().into_iter().enumerate() {
            self.push(at, Event::Sabotage { planted, step: 0 });
        }
    }

    /// The time, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// How many partitions there are.
    pub fn keys(&self) -> u32 {
        self.partitions.len() as u32 - 1
    }

    /// Every node's number.
    pub fn ids(&self) -> Vec<NodeId> {
        (1..=self.nodes.len() as NodeId).collect()
    }

    /// Lets time pass until something concerns a client or the history, but not beyond `until`, where the clock
    /// then stands.
    pub fn next(&mut self, until: u64) -> Option<Happening> {
        loop {
            if let Some(what) = self.seen.pop_front() {
                return Some(Happening::Seen(what));
            }
            let Some((time, event)) = self.queue.pop(until) else {
                self.now = self.now.max(until);
                return None;
            };
            self.now = self.now.max(time);
            if let Some(happening) = self.happen(event) {
                return Some(happening);
            }
        }
    }

    /// A number for a request or a timer.
    pub fn token(&mut self) -> Token {
        self.tokens += 1;
        self.tokens
    }

    /// A client asks a node. The answer comes as a [`Happening`], or never.
    pub fn request(&mut self, client: ClientId, node: NodeId, token: Token, request: Request) {
        let frame = Frame {
            from: Place::Clients,
            to: Place::Node(node),
            port: CLIENT_PORT,
            answer: false,
        };
        if self.links.carry(frame) {
            let at = self.now + self.client_delay();
            self.push(
                at,
                Event::Request {
                    node,
                    client,
                    token,
                    request,
                },
            );
        }
    }

    /// A client wants to be woken after so many nanoseconds.
    pub fn wake(&mut self, client: ClientId, after: u64, token: Token) {
        self.push(self.now + after, Event::Timer { client, token });
    }

    /// A node answers a client.
    pub(super) fn answer(&mut self, node: NodeId, client: ClientId, token: Token, response: Response) {
        let frame = Frame {
            from: Place::Node(node),
            to: Place::Clients,
            port: CLIENT_PORT,
            answer: true,
        };
        if !self.links.carry(frame) || self.dice.chance(self.settings.network.lost_per_mille) {
            return;
        }
        let at = self.now + self.client_delay();
        self.push(
            at,
            Event::Response {
                client,
                token,
                node,
                response,
            },
        );
    }

    /// A message between nodes; lost where the link is cut.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, port: u16, answer: bool, event: Event) {
        let frame = Frame {
            from: Place::Node(from),
            to: Place::Node(to),
            port,
            answer,
        };
        if from == to || self.links.carry(frame) {
            let at = self.now + self.delay();
            self.push(at, event);
        }
    }

    /// Whether a request and its answer would get from one node to another.
    pub(super) fn carries(&self, one: NodeId, other: NodeId, port: u16) -> bool {
        let frame = |from, to, answer| Frame {
            from: Place::Node(from),
            to: Place::Node(to),
            port,
            answer,
        };
        one == other
            || (self.links.is_open(frame(one, other, false)) && self.links.is_open(frame(other, one, true)))
    }

    pub(super) fn delay(&mut self) -> u64 {
        let (least, most) = self.settings.network.delay;
        self.dice.between(least, most)
    }

    fn client_delay(&mut self) -> u64 {
        if self.dice.chance(self.settings.network.slow_per_mille) {
            let (least, most) = self.settings.network.slow;
            return self.dice.between(least, most);
        }
        self.delay()
    }

    pub(super) fn push(&mut self, at: u64, event: Event) {
        self.queue.push(at, event);
    }

    pub(super) fn see(&mut self, what: What) {
        self.seen.push_back(what);
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize - 1]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize - 1]
    }

    pub(super) fn replica(&mut self, node: NodeId, key: Key) -> Option<&mut Replica> {
        self.node_mut(node).replicas.get_mut(key as usize)?.as_mut()
    }

    fn happen(&mut self, event: Event) -> Option<Happening> {
        if let Some(node) = target(&event)
            && self.node(node).paused
        {
            self.node_mut(node).held.push(event);
            return None;
        }
        match event {
            Event::Response {
                client,
                token,
                node,
                response,
            } => {
                self.note_acknowledgement(node, token, &response);
                return Some(Happening::Response {
                    client,
                    token,
                    node,
                    response,
                });
            }
            Event::Timer { client, token } => return Some(Happening::Timer { client, token }),
            Event::Request {
                node,
                client,
                token,
                request,
            } => self.serve(node, client, token, request),
            other => self.work(other),
        }
        None
    }

    /// What happens among the nodes.
    fn work(&mut self, event: Event) {
        match event {
            Event::ReplicaFetch(fetch) => self.follower_fetches(fetch),
            Event::ReplicaData(data) => self.take_data(data),
            Event::Decisions { node, count } => self.decisions_arrive(node, count),
            Event::AlterIsr(asked) => self.alter_isr(asked),
            Event::IsrRefused { node, key, attempt } => self.isr_refused(node, key, attempt),
            Event::Marker { producer, key } => self.write_marker(producer, key),
            Event::MarkerWritten {
                producer,
                key,
                node,
                epoch,
                offset,
            } => self.marker_written(producer, key, node, epoch, offset),
            Event::Tick(node) => self.tick(node),
            Event::ControllerTick => self.controller_tick(),
            Event::Probe => self.probe(),
            Event::Answer { node, asked } => self.observe(node, asked),
            Event::Sabotage { planted, step } => self.sabotage(planted, step),
            Event::Request { .. } | Event::Response { .. } | Event::Timer { .. } => {}
        }
    }

    /// A node takes a client's request.
    fn serve(&mut self, node: NodeId, client: ClientId, token: Token, request: Request) {
        if self.node(node).process != Process::Serving {
            return self.answer(node, client, token, Response::Refused);
        }
        match request {
            Request::Metadata => {
                let keys = self.keys();
                let leader = |key| {
                    let told = self.told(node, key);
                    (told.leader, told.epoch)
                };
                let leaders = (0..keys).map(leader).collect();
                let coordinator = self.told(node, keys).leader;
                let response = Response::Metadata { leaders, coordinator };
                self.answer(node, client, token, response);
            }
            Request::Produce(produce) => self.produce(node, client, token, produce),
            Request::Fetch(fetch) => self.fetch(node, client, token, &fetch),
            other => self.coordinate(node, client, token, other),
        }
    }

    /// A node looks after its affairs.
    fn tick(&mut self, id: NodeId) {
        self.push(self.now + self.settings.timing.tick, Event::Tick(id));
        if self.node(id).process == Process::Down {
            return;
        }
        self.touch_controller(id);
        if self.node(id).process != Process::Serving {
            return;
        }
        for key in 0..self.keys() {
            self.look_after(id, key);
        }
    }
}

/// The node that an event happens at, where it is held back while that is paused.
fn target(event: &Event) -> Option<NodeId> {
    match event {
        Event::Request { node, .. } | Event::Decisions { node, .. } | Event::IsrRefused { node, .. } => {
            Some(*node)
        }
        Event::Tick(node) => Some(*node),
        Event::ReplicaFetch(fetch) => Some(fetch.leader),
        Event::ReplicaData(data) => Some(data.follower),
        _ => None,
    }
}

fn partitions(settings: &Settings, nodes: u32) -> Vec<Partition> {
    let mut all = Vec::new();
    for topic in &settings.topics {
        for _ in 0..topic.partitions {
            let first = all.len() as u32;
            let replicas = topic.replication_factor.clamp(1, nodes);
            all.push(Partition {
                replicas: (0..replicas).map(|next| (first + next) % nodes + 1).collect(),
                min_isr: topic.min_insync_replicas,
                unclean: topic.unclean_election,
            });
        }
    }
    all.push(Partition {
        replicas: (1..=nodes).collect(),
        min_isr: 1,
        unclean: false,
    });
    all
}

fn node(id: NodeId, partitions: &[Partition]) -> Node {
    let (_, with_logs) = partitions.split_last().unwrap_or((&partitions[0], &[]));
    let replica = |partition: &Partition| partition.replicas.contains(&id).then(Replica::default);
    Node {
        id,
        process: Process::Serving,
        paused: false,
        incarnation: 0,
        cache: vec![Leadership::default(); partitions.len()],
        applied: 0,
        replicas: with_logs.iter().map(replica).collect(),
        quorum: Quorum {
            term: 1,
            ..Quorum::default()
        },
        held: Vec::new(),
        shown: Shown::default(),
    }
}
