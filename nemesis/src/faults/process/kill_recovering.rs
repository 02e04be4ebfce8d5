//! Kills the broker's process, starts it again, and kills it anew while it recovers its logs and before it serves, as
//! often as asked for.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Recovery;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::{Invalid, in_range};
use crate::draw::Draw;
use crate::ending::Means;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::restart::{Restart, TakeDown};
use crate::target::{Target, node_list};

/// Each takes a start of Java, and all of them have to be done in the time that an injection may take.
const TIMES_MAX: u32 = 10;
/// How long a process may take until it begins to recover its logs, …
const RECOVERS_WITHIN: Duration = Duration::from_secs(30);
/// … and how often it is looked whether it does: it takes a tenth of a second.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// All of them together may take so long; then no further one is begun.
const ALL_WITHIN: Duration = Duration::from_secs(80);

/// Kills brokers that recover. Configured by whom it hits, how often, and when they come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct KillRecovering {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How often it is killed while it recovers.
    pub times: u32,
    /// When they are started again after that.
    pub restart: Restart,
}

impl Default for KillRecovering {
    fn default() -> Self {
        Self {
            target: Target::default(),
            key: None,
            times: 1,
            restart: Restart::default(),
        }
    }
}

#[async_trait]
impl FaultKind for KillRecovering {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        in_range("times", self.times, &(1..=TIMES_MAX))?;
        self.restart.check()?;
        draw.aim_at_kafka(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.target, self.key);
        format!("SIGKILL to {target}, and again while it recovers its logs")
    }

    fn stays(&self) -> bool {
        self.restart == Restart::Never
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        for &node in &nodes {
            let known = scene.cluster.recovery(node).await;
            known.map_err(|error| NoTarget(format!("{error:#}")))?;
        }
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(KillingRecovering {
                down: TakeDown::new(&nodes, Means::Kill, self.restart),
                times: self.times,
                killed: Vec::new(),
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

struct KillingRecovering {
    down: TakeDown,
    times: u32,
    /// How far each process had come when it was gone.
    killed: Vec<(NodeId, Recovery)>,
}

#[async_trait]
impl Action for KillingRecovering {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let until = Instant::now() + ALL_WITHIN;
        self.down.endings.end_all(scene, &self.down.nodes).await?;
        for node in self.down.nodes.clone() {
            for _ in 0..self.times {
                if Instant::now() > until {
                    break;
                }
                self.down.endings.start(scene, node).await?;
                wait_until_it_recovers(scene, node).await?;
                self.down.endings.end(scene, node).await?;
                // Its own log says how far it came, whatever was seen before the signal.
                self.killed.push((node, scene.cluster.recovery(node).await?));
            }
        }
        self.down.let_come_back(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.down.bring_back(scene).await?;
        let ended = self.down.endings.evidence();
        let caught = |(_, recovery): &&(NodeId, Recovery)| *recovery == Recovery::Underway;
        let count = self.killed.iter().filter(caught).count();
        let all = self.killed.len();
        let bit = ended.bit && count > 0;
        let text = format!("{count} of {all} times while it recovered its logs");
        Ok(Evidence { bit, ..ended }.and(&text))
    }
}

/// Waits until a process recovers its logs, or has done so already.
async fn wait_until_it_recovers(scene: &Scene, node: NodeId) -> Result<()> {
    let until = Instant::now() + RECOVERS_WITHIN;
    while scene.cluster.recovery(node).await? == Recovery::Before && Instant::now() < until {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
