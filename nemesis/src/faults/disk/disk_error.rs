//! Lets reads, writes or syncs of a node's disk fail (EIO), a share of them or a single one; a broker that ended because
//! of it is started again when the fault is over.

use anyhow::Result;
use async_trait::async_trait;
use cluster::{DiskEffect, FileKind, Which};
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::disks::{DiskOperation, Hooks, and_ends, files, revive};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// Lets operations fail. Configured by whom it hits, and which operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DiskError {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Operations on which files fail.
    pub files: FileKind,
    /// Which operations fail. Where reads do, the kernel keeps none of those files in its cache.
    pub operation: DiskOperation,
    /// The share of them, above 0 and up to 1; all of them where neither this nor `nth` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Instead of a share the operation of this number alone, from 1 on, and after it what touches the same place of that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// From which it is drawn which fail; drawn from the run's seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
}

impl Default for DiskError {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            files: FileKind::Any,
            operation: DiskOperation::Write,
            share: None,
            nth: None,
            seed: None,
        }
    }
}

impl DiskError {
    fn which(&self) -> Which {
        match self.nth {
            Some(nth) => Which::Nth(u64::from(nth)),
            None => Which::Share {
                share: self.share.unwrap_or(1.0),
                seed: u64::from(self.seed.unwrap_or_default()),
            },
        }
    }
}

#[async_trait]
impl FaultKind for DiskError {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Disk]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        match (self.share, self.nth) {
            (Some(_), Some(_)) => return Err(Invalid::new(&["nth"], "give `share` or `nth`, not both")),
            (None, Some(0)) => return Err(Invalid::new(&["nth"], "operations are counted from 1")),
            (Some(share), None) if !(share > 0.0 && share <= 1.0) => {
                return Err(Invalid::new(&["share"], format!("{share} is no share above 0 and up to 1")));
            }
            (None, Some(_)) if self.seed.is_some() => {
                return Err(Invalid::new(&["seed"], "goes with `share` only: `nth` leaves nothing to chance"));
            }
            _ => {}
        }
        draw.aim(&mut self.target, &mut self.key)?;
        if self.nth.is_none() {
            self.share.get_or_insert(1.0);
            self.seed = Some(draw.seed_unless(self.seed));
        }
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let which = match self.which() {
            Which::Nth(nth) => format!("{} {nth}", self.operation.word()),
            Which::Share { share, .. } => format!("{:.0} % of the {}s", share * 100.0, self.operation.word()),
        };
        let target = scene.target_name(&self.target, self.key);
        format!("EIO on {which} of {} on the disk of {target}", files(self.files))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Failing {
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

struct Failing {
    config: DiskError,
    nodes: Vec<NodeId>,
    hooks: Hooks,
}

#[async_trait]
impl Action for Failing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let DiskError { files, operation, .. } = self.config;
        let effect = DiskEffect::Fail(self.config.which());
        self.hooks.set(scene, &self.nodes, files, &[operation], &effect)
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.hooks.remove(scene)?;
        let ends = revive(scene, &self.nodes).await?;
        let word = self.config.operation.word();
        let evidence = self.hooks.evidence(|counts| format!("{} of {} {word}s failed", counts.hit, counts.seen));
        Ok(and_ends(evidence, &ends))
    }
}
