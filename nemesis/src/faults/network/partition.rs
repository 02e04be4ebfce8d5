//! Cuts nodes off from their peers, silently: the leader of a partition or the active controller alone, the
//! cluster into two groups, or one direction only; with or without cutting the same nodes off from the clients.

use anyhow::Result;
use async_trait::async_trait;
use cluster::{Cut, Place};
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::cuts::{Cutting, whole};
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
    /// lose a direction (`one` where not given). The other shapes name it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// For `one-way`: which direction is cut, as the target sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Whether the same cuts hold between the target and the clients.
    pub clients: bool,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
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
}

impl TryFrom<Written> for Partition {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let named = match written.shape {
            Shape::Leader => Some(Target::Leader),
            Shape::Controller => Some(Target::Controller),
            Shape::Halves | Shape::OneWay => None,
        };
        if written.target.is_some() && named.is_some() && written.target != named {
            return Err("`target` goes with the shapes `halves` and `one-way` only: the others name it themselves");
        }
        if written.direction.is_some() && written.shape != Shape::OneWay {
            return Err("`direction` goes with the shape `one-way` only");
        }
        Ok(Self {
            shape: written.shape,
            target: written.target,
            direction: written.direction,
            clients: written.clients,
            key: written.key,
        })
    }
}

impl Partition {
    fn whom(&self) -> Target {
        self.target.clone().unwrap_or(match self.shape {
            Shape::Leader => Target::Leader,
            Shape::Controller => Target::Controller,
            Shape::Halves => Target::Minority,
            Shape::OneWay => Target::One,
        })
    }

    /// The cuts between the target's nodes and the rest.
    fn cuts(&self, inside: &[NodeId], outside: &[NodeId]) -> Vec<Cut> {
        let mut far: Vec<_> = outside.iter().copied().map(Place::Node).collect();
        far.extend(self.clients.then_some(Place::Clients));
        let both = self.shape != Shape::OneWay;
        let direction = self.direction.unwrap_or_default();
        let mut cuts = Vec::new();
        for near in inside.iter().copied().map(Place::Node) {
            for &far in &far {
                if both || direction == Direction::In {
                    cuts.push(whole(far, near));
                }
                if both || direction == Direction::Out {
                    cuts.push(whole(near, far));
                }
            }
        }
        cuts
    }
}

#[async_trait]
impl FaultKind for Partition {
    fn needs(&self) -> &'static [Power] {
        &[Power::Network]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        let mut target = self.whom();
        draw.aim(&mut target, &mut self.key)?;
        if matches!(self.shape, Shape::Halves | Shape::OneWay) {
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
        match (self.shape, self.direction.unwrap_or_default()) {
            (Shape::OneWay, Direction::In) => format!("what peers send to {target} cut, {clients}"),
            (Shape::OneWay, Direction::Out) => format!("what {target} sends to its peers cut, {clients}"),
            _ => format!("{target} cut from its peers, {clients}"),
        }
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.find(&self.whom(), self.key)?;
        let cuts = self.cuts(&nodes, &scene.others(&nodes));
        if cuts.is_empty() {
            return Err(NoTarget(format!(
                "{} has no peer to be cut from",
                node_list(&nodes)
            )));
        }
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            nodes,
            action: Box::new(Parting {
                cuts,
                cutting: Cutting::default(),
            }),
        })
    }

    /// One direction is as good as both: a connection whose answers do not come is none.
    fn impairs(&self, nodes: &[NodeId], others: &[NodeId]) -> Impairment {
        Impairment::apart(nodes, others)
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
        Ok(Cutting::evidence(self.cutting.heal(scene)))
    }
}
