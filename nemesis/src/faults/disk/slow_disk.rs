//! Makes reads, writes or syncs of a node's disk slow, of all files or of one kind.

use anyhow::Result;
use async_trait::async_trait;
use cluster::{DiskEffect, FileKind};
use history::{Key, NodeId, Span};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::disks::{DiskOperation, Hooks, and_ends, files, revive};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// More than this and a process waits longer for its disk than anything waits for it.
const DELAY_MAX: Span = Span::from_secs(60);

/// Slows a disk down. Configured by whom it hits, which operations, and how long each takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SlowDisk {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Operations on which files are slow.
    pub files: FileKind,
    /// Which operations are slow. Where reads are, the kernel keeps none of those files in its cache.
    pub operations: Vec<DiskOperation>,
    /// How much longer each takes.
    pub delay: Span,
}

impl Default for SlowDisk {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            files: FileKind::Any,
            operations: vec![DiskOperation::Write, DiskOperation::Sync],
            delay: Span::from_millis(100),
        }
    }
}

#[async_trait]
impl FaultKind for SlowDisk {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Disk]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.operations.is_empty() {
            return Err(Invalid::new(&["operations"], "none is slow: choose among read, write, sync"));
        }
        if self.delay.is_zero() || self.delay > DELAY_MAX {
            return Err(Invalid::new(&["delay"], format!("give more than nothing and at most {DELAY_MAX}")));
        }
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let words: Vec<_> = self.operations.iter().map(|operation| format!("{}s", operation.word())).collect();
        format!(
            "{} of {} take {} longer on the disk of {}",
            words.join(" and "),
            files(self.files),
            self.delay,
            scene.target_name(&self.target, self.key)
        )
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Slowing {
                config: self.clone(),
                nodes: nodes.clone(),
                hooks: Hooks::default(),
            }),
            nodes,
        })
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }
}

struct Slowing {
    config: SlowDisk,
    nodes: Vec<NodeId>,
    hooks: Hooks,
}

#[async_trait]
impl Action for Slowing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let SlowDisk { files, operations, delay, .. } = &self.config;
        let effect = DiskEffect::Delay(delay.duration());
        self.hooks.set(scene, &self.nodes, *files, operations, &effect)
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.hooks.remove(scene)?;
        let ends = revive(scene, &self.nodes).await?;
        let evidence = self.hooks.evidence(|counts| {
            let waited = counts.waited.as_secs_f64();
            format!("{} operations delayed, {waited:.1} s in all", counts.hit)
        });
        Ok(and_ends(evidence, &ends))
    }
}
