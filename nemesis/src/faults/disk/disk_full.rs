//! Fills a node's disk: from a number of bytes on nothing more can be written or made on it (ENOSPC), until the fault is
//! over; a broker that ended because of it is started again then.

use anyhow::Result;
use async_trait::async_trait;
use cluster::{DiskEffect, FileKind};
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::disks::{DiskOperation, Hooks, and_ends, files, revive};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// Fills a disk. Configured by whom it hits, and how much room is left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DiskFull {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// For which files there is no room.
    pub files: FileKind,
    /// How many bytes can still be written.
    pub after: u64,
}

#[async_trait]
impl FaultKind for DiskFull {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Disk]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        format!(
            "room for {} bytes in {} on the disk of {}",
            self.after,
            files(self.files),
            scene.target_name(&self.target, self.key)
        )
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Filling {
                config: self.clone(),
                nodes: nodes.clone(),
                hooks: Hooks::default(),
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

struct Filling {
    config: DiskFull,
    nodes: Vec<NodeId>,
    hooks: Hooks,
}

#[async_trait]
impl Action for Filling {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let DiskFull { files, after, .. } = self.config;
        let effect = DiskEffect::Full { after };
        self.hooks.set(scene, &self.nodes, files, &[DiskOperation::Write], &effect)
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.hooks.remove(scene)?;
        let ends = revive(scene, &self.nodes).await?;
        let evidence = self.hooks.evidence(|counts| format!("{} writes found no room", counts.hit));
        Ok(and_ends(evidence, &ends))
    }
}
