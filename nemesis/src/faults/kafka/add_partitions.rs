//! Adds partitions to a topic while it is in use. They stay: Kafka takes none away. Clients name their partitions,
//! so the new ones are unused, and the keys of the run are those that it began with.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::asked::{Partitions, all_see, everybody};
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::node_list;

/// More than this at once is a mistake.
const COUNT_MAX: u32 = 100;
/// Every broker knows of the new partitions and their leaders within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

/// Adds partitions. Configured by the topic and how many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AddPartitions {
    /// A partition of the topic that is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How many are added.
    pub count: u32,
}

impl Default for AddPartitions {
    fn default() -> Self {
        Self { key: None, count: 1 }
    }
}

#[async_trait]
impl FaultKind for AddPartitions {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if !(1..=COUNT_MAX).contains(&self.count) {
            let reason = format!("{} partitions: give 1 to {COUNT_MAX}", self.count);
            return Err(Invalid::new(&["count"], reason));
        }
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("partitions added to {}: {}", scene.topic_name(self.key), self.count)
    }

    /// Whoever writes and reads goes on.
    fn impairs(&self, _: &[NodeId], _: &[NodeId]) -> Impairment {
        Impairment::default()
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        Ok(Aim {
            nodes: scene.cluster.brokers(),
            detail: self.describe(scene),
            action: Box::new(Adding {
                topic: scene.topic_name(self.key),
                count: self.count,
                before: None,
                seen: Vec::new(),
            }),
        })
    }
}

struct Adding {
    topic: String,
    count: u32,
    /// How many there were.
    before: Option<u32>,
    /// Who saw them all, each with a leader.
    seen: Vec<NodeId>,
}

#[async_trait]
impl Action for Adding {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let topic = &self.topic;
        let answers = everybody(scene, topic).await?;
        let before = answers.values().map(Partitions::len).max().unwrap_or_default() as u32;
        let total = before
            .checked_add(self.count)
            .with_context(|| format!("add partitions to {topic}"))?;
        self.before = Some(before);
        scene.admin()?.create_partitions(topic, total).await?;
        let all_led = |known: &Partitions| {
            known.len() as u32 >= total && known.values().all(|partition| partition.leader.is_some())
        };
        // Those that were there may be without a leader for reasons of their own.
        let new_led = |known: &Partitions| {
            let mut new = known.range(before..total);
            known.len() as u32 >= total && (all_led(known) || new.all(|(_, view)| view.leader.is_some()))
        };
        let what = format!("{total} partitions with leaders");
        self.seen = all_see(scene, topic, KNOWN_WITHIN, &what, new_led).await?;
        Ok(())
    }

    async fn heal(&mut self, _: &Scene) -> Result<Evidence> {
        let (topic, before) = (&self.topic, self.before.unwrap_or_default());
        Ok(Evidence {
            bit: !self.seen.is_empty(),
            text: if self.seen.is_empty() {
                format!("nobody saw more than {before} partitions of {topic}")
            } else {
                format!(
                    "{topic} had {before} partitions and has {}, each new one with a leader, as {} see it",
                    before + self.count,
                    node_list(&self.seen)
                )
            },
        })
    }
}
