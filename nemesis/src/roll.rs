//! The change of a cluster's version, node by node, for the faults that do it in one direction or the other.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use cluster::{Abilities, Levels, REQUESTS, Releases, ZOOKEEPER_VERSION};
use history::NodeId;
use tokio::time::{Instant, sleep};

use crate::ending::{Endings, Means};
use crate::fault::{Action, Evidence, NoTarget, Scene};

/// How long a whole roll may take: nine nodes with some time between them.
pub(crate) const ROLL_WITHIN: Duration = Duration::from_secs(600);
/// How long a node may take to serve again and to be in every ISR.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// How long a node may take to serve when what was left undone is done at the end.
const SERVES_WITHIN: Duration = Duration::from_secs(20);
/// How long what was finalised may take to be known everywhere, …
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
/// … and how often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The abilities that tell one version from another, by their highest levels: a feature, or what is known of nodes that have none.
const TELLING: [&str; 3] = ["metadata.version", REQUESTS, ZOOKEEPER_VERSION];

/// What a fault does to the versions of a cluster's nodes: for plans, which have to be judged, and prepared for, before
/// anything starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionChange {
    /// The version that every node has at the end.
    pub to: String,
    /// Whether it is an older one.
    pub back: bool,
}

impl VersionChange {
    /// The nodes that it changes now, the active controller's last, as operators do. The error says why there is none, or why
    /// it cannot be done.
    pub(crate) async fn nodes(&self, scene: &Scene) -> Result<Vec<NodeId>, NoTarget> {
        let releases = releases(scene).map_err(|error| NoTarget(format!("{error:#}")))?;
        let changes = |node: &NodeId| {
            releases.of(*node).is_some_and(|of| {
                if self.back {
                    releases.is_older(&self.to, &of)
                } else {
                    releases.is_older(&of, &self.to)
                }
            })
        };
        let mut nodes: Vec<NodeId> = scene.cluster.nodes().into_iter().filter(changes).collect();
        if nodes.is_empty() {
            let age = if self.back { "newer" } else { "older" };
            return Err(NoTarget(format!("no node's version is {age} than {}", self.to)));
        }
        let active = scene.cluster.view().controller().map(|(node, _)| node);
        nodes.sort_by_key(|node| (Some(*node) == active, *node));
        if self.back {
            let finalised = finalised(&*releases, scene).await;
            let finalised = finalised.map_err(|error| NoTarget(format!("{error:#}")))?;
            if let Some(why) = releases.cannot_join(&self.to, &finalised) {
                return Err(NoTarget(format!("there is no way back to {}: {why}", self.to)));
            }
        }
        Ok(nodes)
    }
}

/// Changes nodes from version to version.
pub(crate) struct Roll {
    pub(crate) change: VersionChange,
    /// How long versions are mixed after each node but the last.
    pub(crate) mixed: Duration,
    /// Whether everything the version knows is finalised at the end.
    pub(crate) finalise: bool,
    pub(crate) nodes: Vec<NodeId>,
    endings: Endings,
    /// What each node could do before its change, once that was begun.
    before: Vec<(NodeId, String, Abilities)>,
    /// How long each took until it was in every ISR again.
    back: Vec<(NodeId, Duration)>,
    /// What was finalised before and after.
    finalised: Option<(Levels, Levels)>,
}

impl Roll {
    pub(crate) fn new(change: VersionChange, mixed: Duration, finalise: bool, nodes: Vec<NodeId>) -> Self {
        Self {
            change,
            mixed,
            finalise,
            nodes,
            endings: Endings::new(Means::Terminate),
            before: Vec::new(),
            back: Vec::new(),
            finalised: None,
        }
    }

    /// Ends a node's process and starts it with the other version.
    async fn change(&mut self, scene: &Scene, node: NodeId) -> Result<()> {
        let releases = releases(scene)?;
        if !self.before.iter().any(|(begun, _, _)| *begun == node) {
            let from = releases.of(node).unwrap_or_default();
            let abilities = releases.abilities(node).await.unwrap_or_default();
            self.before.push((node, from, abilities));
        }
        self.endings.end(scene, node).await?;
        releases.change(node, &self.change.to).await?;
        self.endings.start(scene, node).await
    }

    /// Changes the nodes that an injection which was broken off left as they were: a cluster has one version in the end.
    async fn complete(&mut self, scene: &Scene) -> Result<()> {
        let releases = releases(scene)?;
        for node in self.nodes.clone() {
            if releases.of(node).as_deref() == Some(&self.change.to) {
                continue;
            }
            self.change(scene, node).await?;
            if self.endings.serves(scene, node, SERVES_WITHIN).await.is_none() {
                bail!(
                    "node {node} did not serve within {SERVES_WITHIN:?} of its change to {}",
                    self.change.to
                );
            }
        }
        Ok(())
    }

