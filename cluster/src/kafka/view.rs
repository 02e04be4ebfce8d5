//! From what every broker believes, the one belief to go by.
//!
//! The newest epoch wins. In one epoch brokers can differ in the ISR, and Metadata does not say which is
//! newer: then the broker on the active controller's node counts, whose cache cannot lag behind a cut.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use history::{Claim, Key, NodeId};

use super::ask::PartitionState;
use crate::{ClusterView, PartitionView};

/// A belief that was not heard again for this time no longer counts.
const FRESH_FOR: Duration = Duration::from_millis(1500);

/// What each broker said last, and the view that it comes to.
pub(super) struct Beliefs {
    view: Arc<ClusterView>,
    heard: Mutex<BTreeMap<NodeId, Said>>,
    /// Whether brokers name epochs, which they do from 2.1 on.
    names_epochs: AtomicBool,
    /// The controllers of their own that take over from `ZooKeeper`, where there are both; …
    takes_over: Vec<NodeId>,
    /// … and whether one of them has.
    taken_over: AtomicBool,
}

/// What a broker said last, and when.
type Said = (Instant, BTreeMap<Key, PartitionState>);

impl Beliefs {
    pub(super) fn new(view: Arc<ClusterView>) -> Self {
        Self {
            view,
            heard: Mutex::default(),
            names_epochs: AtomicBool::new(false),
            takes_over: Vec::new(),
            taken_over: AtomicBool::new(false),
        }
    }

    /// The same for a cluster with `ZooKeeper` that these controllers take over.
    pub(super) fn taken_over_by(mut self, controllers: Vec<NodeId>) -> Self {
        self.takes_over = controllers;
        self
    }

    /// A broker said this.
    pub(super) fn hear(&self, node: NodeId, partitions: BTreeMap<Key, PartitionState>, now: Instant) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<Key> = partitions.keys().copied().collect();
        if partitions.values().any(|state| state.epoch >= 0) {
            self.names_epochs.store(true, Ordering::Relaxed);
        }
        heard.insert(node, (now, partitions));
        heard.retain(|_, (when, _)| now.saturating_duration_since(*when) <= FRESH_FOR);
        let controller = self.view.controller().map(|(node, _)| node);
        for key in keys {
            let claims = heard
                .iter()
                .filter_map(|(node, (_, said))| Some((*node, said.get(&key)?)));
            if let Some((_, best)) = claims.max_by_key(|(node, state)| rank(*node, state, controller)) {
                self.view.set_partition(key, to_view(best));
            }
        }
    }

    /// A node of `ZooKeeper` serves, leading or not, or does not.
    pub(super) fn hear_zookeeper(&self, node: NodeId, leads: Option<bool>) {
        self.view.set_zookeeper(node, leads);
    }

    /// A node of `ZooKeeper` holds this of partitions. Where brokers name no epochs it alone says which of two beliefs is newer.
    pub(super) fn hear_claims(&self, claims: &[Claim]) {
        if self.names_epochs.load(Ordering::Relaxed) {
            return;
        }
        for claim in claims {
            let known = self.view.partition(claim.key).unwrap_or_default();
            let view = PartitionView {
                leader: claim.leader,
                epoch: claim.epoch,
                isr: claim.isr.clone(),
                replicas: known.replicas,
            };
            self.view.set_partition(claim.key, view);
        }
    }

    /// The leader of `ZooKeeper`'s ensemble holds these registrations.
    pub(super) fn hear_sessions(&self, sessions: &BTreeMap<NodeId, i64>) {
        self.view.set_sessions(sessions.clone());
    }

    /// A controller that leads the quorum said this of itself. It is no one's controller before it has taken over.
    pub(super) fn hear_controller(&self, leader: NodeId, epoch: i32) {
        if self.takes_over.is_empty() || self.taken_over.load(Ordering::Relaxed) {
            self.view.set_controller(leader, epoch);
        }
    }

    /// `ZooKeeper` holds this of the controller. Its terms are not the quorum's: once one of the quorum has taken over, the quorum's count.
    pub(super) fn hear_elected(&self, controller: NodeId, epoch: i32) {
        if self.takes_over.contains(&controller) {
            if !self.taken_over.swap(true, Ordering::Relaxed) {
                self.view.forget_controller();
            }
        } else if !self.taken_over.load(Ordering::Relaxed) {
            self.view.set_controller(controller, epoch);
        }
    }
}

fn rank(node: NodeId, state: &PartitionState, controller: Option<NodeId>) -> (i32, bool, bool) {
    (state.epoch, Some(node) == controller, state.leader.is_some())
}

pub(super) fn to_view(state: &PartitionState) -> PartitionView {
    PartitionView {
        leader: state.leader,
        epoch: state.epoch,
        isr: state.isr.clone(),
        replicas: state.replicas.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(leader: NodeId, epoch: i32, isr: &[NodeId]) -> PartitionState {
        PartitionState {
            leader: Some(leader),
            epoch,
            isr: isr.to_vec(),
            replicas: vec![1, 2, 3],
        }
    }

    fn check(
        controller: Option<NodeId>,
        said: &[(NodeId, u64, PartitionState)],
        leader: NodeId,
        isr: &[NodeId],
    ) {
        let view = Arc::new(ClusterView::default());
        let beliefs = Beliefs::new(Arc::clone(&view));
        if let Some(node) = controller {
            beliefs.hear_controller(node, 1);
        }
        let start = Instant::now();
        for (node, second, state) in said {
            beliefs.hear(
                *node,
                [(0, state.clone())].into(),
                start + Duration::from_secs(*second),
            );
        }
        let found = view.partition(0).expect("something was said");
        assert_eq!((found.leader, found.isr.as_slice()), (Some(leader), isr));
    }

    #[test]
    fn the_newest_epoch_wins_whoever_says_it_last() {
        check(
            None,
            &[(1, 0, state(1, 0, &[1, 2, 3])), (2, 0, state(2, 1, &[2, 3]))],
            2,
            &[2, 3],
        );
        check(
            Some(1),
            &[(2, 0, state(2, 1, &[2, 3])), (1, 0, state(1, 0, &[1, 2, 3]))],
            2,
            &[2, 3],
        );
    }

    #[test]
    fn in_one_epoch_the_controllers_broker_counts() {
        check(
            Some(2),
            &[(2, 0, state(1, 0, &[1, 2])), (3, 0, state(1, 0, &[1, 2, 3]))],
            1,
            &[1, 2],
        );
        check(
            Some(3),
            &[(3, 0, state(1, 0, &[1])), (1, 0, state(1, 0, &[1, 2]))],
            1,
            &[1],
        );
    }

    #[test]
    fn a_quorum_counts_once_it_has_taken_over() {
        let view = Arc::new(ClusterView::default());
        let beliefs = Beliefs::new(Arc::clone(&view)).taken_over_by(vec![4, 5, 6]);
        beliefs.hear_elected(2, 7);
        beliefs.hear_controller(5, 1);
        assert_eq!(view.controller(), Some((2, 7)));
        beliefs.hear_elected(5, 8);
        assert_eq!(view.controller(), None);
        beliefs.hear_controller(5, 1);
        beliefs.hear_elected(2, 7);
        assert_eq!(
            view.controller(),
            Some((5, 1)),
            "a node of ZooKeeper that is behind"
        );
    }

    #[test]
    fn what_was_said_long_ago_does_not_count() {
        check(
            Some(2),
            &[(2, 0, state(1, 0, &[1, 2])), (3, 9, state(1, 0, &[1, 2, 3]))],
            1,
            &[1, 2, 3],
        );
    }
}
