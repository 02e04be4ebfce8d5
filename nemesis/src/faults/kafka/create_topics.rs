//! Makes a burst of topics, waits until every broker knows them and their leaders, and deletes them again when the
//! fault is over: work for the controller, and many new leaders at once.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::NewTopic;
use history::{Impairment, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::asked::{Partitions, all_see};
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::node_list;

/// More than this at once is a mistake.
const COUNT_MAX: u32 = 200;
/// Every broker knows the new topics and their leaders, or that they are gone, within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

/// Makes topics and deletes them. Configured by how many, of what shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CreateTopics {
    /// How many.
    pub count: u32,
    /// How many partitions each has.
    pub partitions: u32,
    /// How many replicas each partition has; one on every node, up to three, where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
    /// What their names begin with; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

impl Default for CreateTopics {
    fn default() -> Self {
        Self {
            count: 5,
            partitions: 1,
            replication_factor: None,
            prefix: None,
        }
    }
}

#[async_trait]
impl FaultKind for CreateTopics {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        for (name, value) in [("count", self.count), ("partitions", self.partitions)] {
            if !(1..=COUNT_MAX).contains(&value) {
                return Err(Invalid::new(&[name], format!("{value}: give 1 to {COUNT_MAX}")));
            }
        }
        let nodes = draw.brokers() as u32;
        let replicas = *self.replication_factor.get_or_insert(nodes.min(3));
        if !(1..=nodes).contains(&replicas) {
            let reason = format!("{replicas} replicas on {nodes} nodes: give 1 to {nodes}");
            return Err(Invalid::new(&["replication-factor"], reason));
        }
        let drawn = draw.index(1 << 16);
        let prefix = self.prefix.get_or_insert_with(|| format!("tribunal-burst-{drawn:04x}"));
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if prefix.is_empty() || prefix.len() > 200 || !prefix.chars().all(legal) || prefix.starts_with("__") {
            return Err(Invalid::new(
                &["prefix"],
                "a topic's name has letters, digits, `.`, `_` and `-`, and no `__` before it",
            ));
        }
        Ok(())
    }

    fn describe(&self, _: &Scene) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        format!("{} topics {prefix}-* made and deleted", self.count)
    }

    /// Whoever writes and reads goes on.
    fn impairs(&self, _: &[NodeId], _: &[NodeId]) -> Impairment {
        Impairment::default()
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let topic = |number| NewTopic {
            name: format!("{prefix}-{number}"),
            partitions: self.partitions,
            replication_factor: self.replication_factor.unwrap_or(1),
        };
        Ok(Aim {
            nodes: scene.cluster.brokers(),
            detail: self.describe(scene),
            action: Box::new(Bursting {
                topics: (1..=self.count).map(topic).collect(),
                asked: false,
                seen: None,
            }),
        })
    }
}

struct Bursting {
    topics: Vec<NewTopic>,
    /// Whether they may be there.
    asked: bool,
    /// Who saw all of them with leaders, and how long that took.
    seen: Option<(Vec<NodeId>, Duration)>,
}

#[async_trait]
impl Action for Bursting {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let begun = Instant::now();
        let admin = scene.admin()?;
        self.asked = true;
        admin.create_topics(&self.topics).await?;
        let mut seen = Vec::new();
        for topic in &self.topics {
            let led = |known: &Partitions| {
                known.len() == topic.partitions as usize && known.values().all(|view| view.leader.is_some())
            };
            seen = all_see(scene, &topic.name, KNOWN_WITHIN, "made, with leaders", led).await?;
        }
        self.seen = Some((seen, begun.elapsed()));
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        if self.asked {
            let names: Vec<String> = self.topics.iter().map(|topic| topic.name.clone()).collect();
            scene.admin()?.delete_topics(&names).await?;
            for name in &names {
                all_see(scene, name, KNOWN_WITHIN, "gone", Partitions::is_empty).await?;
            }
        }
        let count = self.topics.len();
        Ok(match &self.seen {
            Some((nodes, took)) => Evidence {
                bit: !nodes.is_empty(),
                text: format!(
                    "{count} topics with leaders in the eyes of {} after {:.1} s, and gone from all again",
                    node_list(nodes),
                    took.as_secs_f64()
                ),
            },
            None => Evidence {
                bit: false,
                text: format!("the {count} topics were not seen"),
            },
        })
    }
}
