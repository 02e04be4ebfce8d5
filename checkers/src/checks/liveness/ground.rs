//! Who is left of the cluster at a time, and of which partitions progress may be asked.

use std::collections::{BTreeMap, BTreeSet};

use history::{Claim, Fault, FaultStep, Header, Impairment, Key, NodeChange, NodeId, whole_group};

/// A broker that said nothing for this long says nothing of the present.
const FRESH_FOR: u64 = 3_000_000_000;
/// For so long after nodes went an ISR may still be seen that shrank to them before they went.
const SHRINKS_WITHIN: u64 = 2_000_000_000;

/// What a broker said last of a partition.
#[derive(Clone, Debug)]
struct Said {
    time: u64,
    epoch: i32,
    isr: Vec<NodeId>,
}

/// One topic's partitions.
#[derive(Clone, Copy, Debug)]
struct Needs {
    replicas: usize,
    in_sync: usize,
}

/// A time in which nothing is taken away or given back.
#[derive(Clone, Debug, Default)]
pub(in crate::checks) struct Stand {
    pub(in crate::checks) since: u64,
    /// Nodes that are down, or cut off from those that are left.
    pub(in crate::checks) gone: Vec<NodeId>,
    /// Whether the cluster as a whole can make progress.
    whole: bool,
    /// Whether each partition can, by key.
    asked: Vec<bool>,
}

impl Stand {
    /// Whether another stands on the same ground.
    pub(in crate::checks) fn is_like(&self, other: &Self) -> bool {
        self.gone == other.gone && self.whole == other.whole
    }

    /// Whether progress is asked for at all.
    pub(in crate::checks) fn is_asked(&self) -> bool {
        self.whole
    }

    /// Asks no more of partitions whose ISR turns out to have shrunk to those that are gone just before they went.
    pub(in crate::checks) fn excuse(&mut self, time: u64, claims: &[Claim]) {
        if self.gone.is_empty() || time > self.since + SHRINKS_WITHIN {
            return;
        }
        for claim in claims {
            let lost = claim.isr.iter().all(|node| self.gone.contains(node));
            if let Some(asked) = self.asked.get_mut(claim.key as usize)
                && lost
            {
                *asked = false;
            }
        }
    }

    /// Whether it is asked of this partition.
    pub(in crate::checks) fn asks(&self, key: Key) -> bool {
        self.whole && self.asked.get(key as usize).copied().unwrap_or(false)
    }

    /// Whether it is asked of this partition, and none of its replicas is kept away.
    pub(in crate::checks) fn asks_all(&self, key: Key) -> bool {
        self.gone.is_empty() && self.asks(key)
    }
}

/// What is known of the cluster.
#[derive(Debug, Default)]
pub(in crate::checks) struct Ground {
    /// Brokers and controllers.
    nodes: Vec<NodeId>,
    /// Those that may hold replicas.
    brokers: Vec<NodeId>,
    /// Those of whom a majority must be left so that there is an active controller: of each group, where `ZooKeeper` is taken over.
    controllers: Vec<Vec<NodeId>>,
    needs: Vec<Needs>,
    /// The faults in force, by their number: what each takes away, where it says so.
    in_force: BTreeMap<u32, Option<Impairment>>,
    /// Nodes whose process does not run.
    ended: BTreeSet<NodeId>,
    /// What each broker said last, by partition.
    said: Vec<BTreeMap<NodeId, Said>>,
}

impl Ground {
    pub(in crate::checks) fn new(header: &Header, keys: u32) -> Self {
        let topics = header.topics.iter();
        let needs = topics.flat_map(|topic| {
            let needs = Needs {
                replicas: topic.replication_factor as usize,
                in_sync: topic.min_insync_replicas.max(1) as usize,
            };
            std::iter::repeat_n(needs, topic.partitions as usize)
        });
        Self {
            nodes: header.all_nodes(),
            brokers: header.nodes.clone(),
            controllers: if header.controllers.is_empty() && header.zookeepers.is_empty() {
                vec![header.nodes.clone()]
            } else {
                let groups = [&header.controllers, &header.zookeepers];
                groups
                    .into_iter()
                    .filter(|group| !group.is_empty())
                    .cloned()
                    .collect()
            },
            needs: needs.take(keys as usize).collect(),
            said: (0..keys).map(|_| BTreeMap::new()).collect(),
            ..Self::default()
        }
    }

