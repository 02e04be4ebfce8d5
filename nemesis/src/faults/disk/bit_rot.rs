//! Flips bits in a kind of file on a node's disk while its broker is down, and starts it again, so that it has to read
//! them; what is still as it was left is flipped back when the fault is over.

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{DiskEffect, FileKind, Flip};
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::{Invalid, in_range};
use crate::disks::{DiskOperation, Hooks, and_ends, await_back, files, revive};
use crate::draw::Draw;
use crate::ending::Means;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::restart::{Restart, TakeDown};
use crate::target::{Target, node_list};

/// Flips bits. Configured by whom it hits, in which files, and how many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BitRot {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// In which files.
    pub files: FileKind,
    /// How many bits on each node.
    pub bits: u32,
    /// From which it is drawn which; drawn from the run's seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// When the brokers are started again.
    pub restart: Restart,
}

impl Default for BitRot {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            files: FileKind::Segment,
            bits: 8,
            seed: None,
            restart: Restart::AtOnce,
        }
    }
}

#[async_trait]
impl FaultKind for BitRot {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Disk]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.restart.check()?;
        in_range("bits", self.bits, &(1..=10_000))?;
        draw.aim(&mut self.target, &mut self.key)?;
        self.seed = Some(draw.seed_unless(self.seed));
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.target, self.key);
        format!("{} bits flipped in {} of {target}", self.bits, files(self.files))
    }

    fn stays(&self) -> bool {
        self.restart == Restart::Never
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Rotting {
                config: self.clone(),
                down: TakeDown::new(&nodes, Means::Kill, self.restart),
                flips: Vec::new(),
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

struct Rotting {
    config: BitRot,
    down: TakeDown,
    flips: Vec<(NodeId, Vec<Flip>)>,
    /// They change nothing, and count what is read of those files.
    hooks: Hooks,
}

#[async_trait]
impl Action for Rotting {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.down.endings.end_all(scene, &self.down.nodes).await?;
        let BitRot { files, bits, seed, .. } = self.config;
        let names = scene.cluster.files_of(files);
        for &node in &self.down.nodes {
            let seed = u64::from(seed.unwrap_or_default()) << 8 | u64::from(node);
            let flips = scene.cluster.disk(node)?.rot(&names, bits, seed).await?;
            if flips.is_empty() {
                bail!("flip bits on node {node}: it has no {} with anything in them", crate::disks::files(files));
            }
            self.flips.push((node, flips));
        }
        let nothing = DiskEffect::Delay(Duration::ZERO);
        self.hooks.set(scene, &self.down.nodes, files, &[DiskOperation::Read], &nothing)?;
        self.down.let_come_back(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.down.bring_back(scene).await?;
        // Whoever is back has read its files; one that cannot live with them ends, and is started with sound ones.
        let ends = await_back(scene, &self.down.nodes).await?;
        self.hooks.remove(scene)?;
        let mut texts = Vec::new();
        for (node, flips) in &self.flips {
            let left = scene.cluster.disk(*node)?.mend(flips).await?;
            let flipped = flips.len();
            let gone = flipped as u32 - left;
            texts.push(format!(
                "node {node}: {flipped} bits flipped, {gone} of them gone by the broker's own doing"
            ));
        }
        revive(scene, &self.down.nodes).await?;
        let read = self.hooks.evidence(|counts| format!("{} reads of such files", counts.hit));
        let ended = self.down.endings.evidence();
        let evidence = Evidence {
            bit: ended.bit && !texts.is_empty() && read.bit,
            ..ended
        };
        Ok(and_ends(evidence.and(&texts.join(", ")).and(&read.text), &ends))
    }
}
