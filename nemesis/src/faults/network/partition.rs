//! Cuts nodes off from their peers, silently: the leader of a partition or the active controller alone, the
//! cluster into two groups, into two that one node joins, or into a ring; one direction only; or the clients from the
//! brokers. With or without cutting the same nodes off from the clients, whole or one service alone.

use anyhow::Result;
use async_trait::async_trait;
use cluster::{Cut, Place};
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::cuts::{Cutting, Service, service};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// Cuts links between nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "Written")]
pub struct Partition {
    /// Which links.
    pub shape: Shape,
    /// Who is cut off: for `halves` one side (`minority` where not given), for `one-way` the node whose links
    /// lose a direction (`one` where not given), for `bridge` the node that joins the halves (`one`), for `clients`
    /// the brokers that lose them (`all`). The other shapes name it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// For `one-way` and `clients`: which direction is cut, as the target sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Whether the same cuts hold between the target and the clients.
    pub clients: bool,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The service whose connections alone are cut; all of them where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Service>,
}

/// Which links a partition cuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A partition's leader from its peers.
    #[default]
    Leader,
    /// The nodes in two groups.
    Halves,
    /// One direction of the target's links.
    OneWay,
    /// The active controller from its peers.
    Controller,
    /// Each node from all but its two neighbours, in the order of their numbers.
    Ring,
    /// The nodes in two groups, and one that both reach.
    Bridge,
    /// The clients from the brokers, which keep each other.
    Clients,
}

impl Shape {
    /// Whom it is aimed at where the plan does not say.
    fn aims_at(self) -> Target {
        match self {
            Self::Leader => Target::Leader,
            Self::Controller => Target::Controller,
            Self::Halves => Target::Minority,
            Self::OneWay | Self::Bridge => Target::One,
            Self::Ring | Self::Clients => Target::All,
        }
    }

    /// Whether the plan may say whom.
    fn is_aimed(self) -> bool {
        matches!(self, Self::Halves | Self::OneWay | Self::Bridge | Self::Clients)
    }
}

/// A direction of a node's links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// What is sent to it.
    #[default]
    In,
    /// What it sends.
    Out,
}

/// As it stands in a plan, before it is known not to contradict itself.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    #[serde(default)]
    shape: Shape,
    target: Option<Target>,
    direction: Option<Direction>,
    #[serde(default)]
    clients: bool,
    key: Option<Key>,
    port: Option<Service>,
}

impl TryFrom<Written> for Partition {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let shape = written.shape;
        let named = (!shape.is_aimed()).then(|| shape.aims_at());
        if written.target.is_some() && named.is_some() && written.target != named {
            return Err(
                "`target` goes with the shapes `halves`, `one-way`, `bridge` and `clients` only: the others name it \
                 themselves",
            );
        }
        if written.direction.is_some() && !matches!(shape, Shape::OneWay | Shape::Clients) {
            return Err("`direction` goes with the shapes `one-way` and `clients` only");
        }
        if written.clients && matches!(shape, Shape::Ring | Shape::Bridge | Shape::Clients) {
            return Err("`clients` does not go with the shapes `ring`, `bridge` and `clients`: no node is cut off whole");
        }
        if shape == Shape::Clients && written.port == Some(Service::Controller) {
            return Err("clients never speak to the controller port: without `port` they are cut off whole");
        }
        Ok(Self {
            shape,
            target: written.target,
            direction: written.direction,
            clients: written.clients,
            key: written.key,
            port: written.port,
        })
    }
}

/// Two places that are cut from each other, the first as the target sees it from its side.
type Pair = (Place, Place);

impl Partition {
    fn whom(&self) -> Target {
        self.target.clone().unwrap_or(self.shape.aims_at())
    }

    /// Who is cut from whom.
    fn pairs(&self, inside: &[NodeId], all: &[NodeId]) -> Vec<Pair> {
        let outside: Vec<NodeId> = all.iter().copied().filter(|node| !inside.contains(node)).collect();
        match self.shape {
            Shape::Ring => ring(all),
            Shape::Bridge => {
                let (one, other) = outside.split_at(outside.len() / 2);
                each_with_each(one, &places(other))
            }
            Shape::Clients => each_with_each(inside, &[Place::Clients]),
            Shape::Leader | Shape::Halves | Shape::OneWay | Shape::Controller => {
                let mut far = places(&outside);
                far.extend(self.clients.then_some(Place::Clients));
                each_with_each(inside, &far)
            }
        }
    }

    /// The directions of these that are cut.
    fn cuts(&self, pairs: &[Pair], port: Option<u16>) -> Vec<Cut> {
        let direction = match self.shape {
            Shape::OneWay => Some(self.direction.unwrap_or_default()),
            _ => self.direction,
        };
        let mut cuts = Vec::new();
        for &(near, far) in pairs {
            if direction != Some(Direction::Out) {
                cuts.extend(service(far, near, port));
            }
            if direction != Some(Direction::In) {
                cuts.extend(service(near, far, port));
            }
        }
        cuts
    }
}

fn places(nodes: &[NodeId]) -> Vec<Place> {
    nodes.iter().copied().map(Place::Node).collect()
}

fn each_with_each(near: &[NodeId], far: &[Place]) -> Vec<Pair> {
    let pairs = places(near).into_iter();
    pairs
        .flat_map(|near| far.iter().map(move |&far| (near, far)))
        .collect()
}

