//! Kills the broker's process again and again, as soon as it serves or so long after each start, until the fault is over.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use history::{Impairment, Key, NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::config::Invalid;
use crate::draw::Draw;
use crate::ending::{Endings, Means};
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// A process that does not serve in this time is killed all the same.
const SERVES_WITHIN: Duration = Duration::from_secs(60);
/// The shortest life: what ends sooner is no process of Java yet.
const LIVES_MIN: Span = Span::from_millis(100);

/// Keeps brokers crashing. Configured by whom it hits, and how long each process lives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CrashLoop {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How long after its start each process is killed; where not given, as soon as it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lives: Option<Span>,
}

#[async_trait]
impl FaultKind for CrashLoop {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if let Some(lives) = self.lives.filter(|lives| *lives < LIVES_MIN) {
            let reason = format!("{lives} is no life: give \"{LIVES_MIN}\" or more");
            return Err(Invalid::new(&["lives"], reason));
        }
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let when = match self.lives {
            Some(lives) => format!("{lives} after each start"),
            None => "as soon as it serves".to_owned(),
        };
        let target = scene.target_name(&self.target, self.key);
        format!("SIGKILL to {target}, and again {when}")
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Crashing {
                nodes: nodes.clone(),
                lives: self.lives.map(Span::duration),
                endings: Endings::new(Means::Kill),
                loops: JoinSet::new(),
                over: CancellationToken::new(),
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
    nodes: Vec<NodeId>,
    lives: Option<Duration>,
    endings: Endings,
    loops: JoinSet<Result<()>>,
    over: CancellationToken,
}

#[async_trait]
impl Action for Crashing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.endings.end_all(scene, &self.nodes).await?;
        for &node in &self.nodes {
            let (endings, scene) = (self.endings.clone(), scene.clone());
            self.loops
                .spawn(crash_again(endings, scene, node, self.lives, self.over.clone()));
        }
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.over.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.loops.join_next().await {
            outcome = outcome.and(ended.unwrap_or_else(|panic| Err(panic.into())));
        }
        self.endings.heal(scene).await?;
        let evidence = self.endings.evidence();
        Ok(match outcome {
            Ok(()) => evidence,
            Err(error) => evidence.and(&format!("the loop ended early: {error:#}")),
        })
    }
}

/// Starts and kills until it is over. It is never broken off between the two, so that what runs is known.
async fn crash_again(
    endings: Endings,
    scene: Scene,
    node: NodeId,
    lives: Option<Duration>,
    over: CancellationToken,
) -> Result<()> {
    while !over.is_cancelled() {
        endings.start(&scene, node).await?;
        let life = async {
            match lives {
                Some(lives) => sleep(lives).await,
                None => drop(endings.serves(&scene, node, SERVES_WITHIN).await),
            }
        };
        if over.run_until_cancelled(life).await.is_none() {
            break;
        }
        endings.end(&scene, node).await?;
    }
    Ok(())
}
