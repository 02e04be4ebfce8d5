//! Elects leaders again and again: preferred ones, with another replica made the preferred one before each round
//! so that leadership really moves, or unclean ones, which only a partition without a leader has; counted by the
//! epochs that changed.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use cluster::Election;
use history::{Key, Span};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::Invalid;
use crate::draw::Draw;
use crate::elections::Elections;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};

/// A storm of elections. Configured by the partition, the kind of elections, and how often there are some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ElectionStorm {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Whether it is done to every partition.
    pub all: bool,
    /// Which elections are asked for.
    pub kind: Kind,
    /// How often.
    pub every: Span,
}

/// Which elections a storm is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Of preferred leaders: nothing is lost by them.
    #[default]
    Preferred,
    /// Of any replica, in sync or not, where a partition has no leader.
    Unclean,
    /// Both, one after the other.
    Both,
}

impl Default for ElectionStorm {
    fn default() -> Self {
        Self {
            key: None,
            all: false,
            kind: Kind::Preferred,
            every: Span::from_millis(500),
        }
    }
}

#[async_trait]
impl FaultKind for ElectionStorm {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.every.is_zero() {
            return Err(Invalid::new(
                &["every"],
                "is the time between two rounds of elections, and cannot be zero",
            ));
        }
        self.key = draw.key_or_all(self.all, self.key)?;
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let kind = match self.kind {
            Kind::Preferred => "preferred",
            Kind::Unclean => "unclean",
            Kind::Both => "preferred and unclean",
        };
        format!("{kind} elections in {} every {}", scene.key_or_all(self.key), self.every)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        Ok(Aim {
            nodes: scene.cluster.brokers(),
            detail: self.describe(scene),
            action: Box::new(Storming::new(scene.keys_of(self.key), self.kind, self.every)),
        })
    }
}

/// Elections, round after round, until it is told to stop.
pub(super) struct Storming {
    keys: Vec<Key>,
    kind: Kind,
    every: Duration,
    stop: CancellationToken,
    task: Option<JoinHandle<Storm>>,
    over: Option<Storm>,
}

/// What a storm has done.
#[derive(Debug, Default)]
struct Storm {
    elections: Elections,
    rounds: u32,
    failed: u32,
    error: Option<String>,
}

impl Storming {
    pub(super) fn new(keys: Vec<Key>, kind: Kind, every: Span) -> Self {
        Self {
            keys,
            kind,
            every: every.duration(),
            stop: CancellationToken::new(),
            task: None,
            over: None,
        }
    }
}

impl Drop for Storming {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Action for Storming {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let elections = Elections::begin(scene, &self.keys).await?;
        let storm = Storm {
            elections,
            ..Storm::default()
        };
        let (scene, kind, every, stop) = (scene.clone(), self.kind, self.every, self.stop.clone());
        self.task = Some(tokio::spawn(storm.blow(scene, kind, every, stop)));
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.stop.cancel();
        if let Some(task) = &mut self.task {
            // The round that is under way ends: each of its questions has a limit.
            let over = task.await.context("end the storm")?;
            (self.task, self.over) = (None, Some(over));
        }
        let Some(storm) = &mut self.over else {
            return Ok(Evidence {
                bit: false,
                text: "no election was asked for".to_owned(),
            });
        };
        let Evidence { bit, text } = storm.elections.evidence(scene).await?;
        storm.elections.restore(scene).await?;
        let failed = match (&storm.error, storm.failed) {
            (Some(error), failed) => format!(", {failed} of them failed, the last because: {error}"),
            (None, _) => String::new(),
        };
        Ok(Evidence {
            bit,
            text: format!("{} rounds{failed}: {text}", storm.rounds),
        })
    }
}

impl Storm {
    async fn blow(mut self, scene: Scene, kind: Kind, every: Duration, stop: CancellationToken) -> Self {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.rounds += 1;
            if let Err(error) = self.round(&scene, kind).await {
                self.failed += 1;
                self.error = Some(format!("{error:#}"));
            }
        }
        self
    }

    async fn round(&mut self, scene: &Scene, kind: Kind) -> Result<()> {
        if kind != Kind::Preferred {
            let keys: Vec<Key> = self.elections.before().keys().copied().collect();
            self.elections.elect(scene, Election::Unclean, &keys).await?;
        }
        if kind != Kind::Unclean {
            self.elections.rotate(scene).await?;
        }
        Ok(())
    }
}
