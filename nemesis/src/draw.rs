//! Random choices from the run's seed: the same seed draws the same.

use history::{Key, Span};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::Invalid;
use crate::members::{Members, Part};
use crate::target::Target;

/// Draws targets, partitions and times for one schedule.
pub struct Draw<'a> {
    random: ChaCha8Rng,
    members: &'a Members,
    keys: u32,
}

/// Who draws: each has a stream of its own of the seed, so that none hangs on how often another drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream<'a> {
    /// What a plan says is tried out: nothing comes of it.
    Trial,
    /// What the step of that number in the plan left open.
    Step(usize),
    /// The times of one of several faults that may be in force together, in one period.
    Times { period: usize, lane: usize },
    /// How much the fault of that number in the mix of that number wants to be next.
    Choice { mix: usize, fault: usize },
    /// What it left open when its turn came for the so manieth time.
    Target { mix: usize, fault: usize, turn: usize },
    /// Whether a kind is switched off.
    Swarm { kind: &'a str },
}

impl Stream<'_> {
    fn number(self) -> u64 {
        let number = |of: u64, one: usize, two: usize, three: usize| {
            (of << 56) | ((one as u64) << 40) | ((two as u64) << 20) | three as u64
        };
        match self {
            Self::Trial => 0,
            Self::Step(index) => index as u64 + 1,
            Self::Times { period, lane } => number(1, period, lane, 0),
            Self::Choice { mix, fault } => number(2, mix, fault, 0),
            Self::Target { mix, fault, turn } => number(3, mix, fault, turn),
            Self::Swarm { kind } => number(4, 0, 0, 0) | fnv1a(kind),
        }
    }
}

/// A name as a number that stays the same whatever else is in a list (the hash FNV-1a).
fn fnv1a(name: &str) -> u64 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    u64::from(hash)
}

