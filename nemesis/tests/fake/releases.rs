//! The versions of a fake cluster's nodes: two, which can be changed at will.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::Result;
use async_trait::async_trait;
use cluster::{Abilities, Levels, Releases};
use history::NodeId;

use super::Journal;

/// The versions of a fake cluster's nodes.
pub struct FakeReleases {
    pub(super) versions: Mutex<BTreeMap<NodeId, String>>,
    /// The level of `metadata.version`.
    pub(super) finalised: Mutex<i16>,
    pub(super) journal: Journal,
}

impl FakeReleases {
    fn note(&self, text: String) {
        self.journal.lock().expect("the journal").push(text);
    }
}

/// The highest level of `metadata.version` that a version knows.
pub(super) fn highest(version: &str) -> i16 {
    if version == "3.9.2" { 21 } else { 33 }
}

#[async_trait]
impl Releases for FakeReleases {
    fn all(&self) -> Vec<String> {
        vec!["3.9.2".to_owned(), "4.4.0".to_owned()]
    }
    fn of(&self, node: NodeId) -> Option<String> {
        self.versions.lock().expect("versions").get(&node).cloned()
    }
    async fn change(&self, node: NodeId, version: &str) -> Result<()> {
        self.note(format!("change {node} to {version}"));
        let mut versions = self.versions.lock().expect("versions");
        versions.insert(node, version.to_owned());
        Ok(())
    }
    async fn abilities(&self, node: NodeId) -> Result<Abilities> {
        let version = self.of(node).expect("a node of the cluster");
        Ok([("metadata.version".to_owned(), (1, highest(&version)))].into())
    }
    async fn finalised(&self, _: NodeId) -> Result<Levels> {
        let level = *self.finalised.lock().expect("a level");
        Ok([("metadata.version".to_owned(), level)].into())
    }
    async fn finalise(&self, version: &str) -> Result<()> {
        self.note(format!("finalise {version}"));
        *self.finalised.lock().expect("a level") = highest(version);
        Ok(())
    }
    fn cannot_join(&self, version: &str, finalised: &Levels) -> Option<String> {
        let level = finalised["metadata.version"];
        (level > highest(version)).then(|| format!("level {level} is finalised"))
    }
    fn is_older(&self, one: &str, other: &str) -> bool {
        one < other
    }
}
