//! Switches a topic's unclean elections (`unclean.leader.election.enable`) on, or off, while it is written to, and
//! switches them back: a partition without a leader gets one that lacks what was acknowledged as soon as the
//! controller looks for such partitions, which is every `unclean.leader.election.interval.ms` (five minutes unless set).

use anyhow::Result;
use async_trait::async_trait;
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use super::min_isr;
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};

/// Switches unclean elections. Configured by the topic and the value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct UncleanConfig {
    /// A partition of the topic that is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What it is changed to.
    pub to: bool,
}

impl Default for UncleanConfig {
    fn default() -> Self {
        Self { key: None, to: true }
    }
}

#[async_trait]
impl FaultKind for UncleanConfig {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn is_destructive(&self) -> bool {
        true
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let switched = if self.to { "on" } else { "off" };
        format!("unclean elections of {} switched {switched}", scene.topic_name(self.key))
    }

    /// Whoever writes and reads goes on.
    fn impairs(&self, _: &[NodeId], _: &[NodeId]) -> Impairment {
        Impairment::default()
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let name = "unclean.leader.election.enable";
        let (detail, value) = (self.describe(scene), self.to.to_string());
        Ok(min_isr::change(scene, detail, self.key, name, &value))
    }
}
