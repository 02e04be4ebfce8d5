//! Elects the preferred leader of one partition, or of all: where that leads already, the next replica in sync
//! becomes the preferred one first, so that leadership really moves.

use anyhow::Result;
use async_trait::async_trait;
use history::{Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::asked::{standings, unanswered};
use crate::config::Invalid;
use crate::draw::Draw;
use crate::elections::{Elections, next_leader};
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::node_list;

/// Elects preferred leaders. Configured by the partition, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ElectPreferred {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Whether it is done to every partition.
    pub all: bool,
}

#[async_trait]
impl FaultKind for ElectPreferred {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.key = draw.key_or_all(self.all, self.key)?;
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("preferred leader of {} elected", scene.key_or_all(self.key))
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let keys = scene.keys_of(self.key);
        let standing = standings(scene, &keys).await.map_err(|error| unanswered(&error))?;
        let wanted: Vec<(Key, NodeId)> = standing
            .iter()
            .filter_map(|(key, view)| {
                let preferred = view.replicas.first().copied();
                let waits = preferred.filter(|node| view.isr.contains(node) && view.leader != Some(*node));
                Some((*key, waits.or_else(|| next_leader(view))?))
            })
            .collect();
        if wanted.is_empty() {
            let partitions = scene.key_or_all(self.key);
            return Err(NoTarget(format!("no follower of {partitions} is in sync")));
        }
        let mut nodes: Vec<NodeId> = wanted.iter().map(|(_, node)| *node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            nodes,
            action: Box::new(Electing {
                wanted,
                elections: Elections::default(),
                evidence: None,
            }),
        })
    }
}

/// Leadership that goes to certain nodes, and stays there until the fault is over.
pub(super) struct Electing {
    pub(super) wanted: Vec<(Key, NodeId)>,
    pub(super) elections: Elections,
    pub(super) evidence: Option<Evidence>,
}

#[async_trait]
impl Action for Electing {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let keys: Vec<Key> = self.wanted.iter().map(|(key, _)| *key).collect();
        self.elections = Elections::begin(scene, &keys).await?;
        self.elections.lead(scene, &self.wanted).await?;
        self.elections.wait(scene, &self.wanted).await?;
        self.evidence = Some(self.elections.evidence(scene).await?);
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.elections.restore(scene).await?;
        Ok(self.evidence.clone().unwrap_or_else(|| Evidence {
            bit: false,
            text: "no election was seen".to_owned(),
        }))
    }
}
