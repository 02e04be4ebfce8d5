//! Moves the cluster from `ZooKeeper` to controllers of its own, as operators do (KIP-866): the controllers are started, the brokers
//! restarted beside them so that what the quorum decides is written to both, the brokers restarted without `ZooKeeper`, and the
//! controllers too, after which its nodes are stopped. Done as far as `to` says; what comes before is done first.

use std::time::Duration;

use async_trait::async_trait;
use history::Span;
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::migration::{Move, Phase, migration};
use crate::roll::ROLL_WITHIN;
use crate::target::node_list;

/// Moves to the quorum. Configured by how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Migrate {
    /// The phase that is reached: `controllers`, `dual-write`, `brokers` or `finalised`.
    pub to: Phase,
    /// How long passes after each node but the last of a phase.
    pub between: Span,
}

impl Default for Migrate {
    fn default() -> Self {
        Self {
            to: Phase::Finalised,
            between: Span::from_secs(1),
        }
    }
}

#[async_trait]
impl FaultKind for Migrate {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Migration]
    }

    fn resolve(&mut self, _: &mut Draw<'_>) -> Result<(), Invalid> {
        Ok(())
    }

    fn describe(&self, _: &Scene) -> String {
        format!("from ZooKeeper to controllers: {}", self.to.about())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let migration = migration(scene).map_err(|error| NoTarget(format!("{error:#}")))?;
        let phases: Vec<Phase> = Phase::ALL
            .into_iter()
            .filter(|phase| *phase <= self.to && !phase.is_reached(&*migration, scene))
            .collect();
        if phases.is_empty() {
            return Err(NoTarget(format!("the cluster has come as far: {}", self.to.about())));
        }
        let mut nodes: Vec<_> = phases.iter().flat_map(|phase| phase.nodes(scene)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Move::new(phases, self.between.duration())),
            nodes,
        })
    }

    fn inject_within(&self) -> Duration {
        ROLL_WITHIN
    }
}
