//! Changes how many replicas have to be in sync for a write with acks=all (`min.insync.replicas`) of a topic while
//! it is written to, and changes it back.

use anyhow::Result;
use async_trait::async_trait;
use history::Key;
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::setting::Setting;

/// Changes `min.insync.replicas`. Configured by the topic and the value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MinIsr {
    /// A partition of the topic that is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What it is changed to.
    pub to: u32,
}

impl Default for MinIsr {
    fn default() -> Self {
        Self { key: None, to: 1 }
    }
}

#[async_trait]
impl FaultKind for MinIsr {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn is_destructive(&self) -> bool {
        true
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        let nodes = draw.brokers();
        if self.to == 0 || self.to as usize > nodes {
            return Err(Invalid::new(&["to"], format!("{} replicas in sync: give 1 to {nodes}", self.to)));
        }
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("min.insync.replicas of {} to {}", scene.topic_name(self.key), self.to)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let detail = self.describe(scene);
        Ok(change(scene, detail, self.key, "min.insync.replicas", &self.to.to_string()))
    }
}

/// A change of one setting of the topic that a partition is of.
pub(super) fn change(
    scene: &Scene,
    detail: String,
    key: Option<Key>,
    name: &'static str,
    value: &str,
) -> Aim {
    Aim {
        nodes: scene.cluster.brokers(),
        detail,
        action: Box::new(Changing(Setting::new(&scene.topic_name(key), name, value))),
    }
}

struct Changing(Setting);

#[async_trait]
impl Action for Changing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.0.change(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.0.restore(scene).await
    }
}
