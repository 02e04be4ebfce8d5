//! Random choices from the run's seed: the same seed draws the same.

use history::{Key, NodeId};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::Invalid;
use crate::target::{Target, node_list};

/// Draws targets, partitions and times for one schedule.
pub struct Draw<'a> {
    random: ChaCha8Rng,
    nodes: &'a [NodeId],
    keys: u32,
}

impl<'a> Draw<'a> {
    /// Streams of one seed are independent: a step's choices do not hang on those of the steps before it.
    pub(crate) fn new(seed: u64, stream: u64, nodes: &'a [NodeId], keys: u32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Self { random, nodes, keys }
    }

    /// The target with its random part drawn. Who leads or controls stays open until the injection.
    pub fn target(&mut self, target: &Target) -> Result<Target, Invalid> {
        let count = match target {
            Target::One => 1,
            Target::Minority => (self.nodes.len().saturating_sub(1) / 2).max(1),
            Target::Majority => self.nodes.len() / 2 + 1,
            Target::All => self.nodes.len(),
            Target::Nodes(nodes) => return self.known(nodes),
            Target::Leader | Target::Follower | Target::Controller => return Ok(target.clone()),
        };
        let mut order = self.nodes.to_vec();
        order.shuffle(&mut self.random);
        order.truncate(count);
        order.sort_unstable();
        Ok(Target::Nodes(order))
    }

    /// Draws what a target and its partition leave open. A target that is of no partition has no key.
    pub fn aim(&mut self, target: &mut Target, key: &mut Option<Key>) -> Result<(), Invalid> {
        if target.is_of_a_partition() {
            *key = Some(self.key(*key)?);
        } else if key.is_some() {
            return Err(Invalid::new(
                &["key"],
                format!("goes with the targets `leader` and `follower` only, and this one is `{target}`"),
            ));
        }
        *target = self.target(target)?;
        Ok(())
    }

    fn known(&self, nodes: &[NodeId]) -> Result<Target, Invalid> {
        match nodes.iter().find(|node| !self.nodes.contains(node)) {
            None => Ok(Target::Nodes(nodes.to_vec())),
            Some(node) => Err(Invalid::new(
                &["target"],
                format!(
                    "there is no node {node}: this cluster has {}",
                    node_list(self.nodes)
                ),
            )),
        }
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

    /// A number of milliseconds between the two, both included.
    pub(crate) fn milliseconds(&mut self, least: u64, most: u64) -> u64 {
        self.random.random_range(least..=most.max(least))
    }

    /// The numbers below `count`, shuffled.
    pub(crate) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..count).collect();
        order.shuffle(&mut self.random);
        order
    }

    /// A number below `count`.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }
}
