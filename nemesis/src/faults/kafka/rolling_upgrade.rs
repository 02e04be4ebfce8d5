//! Changes the cluster to a newer version, one broker after the other, each back in every ISR before the next, so that versions
//! are mixed meanwhile; and if asked to, finalises the levels of the new version's features, from where there is no way back.

use std::time::Duration;

use async_trait::async_trait;
use history::Span;
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::roll::{ROLL_WITHIN, Roll, VersionChange};
use crate::target::node_list;

/// Rolls to a newer version. Configured by the version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RollingUpgrade {
    /// The version: the newest that can be run, where none is given.
    pub to: String,
    /// How long versions are mixed after each node but the last.
    pub mixed: Span,
    /// Whether the levels of its features are finalised once every node has it.
    pub finalise: bool,
}

impl Default for RollingUpgrade {
    fn default() -> Self {
        Self {
            to: cluster::kafka::DEFAULT_VERSION.to_owned(),
            mixed: Span::from_secs(2),
            finalise: false,
        }
    }
}

#[async_trait]
impl FaultKind for RollingUpgrade {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Versions]
    }

    fn resolve(&mut self, _: &mut Draw<'_>) -> Result<(), Invalid> {
        Ok(())
    }

    fn describe(&self, _: &Scene) -> String {
        let and = if self.finalise { ", finalised" } else { "" };
        format!("node by node to Kafka {}{and}", self.to)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let change = self.change();
        let nodes = change.nodes(scene).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Roll::new(change, self.mixed.duration(), self.finalise, nodes.clone())),
            nodes,
        })
    }

    fn version_change(&self) -> Option<VersionChange> {
        Some(self.change())
    }

    fn inject_within(&self) -> Duration {
        ROLL_WITHIN
    }
}

impl RollingUpgrade {
    fn change(&self) -> VersionChange {
        VersionChange {
            to: self.to.clone(),
            back: false,
        }
    }
}