impl<'a> Draw<'a> {
    /// Streams of one seed are independent: a step's choices do not hang on those of the steps before it.
    pub(crate) fn new(seed: u64, stream: Stream<'_>, members: &'a Members, keys: u32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream.number());
        Self {
            random,
            members,
            keys,
        }
    }

    /// The target with its random part drawn, from those that can be hit. Who leads or controls stays open until the injection.
    fn target(&mut self, target: &Target, part: Part) -> Result<Target, Invalid> {
        let from = match part {
            Part::Any | Part::Kafka | Part::Broker => &self.members.brokers,
            Part::Voter => self.members.voters(),
        };
        let count = match target {
            Target::One => 1,
            Target::Minority => (from.len().saturating_sub(1) / 2).max(1),
            Target::Majority => from.len() / 2 + 1,
            Target::All => from.len(),
            Target::Nodes(nodes) => {
                let refused = nodes.iter().find_map(|node| self.members.refuse(*node, part));
                let refused = refused.map(|reason| Invalid::new(&["target"], reason));
                return refused.map_or_else(|| Ok(target.clone()), Err);
            }
            Target::Leader
            | Target::Follower
            | Target::Controller
            | Target::ZooKeeperLeader
            | Target::ZooKeeperFollower
            | Target::ZooKeepers => return Ok(target.clone()),
        };
        let mut order = from.to_vec();
        order.shuffle(&mut self.random);
        order.truncate(count);
        order.sort_unstable();
        Ok(Target::Nodes(order))
    }

    /// Draws what a target and its partition leave open. A target that is of no partition has no key.
    pub fn aim(&mut self, target: &mut Target, key: &mut Option<Key>) -> Result<(), Invalid> {
        self.aim_at(Part::Any, target, key)
    }

    /// The same for what can be done to brokers alone.
    pub(crate) fn aim_at_brokers(
        &mut self,
        target: &mut Target,
        key: &mut Option<Key>,
    ) -> Result<(), Invalid> {
        let is_other = match target {
            // As long as there is ZooKeeper too, one of the brokers may be.
            Target::Controller => !self.members.controllers.is_empty() && self.members.zookeepers.is_empty(),
            _ => target.is_of_zookeeper(),
        };
        if is_other {
            let reason = format!("`{target}` is no broker here, and this fault is one of brokers");
            return Err(Invalid::new(&["target"], reason));
        }
        self.aim_at(Part::Broker, target, key)
    }

    /// The same for what cannot be done to `ZooKeeper`.
    pub(crate) fn aim_at_kafka(&mut self, target: &mut Target, key: &mut Option<Key>) -> Result<(), Invalid> {
        if target.is_of_zookeeper() {
            let reason = format!("`{target}` is no node of Kafka's, and this fault is one of those");
            return Err(Invalid::new(&["target"], reason));
        }
        self.aim_at(Part::Kafka, target, key)
    }

    /// Draws whom a fault hits that is of the controllers' voters.
    pub(crate) fn aim_at_voters(&mut self, target: &mut Target) -> Result<(), Invalid> {
        self.aim_at(Part::Voter, target, &mut None)
    }

    fn aim_at(&mut self, part: Part, target: &mut Target, key: &mut Option<Key>) -> Result<(), Invalid> {
        if target.is_of_a_partition() {
            *key = Some(self.key(*key)?);
        } else if key.is_some() {
            return Err(Invalid::new(
                &["key"],
                format!("goes with the targets `leader` and `follower` only, and this one is `{target}`"),
            ));
        }
        *target = self.target(target, part)?;
        Ok(())
    }

    /// The partition that was asked for, or one that is drawn.
    pub fn key(&mut self, asked: Option<Key>) -> Result<Key, Invalid> {
        let Some(last) = self.keys.checked_sub(1) else {
            return Err(Invalid::new(&["key"], "there is no partition to aim at"));
        };
        match asked {
            None => Ok(self.random.random_range(0..=last)),
            Some(key) if key <= last => Ok(key),
            Some(key) => Err(Invalid::new(
                &["key"],
                format!("there is no key {key}: the topics' partitions together are the keys 0 to {last}"),
            )),
        }
    }

    /// The nodes there are, by what they are.
    pub(crate) fn members(&self) -> &Members {
        self.members
    }

    /// How many brokers there are.
    pub(crate) fn brokers(&self) -> usize {
        self.members.brokers.len()
    }

    /// Where random numbers of a fault's own begin: those that are drawn while it is in force.
    pub(crate) fn seed(&mut self) -> u32 {
        self.random.random()
    }

    /// The partition that a fault is of, drawn where not given; none where it is of all of them.
    pub fn key_or_all(&mut self, all: bool, asked: Option<Key>) -> Result<Option<Key>, Invalid> {
        match (all, asked) {
            (false, asked) => self.key(asked).map(Some),
            (true, None) => Ok(None),
            (true, Some(_)) => Err(Invalid::new(&["key"], "contradicts `all`: give one of the two")),
        }
    }

    /// A time between the two, both included, in milliseconds.
    pub(crate) fn between(&mut self, (least, most): (Span, Span)) -> u64 {
        let (least, most) = (least.as_millis(), most.as_millis());
        self.random.random_range(least..=most.max(least))
    }

    /// The seed that was asked for, or one that is drawn.
    pub(crate) fn seed_unless(&mut self, asked: Option<u32>) -> u32 {
        asked.unwrap_or_else(|| self.seed())
    }

    /// The seed of what a power loss leaves by chance; there is none where it leaves nothing.
    pub(crate) fn torn(&mut self, torn: bool, asked: Option<u32>) -> Result<Option<u32>, Invalid> {
        if asked.is_some() && !torn {
            let reason = "goes with `torn = true` only: otherwise nothing is left to chance";
            return Err(Invalid::new(&["seed"], reason));
        }
        Ok(torn.then(|| self.seed_unless(asked)))
    }

    /// A chance of a half.
    pub(crate) fn coin(&mut self) -> bool {
        self.random.random()
    }

    /// How much something of this weight wants to be chosen: of several the highest is chosen, and each as often as
    /// its weight says, because it is the highest of that many numbers.
    pub(crate) fn wish(&mut self, weight: u32) -> u64 {
        (0..weight)
            .map(|_| self.random.random::<u64>())
            .max()
            .unwrap_or(0)
    }

    /// A number below `count`.
    pub fn index(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }
}
