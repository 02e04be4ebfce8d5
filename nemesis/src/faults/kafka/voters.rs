//! Takes nodes out of the voters of the controllers' quorum, one after the other, and makes them voters again when the fault is
//! over; they go on as what they are besides, brokers or controllers that only follow. It needs a quorum that can change: `quorum = "dynamic"`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::{NodeId, Quorum};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// One change of the voters has been carried out within this time; a term may end meanwhile.
const CHANGED_WITHIN: Duration = Duration::from_secs(20);
/// How long until it is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Removes voters. Configured by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ChangeVoters {
    /// Whom.
    pub target: Target,
}

impl Default for ChangeVoters {
    fn default() -> Self {
        Self { target: Target::One }
    }
}

#[async_trait]
impl FaultKind for ChangeVoters {
    fn needs(&self) -> &'static [Power] {
        &[Power::Voters, Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.target.is_of_a_partition() {
            let reason = format!("`{}` is of a partition, and a voter is of the whole cluster", self.target);
            return Err(Invalid::new(&["target"], reason));
        }
        if self.target == Target::All {
            return Err(Invalid::new(&["target"], "without a voter there is no quorum: one must stay"));
        }
        draw.aim_at_voters(&mut self.target)
    }

    fn describe(&self, _: &Scene) -> String {
        format!("{} taken out of the controllers' voters", self.target)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let mut nodes = scene.find(&self.target, None)?;
        let quorum = quorum(scene).await.map_err(|error| NoTarget(format!("{error:#}")))?;
        let voters = voters_of(&quorum);
        nodes.retain(|node| voters.contains(node));
        if nodes.is_empty() {
            return Err(NoTarget(format!("{}: no voter", self.target)));
        }
        if nodes.len() >= voters.len() {
            return Err(NoTarget(format!("{} would leave no voter", node_list(&nodes))));
        }
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Changing {
                nodes: nodes.clone(),
                begun: Vec::new(),
                before: None,
                without: None,
            }),
            nodes,
        })
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }
}

struct Changing {
    nodes: Vec<NodeId>,
    /// Those whose removal was asked for, or is about to be.
    begun: Vec<NodeId>,
    before: Option<Quorum>,
    without: Option<Quorum>,
}

#[async_trait]
impl Action for Changing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.before = Some(quorum(scene).await?);
        for &node in &self.nodes {
            self.begun.push(node);
            change(scene, node, false).await?;
        }
        self.without = Some(quorum(scene).await?);
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        for &node in self.begun.iter().rev() {
            change(scene, node, true).await?;
        }
        let (Some(before), Some(without)) = (&self.before, &self.without) else {
            return Ok(Evidence {
                bit: false,
                text: "no voter was removed".to_owned(),
            });
        };
        let after = quorum(scene).await?;
        let gone = |node: &NodeId| voters_of(before).contains(node) && !voters_of(without).contains(node);
        Ok(Evidence {
            bit: self.nodes.iter().all(gone),
            text: format!(
                "{}; without {}: {}; then {}",
                shown(before),
                node_list(&self.nodes),
                shown(without),
                shown(&after)
            ),
        })
    }
}

/// Takes a node out of the voters or in again, and asks again as long as the quorum is at something else.
async fn change(scene: &Scene, node: NodeId, back: bool) -> Result<()> {
    let until = Instant::now() + CHANGED_WITHIN;
    let voters = scene.cluster.voters().context("this cluster's voters do not change")?;
    loop {
        let asked = if back { voters.add(node).await } else { voters.remove(node).await };
        let error = match asked {
            Err(error) => error,
            // The answer of a leader whose term ended may have been the last of it: what counts is what stands.
            Ok(()) => match quorum(scene).await {
                Ok(quorum) if voters_of(&quorum).contains(&node) == back => return Ok(()),
                Ok(quorum) => anyhow::anyhow!("it is not so yet: {}", shown(&quorum)),
                Err(error) => error,
            },
        };
        if Instant::now() + AGAIN_AFTER >= until {
            let what = if back { "a voter again" } else { "gone from the voters" };
            bail!("node {node} was not {what} within {CHANGED_WITHIN:?}: {error:#}");
        }
        sleep(AGAIN_AFTER).await;
    }
}

async fn quorum(scene: &Scene) -> Result<Quorum> {
    scene.admin()?.quorum().await.context("ask for the quorum")
}

fn voters_of(quorum: &Quorum) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = quorum.voters.iter().map(|voter| voter.node).collect();
    nodes.sort_unstable();
    nodes
}

/// `voters 1, 2, 3, led by 2 in term 1`
fn shown(quorum: &Quorum) -> String {
    let voters: Vec<String> = voters_of(quorum).iter().map(ToString::to_string).collect();
    format!("voters {}, led by {} in term {}", voters.join(", "), quorum.leader, quorum.epoch)
}