    async fn finalise(&mut self, scene: &Scene) -> Result<()> {
        let releases = releases(scene)?;
        let before = finalised(&*releases, scene).await?;
        releases
            .finalise(&self.change.to)
            .await
            .with_context(|| format!("finalise {}", self.change.to))?;
        let until = Instant::now() + KNOWN_WITHIN;
        // Whoever is asked first may learn of it last.
        let after = loop {
            let after = finalised(&*releases, scene).await?;
            if after != before || Instant::now() + LOOK_EVERY >= until {
                break after;
            }
            sleep(LOOK_EVERY).await;
        };
        self.finalised = Some((before, after));
        Ok(())
    }

    /// `node 1 from 3.9.2 to 4.4.0 (metadata.version up to 21, then 33)`, and whether that is another version.
    async fn shown(
        &self,
        scene: &Scene,
        (node, from, before): &(NodeId, String, Abilities),
    ) -> (bool, String) {
        let after = match releases(scene) {
            Ok(releases) => releases.abilities(*node).await.unwrap_or_default(),
            Err(_) => Abilities::new(),
        };
        let known = |telling: &&str| before.contains_key(*telling) && after.contains_key(*telling);
        let telling = TELLING.into_iter().find(known).unwrap_or(TELLING[0]);
        let highest = |abilities: &Abilities| abilities.get(telling).map(|(_, highest)| *highest);
        let (before, after) = (highest(before), highest(&after));
        let level = |level: Option<i16>| level.map_or("no answer".to_owned(), |level| level.to_string());
        let to = &self.change.to;
        let mut text = format!(
            "node {node} from {from} to {to} ({telling} up to {}, then {})",
            level(before),
            level(after)
        );
        if let Some((_, took)) = self.back.iter().find(|(back, _)| back == node) {
            let _ = write!(text, ", in every ISR again after {:.1} s", took.as_secs_f64());
        }
        let changed = match before.cmp(&after) {
            // Several versions of Kafka come with one of ZooKeeper.
            Ordering::Equal => telling == ZOOKEEPER_VERSION,
            Ordering::Less => !self.change.back,
            Ordering::Greater => self.change.back,
        };
        (changed && before.is_some() && after.is_some(), text)
    }
}

#[async_trait]
impl Action for Roll {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let nodes = self.nodes.clone();
        for (index, &node) in nodes.iter().enumerate() {
            if index > 0 {
                sleep(self.mixed).await;
            }
            let begun = Instant::now();
            self.change(scene, node).await?;
            if !self.endings.is_back(scene, node, begun + BACK_WITHIN).await {
                bail!("node {node} was not back in every ISR within {BACK_WITHIN:?}, so no other is changed");
            }
            self.back.push((node, begun.elapsed()));
        }
        if self.finalise {
            self.finalise(scene).await?;
        }
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.endings.heal(scene).await?;
        if !self.before.is_empty() {
            self.complete(scene).await?;
        }
        let mut evidence = Evidence {
            bit: !self.before.is_empty(),
            text: String::new(),
        };
        let mut texts = Vec::new();
        for changed in &self.before {
            let (changed, text) = self.shown(scene, changed).await;
            evidence.bit &= changed;
            texts.push(text);
        }
        if let Some((before, after)) = &self.finalised {
            evidence.bit &= after != before;
            texts.push(raised(before, after));
        }
        evidence.text = if texts.is_empty() {
            "no node was changed".to_owned()
        } else {
            texts.join("; ")
        };
        Ok(evidence)
    }
}

/// `finalised: metadata.version from 21 to 33, group.version from 0 to 1`
fn raised(before: &Levels, after: &Levels) -> String {
    let changes: Vec<String> = after
        .iter()
        .filter_map(|(feature, level)| {
            let old = before.get(feature).copied().unwrap_or_default();
            (old != *level).then(|| format!("{feature} from {old} to {level}"))
        })
        .collect();
    if changes.is_empty() {
        return format!("nothing else was seen to be finalised within {KNOWN_WITHIN:?}");
    }
    format!("finalised: {}", changes.join(", "))
}

fn releases(scene: &Scene) -> Result<Arc<dyn Releases>> {
    let releases = scene.cluster.releases();
    releases.context("this cluster's broker has no versions")
}

/// What is finalised in the eyes of the first node that answers.
async fn finalised(releases: &dyn Releases, scene: &Scene) -> Result<Levels> {
    let mut last = None;
    for node in scene.cluster.nodes() {
        match releases.finalised(node).await {
            Ok(levels) => return Ok(levels),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(error.context("ask what is finalised")),
        None => bail!("ask what is finalised: there is no node"),
    }
}
