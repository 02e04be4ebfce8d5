//! What the brokers say when they are asked outright, now: the evidence of faults of the cluster's administration.
//!
//! The observer's view is a moment old, and it knows the workload's partitions alone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cluster::PartitionView;
use history::{Key, NodeId};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fault::{NoTarget, Scene};

/// How often the brokers are asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A topic's partitions as one broker sees them, by number.
pub(crate) type Partitions = BTreeMap<u32, PartitionView>;

/// A topic as every broker that answers sees it.
pub(crate) async fn everybody(scene: &Scene, topic: &str) -> Result<BTreeMap<NodeId, Partitions>> {
    let admin = scene.admin()?;
    let mut asks = JoinSet::new();
    for node in scene.cluster.brokers() {
        let (admin, topic) = (admin.clone(), topic.to_owned());
        asks.spawn(async move { (node, admin.partitions(node, &topic).await) });
    }
    let mut answers = BTreeMap::new();
    let mut error = None;
    while let Some(asked) = asks.join_next().await {
        match asked.context("ask the brokers")? {
            (node, Ok(partitions)) => drop(answers.insert(node, partitions)),
            (_, Err(failed)) => error = Some(failed),
        }
    }
    match error {
        Some(error) if answers.is_empty() => Err(error.context(format!("ask for {topic}"))),
        _ => Ok(answers),
    }
}

/// Waits until every broker that answers sees a topic as it should be, at least one: who they are.
pub(crate) async fn all_see(
    scene: &Scene,
    topic: &str,
    within: Duration,
    what: &str,
    fits: impl Fn(&Partitions) -> bool + Sync,
) -> Result<Vec<NodeId>> {
    let until = Instant::now() + within;
    loop {
        let answers = everybody(scene, topic).await?;
        let misfit = answers.iter().find(|(_, partitions)| !fits(partitions));
        let Some((node, partitions)) = misfit else {
            return Ok(answers.into_keys().collect());
        };
        if Instant::now() >= until {
            bail!(
                "not {what} within {within:?} in the eyes of node {node}: {}",
                in_words(topic, partitions)
            );
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// A partition as the broker with the newest epoch sees it; of several, the one beside the active controller.
pub(crate) async fn standing(scene: &Scene, key: Key) -> Result<PartitionView> {
    let at = scene.partition(key);
    let answers = everybody(scene, &at.topic).await?;
    let controller = scene.cluster.view().controller().map(|(node, _)| node);
    let newest = answers
        .into_iter()
        .filter_map(|(node, mut partitions)| Some((node, partitions.remove(&at.partition)?)))
        .max_by_key(|(node, view)| (view.epoch, Some(*node) == controller));
    newest
        .map(|(_, view)| view)
        .with_context(|| format!("nobody knows {at}"))
}

/// The same for several.
pub(crate) async fn standings(scene: &Scene, keys: &[Key]) -> Result<BTreeMap<Key, PartitionView>> {
    let mut all = BTreeMap::new();
    for key in keys {
        all.insert(*key, standing(scene, *key).await?);
    }
    Ok(all)
}

/// Waits until a partition stands as it should.
pub(crate) async fn wait_for(
    scene: &Scene,
    key: Key,
    within: Duration,
    what: &str,
    fits: impl Fn(&PartitionView) -> bool + Sync,
) -> Result<PartitionView> {
    let until = Instant::now() + within;
    loop {
        let view = standing(scene, key).await?;
        if fits(&view) {
            return Ok(view);
        }
        if Instant::now() >= until {
            bail!(
                "not {what} within {within:?}: {} has {}",
                scene.key_name(key),
                claim(&view)
            );
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// Whom a fault finds no target for, where the cluster does not answer.
pub(crate) fn unanswered(error: &anyhow::Error) -> NoTarget {
    NoTarget(format!("{error:#}"))
}

/// Who leads in which epoch, in words.
pub(crate) fn claim(view: &PartitionView) -> String {
    match view.leader {
        Some(leader) => format!("node {leader} in epoch {}", view.epoch),
        None => format!("no leader in epoch {}", view.epoch),
    }
}

fn in_words(topic: &str, partitions: &Partitions) -> String {
    let words = |(number, view): (&u32, &PartitionView)| {
        let (replicas, isr) = (&view.replicas, &view.isr);
        format!(
            "{topic}-{number} has {}, replicas {replicas:?}, ISR {isr:?}",
            claim(view)
        )
    };
    let all: Vec<String> = partitions.iter().map(words).collect();
    if all.is_empty() {
        return format!("it knows no {topic}");
    }
    all.join("; ")
}
