//! Elects a leader that was not in sync, by an operator's request, which counts whatever the topic's setting is:
//! the partition has to have no leader by then, as after its leader alone was in sync and was killed; what only
//! the old leader had acknowledged is lost.

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{Elected, Election, PartitionView};
use history::{Key, Span};
use serde::{Deserialize, Serialize};

use crate::asked::{claim, unanswered, wait_for};
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};

/// The new leader is known within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(8);
/// Finding a target may take no longer than this.
const WITHIN_MAX: Span = Span::from_secs(9);

/// Elects an unclean leader. Configured by the partition and how long it may take to be without a leader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ElectUnclean {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How long the partition may still have a leader; after that the fault is skipped.
    pub within: Span,
}

impl Default for ElectUnclean {
    fn default() -> Self {
        Self {
            key: None,
            within: Span::from_secs(5),
        }
    }
}

#[async_trait]
impl FaultKind for ElectUnclean {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn is_destructive(&self) -> bool {
        true
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.within > WITHIN_MAX {
            return Err(Invalid::new(
                &["within"],
                format!("at most {WITHIN_MAX} can be waited for a target"),
            ));
        }
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("unclean leader of {} elected", scene.key_or_all(self.key))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let key = self.key.unwrap_or_default();
        let headless = |view: &PartitionView| view.leader.is_none();
        let before = wait_for(scene, key, self.within.duration(), "without a leader", headless)
            .await
            .map_err(|error| unanswered(&error))?;
        Ok(Aim {
            nodes: before.replicas.clone(),
            detail: format!("{} (ISR {:?} is down)", self.describe(scene), before.isr),
            action: Box::new(Electing {
                key,
                before,
                after: None,
            }),
        })
    }
}

struct Electing {
    key: Key,
    before: PartitionView,
    after: Option<PartitionView>,
}

#[async_trait]
impl Action for Electing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let at = scene.partition(self.key);
        let elected = scene.admin()?.elect(Election::Unclean, &[at]).await?;
        if elected.first() != Some(&Elected::Yes) {
            bail!("elect a leader of {}: it has one again", scene.key_name(self.key));
        }
        let epoch = self.before.epoch;
        let led = |view: &PartitionView| view.leader.is_some() && view.epoch > epoch;
        self.after = Some(wait_for(scene, self.key, KNOWN_WITHIN, "led again", led).await?);
        Ok(())
    }

    /// An election cannot be undone: the old leader comes back as a follower.
    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let Some(after) = &self.after else {
            return Ok(Evidence {
                bit: false,
                text: "no new leader was seen".to_owned(),
            });
        };
        let unclean = after.leader.is_some_and(|leader| !self.before.isr.contains(&leader));
        Ok(Evidence {
            bit: unclean,
            text: format!(
                "{}: {} with ISR {:?}, then {}, which was {}",
                scene.key_name(self.key),
                claim(&self.before),
                self.before.isr,
                claim(after),
                if unclean { "not in sync" } else { "in sync" }
            ),
        })
    }
}
