//! Stops the broker's process with SIGSTOP, so that it holds its connections but answers nobody, and lets it go
//! on with SIGCONT.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::stillness::{self, Means, Seen, let_go_on};
use crate::target::{Target, node_list};

/// How long the kernel and the environment may take to deliver a signal.
const SIGNALLED_WITHIN: Duration = Duration::from_secs(5);

/// Pauses broker processes. Configured by whom it hits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Pause {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

#[async_trait]
impl FaultKind for Pause {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("SIGSTOP to {}", scene.target_name(&self.target, self.key))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene
            .in_state(scene.find(&self.target, self.key)?, |state| state != 'T', "no process runs that is not stopped already")
            .await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Pausing {
                nodes: nodes.clone(),
                stopped: Vec::new(),
                seen: Vec::new(),
            }),
            nodes,
        })
    }

    fn impairs(&self, nodes: &[NodeId], _others: &[NodeId]) -> Impairment {
        Impairment::down(nodes)
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }
}

struct Pausing {
    nodes: Vec<NodeId>,
    stopped: Vec<NodeId>,
    seen: Vec<Seen>,
}

#[async_trait]
impl Action for Pausing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        for &node in &self.nodes {
            self.stopped.push(node);
            signal(scene, node, libc::SIGSTOP).await?;
        }
        self.seen = stillness::see(scene, &self.nodes, Means::Stopped).await?;
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let_go_on(scene, &self.stopped, |scene, node| async move {
            // A process that was killed meanwhile has nothing to go on with.
            if scene.cluster.machine(node)?.process_state().await?.is_none() {
                return Ok(());
            }
            signal(&scene, node, libc::SIGCONT).await
        })
        .await?;
        Ok(stillness::evidence(&self.seen, "no process was stopped"))
    }
}

async fn signal(scene: &Scene, node: NodeId, signal: i32) -> Result<()> {
    let machine = scene.cluster.machine(node)?;
    timeout(SIGNALLED_WITHIN, machine.signal(signal))
        .await
        .with_context(|| format!("signal {signal} to node {node}: not delivered within {SIGNALLED_WITHIN:?}"))?
        .with_context(|| format!("signal {signal} to node {node}"))
}
