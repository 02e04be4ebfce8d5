//! Ends the broker's process, removes all that it keeps on its disk, and brings it back empty: formatted with the
//! same cluster and node numbers, and a new one for its directory.

use anyhow::{Context, Result};
use async_trait::async_trait;
use cluster::Wiped;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::ending::Means;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::restart::{Restart, TakeDown};
use crate::target::{Target, node_list};

/// Wipes the disks of nodes. Configured by whom it hits, how they are ended, and when they come back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Wipe {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How the processes are ended.
    pub by: Means,
    /// When they are started again.
    pub restart: Restart,
}

#[async_trait]
impl FaultKind for Wipe {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.restart.check()?;
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.target, self.key);
        format!("{} to {target}, and its data removed", self.by.signal())
    }

    fn stays(&self) -> bool {
        self.restart == Restart::Never
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Wiping {
                down: TakeDown::new(&nodes, self.by, self.restart),
                half_wiped: None,
                wiped: Vec::new(),
            }),
            nodes,
        })
    }

    fn impairs(&self, nodes: &[NodeId], _others: &[NodeId]) -> Impairment {
        Impairment {
            // Who comes back empty may have been the last that held something.
            degrades: true,
            ..Impairment::down(nodes)
        }
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }
}

struct Wiping {
    down: TakeDown,
    /// The node whose directory may lack its format: it must have one before it is started.
    half_wiped: Option<NodeId>,
    wiped: Vec<(NodeId, Wiped)>,
}

#[async_trait]
impl Action for Wiping {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.down.endings.end_all(scene, &self.down.nodes).await?;
        for node in self.down.nodes.clone() {
            self.wipe(scene, node).await?;
        }
        self.down.let_come_back(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        if let Some(node) = self.half_wiped {
            self.wipe(scene, node).await?;
        }
        self.down.bring_back(scene).await?;
        let ended = self.down.endings.evidence();
        let texts: Vec<_> = self
            .wiped
            .iter()
            .map(|(node, wiped)| {
                let (before, after) = (&wiped.directory_before, &wiped.directory);
                format!(
                    "node {node} lost {} files ({} bytes) and directory {before}, and has {after}",
                    wiped.files, wiped.bytes
                )
            })
            .collect();
        let lost = |wiped: &Wiped| wiped.files > 0 && wiped.directory != wiped.directory_before;
        let bit = self.wiped.len() == self.down.nodes.len() && self.wiped.iter().all(|(_, wiped)| lost(wiped));
        let evidence = Evidence {
            bit: ended.bit && bit,
            ..ended
        };
        Ok(if texts.is_empty() {
            evidence.and("nothing was removed")
        } else {
            evidence.and(&texts.join(", "))
        })
    }
}

impl Wiping {
    async fn wipe(&mut self, scene: &Scene, node: NodeId) -> Result<()> {
        self.half_wiped = Some(node);
        let cluster = scene.cluster.clone();
        // A task of its own, so that it is done whole even where the injection is broken off.
        let wiped = tokio::spawn(async move { cluster.wipe_node(node).await });
        let wiped = wiped.await.context("a bug in Tribunal (panic)")??;
        self.half_wiped = None;
        self.wiped.push((node, wiped));
        Ok(())
    }
}