    /// A step of a fault. Whether that may change who is left.
    pub(in crate::checks) fn fault(&mut self, fault: &Fault) -> bool {
        match &fault.step {
            FaultStep::Injecting => {
                self.in_force.insert(fault.id, fault.impairs.clone());
            }
            FaultStep::Injected => {
                self.in_force.entry(fault.id).or_default();
            }
            FaultStep::Healed { .. } => {
                self.in_force.remove(&fault.id);
            }
            // Nobody knows what it left behind.
            FaultStep::Failed { .. } => {
                self.in_force.insert(fault.id, None);
            }
            FaultStep::Healing | FaultStep::Skipped { .. } => return false,
        }
        true
    }

    /// A process began or ended. Whether that may change who is left.
    pub(in crate::checks) fn node(&mut self, node: &NodeChange) -> bool {
        if node.running {
            self.ended.remove(&node.node)
        } else {
            self.ended.insert(node.node)
        }
    }

    /// A broker said this of a partition.
    pub(in crate::checks) fn claim(&mut self, time: u64, node: NodeId, claim: &Claim) {
        if let Some(said) = self.said.get_mut(claim.key as usize) {
            let claim = Said {
                time,
                epoch: claim.epoch,
                isr: claim.isr.clone(),
            };
            said.insert(node, claim);
        }
    }

    /// Who is left at a time, and of what progress may be asked from then on, if nothing changes.
    pub(in crate::checks) fn stand(&self, time: u64) -> Stand {
        let ended: Vec<NodeId> = self.ended.iter().copied().collect();
        let ended = Impairment::down(&ended);
        let known: Vec<&Impairment> = self.in_force.values().flatten().chain([&ended]).collect();
        let group = whole_group(&self.nodes, known.iter().copied());
        let gone: Vec<NodeId> = self
            .nodes
            .iter()
            .copied()
            .filter(|node| !group.contains(node))
            .collect();
        let degraded = self
            .in_force
            .values()
            .any(|fault| fault.as_ref().is_none_or(|it| it.degrades));
        let whole = !degraded && self.elects(&group) && is_clean(&group, &gone, &known);
        let asked = (0..self.needs.len()).map(|key| whole && self.can_go_on(key, &gone, time));
        Stand {
            since: time,
            asked: asked.collect(),
            whole,
            gone,
        }
    }

    /// Whether these nodes can elect a controller.
    fn elects(&self, group: &[NodeId]) -> bool {
        self.controllers.iter().all(|voters| {
            let left = voters.iter().filter(|node| group.contains(node));
            left.count() > voters.len() / 2
        })
    }

    /// Whether enough replicas are left wherever they lie, and one of them was in sync.
    fn can_go_on(&self, key: usize, gone: &[NodeId], time: u64) -> bool {
        let needs = self.needs[key];
        // A controller that is no broker held no replica.
        let brokers = gone.iter().filter(|node| self.brokers.contains(node)).count();
        if needs.replicas.saturating_sub(brokers) < needs.in_sync {
            return false;
        }
        gone.is_empty()
            || self
                .in_sync(key, time)
                .is_some_and(|isr| !isr.iter().all(|node| gone.contains(node)))
    }

    /// The nodes that all who speak of the newest epoch hold to be in sync.
    fn in_sync(&self, key: usize, time: u64) -> Option<Vec<NodeId>> {
        let fresh = self.said[key]
            .values()
            .filter(|said| time - said.time <= FRESH_FOR);
        let newest = fresh.clone().map(|said| said.epoch).max()?;
        let mut isrs = fresh.filter(|said| said.epoch == newest).map(|said| &said.isr);
        let mut in_sync = isrs.next()?.clone();
        for isr in isrs {
            in_sync.retain(|node| isr.contains(node));
        }
        Some(in_sync)
    }

    /// The nodes but for these.
    pub(in crate::checks) fn left(&self, gone: &[NodeId]) -> Vec<NodeId> {
        self.nodes
            .iter()
            .copied()
            .filter(|node| !gone.contains(node))
            .collect()
    }

    /// How many replicas a partition has, and how many have to be in sync.
    pub(in crate::checks) fn demands_of(&self, key: Key) -> Option<(usize, usize)> {
        let needs = self.needs.get(key as usize)?;
        Some((needs.replicas, needs.in_sync))
    }
}

/// Whether nobody of the group can talk with one who is gone and up: halves that overlap, a ring of links, are no case
/// that a majority alone gets over.
fn is_clean(group: &[NodeId], gone: &[NodeId], impairments: &[&Impairment]) -> bool {
    gone.iter().all(|&node| {
        let is_down = impairments
            .iter()
            .any(|impairment| impairment.down.contains(&node));
        let apart = |other: NodeId| {
            let mut pairs = impairments.iter().flat_map(|impairment| &impairment.apart);
            pairs.any(|&pair| pair == (node, other) || pair == (other, node))
        };
        is_down || group.iter().all(|&other| apart(other))
    })
}
