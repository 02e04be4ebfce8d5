//! Freezes the broker's process with all of its threads through its control group, as a machine that is suspended
//! would; unlike a stop it cannot be seen by the process, nor ended by a signal to go on.

use anyhow::{Context, Result};
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::stillness::{self, Means, Seen, let_go_on};
use crate::target::{Target, node_list};

/// Freezes broker processes. Configured by whom it hits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Freeze {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

#[async_trait]
impl FaultKind for Freeze {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Freeze]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("{} frozen", scene.target_name(&self.target, self.key))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Freezing {
                nodes: nodes.clone(),
                frozen: Vec::new(),
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

struct Freezing {
    nodes: Vec<NodeId>,
    frozen: Vec<NodeId>,
    seen: Vec<Seen>,
}

#[async_trait]
impl Action for Freezing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        for &node in &self.nodes {
            self.frozen.push(node);
            let groups = scene.cluster.machine(node)?.groups();
            let frozen = groups.context("this environment has no control groups")?.freeze().await;
            frozen.with_context(|| format!("node {node}"))?;
        }
        self.seen = stillness::see(scene, &self.nodes, Means::Frozen).await?;
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let_go_on(scene, &self.frozen, |scene, node| async move {
            let groups = scene.cluster.machine(node)?.groups();
            let thawed = groups.context("this environment has no control groups")?.thaw().await;
            thawed.with_context(|| format!("node {node}"))
        })
        .await?;
        Ok(stillness::evidence(&self.seen, "no process was frozen"))
    }
}
