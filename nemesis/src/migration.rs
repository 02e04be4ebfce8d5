//! The move of a cluster from `ZooKeeper` to controllers of its own, phase by phase.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use cluster::{Migration, Mode};
use history::NodeId;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::ending::{Endings, Means};
use crate::fault::{Action, Evidence, Scene};
use crate::target::node_list;

/// How long a node may take to serve again and, where it is a broker, to be in every ISR.
const BACK_WITHIN: Duration = Duration::from_secs(90);
/// How long a node may take to serve when what was left undone is done at the end.
const SERVES_WITHIN: Duration = Duration::from_secs(30);
/// How long the quorum may take to elect a leader, and to take over what is in `ZooKeeper`, …
const TAKES_OVER_WITHIN: Duration = Duration::from_secs(60);
/// … and how often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a node of `ZooKeeper` may take to end once nobody needs it.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
/// A node that somebody else starts between its end and its change is ended again, so many times at most.
const ATTEMPTS: u32 = 5;

/// How far a cluster has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The controllers run, and wait for the brokers.
    Controllers,
    /// The brokers were restarted beside them, and the quorum has taken over: what it decides is written to `ZooKeeper` too.
    DualWrite,
    /// The brokers run by the quorum alone.
    Brokers,
    /// The controllers do as well, and `ZooKeeper` is stopped: there is no way back.
    Finalised,
}

impl Phase {
    pub(crate) const ALL: [Self; 4] = [Self::Controllers, Self::DualWrite, Self::Brokers, Self::Finalised];

    /// What is so once it is reached.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Controllers => "the controllers run",
            Self::DualWrite => "both are written",
            Self::Brokers => "the brokers run without ZooKeeper",
            Self::Finalised => "the controllers run without ZooKeeper, which is stopped",
        }
    }

    /// The nodes that it restarts, and how they run then.
    pub(crate) fn nodes(self, scene: &Scene) -> Vec<NodeId> {
        match self {
            Self::DualWrite | Self::Brokers => scene.cluster.brokers(),
            Self::Controllers | Self::Finalised => scene.cluster.controllers_alone(),
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Controllers | Self::DualWrite => Mode::Both,
            Self::Brokers | Self::Finalised => Mode::Quorum,
        }
    }

    /// Whether its nodes run so.
    pub(crate) fn is_reached(self, migration: &dyn Migration, scene: &Scene) -> bool {
        let nodes = self.nodes(scene);
        nodes.iter().all(|node| migration.mode(*node) >= self.mode())
    }
}

/// How the scene's cluster is moved.
pub(crate) fn migration(scene: &Scene) -> Result<Arc<dyn Migration>> {
    let migration = scene.cluster.migration();
    migration.context("this cluster has no ZooKeeper to move away from, or no controllers to move to")
}

/// Moves a cluster through phases.
pub(crate) struct Move {
    phases: Vec<Phase>,
    /// How long passes after each node of a phase but the last.
    between: Duration,
    endings: Endings,
    /// The phases that were begun.
    begun: Vec<Phase>,
    /// What showed each that was reached.
    shown: Vec<String>,
}

