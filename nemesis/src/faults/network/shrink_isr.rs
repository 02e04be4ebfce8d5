//! Shrinks a partition's ISR to its leader alone: the followers are cut from the leader's client port and from
//! nothing else, so that the controllers keep their majority, and one record is written that they cannot fetch.

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{Cut, Place};
use history::{Key, NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::config::Invalid;
use crate::cuts::{Cutting, whole};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::node_list;

/// How often the view is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the record is tried again where it could not be written.
const NUDGE_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long one try to write it may take.
const NUDGE_WITHIN: Duration = Duration::from_secs(2);

/// Shrinks an ISR. Configured by the partition and how long the brokers may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ShrinkIsr {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How long the ISR may take to be the leader alone, else the injection has failed.
    pub within: Span,
}

impl Default for ShrinkIsr {
    fn default() -> Self {
        Self {
            key: None,
            within: Span::from_secs(40),
        }
    }
}

#[async_trait]
impl FaultKind for ShrinkIsr {
    fn needs(&self) -> &'static [Power] {
        &[Power::Network]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let partition = scene.key_name(self.key.unwrap_or_default());
        format!("followers of {partition} cut from its leader's client port")
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let key = self.key.unwrap_or_default();
        let leader = scene.leader(key)?;
        let replicas = scene
            .cluster
            .view()
            .partition(key)
            .map(|view| view.replicas)
            .unwrap_or_default();
        let mut followers = scene.other_brokers(&[leader]);
        // A view without replicas is no reason to miss one: a cut from a stranger does no harm.
        followers.retain(|node| replicas.is_empty() || replicas.contains(node));
        if followers.is_empty() {
            return Err(NoTarget(format!("{} has no follower", scene.key_name(key))));
        }
        Ok(Aim {
            nodes: vec![leader],
            detail: format!("{} (node {leader}; {})", self.describe(scene), node_list(&followers)),
            action: Box::new(Shrinking {
                key,
                leader,
                followers,
                within: self.within.duration(),
                cutting: Cutting::default(),
                seen: None,
            }),
        })
    }
}

struct Shrinking {
    key: Key,
    leader: NodeId,
    followers: Vec<NodeId>,
    within: Duration,
    cutting: Cutting,
    /// The ISR as it was seen, and how long it took.
    seen: Option<(Vec<NodeId>, Duration)>,
}

#[async_trait]
impl Action for Shrinking {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let port = scene.cluster.ports().client;
        self.cutting.cut(scene, &cuts(self.leader, &self.followers, port))?;
        let begun = Instant::now();
        let mut nudge_at = Some(begun);
        while begun.elapsed() < self.within {
            if nudge_at.is_some_and(|at| at <= Instant::now()) {
                let written = self.nudge(scene).await;
                nudge_at = (!written).then(|| Instant::now() + NUDGE_AGAIN_AFTER);
            }
            if self.is_alone(scene)? {
                self.seen = Some((vec![self.leader], begun.elapsed()));
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        let isr = self.isr(scene);
        bail!(
            "shrink the ISR of {} to node {} within {:?}: it is {isr:?}",
            scene.key_name(self.key),
            self.leader,
            self.within
        )
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let deeds = self.cutting.heal(scene);
        let seen = match &self.seen {
            Some((isr, after)) => format!("ISR {isr:?} after {:.1} s", after.as_secs_f64()),
            None => format!("ISR {:?}, never node {} alone", self.isr(scene), self.leader),
        };
        Ok(Evidence {
            bit: self.seen.is_some() && deeds.dropped.frames > 0,
            text: format!("{seen}, {}", Cutting::describe(&deeds)),
        })
    }
}

impl Shrinking {
    async fn nudge(&self, scene: &Scene) -> bool {
        timeout(NUDGE_WITHIN, scene.cluster.nudge(self.key))
            .await
            .is_ok_and(|written| written.is_ok())
    }

    fn isr(&self, scene: &Scene) -> Vec<NodeId> {
        let view = scene.cluster.view().partition(self.key);
        view.map(|view| view.isr).unwrap_or_default()
    }

    fn is_alone(&self, scene: &Scene) -> Result<bool> {
        let view = scene.cluster.view().partition(self.key).unwrap_or_default();
        match view.leader {
            Some(leader) if leader != self.leader => bail!(
                "shrink the ISR of {}: its leadership went from node {} to node {leader}",
                scene.key_name(self.key),
                self.leader
            ),
            leader => Ok(leader.is_some() && view.isr == [self.leader]),
        }
    }
}

/// Both directions of each follower's connections to the leader's client port.
fn cuts(leader: NodeId, followers: &[NodeId], port: u16) -> Vec<Cut> {
    let leader = Place::Node(leader);
    let pair = |follower: &NodeId| {
        let follower = Place::Node(*follower);
        [
            Cut {
                destination_port: Some(port),
                ..whole(follower, leader)
            },
            Cut {
                source_port: Some(port),
                ..whole(leader, follower)
            },
        ]
    };
    followers.iter().flat_map(pair).collect()
}
