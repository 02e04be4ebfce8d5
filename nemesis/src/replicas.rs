//! Other replicas for partitions, asked for and waited for: what every fault does that moves replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use cluster::TopicPartition;
use history::NodeId;
use tokio::time::{Instant, sleep};

use crate::asked::{Partitions, all_see};
use crate::fault::Scene;

/// How often it is asked whether a change is over.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A partition and the replicas that it is to have, in the order of preference.
pub(crate) type Move = (TopicPartition, Vec<NodeId>);

/// Asks for these replicas, and waits until the changes are over, all are in sync, and every broker knows: how long
/// that took.
pub(crate) async fn reassign(scene: &Scene, moves: &[Move], within: Duration) -> Result<Duration> {
    let begun = Instant::now();
    let admin = scene.admin()?;
    admin.reassign(moves).await?;
    loop {
        let under_way = admin.reassignments().await?;
        let mut own = under_way
            .iter()
            .filter(|change| moves.iter().any(|(at, _)| *at == change.partition));
        let Some(change) = own.next() else { break };
        if begun.elapsed() >= within {
            bail!(
                "reassign {} within {within:?}: {:?} still come and {:?} still go",
                change.partition,
                change.adding,
                change.removing
            );
        }
        sleep(AGAIN_AFTER).await;
    }
    let mut topics: BTreeMap<&str, Vec<&Move>> = BTreeMap::new();
    for change in moves {
        topics.entry(&change.0.topic).or_default().push(change);
    }
    for (topic, moves) in topics {
        let what = match moves.as_slice() {
            [(_, replicas)] => format!("replicated on {replicas:?}, all in sync"),
            _ => "replicated as was asked for, all in sync".to_owned(),
        };
        let there = |partitions: &Partitions| {
            moves.iter().all(|(at, replicas)| {
                partitions.get(&at.partition).is_some_and(|view| {
                    view.replicas == *replicas && replicas.iter().all(|node| view.isr.contains(node))
                })
            })
        };
        let left = within.saturating_sub(begun.elapsed());
        all_see(scene, topic, left, &what, there).await?;
    }
    Ok(begun.elapsed())
}
