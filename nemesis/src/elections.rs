//! Leadership moved on purpose: the replica that is to lead becomes the preferred one, and is elected.
//!
//! An election of the preferred leader changes nothing where that leads already, so the order of the replicas is
//! changed first, and put back at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use cluster::{Elected, Election, PartitionView};
use history::{Key, NodeId};
use tokio::time::Instant;

use crate::asked::{all_see, claim, standing, standings, wait_for};
use crate::fault::{Evidence, Scene};

/// Every broker knows of a new order of replicas, or of a new leader, within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(8);

/// The elections that one fault held.
#[derive(Debug, Default)]
pub(crate) struct Elections {
    /// The partitions as they stood before.
    before: BTreeMap<Key, PartitionView>,
    /// Those whose replicas were put into another order.
    reordered: Vec<Key>,
    /// Elections that were asked for, and those that the controller says it held.
    asked: u32,
    held: u32,
}

impl Elections {
    /// Takes down how these partitions stand.
    pub(crate) async fn begin(scene: &Scene, keys: &[Key]) -> Result<Self> {
        Ok(Self {
            before: standings(scene, keys).await?,
            ..Self::default()
        })
    }

    /// The partitions, as they stood before.
    pub(crate) fn before(&self) -> &BTreeMap<Key, PartitionView> {
        &self.before
    }

    /// Makes each of these nodes the preferred leader of its partition, and elects it.
    pub(crate) async fn lead(&mut self, scene: &Scene, wanted: &[(Key, NodeId)]) -> Result<()> {
        let admin = scene.admin()?;
        let mut moves = Vec::new();
        for (key, node) in wanted {
            let mut replicas = standing(scene, *key).await?.replicas;
            if replicas.first() != Some(node) {
                replicas.retain(|replica| replica != node);
                replicas.insert(0, *node);
                if !self.reordered.contains(key) {
                    self.reordered.push(*key);
                }
                moves.push((scene.partition(*key), replicas));
            }
        }
        if !moves.is_empty() {
            admin.reassign(&moves).await?;
        }
        let until = Instant::now() + KNOWN_WITHIN;
        for (key, node) in wanted {
            // A replica that fell out of the ISR since it was chosen is waited for; where it does not come back, the broker says so.
            let in_sync = |view: &PartitionView| view.isr.contains(node);
            let _ = wait_for(
                scene,
                *key,
                until.saturating_duration_since(Instant::now()),
                &format!("in sync on node {node}"),
                in_sync,
            )
            .await;
        }
        let keys: Vec<Key> = wanted.iter().map(|(key, _)| *key).collect();
        self.elect(scene, Election::Preferred, &keys).await
    }

