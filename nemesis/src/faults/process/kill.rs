//! Ends the broker's process with SIGKILL, and starts it again when the fault is over.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use cluster::{Exit, ExitKind};
use history::{Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// How long a process may take to be gone after SIGKILL.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How long starting a process may take; whether it serves is not waited for.
const STARTED_WITHIN: Duration = Duration::from_secs(10);

/// Kills broker processes. Configured by whom it hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kill {
    /// Whom.
    #[serde(default = "Kill::default_target")]
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

impl Kill {
    fn default_target() -> Target {
        Target::One
    }
}

impl Default for Kill {
    fn default() -> Self {
        Self {
            target: Self::default_target(),
            key: None,
        }
    }
}

#[async_trait]
impl FaultKind for Kill {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("SIGKILL to {}", scene.target_name(&self.target, self.key))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene
            .in_state(scene.find(&self.target, self.key)?, |_| true, "no process runs")
            .await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Killing {
                nodes: nodes.clone(),
                begun: false,
                exits: Vec::new(),
            }),
            nodes,
        })
    }
}

struct Killing {
    nodes: Vec<NodeId>,
    begun: bool,
    exits: Vec<(NodeId, Exit)>,
}

#[async_trait]
impl Action for Killing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.begun = true;
        let mut kills = JoinSet::new();
        for &node in &self.nodes {
            let cluster = scene.cluster.clone();
            kills.spawn(async move {
                let exit = timeout(GONE_WITHIN, cluster.kill_node(node)).await;
                let exit = exit.with_context(|| format!("node {node} is not gone {GONE_WITHIN:?} after SIGKILL"))?;
                anyhow::Ok((node, exit.with_context(|| format!("node {node}"))?))
            });
        }
        while let Some(kill) = kills.join_next().await {
            self.exits.push(kill??);
        }
        self.exits.sort_unstable_by_key(|(node, _)| *node);
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let mut errors = Vec::new();
        for &node in self.nodes.iter().filter(|_| self.begun) {
            if let Err(error) = restart(scene, node).await {
                errors.push(format!("node {node}: {error:#}"));
            }
        }
        if !errors.is_empty() {
            bail!("start again: {}", errors.join("; "));
        }
        let exits: Vec<_> = self
            .exits
            .iter()
            .map(|(node, exit)| format!("node {node} {exit}"))
            .collect();
        Ok(Evidence {
            bit: !self.exits.is_empty()
                && self
                    .exits
                    .iter()
                    .all(|(_, exit)| exit.kind == ExitKind::Signal(libc::SIGKILL)),
            text: if exits.is_empty() {
                "no process ended".to_owned()
            } else {
                exits.join(", ")
            },
        })
    }
}

/// Starts the node again, unless the kill never reached it and it still runs.
async fn restart(scene: &Scene, node: NodeId) -> Result<()> {
    if scene.cluster.machine(node)?.process_state().await?.is_some() {
        return Ok(());
    }
    timeout(STARTED_WITHIN, scene.cluster.start_node(node))
        .await
        .with_context(|| format!("not started within {STARTED_WITHIN:?}"))?
}
