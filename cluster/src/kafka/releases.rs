//! The versions of a running cluster of Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use async_trait::async_trait;
use history::NodeId;
use kafka_protocol::messages::UpdateFeaturesRequest;
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::protocol::StrBytes;

use super::config::Role;
use super::launch::{ANSWER_WITHIN, Layout};
use super::node::{self, Node};
use super::release::{is_older, release};
use super::wire::{Connection, WireError};
use super::zookeeper;
use crate::{Abilities, Levels, REQUESTS, Releases, ZOOKEEPER_VERSION};

/// Finalising is done within this time.
const FINALISED_WITHIN: Duration = Duration::from_secs(10);
/// A feature's level is raised, never lowered.
const UPGRADE: i8 = 1;

/// The versions of these nodes.
pub(super) struct KafkaReleases {
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) layout: Arc<Layout>,
}

impl KafkaReleases {
    fn node(&self, node: NodeId) -> Result<&Arc<Node>> {
        node::find(&self.nodes, node)
    }

    async fn connect(&self, node: NodeId) -> Result<Connection> {
        let node = self.node(node)?;
        let address = if node.role.is_broker() {
            node.broker()
        } else {
            node.controller()
        };
        let connection = Connection::open(address, ANSWER_WITHIN).await;
        connection.with_context(|| format!("ask node {}", node.id()))
    }
}

#[async_trait]
impl Releases for KafkaReleases {
    fn all(&self) -> Vec<String> {
        self.layout.versions()
    }

    fn of(&self, node: NodeId) -> Option<String> {
        self.node(node).ok().map(|node| node.version())
    }

    async fn change(&self, node: NodeId, version: &str) -> Result<()> {
        let node = self.node(node)?;
        let write = || {
            let command = self.layout.write(node.id(), &node.files, version)?;
            Ok((version.to_owned(), command))
        };
        node.change_program(write).await
    }

    async fn abilities(&self, node: NodeId) -> Result<Abilities> {
        let own = self.nodes.iter().find(|own| own.id() == node);
        if let Some(own) = own.filter(|own| own.role == Role::ZooKeeper) {
            let version = zookeeper::version(own.zookeeper(), ANSWER_WITHIN).await?;
            return Ok([(ZOOKEEPER_VERSION.to_owned(), (version, version))].into());
        }
        let connection = self.connect(node).await?;
        let mut abilities = connection.abilities().clone();
        if self.layout.has_zookeeper() {
            abilities.insert(REQUESTS.to_owned(), connection.requests());
        }
        Ok(abilities)
    }

    async fn finalised(&self, node: NodeId) -> Result<Levels> {
        Ok(self.connect(node).await?.features().clone())
    }

    async fn finalise(&self, version: &str) -> Result<()> {
        ensure!(
            !self.layout.has_zookeeper(),
            "a cluster with ZooKeeper finalises nothing"
        );
        let release = release(version).with_context(|| format!("find what Kafka {version} finalises"))?;
        let levels = release.formatted(&Levels::new());
        let mut last = anyhow!("there is no node");
        for node in &node::brokers(&self.nodes) {
            let mut connection = match Connection::open(node.broker(), ANSWER_WITHIN).await {
                Ok(connection) => connection,
                Err(error) => {
                    last = anyhow!(error).context(format!("ask node {}", node.id()));
                    continue;
                }
            };
            let higher = not_below(&levels, connection.features());
            ensure!(!higher.is_empty(), "everything is finalised already");
            let finalised = connection.raise_features(&higher, FINALISED_WITHIN).await;
            return finalised.with_context(|| format!("ask node {}", node.id()));
        }
        Err(last)
    }

    fn cannot_join(&self, version: &str, finalised: &Levels) -> Option<String> {
        release(version)?.cannot_join(finalised)
    }

    fn is_older(&self, one: &str, other: &str) -> bool {
        is_older(one, other)
    }
}

/// Those levels that are higher than what is finalised.
fn not_below(levels: &Levels, finalised: &Levels) -> Levels {
    let higher = |feature: &String, level: i16| finalised.get(feature).is_none_or(|now| *now < level);
    let chosen = levels.iter().filter(|(feature, level)| higher(feature, **level));
    chosen.map(|(feature, level)| (feature.clone(), *level)).collect()
}

impl Connection {
    /// Raises the levels of features, all or none. A broker hands this over to the active controller.
    async fn raise_features(
        &mut self,
        levels: &BTreeMap<String, i16>,
        within: Duration,
    ) -> Result<(), WireError> {
        let updates = levels.iter().map(|(feature, level)| {
            FeatureUpdateKey::default()
                .with_feature(StrBytes::from_string(feature.clone()))
                .with_max_version_level(*level)
                .with_upgrade_type(UPGRADE)
        });
        let request = UpdateFeaturesRequest::default()
            .with_timeout_ms(within.as_millis() as i32)
            .with_feature_updates(updates.collect());
        let answer = self.call(&request, within).await?;
        for result in answer.results {
            WireError::check_told(result.error_code, result.error_message, || {
                format!("UpdateFeatures for {}", result.feature)
            })?;
        }
        WireError::check_told(answer.error_code, answer.error_message, || {
            "UpdateFeatures".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_lower_is_raised() {
        let levels = |list: &[(&str, i16)]| -> Levels {
            list.iter()
                .map(|(name, level)| ((*name).to_owned(), *level))
                .collect()
        };
        let chosen = not_below(
            &levels(&[("a", 2), ("b", 1), ("c", 1)]),
            &levels(&[("a", 1), ("b", 1), ("d", 9)]),
        );
        assert_eq!(chosen, levels(&[("a", 2), ("c", 1)]));
    }
}