    /// Asks for elections in these partitions, each on its own, so that one that cannot be does not stop the others.
    pub(crate) async fn elect(&mut self, scene: &Scene, election: Election, keys: &[Key]) -> Result<()> {
        let admin = scene.admin()?;
        let mut failed = None;
        for key in keys {
            self.asked += 1;
            match admin.elect(election, &[scene.partition(*key)]).await {
                Ok(elected) => self.held += u32::from(elected.first() == Some(&Elected::Yes)),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Gives each partition's leadership to the next of its replicas that is in sync.
    pub(crate) async fn rotate(&mut self, scene: &Scene) -> Result<()> {
        let keys: Vec<Key> = self.before.keys().copied().collect();
        let now = standings(scene, &keys).await?;
        let wanted: Vec<(Key, NodeId)> = now
            .iter()
            .filter_map(|(key, view)| Some((*key, next_leader(view)?)))
            .collect();
        if wanted.is_empty() {
            bail!("no follower is in sync");
        }
        self.lead(scene, &wanted).await
    }

    /// Waits until each of these nodes leads, in a newer epoch than before.
    pub(crate) async fn wait(&self, scene: &Scene, wanted: &[(Key, NodeId)]) -> Result<()> {
        for (key, node) in wanted {
            let epoch = self.before.get(key).map_or(-1, |view| view.epoch);
            let leads = |view: &PartitionView| view.leader == Some(*node) && view.epoch > epoch;
            wait_for(scene, *key, KNOWN_WITHIN, &format!("led by node {node}"), leads).await?;
        }
        Ok(())
    }

    /// What the elections came to, by the epochs that the brokers name.
    pub(crate) async fn evidence(&self, scene: &Scene) -> Result<Evidence> {
        let keys: Vec<Key> = self.before.keys().copied().collect();
        let now = standings(scene, &keys).await?;
        let mut epochs = 0;
        let mut texts = Vec::new();
        for (key, before) in &self.before {
            let Some(after) = now.get(key) else { continue };
            epochs += after.epoch - before.epoch;
            texts.push(format!(
                "{}: {}, then {}",
                scene.key_name(*key),
                claim(before),
                claim(after)
            ));
        }
        Ok(Evidence {
            bit: self.held > 0 && epochs > 0,
            text: format!(
                "{} of {} elections held, {epochs} new epochs; {}",
                self.held,
                self.asked,
                texts.join("; ")
            ),
        })
    }

    /// Puts the replicas back into their order, elects who leads by it, and waits until every broker knows.
    pub(crate) async fn restore(&mut self, scene: &Scene) -> Result<()> {
        let admin = scene.admin()?;
        while let Some(key) = self.reordered.last().copied() {
            let (at, order) = (scene.partition(key), &self.before[&key].replicas);
            let now = standing(scene, key).await?;
            let order = in_order(order, &now.replicas);
            // Also where it seems to be in order: what the brokers say may be a moment old.
            admin.reassign(&[(at.clone(), order.clone())]).await?;
            let is_back = |partitions: &BTreeMap<u32, PartitionView>| {
                partitions
                    .get(&at.partition)
                    .is_some_and(|view| view.replicas == order)
            };
            all_see(scene, &at.topic, KNOWN_WITHIN, "in the old order", is_back).await?;
            self.reordered.pop();
            // Where the preferred replica cannot lead now, another does: nothing is left undone by that.
            let _ = admin.elect(Election::Preferred, &[at]).await;
        }
        Ok(())
    }
}

/// The replicas that there are, in the order of these; those that are new come last.
fn in_order(order: &[NodeId], replicas: &[NodeId]) -> Vec<NodeId> {
    let mut sorted = replicas.to_vec();
    let place = |node: &NodeId| order.iter().position(|known| known == node);
    sorted.sort_by_key(|node| place(node).unwrap_or(order.len()));
    sorted
}

/// The replica that comes after the leader and is in sync.
pub(crate) fn next_leader(view: &PartitionView) -> Option<NodeId> {
    let leader = view.leader?;
    // By number, so that each has its turn whatever the order of preference is just now.
    let mut isr = view.isr.clone();
    isr.sort_unstable();
    let after = isr.iter().find(|node| **node > leader);
    after
        .or_else(|| isr.first())
        .copied()
        .filter(|node| *node != leader)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_in_sync_leads_and_after_the_last_the_first() {
        let next = |leader, isr: &[NodeId]| {
            next_leader(&PartitionView {
                leader,
                isr: isr.to_vec(),
                replicas: vec![3, 1, 2],
                epoch: 0,
            })
        };
        assert_eq!(next(Some(1), &[3, 1, 2]), Some(2));
        assert_eq!(next(Some(3), &[3, 1, 2]), Some(1));
        assert_eq!(next(Some(1), &[1, 3]), Some(3));
        assert_eq!(next(Some(1), &[1]), None);
        assert_eq!(next(None, &[1, 2]), None);
    }

    #[test]
    fn an_order_is_put_back_among_those_that_are_there() {
        assert_eq!(in_order(&[1, 2, 3], &[3, 1, 2]), [1, 2, 3]);
        assert_eq!(in_order(&[1, 2, 3], &[4, 3, 1]), [1, 3, 4]);
    }
}
