//! Gives the leadership of every partition to one node, or from one replica to the next again and again; clients
//! have to find each new leader.

use anyhow::Result;
use async_trait::async_trait;
use history::{Key, NodeId, Span};
use serde::{Deserialize, Serialize};

use super::elect_preferred::Electing;
use super::election_storm::{Kind, Storming};
use crate::asked::{standings, unanswered};
use crate::config::Invalid;
use crate::draw::Draw;
use crate::elections::Elections;
use crate::fault::{Action, Aim, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// Moves all leaders. Configured by where to, or by how often they go on to the next replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "Written")]
pub struct MoveLeaders {
    /// The node that is to lead everything; the leader or the follower of a partition may be meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Instead of one node: how often each partition's leadership goes on to its next replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate: Option<Span>,
}

/// As it stands in a plan, before it is known not to contradict itself.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    target: Option<Target>,
    key: Option<Key>,
    rotate: Option<Span>,
}

impl TryFrom<Written> for MoveLeaders {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let Written { target, key, rotate } = written;
        if rotate.is_some() && (target.is_some() || key.is_some()) {
            return Err("`rotate` gives leadership to every replica in turn: it goes with no `target` and no `key`");
        }
        if rotate.is_some_and(Span::is_zero) {
            return Err("`rotate` is the time between two moves, and cannot be zero");
        }
        let one = match &target {
            Some(Target::Nodes(nodes)) => nodes.len() == 1,
            Some(Target::All | Target::Majority | Target::Minority) => false,
            _ => true,
        };
        if !one {
            return Err("one node can lead all partitions: `target` has to mean exactly one");
        }
        let target = if rotate.is_none() { target.or(Some(Target::One)) } else { None };
        Ok(Self { target, key, rotate })
    }
}

impl Default for MoveLeaders {
    fn default() -> Self {
        Self {
            target: Some(Target::One),
            key: None,
            rotate: None,
        }
    }
}

#[async_trait]
impl FaultKind for MoveLeaders {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        match &mut self.target {
            Some(target) => draw.aim_at_brokers(target, &mut self.key),
            None => Ok(()),
        }
    }

    fn describe(&self, scene: &Scene) -> String {
        match (&self.target, self.rotate) {
            (Some(target), _) => format!("leadership of all partitions to {}", scene.target_name(target, self.key)),
            (None, every) => format!(
                "leadership of all partitions to the next replica every {}",
                every.unwrap_or_default()
            ),
        }
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let Some(target) = &self.target else {
            return Ok(Aim {
                nodes: scene.cluster.brokers(),
                detail: self.describe(scene),
                action: Box::new(Storming::new(
                    scene.keys(),
                    Kind::Preferred,
                    self.rotate.unwrap_or_default(),
                )),
            });
        };
        let nodes = scene.find(target, self.key)?;
        let node = *nodes.first().ok_or_else(|| NoTarget("no node is meant".to_owned()))?;
        let standing = standings(scene, &scene.keys())
            .await
            .map_err(|error| unanswered(&error))?;
        let follows = |view: &cluster::PartitionView| view.isr.contains(&node) && view.leader != Some(node);
        let wanted: Vec<(Key, NodeId)> = standing
            .iter()
            .filter(|(_, view)| follows(view))
            .map(|(key, _)| (*key, node))
            .collect();
        if wanted.is_empty() {
            return Err(NoTarget(format!("node {node} follows in sync in no partition")));
        }
        let action: Box<dyn Action> = Box::new(Electing {
            wanted,
            elections: Elections::default(),
            evidence: None,
        });
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            nodes,
            action,
        })
    }
}
