//! Gives a partition other replicas while it is in use, and gives it its own back when the fault is over, waited for
//! until all are in sync: one replica fewer, without its leader, in another order, or on other nodes.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::{PartitionView, TopicPartition};
use history::{Key, NodeId, Span};
use serde::{Deserialize, Serialize};

use crate::asked::{claim, standing, unanswered};
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::replicas;

/// The old replicas are in sync again within this time of one try.
const BACK_WITHIN: Duration = Duration::from_secs(25);

/// Reassigns replicas. Configured by the partition, the shape of the change, and how long it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Reassign {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What becomes of its replicas.
    pub shape: Shape,
    /// How long the change may take, else the injection has failed.
    pub within: Span,
}

/// What becomes of a partition's replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A follower less.
    #[default]
    Shrink,
    /// All but the leader: another has to lead.
    DropLeader,
    /// The same in another order: the first comes last, and is not the preferred leader any more.
    Rotate,
    /// As many as can be go to nodes that hold none.
    Move,
}

impl Default for Reassign {
    fn default() -> Self {
        Self {
            key: None,
            shape: Shape::Shrink,
            within: Span::from_secs(60),
        }
    }
}

impl Reassign {
    /// The new replicas, in the order of preference.
    fn wanted(&self, scene: &Scene, view: &PartitionView) -> Result<Vec<NodeId>, &'static str> {
        let mut replicas = view.replicas.clone();
        if replicas.len() < 2 && self.shape != Shape::Move {
            return Err("it has one replica only");
        }
        match self.shape {
            Shape::Shrink => {
                let follower = replicas.iter().rposition(|node| view.leader != Some(*node));
                replicas.remove(follower.ok_or("it has no follower")?);
            }
            Shape::DropLeader => {
                let leader = view.leader.ok_or("it has no leader")?;
                if view.isr.iter().all(|node| *node == leader) {
                    return Err("nobody but its leader is in sync");
                }
                replicas.retain(|node| *node != leader);
            }
            Shape::Rotate => replicas.rotate_left(1),
            Shape::Move => {
                let outside = scene.other_brokers(&replicas);
                if outside.is_empty() {
                    return Err("every node is a replica of it");
                }
                let kept = replicas.len().saturating_sub(outside.len());
                let moved = replicas.len() - kept;
                replicas.truncate(kept);
                replicas.extend(outside.into_iter().take(moved));
            }
        }
        Ok(replicas)
    }
}

#[async_trait]
impl FaultKind for Reassign {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.within.is_zero() {
            return Err(Invalid::new(&["within"], "no change is over in no time"));
        }
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let partition = scene.key_or_all(self.key);
        match self.shape {
            Shape::Shrink => format!("{partition} loses a replica"),
            Shape::DropLeader => format!("{partition} loses its leader's replica"),
            Shape::Rotate => format!("replicas of {partition} rotated"),
            Shape::Move => format!("replicas of {partition} moved"),
        }
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let key = self.key.unwrap_or_default();
        let before = standing(scene, key).await.map_err(|error| unanswered(&error))?;
        let whole = scene.topic(key).map_or(0, |topic| topic.replication_factor as usize);
        if before.replicas.len() != whole {
            return Err(NoTarget(format!(
                "the replicas of {} are being changed already: {:?}",
                scene.key_name(key),
                before.replicas
            )));
        }
        let wanted = self
            .wanted(scene, &before)
            .map_err(|reason| NoTarget(format!("{}: {reason}", scene.key_name(key))))?;
        let old = before.replicas.iter();
        let mut nodes: Vec<NodeId> = old.chain(&wanted).copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        Ok(Aim {
            nodes,
            detail: format!("{} ({:?} to {wanted:?})", self.describe(scene), before.replicas),
            action: Box::new(Reassigning {
                at: scene.partition(key),
                key,
                before,
                wanted,
                within: self.within.duration(),
                asked: false,
                seen: None,
            }),
        })
    }
}

struct Reassigning {
    at: TopicPartition,
    key: Key,
    before: PartitionView,
    wanted: Vec<NodeId>,
    within: Duration,
    asked: bool,
    /// The partition once every broker saw the new replicas, and how long that took.
    seen: Option<(PartitionView, Duration)>,
}

impl Reassigning {
    async fn go_to(&self, scene: &Scene, replicas: &[NodeId], within: Duration) -> Result<Duration> {
        replicas::reassign(scene, &[(self.at.clone(), replicas.to_vec())], within).await
    }
}

#[async_trait]
impl Action for Reassigning {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.asked = true;
        let took = self.go_to(scene, &self.wanted, self.within).await?;
        self.seen = Some((standing(scene, self.key).await?, took));
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        if !self.asked {
            return Ok(Evidence {
                bit: false,
                text: "nothing was reassigned".to_owned(),
            });
        }
        let back = self.go_to(scene, &self.before.replicas, BACK_WITHIN).await?;
        let (at, before) = (&self.at, &self.before);
        Ok(match &self.seen {
            Some((seen, took)) => Evidence {
                bit: seen.replicas != before.replicas,
                text: format!(
                    "{at}: replicas {:?}, led by {}; {:?}, led by {}, after {:.1} s; {:?} in sync again after {:.1} s",
                    before.replicas,
                    claim(before),
                    seen.replicas,
                    claim(seen),
                    took.as_secs_f64(),
                    before.replicas,
                    back.as_secs_f64()
                ),
            },
            None => Evidence {
                bit: false,
                text: format!("{at} was not seen on {:?}", self.wanted),
            },
        })
    }
}
