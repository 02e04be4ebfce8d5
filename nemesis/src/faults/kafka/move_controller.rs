//! Moves the active controller: it is paused, killed or cut from its peers until the others have elected another,
//! and no longer.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::{Impairment, NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::faults::network::partition::{Partition, Shape};
use crate::faults::{Kill, Pause};
use crate::target::Target;

/// How often the view is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Moves the active controller. Configured by how, and how long the election may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MoveController {
    /// What is done to it.
    pub by: By,
    /// How long it may take until another is active, else the injection has failed.
    pub within: Span,
}

/// What is done to the active controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Its process is stopped.
    #[default]
    Pause,
    /// Its process is killed.
    Kill,
    /// It is cut from its peers, and not from clients.
    Cut,
}

impl Default for MoveController {
    fn default() -> Self {
        Self {
            by: By::Pause,
            within: Span::from_secs(30),
        }
    }
}

#[async_trait]
impl FaultKind for MoveController {
    fn needs(&self) -> &'static [Power] {
        match self.by {
            By::Pause | By::Kill => &[Power::Process],
            By::Cut => &[Power::Network],
        }
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        let voters = draw.members().voters().len();
        if voters < 3 {
            let reason = format!("{voters} nodes elect nobody without one of them");
            return Err(Invalid::new(&[], reason));
        }
        if self.within.is_zero() {
            return Err(Invalid::new(&["within"], "nobody is elected in no time"));
        }
        Ok(())
    }

    fn describe(&self, _: &Scene) -> String {
        let done = match self.by {
            By::Pause => "paused",
            By::Kill => "killed",
            By::Cut => "cut from its peers",
        };
        format!("the active controller {done} until there is another")
    }

    fn impairs(&self, nodes: &[NodeId], others: &[NodeId]) -> Impairment {
        match self.by {
            By::Pause | By::Kill => Impairment::down(nodes),
            By::Cut => Impairment::apart(nodes, others),
        }
    }

    fn target(&self) -> Option<Target> {
        Some(Target::Controller)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let (node, term) = scene
            .cluster
            .view()
            .controller()
            .ok_or_else(|| NoTarget("no controller is known to be active".to_owned()))?;
        let target = Target::Nodes(vec![node]);
        let inner = match self.by {
            By::Pause => pause(target).aim(scene).await?,
            By::Kill => kill(target).aim(scene).await?,
            By::Cut => {
                let shape = Shape::Controller;
                let cut = Partition {
                    shape,
                    ..Partition::default()
                };
                cut.aim(scene).await?
            }
        };
        Ok(Aim {
            nodes: vec![node],
            detail: format!("{} (node {node}, term {term})", self.describe(scene)),
            action: Box::new(Moving {
                before: (node, term),
                within: self.within.duration(),
                inner: Some(inner.action),
                done: None,
                after: None,
            }),
        })
    }
}

fn pause(target: Target) -> Pause {
    Pause {
        target,
        ..Pause::default()
    }
}

fn kill(target: Target) -> Kill {
    Kill {
        target,
        ..Kill::default()
    }
}

struct Moving {
    before: (NodeId, i32),
    within: Duration,
    /// What holds the old controller down, until that is undone.
    inner: Option<Box<dyn Action>>,
    /// What came of it.
    done: Option<Evidence>,
    /// The new controller, its term, and how long it took.
    after: Option<(NodeId, i32, Duration)>,
}

impl Moving {
    /// Lets the old controller go on.
    async fn release(&mut self, scene: &Scene) -> Result<()> {
        if let Some(inner) = &mut self.inner {
            self.done = Some(inner.heal(scene).await?);
            self.inner = None;
        }
        Ok(())
    }

    fn elected(&self, scene: &Scene) -> Option<(NodeId, i32)> {
        let now = scene.cluster.view().controller();
        now.filter(|(node, term)| *node != self.before.0 && *term > self.before.1)
    }
}

#[async_trait]
impl Action for Moving {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let begun = Instant::now();
        let inner = self.inner.as_mut().context("move the controller a second time")?;
        inner.inject(scene).await?;
        while begun.elapsed() < self.within {
            if let Some((node, term)) = self.elected(scene) {
                self.after = Some((node, term, begun.elapsed()));
                return self.release(scene).await;
            }
            sleep(LOOK_EVERY).await;
        }
        bail!(
            "no other controller than node {} in term {} within {:?}",
            self.before.0,
            self.before.1,
            self.within
        )
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.release(scene).await?;
        let (node, term) = self.before;
        let how = self.done.as_ref().map_or("nothing was done", |done| done.text.as_str());
        Ok(match self.after {
            Some((new, new_term, took)) => Evidence {
                bit: true,
                text: format!(
                    "node {node} in term {term}, then node {new} in term {new_term} after {:.1} s; {how}",
                    took.as_secs_f64()
                ),
            },
            None => Evidence {
                bit: false,
                text: format!("node {node} in term {term}, and no other was seen; {how}"),
            },
        })
    }
}
