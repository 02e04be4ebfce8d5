//! Ends the broker's process and starts it again at once, as often as asked for; each time it has to serve again before
//! the next.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::{Invalid, in_range};
use crate::draw::Draw;
use crate::ending::{Endings, Means};
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// Restarts take seconds each, and all of them have to be done in the time that an injection may take.
const TIMES_MAX: u32 = 20;
/// All restarts together may take so long; then no further one is begun.
const ALL_WITHIN: Duration = Duration::from_secs(100);
/// How long a broker may take to serve again; where it takes longer, no further restart is tried.
const SERVES_WITHIN: Duration = Duration::from_secs(30);

/// Restarts brokers. Configured by whom it hits, how, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Restarts {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How the processes are ended.
    pub by: Means,
    /// How often.
    pub times: u32,
}

impl Default for Restarts {
    fn default() -> Self {
        Self {
            target: Target::default(),
            key: None,
            by: Means::default(),
            times: 1,
        }
    }
}

#[async_trait]
impl FaultKind for Restarts {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        in_range("times", self.times, &(1..=TIMES_MAX))?;
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let times = match self.times {
            1 => String::new(),
            more => format!(", {more} times"),
        };
        format!(
            "restart by {} of {}{times}",
            self.by.signal(),
            scene.target_name(&self.target, self.key)
        )
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Restarting {
                nodes: nodes.clone(),
                times: self.times,
                endings: Endings::new(self.by),
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

struct Restarting {
    nodes: Vec<NodeId>,
    times: u32,
    endings: Endings,
}

#[async_trait]
impl Action for Restarting {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let times = self.times;
        let until = Instant::now() + ALL_WITHIN;
        let restarts = |endings: Endings, scene: Scene, node| async move {
            for _ in 0..times {
                endings.end(&scene, node).await?;
                endings.start(&scene, node).await?;
                let served = endings.serves(&scene, node, SERVES_WITHIN).await;
                if served.is_none() || Instant::now() + SERVES_WITHIN > until {
                    break;
                }
            }
            Ok(())
        };
        self.endings.at_once(scene, &self.nodes, restarts).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.endings.heal(scene).await?;
        Ok(self.endings.evidence())
    }
}
