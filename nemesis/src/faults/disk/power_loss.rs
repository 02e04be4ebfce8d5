//! Cuts the power of nodes, of all its targets at one instant: the broker ends with SIGKILL, and its disk forgets what
//! was not synced, whole or but for single sectors; the node comes back when the fault is over or as its `restart` says.

use anyhow::Result;
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::disks::PowerLosses;
use crate::draw::Draw;
use crate::ending::Means;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::restart::{Restart, TakeDown};
use crate::target::{Target, node_list};

/// Cuts the power. Configured by whom it hits, what is left of what was not synced, and when they come back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PowerLoss {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Whether some of what was not synced is on the disk all the same: single sectors of files, and the first of
    /// the changes of names.
    pub torn: bool,
    /// Whether names are gone too that lead to a file that was synced, where their directory was not: POSIX allows
    /// it, and the usual file systems do not do it.
    pub strict: bool,
    /// From which it is drawn what is; drawn from the run's seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// When they are switched on again.
    pub restart: Restart,
}

#[async_trait]
impl FaultKind for PowerLoss {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Disk]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.restart.check()?;
        draw.aim(&mut self.target, &mut self.key)?;
        self.seed = draw.torn(self.torn, self.seed)?;
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let how = if self.torn { "power loss with torn writes" } else { "power loss" };
        format!("{how} of {}", scene.target_name(&self.target, self.key))
    }

    fn stays(&self) -> bool {
        self.restart == Restart::Never
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Losing {
                down: TakeDown::new(&nodes, Means::Kill, self.restart),
                power: PowerLosses::new(self.torn, self.strict, self.seed),
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

struct Losing {
    down: TakeDown,
    power: PowerLosses,
}

#[async_trait]
impl Action for Losing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.power.cut(scene, &self.down.nodes)?;
        self.power.finish(scene, &self.down.endings).await?;
        self.down.let_come_back(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.power.finish(scene, &self.down.endings).await?;
        self.down.bring_back(scene).await?;
        Ok(self.power.evidence(self.down.endings.evidence()))
    }
}
