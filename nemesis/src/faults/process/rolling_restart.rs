//! Restarts one broker after the other: each has to serve and to be in the ISR of every partition that it holds before
//! the next is ended.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use history::{Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Invalid;
use crate::draw::Draw;
use crate::ending::{Endings, Means};
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// How long a node may take to serve again and to be in every ISR; the roll ends with one that takes longer, …
const BACK_WITHIN: Duration = Duration::from_secs(40);
/// … and before one for which there is no such time any more.
const ROLL_WITHIN: Duration = Duration::from_secs(110);

/// Restarts brokers in turn. Configured by whom it hits, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RollingRestart {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How the processes are ended.
    pub by: Means,
}

impl Default for RollingRestart {
    fn default() -> Self {
        Self {
            target: Target::All,
            key: None,
            by: Means::default(),
        }
    }
}

#[async_trait]
impl FaultKind for RollingRestart {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.target, self.key);
        format!("{} to {target}, one after the other", self.by.signal())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Rolling {
                nodes: nodes.clone(),
                endings: Endings::new(self.by),
                back: Vec::new(),
                stuck: None,
            }),
            nodes,
        })
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }
}

struct Rolling {
    nodes: Vec<NodeId>,
    endings: Endings,
    /// How long each took from its end until it was in every ISR again.
    back: Vec<(NodeId, Duration)>,
    /// Why the roll ended before its end.
    stuck: Option<String>,
}

#[async_trait]
impl Action for Rolling {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let until = Instant::now() + ROLL_WITHIN;
        for &node in &self.nodes {
            if Instant::now() + BACK_WITHIN > until {
                self.stuck = Some(format!("no time was left for node {node}"));
                return Ok(());
            }
            let begun = Instant::now();
            self.endings.end(scene, node).await?;
            self.endings.start(scene, node).await?;
            if !self.endings.is_back(scene, node, begun + BACK_WITHIN).await {
                self.stuck = Some(format!(
                    "node {node} was not back in every ISR within {BACK_WITHIN:?}, which ended the roll"
                ));
                return Ok(());
            }
            self.back.push((node, begun.elapsed()));
        }
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.endings.heal(scene).await?;
        let mut evidence = self.endings.evidence();
        if !self.back.is_empty() {
            let back: Vec<_> = self
                .back
                .iter()
                .map(|(node, took)| format!("{node} after {:.1} s", took.as_secs_f64()))
                .collect();
            evidence = evidence.and(&format!("in every ISR again: {}", back.join(", ")));
        }
        Ok(match &self.stuck {
            Some(stuck) => evidence.and(stuck),
            None => evidence,
        })
    }
}