impl Move {
    pub(crate) fn new(phases: Vec<Phase>, between: Duration) -> Self {
        Self {
            phases,
            between,
            endings: Endings::new(Means::Terminate),
            begun: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Makes a node run as the phase wants it, with a new process.
    async fn change(&self, scene: &Scene, node: NodeId, phase: Phase) -> Result<()> {
        let migration = migration(scene)?;
        let mut attempt = 1;
        loop {
            // A controller that never ran has nothing to end.
            if phase != Phase::Controllers || migration.mode(node) != Mode::ZooKeeper {
                self.endings.end(scene, node).await?;
            }
            match migration.change(node, phase.mode()).await {
                Ok(()) => break,
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
        self.endings.start(scene, node).await
    }

    /// The nodes of a phase, the active controller last, as operators do.
    fn order(scene: &Scene, phase: Phase) -> Vec<NodeId> {
        let active = scene.cluster.view().controller().map(|(node, _)| node);
        let mut nodes = phase.nodes(scene);
        nodes.sort_by_key(|node| (Some(*node) == active, *node));
        nodes
    }

    async fn reach(&mut self, scene: &Scene, phase: Phase) -> Result<()> {
        self.begun.push(phase);
        let nodes = Self::order(scene, phase);
        for (index, &node) in nodes.iter().enumerate() {
            if index > 0 && phase != Phase::Controllers {
                sleep(self.between).await;
            }
            let begun = Instant::now();
            self.change(scene, node, phase).await?;
            // One controller of three has nobody to be elected by.
            if phase != Phase::Controllers && !self.endings.is_back(scene, node, begun + BACK_WITHIN).await {
                bail!("node {node} was not back within {BACK_WITHIN:?}, so no other is restarted");
            }
        }
        let shown = self.show(scene, phase, &nodes).await?;
        self.shown.push(shown);
        Ok(())
    }

    /// Waits until the phase is seen to be reached, and says by what.
    async fn show(&self, scene: &Scene, phase: Phase, nodes: &[NodeId]) -> Result<String> {
        let migration = migration(scene)?;
        let who = node_list(nodes);
        match phase {
            Phase::Controllers => {
                let (leader, term) = until_seen("a leader of the quorum", || migration.quorum()).await?;
                Ok(format!(
                    "{who} began to run, and node {leader} leads their quorum in term {term}"
                ))
            }
            Phase::DualWrite => {
                let seen = || async {
                    let taken = migration.taken_over().await?;
                    taken.context("ZooKeeper does not say so yet")
                };
                let taken = until_seen("the quorum take over", seen).await?;
                Ok(format!(
                    "{who} restarted beside the quorum; ZooKeeper holds that node {} took over in term {}, and all up to offset {} of its log",
                    taken.controller, taken.term, taken.offset
                ))
            }
            Phase::Brokers => {
                for &node in nodes {
                    let seen = || async {
                        let is = migration.is_by_quorum(node).await?;
                        is.then_some(())
                            .context("it knows nothing that the quorum has finalised")
                    };
                    until_seen(&format!("node {node} run by the quorum"), seen).await?;
                }
                Ok(format!(
                    "{who} restarted without ZooKeeper, and say what the quorum has finalised"
                ))
            }
            Phase::Finalised => {
                let stopped = retire(scene).await?;
                let (leader, term) = until_seen("a leader of the quorum", || migration.quorum()).await?;
                Ok(format!(
                    "{who} restarted without ZooKeeper, whose nodes were stopped ({}); node {leader} leads the quorum in term {term} without it",
                    node_list(&stopped)
                ))
            }
        }
    }

    /// Does what an injection that was broken off left undone of the phase that it had begun: its nodes run in one way in the end.
    async fn complete(&mut self, scene: &Scene) -> Result<()> {
        let Some(&phase) = self.begun.last().filter(|_| self.shown.len() < self.begun.len()) else {
            return Ok(());
        };
        let migration = migration(scene)?;
        for node in Self::order(scene, phase) {
            if migration.mode(node) >= phase.mode() {
                continue;
            }
            self.change(scene, node, phase).await?;
            if phase != Phase::Controllers && self.endings.serves(scene, node, SERVES_WITHIN).await.is_none()
            {
                bail!("node {node} did not serve within {SERVES_WITHIN:?} of its restart");
            }
        }
        let shown = self.show(scene, phase, &phase.nodes(scene)).await?;
        self.shown.push(shown);
        Ok(())
    }
}

#[async_trait]
impl Action for Move {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        for phase in self.phases.clone() {
            self.reach(scene, phase)
                .await
                .with_context(|| format!("move until {}", phase.about()))?;
        }
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.endings.heal(scene).await?;
        self.complete(scene).await?;
        Ok(Evidence {
            bit: !self.shown.is_empty() && self.shown.len() == self.begun.len(),
            text: if self.shown.is_empty() {
                "no phase was begun".to_owned()
            } else {
                self.shown.join("; ")
            },
        })
    }
}

/// Stops the nodes of `ZooKeeper`, which nobody needs any more.
async fn retire(scene: &Scene) -> Result<Vec<NodeId>> {
    let nodes = scene.cluster.zookeepers();
    for &node in &nodes {
        let stopped = scene.cluster.stop_node(node, STOPPED_WITHIN).await;
        stopped.with_context(|| format!("stop node {node} of ZooKeeper"))?;
    }
    Ok(nodes)
}

/// Asks again until there is an answer, or the time is over; the error is the last one.
async fn until_seen<T, F>(what: &str, ask: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let until = Instant::now() + TAKES_OVER_WITHIN;
    loop {
        match ask().await {
            Ok(seen) => return Ok(seen),
            Err(error) if Instant::now() + LOOK_EVERY >= until => {
                return Err(error.context(format!("see {what} within {TAKES_OVER_WITHIN:?}")));
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}