/// The pairs that are no neighbours in a ring of these.
fn ring(nodes: &[NodeId]) -> Vec<Pair> {
    let last = nodes.len().saturating_sub(1);
    let far = |one: usize, other: usize| other > one + 1 && (one, other) != (0, last);
    let indices = (0..nodes.len()).flat_map(|one| (0..nodes.len()).map(move |other| (one, other)));
    indices
        .filter(|&(one, other)| far(one, other))
        .map(|(one, other)| (Place::Node(nodes[one]), Place::Node(nodes[other])))
        .collect()
}

#[async_trait]
impl FaultKind for Partition {
    fn needs(&self) -> &'static [Power] {
        &[Power::Network]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        let mut target = self.whom();
        if self.shape == Shape::Clients {
            draw.aim_at_brokers(&mut target, &mut self.key)?;
        } else {
            draw.aim(&mut target, &mut self.key)?;
        }
        let needed = match self.shape {
            Shape::Ring => 4,
            Shape::Bridge => 3,
            _ => 0,
        };
        let all = draw.members().all().len();
        if all < needed {
            let reason = format!("needs {needed} nodes or more: this cluster has {all}");
            return Err(Invalid::new(&["shape"], reason));
        }
        if self.shape == Shape::Bridge && matches!(&target, Target::Nodes(nodes) if nodes.len() != 1) {
            return Err(Invalid::new(&["target"], "one node joins the halves: name one"));
        }
        if self.shape.is_aimed() {
            self.target = Some(target);
        }
        if self.shape == Shape::OneWay {
            self.direction = Some(self.direction.unwrap_or_default());
        }
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.whom(), self.key);
        let clients = if self.clients {
            "and from clients"
        } else {
            "not from clients"
        };
        let what = match (self.shape, self.direction) {
            (Shape::OneWay, Some(Direction::Out)) => {
                format!("what {target} sends to its peers cut, {clients}")
            }
            (Shape::OneWay, _) => format!("what peers send to {target} cut, {clients}"),
            (Shape::Ring, _) => "nodes cut from all but their neighbours in a ring".to_owned(),
            (Shape::Bridge, _) => format!("two halves cut from each other but for {target}"),
            (Shape::Clients, None) => format!("clients cut from {target}"),
            (Shape::Clients, Some(Direction::In)) => format!("what clients send to {target} cut"),
            (Shape::Clients, Some(Direction::Out)) => format!("what {target} sends to clients cut"),
            (Shape::Leader | Shape::Halves | Shape::Controller, _) => {
                format!("{target} cut from its peers, {clients}")
            }
        };
        match self.port {
            Some(port) => format!("{what}, {port} port alone"),
            None => what,
        }
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.find(&self.whom(), self.key)?;
        let pairs = self.pairs(&nodes, &scene.cluster.nodes());
        if pairs.is_empty() {
            return Err(NoTarget(format!(
                "{} has no peer to be cut from",
                node_list(&nodes)
            )));
        }
        let clients = |(from, to): &Pair| *from == Place::Clients || *to == Place::Clients;
        let links = scene.cluster.links();
        if pairs.iter().any(clients) && links.is_some_and(|links| !links.can_cut_clients()) {
            return Err(NoTarget(
                "the observer has no address of its own in this environment, and would be cut off with the clients"
                    .to_owned(),
            ));
        }
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            nodes,
            action: Box::new(Parting {
                cuts: self.cuts(&pairs, self.port.map(|port| port.port(scene))),
                cutting: Cutting::default(),
            }),
        })
    }

    /// One direction is as good as both: a connection whose answers do not come is none.
    fn impairs(&self, nodes: &[NodeId], others: &[NodeId]) -> Impairment {
        if self.shape == Shape::Clients {
            return Impairment::degrading();
        }
        let mut all = [nodes, others].concat();
        all.sort_unstable();
        let apart = self.pairs(nodes, &all).into_iter();
        Impairment {
            apart: apart
                .filter_map(|pair| match pair {
                    (Place::Node(one), Place::Node(other)) => Some((one, other)),
                    _ => None,
                })
                .collect(),
            // Who is cut off from some only is not replaced.
            degrades: self.port.is_some(),
            ..Impairment::default()
        }
    }

    fn target(&self) -> Option<Target> {
        Some(self.whom())
    }
}

struct Parting {
    cuts: Vec<Cut>,
    cutting: Cutting,
}

#[async_trait]
impl Action for Parting {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.cutting.cut(scene, &self.cuts)
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        Ok(Cutting::evidence(&self.cutting.heal(scene)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, ring};

    fn check(nodes: &[u32], cut: &[(u32, u32)]) {
        let expected: Vec<_> = cut
            .iter()
            .map(|&(one, other)| (Place::Node(one), Place::Node(other)))
            .collect();
        assert_eq!(ring(nodes), expected);
    }

    #[test]
    fn in_a_ring_each_reaches_its_two_neighbours() {
        check(&[1, 2, 3], &[]);
        check(&[1, 2, 3, 4], &[(1, 3), (2, 4)]);
        check(&[1, 2, 3, 4, 5], &[(1, 3), (1, 4), (2, 4), (2, 5), (3, 5)]);
    }
}
