//! Cuts a node's power at an operation of its disk: just before the n-th sync or write of a kind of file from the
//! injection on.

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{DiskEffect, FileKind};
use history::{Impairment, Key, NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::Invalid;
use crate::disks::{DiskOperation, Hooks, PowerLosses, files};
use crate::draw::Draw;
use crate::ending::Means;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::restart::{Restart, TakeDown};
use crate::target::{Target, node_list};

/// How often it is looked whether the power has failed: the process has nothing from its disk meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Cuts the power at an operation. Configured by whom it hits and at which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CrashAt {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Operations on which files count.
    pub files: FileKind,
    /// Which operations count.
    pub operation: DiskOperation,
    /// The power fails just before the operation of this number, from 1 on.
    pub nth: u32,
    /// Whether some of what was not synced is on the disk all the same.
    pub torn: bool,
    /// Whether names are gone too that lead to a file that was synced, where their directory was not: POSIX allows
    /// it, and the usual file systems do not do it.
    pub strict: bool,
    /// From which it is drawn what is; drawn from the run's seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// How long that operation may be waited for, else the injection has failed.
    pub within: Span,
    /// When the nodes are switched on again.
    pub restart: Restart,
}

impl Default for CrashAt {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            files: FileKind::Any,
            operation: DiskOperation::Sync,
            nth: 1,
            torn: false,
            strict: false,
            seed: None,
            within: Span::from_secs(20),
            restart: Restart::AtEnd,
        }
    }
}

#[async_trait]
impl FaultKind for CrashAt {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Disk]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.restart.check()?;
        if self.nth == 0 {
            return Err(Invalid::new(&["nth"], "operations are counted from 1"));
        }
        if self.within.is_zero() {
            return Err(Invalid::new(&["within"], "no time at all to wait for the operation"));
        }
        draw.aim(&mut self.target, &mut self.key)?;
        self.seed = draw.torn(self.torn, self.seed)?;
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        format!(
            "power loss of {} at {} {} of {}",
            scene.target_name(&self.target, self.key),
            self.operation.word(),
            self.nth,
            files(self.files)
        )
    }

    fn stays(&self) -> bool {
        self.restart == Restart::Never
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Crashing {
                config: self.clone(),
                down: TakeDown::new(&nodes, Means::Kill, self.restart),
                hooks: Hooks::default(),
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

struct Crashing {
    config: CrashAt,
    down: TakeDown,
    hooks: Hooks,
    power: PowerLosses,
}

#[async_trait]
impl Action for Crashing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let CrashAt { files, operation, nth, within, .. } = self.config;
        let effect = DiskEffect::Cut { nth: u64::from(nth) };
        self.hooks.set(scene, &self.down.nodes, files, &[operation], &effect)?;
        let until = Instant::now() + within.duration();
        let mut left = self.down.nodes.clone();
        while !left.is_empty() {
            let (crashed, waiting): (Vec<_>, Vec<_>) = left.iter().partition(|node| self.has_crashed(scene, **node));
            left = waiting;
            if !crashed.is_empty() {
                self.power.cut(scene, &crashed)?;
                self.power.finish(scene, &self.down.endings).await?;
            } else if Instant::now() < until {
                sleep(LOOK_EVERY).await;
            } else {
                let (what, whom) = (crate::disks::files(files), node_list(&left));
                bail!("wait for {} {nth} of {what} on {whom}: not within {within}", operation.word());
            }
        }
        self.down.let_come_back(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let mut crashed = self.down.nodes.clone();
        crashed.retain(|node| self.has_crashed(scene, *node));
        self.hooks.remove(scene)?;
        // One whose power failed when nobody looked any more lost it all the same.
        let unfinished = self.power.without_loss(&crashed);
        self.power.cut(scene, &unfinished)?;
        self.power.finish(scene, &self.down.endings).await?;
        self.down.bring_back(scene).await?;
        let counted = self.hooks.evidence(|counts| format!("{} matching operations", counts.seen));
        let evidence = self.power.evidence(self.down.endings.evidence());
        Ok(Evidence {
            bit: counted.bit && evidence.bit,
            ..evidence
        }
        .and(&counted.text))
    }
}

impl Crashing {
    fn has_crashed(&self, scene: &Scene, node: NodeId) -> bool {
        self.hooks.counts(scene, node).is_ok_and(|counts| counts.hit > 0)
    }
}
