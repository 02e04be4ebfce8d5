//! Stops the broker's process with SIGSTOP, so that it holds its connections but answers nobody, and lets it go
//! on with SIGCONT.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// How long a stopped process is asked for an answer that must not come.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// How long a process may take to be stopped once it has the signal, and how often it is looked at.
const STOPPED_WITHIN: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long the kernel and the environment may take to deliver a signal.
const SIGNALLED_WITHIN: Duration = Duration::from_secs(5);

/// Pauses broker processes. Configured by whom it hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pause {
    /// Whom.
    #[serde(default = "Pause::default_target")]
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

impl Pause {
    fn default_target() -> Target {
        Target::One
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            target: Self::default_target(),
            key: None,
        }
    }
}

#[async_trait]
impl FaultKind for Pause {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("SIGSTOP to {}", scene.target_name(&self.target, self.key))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene
            .in_state(scene.find(&self.target, self.key)?, |state| state != 'T', "no process runs that is not stopped already")
            .await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Pausing {
                nodes: nodes.clone(),
                stopped: Vec::new(),
                seen: Vec::new(),
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

struct Pausing {
    nodes: Vec<NodeId>,
    stopped: Vec<NodeId>,
    seen: Vec<Seen>,
}

/// What a stopped process looked like.
struct Seen {
    node: NodeId,
    state: Option<char>,
    answered: bool,
}

#[async_trait]
impl Action for Pausing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        for &node in &self.nodes {
            self.stopped.push(node);
            signal(scene, node, libc::SIGSTOP).await?;
        }
        let mut looks = JoinSet::new();
        for &node in &self.nodes {
            let scene = scene.clone();
            looks.spawn(async move { look(&scene, node).await });
        }
        while let Some(seen) = looks.join_next().await {
            self.seen.push(seen??);
        }
        self.seen.sort_unstable_by_key(|seen| seen.node);
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let mut errors = Vec::new();
        for &node in &self.stopped {
            // A process that was killed meanwhile has nothing to go on with.
            let gone = scene.cluster.machine(node)?.process_state().await?.is_none();
            if !gone && let Err(error) = signal(scene, node, libc::SIGCONT).await {
                errors.push(format!("{error:#}"));
            }
        }
        if !errors.is_empty() {
            bail!("let go on: {}", errors.join("; "));
        }
        let texts: Vec<_> = self.seen.iter().map(Seen::describe).collect();
        Ok(Evidence {
            bit: !self.seen.is_empty() && self.seen.iter().all(Seen::is_stopped),
            text: if texts.is_empty() {
                "no process was stopped".to_owned()
            } else {
                texts.join(", ")
            },
        })
    }
}

impl Seen {
    fn is_stopped(&self) -> bool {
        self.state == Some('T') && !self.answered
    }

    fn describe(&self) -> String {
        let state = self
            .state
            .map_or_else(|| "gone".to_owned(), |state| format!("in state {state}"));
        let answer = if self.answered {
            "answered".to_owned()
        } else {
            format!("no answer in {} ms", SILENT_FOR.as_millis())
        };
        format!("node {} {state}, {answer}", self.node)
    }
}

/// A signal is not yet a stop: each thread of the process has to see it first.
async fn look(scene: &Scene, node: NodeId) -> Result<Seen> {
    let machine = scene.cluster.machine(node)?;
    let until = Instant::now() + STOPPED_WITHIN;
    let mut state = machine.process_state().await?;
    while state.is_some_and(|state| state != 'T') && Instant::now() < until {
        sleep(LOOK_EVERY).await;
        state = machine.process_state().await?;
    }
    let answered = scene.cluster.answers(node, SILENT_FOR).await;
    Ok(Seen { node, state, answered })
}

async fn signal(scene: &Scene, node: NodeId, signal: i32) -> Result<()> {
    let machine = scene.cluster.machine(node)?;
    timeout(SIGNALLED_WITHIN, machine.signal(signal))
        .await
        .with_context(|| format!("signal {signal} to node {node}: not delivered within {SIGNALLED_WITHIN:?}"))?
        .with_context(|| format!("signal {signal} to node {node}"))
}
