//! Asks the broker's process to end with SIGTERM, so that it hands its partitions over first, and starts it again
//! when the fault is over or as its `restart` says.

use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::ending::Means;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::restart::{Restart, TakeDown};
use crate::target::{Target, node_list};

/// Terminates broker processes. Configured by whom it hits, and when they come back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Terminate {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// When they are started again.
    pub restart: Restart,
}

#[async_trait]
impl FaultKind for Terminate {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.restart.check()?;
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("SIGTERM to {}", scene.target_name(&self.target, self.key))
    }

    fn stays(&self) -> bool {
        self.restart == Restart::Never
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(TakeDown::new(&nodes, Means::Terminate, self.restart)),
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
