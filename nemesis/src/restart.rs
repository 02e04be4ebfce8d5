//! When a node that a fault took down comes back, and the action of faults that take nodes down and leave them so.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use history::{NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::config::Invalid;
use crate::ending::{Endings, Means};
use crate::fault::{Action, Evidence, Scene};

/// When a node that was taken down is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// When the fault is over.
    #[default]
    AtEnd,
    /// As soon as its process is gone.
    AtOnce,
    /// So long after its process is gone, or when the fault is over if that is earlier: `{ after = "2s" }`.
    After(Span),
    /// When every other fault of the schedule is over too, and everything is healed.
    Never,
}

impl Restart {
    /// How long a node stays down by itself; nothing where it stays down until the fault is healed.
    pub(crate) fn delay(self) -> Option<Duration> {
        match self {
            Self::AtOnce => Some(Duration::ZERO),
            Self::After(span) => Some(span.duration()),
            Self::AtEnd | Self::Never => None,
        }
    }

    /// Refuses what makes no sense.
    pub(crate) fn check(self) -> Result<(), Invalid> {
        match self {
            Self::After(span) if span.is_zero() => Err(Invalid::new(
                &["restart", "after"],
                "no time at all: write restart = \"at-once\"",
            )),
            _ => Ok(()),
        }
    }
}

/// Ends the processes of nodes and starts them again as a policy says.
pub(crate) struct TakeDown {
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) endings: Endings,
    restart: Restart,
    starts: JoinSet<()>,
    over: CancellationToken,
}

impl TakeDown {
    pub(crate) fn new(nodes: &[NodeId], means: Means, restart: Restart) -> Self {
        Self {
            nodes: nodes.to_vec(),
            endings: Endings::new(means),
            restart,
            starts: JoinSet::new(),
            over: CancellationToken::new(),
        }
    }

    /// What follows once the nodes are down: they come back as the policy says.
    pub(crate) async fn let_come_back(&mut self, scene: &Scene) -> Result<()> {
        let Some(delay) = self.restart.delay() else {
            return Ok(());
        };
        if delay.is_zero() {
            let start =
                |endings: Endings, scene: Scene, node| async move { endings.start(&scene, node).await };
            return self.endings.at_once(scene, &self.nodes, start).await;
        }
        for &node in &self.nodes {
            let (endings, scene, over) = (self.endings.clone(), scene.clone(), self.over.clone());
            self.starts.spawn(async move {
                if over.run_until_cancelled(sleep(delay)).await.is_some() {
                    // Where it fails, the healing starts it, and says why it cannot.
                    let _ = endings.start(&scene, node).await;
                }
            });
        }
        Ok(())
    }

    /// Ends the waits and starts whatever is down.
    pub(crate) async fn bring_back(&mut self, scene: &Scene) -> Result<()> {
        self.over.cancel();
        while self.starts.join_next().await.is_some() {}
        self.endings.heal(scene).await
    }
}

#[async_trait]
impl Action for TakeDown {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.endings.end_all(scene, &self.nodes).await?;
        self.let_come_back(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.bring_back(scene).await?;
        Ok(self.endings.evidence())
    }
}
