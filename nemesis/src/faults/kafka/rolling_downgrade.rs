//! Changes the cluster back to an older version, one broker after the other, each back in every ISR before the next. It works
//! as long as nothing is finalised that the older version does not know, and is skipped where something is.

use std::time::Duration;

use async_trait::async_trait;
use history::Span;
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::roll::{ROLL_WITHIN, Roll, VersionChange};
use crate::target::node_list;

/// Rolls to an older version. Configured by the version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RollingDowngrade {
    /// The version: the newest of Kafka 3, where none is given.
    pub to: String,
    /// How long versions are mixed after each node but the last.
    pub mixed: Span,
}

/// The version that is gone back to, where none is given.
const OLDER: &str = "3.9.2";

impl Default for RollingDowngrade {
    fn default() -> Self {
        Self {
            to: OLDER.to_owned(),
            mixed: Span::from_secs(2),
        }
    }
}

#[async_trait]
impl FaultKind for RollingDowngrade {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Versions]
    }

    fn resolve(&mut self, _: &mut Draw<'_>) -> Result<(), Invalid> {
        Ok(())
    }

    fn describe(&self, _: &Scene) -> String {
        format!("node by node back to Kafka {}", self.to)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let change = self.change();
        let nodes = change.nodes(scene).await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Roll::new(change, self.mixed.duration(), false, nodes.clone())),
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

impl RollingDowngrade {
    fn change(&self) -> VersionChange {
        VersionChange {
            to: self.to.clone(),
            back: true,
        }
    }
}
