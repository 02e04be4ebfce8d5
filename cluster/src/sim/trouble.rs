//! Faults for a simulated cluster that nobody else breaks: one after the other, drawn from a seed, each with the same
//! steps and evidence in the history as those of a nemesis.

use history::{Fault, FaultStep, Impairment, Moment, NodeId, What};

use super::cluster::Sink;
use super::dice::Dice;
use super::world::World;
use crate::environment::{Cut, Place};

/// The stream of the seed that is the faults' own.
const STREAM: u64 = 1 << 40;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// A node's process is killed, and started again.
    Kill,
    /// A node's process is stopped, and goes on.
    Pause,
    /// A node is cut from its peers, and from the clients or not.
    Isolate,
    /// What a node sends, or what is sent to it, is lost.
    OneWay,
    /// A node is cut from the clients alone.
    CutClients,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Kill,
        Self::Pause,
        Self::Isolate,
        Self::OneWay,
        Self::CutClients,
    ];

    fn kind(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Isolate | Self::OneWay | Self::CutClients => "partition",
        }
    }

    fn impairs(self, node: NodeId, all: &[NodeId]) -> Impairment {
        match self {
            Self::Kill | Self::Pause => Impairment::down(&[node]),
            Self::Isolate | Self::OneWay => Impairment::apart(&[node], all),
            Self::CutClients => Impairment::degrading(),
        }
    }
}

/// Breaks a cluster again and again.
pub struct Trouble {
    harms: Vec<Harm>,
    /// How long a fault lasts, and how long nothing is wrong between two.
    lasts: (u64, u64),
    rest: (u64, u64),
    dice: Dice,
    count: u32,
    current: Option<Current>,
    next_at: u64,
}

struct Current {
    harm: Harm,
    node: NodeId,
    detail: String,
    cut: Option<u64>,
}

impl Trouble {
    /// Faults of these kinds.
    pub fn new(seed: u64, harms: Vec<Harm>, lasts: (u64, u64), rest: (u64, u64)) -> Self {
        Self {
            harms,
            lasts,
            rest,
            dice: Dice::new(seed, STREAM),
            count: 0,
            current: None,
            next_at: 0,
        }
    }

    /// When [`Trouble::act`] has something to do.
    pub fn next_at(&self) -> u64 {
        if self.harms.is_empty() {
            u64::MAX
        } else {
            self.next_at
        }
    }

    /// Breaks something, or heals it, where the time for it has come.
    pub fn act(&mut self, world: &mut World, sink: &mut dyn Sink) {
        if world.now() < self.next_at() {
            return;
        }
        let (least, most) = if self.current.is_some() {
            self.heal(world, sink);
            self.rest
        } else {
            self.harm(world, sink);
            self.lasts
        };
        self.next_at = world.now() + self.dice.between(least, most);
    }

    fn harm(&mut self, world: &mut World, sink: &mut dyn Sink) {
        let ids = world.ids();
        let (Some(harm), Some(any)) = (
            self.dice.pick(&self.harms).copied(),
            self.dice.pick(&ids).copied(),
        ) else {
            return;
        };
        let key = self.dice.below(u64::from(world.keys())) as u32;
        // Leaders are worth more trouble than others.
        let leader = world.leader_of(key).filter(|_| self.dice.chance(600));
        let node = leader.unwrap_or(any);
        let (what, cuts) = self.plan(harm, node, &ids);
        self.current = Some(Current {
            harm,
            node,
            detail: format!("{what} (node {node})"),
            cut: None,
        });
        self.say(FaultStep::Injecting, world, sink);
        match harm {
            Harm::Kill => {
                world.kill(node);
            }
            Harm::Pause => {
                world.pause(node);
            }
            Harm::Isolate | Harm::OneWay | Harm::CutClients => {
                let cut = world.cut(&cuts);
                self.current = self.current.take().map(|current| Current {
                    cut: Some(cut),
                    ..current
                });
            }
        }
        self.say(FaultStep::Injected, world, sink);
    }

    fn plan(&mut self, harm: Harm, node: NodeId, ids: &[NodeId]) -> (&'static str, Vec<Cut>) {
        let peers = ids
            .iter()
            .filter(|peer| **peer != node)
            .map(|peer| Place::Node(*peer));
        let mut far: Vec<Place> = peers.collect();
        let (near, clients) = (Place::Node(node), self.dice.chance(500));
        if clients {
            far.push(Place::Clients);
        }
        let to = |far: &[Place]| far.iter().map(|far| whole(near, *far)).collect::<Vec<_>>();
        let from = |far: &[Place]| far.iter().map(|far| whole(*far, near)).collect::<Vec<_>>();
        match harm {
            Harm::Kill => ("SIGKILL", Vec::new()),
            Harm::Pause => ("SIGSTOP", Vec::new()),
            Harm::CutClients => {
                let far = [Place::Clients];
                ("cut from the clients", [to(&far), from(&far)].concat())
            }
            Harm::Isolate if clients => ("cut from peers and clients", [to(&far), from(&far)].concat()),
            Harm::Isolate => ("cut from its peers", [to(&far), from(&far)].concat()),
            Harm::OneWay if self.dice.chance(500) => ("what it sends is cut", to(&far)),
            Harm::OneWay => ("what is sent to it is cut", from(&far)),
        }
    }

    /// Heals what is in force.
    pub fn heal(&mut self, world: &mut World, sink: &mut dyn Sink) {
        let Some(current) = &self.current else { return };
        let (harm, node, cut) = (current.harm, current.node, current.cut);
        self.say(FaultStep::Healing, world, sink);
        // Healing lets any deposed leader hear that it is one, and cut its log off.
        world.copy_disks(&world.ids(), &Moment::BeforeHeal(self.count), sink);
        let (bit, evidence) = match harm {
            Harm::Kill => (world.start(node), format!("node {node} killed by signal 9")),
            Harm::Pause => {
                let stopped = world.process_state(node) == Some('T');
                world.resume(node);
                (stopped, format!("node {node} in state T, no answer"))
            }
            Harm::Isolate | Harm::OneWay | Harm::CutClients => {
                let dropped = cut.map(|cut| world.heal(cut)).unwrap_or_default();
                (
                    dropped.dropped.frames > 0,
                    format!("{} frames dropped", dropped.dropped.frames),
                )
            }
        };
        self.say(FaultStep::Healed { bit, evidence }, world, sink);
        self.current = None;
        self.count += 1;
    }

    fn say(&self, step: FaultStep, world: &World, sink: &mut dyn Sink) {
        let Some(current) = &self.current else { return };
        let fault = Fault {
            id: self.count,
            kind: current.harm.kind().to_owned(),
            nodes: vec![current.node],
            detail: current.detail.clone(),
            impairs: (step == FaultStep::Injecting).then(|| current.harm.impairs(current.node, &world.ids())),
            step,
        };
        sink.take(world.now(), What::Fault(fault));
    }
}

fn whole(from: Place, to: Place) -> Cut {
    Cut {
        from,
        to,
        destination_port: None,
        source_port: None,
    }
}
