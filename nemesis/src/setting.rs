//! A setting of a topic that one fault changes while the topic is in use, and puts back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use history::NodeId;
use tokio::time::{Instant, sleep};

use crate::fault::{Evidence, Scene};

/// Every broker has a new setting within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(8);
/// How often they are asked.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// One setting of one topic.
#[derive(Debug)]
pub(crate) struct Setting {
    topic: String,
    name: &'static str,
    wanted: String,
    /// What it was, once that is known: it is put back to this.
    before: Option<String>,
    /// Whether the change was asked for.
    asked: bool,
    /// Who described it as it was wanted.
    seen: Vec<NodeId>,
}

impl Setting {
    pub(crate) fn new(topic: &str, name: &'static str, wanted: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            name,
            wanted: wanted.to_owned(),
            before: None,
            asked: false,
            seen: Vec::new(),
        }
    }

    /// Changes it, and waits until every broker that answers describes it so.
    pub(crate) async fn change(&mut self, scene: &Scene) -> Result<()> {
        let described = self.described(scene).await?;
        let before = described.into_values().next().flatten();
        let before = before.with_context(|| format!("{} has no value for {}", self.topic, self.name))?;
        self.before = Some(before);
        self.asked = true;
        let admin = scene.admin()?;
        admin
            .set_topic_config(&self.topic, self.name, Some(&self.wanted))
            .await?;
        self.seen = self.wait(scene, &self.wanted).await?;
        Ok(())
    }

    /// Puts it back, waits until every broker that answers describes it as before, and says what was seen.
    pub(crate) async fn restore(&mut self, scene: &Scene) -> Result<Evidence> {
        let Some(before) = self.before.clone().filter(|_| self.asked) else {
            return Ok(Evidence {
                bit: false,
                text: format!("{} of {} was never changed", self.name, self.topic),
            });
        };
        let admin = scene.admin()?;
        admin
            .set_topic_config(&self.topic, self.name, Some(&before))
            .await?;
        self.wait(scene, &before).await?;
        let (topic, name, wanted) = (&self.topic, self.name, &self.wanted);
        Ok(Evidence {
            bit: !self.seen.is_empty() && before != *wanted,
            text: format!(
                "{name} of {topic} was {before}, then {wanted} as {} describe it, and is {before} again",
                crate::target::node_list(&self.seen)
            ),
        })
    }

    async fn wait(&self, scene: &Scene, value: &str) -> Result<Vec<NodeId>> {
        let until = Instant::now() + KNOWN_WITHIN;
        loop {
            let described = self.described(scene).await?;
            let other = described
                .iter()
                .find(|(_, known)| known.as_deref() != Some(value));
            let Some((node, known)) = other else {
                return Ok(described.into_keys().collect());
            };
            if Instant::now() >= until {
                let known = known.as_deref().unwrap_or("nothing");
                bail!(
                    "set {} of {} to {value} within {KNOWN_WITHIN:?}: it is {known} in the eyes of node {node}",
                    self.name,
                    self.topic
                );
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    /// The value as every broker that answers describes it.
    async fn described(&self, scene: &Scene) -> Result<BTreeMap<NodeId, Option<String>>> {
        let admin = scene.admin()?;
        let mut described = BTreeMap::new();
        let mut failed = None;
        for node in scene.cluster.brokers() {
            match admin.topic_config(node, &self.topic, &[self.name]).await {
                Ok(mut settings) => drop(described.insert(node, settings.remove(self.name).flatten())),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if described.is_empty() => Err(error),
            _ => Ok(described),
        }
    }
}
