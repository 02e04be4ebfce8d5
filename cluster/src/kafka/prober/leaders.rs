//! Who leads, as far as the prober can tell from where it is.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use history::NodeId;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::PERIOD;
use crate::kafka::ask::{Metadata, PartitionState};

/// What a broker said this long ago counts less than anything that was said since.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// What each broker said last.
#[derive(Default)]
pub(super) struct Leaders {
    heard: Mutex<BTreeMap<NodeId, Heard>>,
    /// Somebody did not find a leader where it should have been.
    pub(super) astray: Notify,
}

struct Heard {
    /// When it was asked, and answered later.
    asked: Instant,
    said: Metadata,
}

/// Where a partition is to be written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) node: NodeId,
    /// The topic's identity.
    pub(super) topic: Uuid,
}

impl Leaders {
    /// A broker that was asked then said this.
    pub(super) fn hear(&self, node: NodeId, asked: Instant, said: Metadata) {
        self.heard().insert(node, Heard { asked, said });
    }

    /// Who leads a partition: who does in the newest epoch of which anybody spoke of late; where nobody did, of which anybody
    /// ever spoke. `None` where that epoch has no leader.
    pub(super) fn leader(&self, topic: &str, partition: u32, now: Instant) -> Option<Leader> {
        let heard = self.heard();
        let fresh = |heard: &Heard| now.saturating_duration_since(heard.asked) <= FRESH_FOR;
        let any_fresh = heard.values().any(fresh);
        let claims = heard
            .values()
            .filter(|heard| !any_fresh || fresh(heard))
            .filter_map(|heard| {
                let topic = heard.said.topics.get(topic)?;
                Some((topic.id, topic.partitions.get(&partition)?))
            });
        let newest = claims.max_by_key(|(_, state): &(Uuid, &PartitionState)| (state.epoch, state.leader));
        newest.and_then(|(topic, state)| {
            Some(Leader {
                node: state.leader?,
                topic,
            })
        })
    }

    /// Whether a broker answered a question that was asked after that moment.
    pub(super) fn answered_since(&self, node: NodeId, moment: Instant) -> bool {
        self.heard().get(&node).is_some_and(|heard| heard.asked > moment)
    }

    /// Waits for something that a partition's leader has to do, up to a deadline and as long as it leads.
    pub(super) async fn wait<T>(
        &self,
        (topic, partition): (&str, u32),
        node: NodeId,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let until = deadline.min(Instant::now() + PERIOD);
            if let Ok(done) = tokio::time::timeout_at(until, &mut work).await {
                return Some(done);
            }
            let leader = self.leader(topic, partition, Instant::now());
            if Instant::now() >= deadline || leader.is_none_or(|leader| leader.node != node) {
                return None;
            }
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ask::TopicState;

    fn said(leader: Option<NodeId>, epoch: i32) -> Metadata {
        let state = PartitionState {
            leader,
            epoch,
            ..PartitionState::default()
        };
        let topic = TopicState {
            id: Uuid::nil(),
            partitions: BTreeMap::from([(0, state)]),
        };
        Metadata {
            brokers: Vec::new(),
            topics: BTreeMap::from([("log".to_owned(), topic)]),
        }
    }

    fn check(heard: &[(NodeId, u64, Option<NodeId>, i32)], expected: Option<NodeId>) {
        let (leaders, begun) = (Leaders::default(), Instant::now());
        for (node, second, leader, epoch) in heard {
            let asked = begun + Duration::from_secs(*second);
            leaders.hear(*node, asked, said(*leader, *epoch));
        }
        let now = begun + Duration::from_secs(10);
        let leader = leaders.leader("log", 0, now);
        assert_eq!(leader.map(|leader| leader.node), expected, "{heard:?}");
    }

    #[test]
    fn the_newest_epoch_of_those_heard_of_late_counts() {
        check(&[], None);
        check(&[(1, 10, Some(1), 0), (2, 9, Some(2), 1)], Some(2));
        check(&[(1, 10, Some(1), 0), (2, 3, Some(2), 1)], Some(1));
        check(&[(1, 2, Some(1), 0), (2, 3, Some(2), 1)], Some(2));
        check(&[(1, 10, Some(1), 4), (2, 10, None, 5)], None);
        check(&[(1, 10, None, 5), (2, 10, Some(3), 5)], Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_leader_that_is_none_any_more() {
        let (leaders, begun) = (Leaders::default(), Instant::now());
        leaders.hear(1, begun, said(Some(1), 0));
        let deadline = begun + Duration::from_secs(1);
        let never = std::future::pending::<()>;
        let wait = |node| leaders.wait(("log", 0), node, deadline, never());
        assert_eq!(wait(1).await, None);
        assert_eq!(Instant::now(), deadline);
        let deadline = Instant::now() + Duration::from_secs(1);
        assert_eq!(leaders.wait(("log", 0), 2, deadline, never()).await, None);
        assert!(Instant::now() < deadline);
        assert_eq!(leaders.wait(("log", 0), 2, deadline, async { 7 }).await, Some(7));
    }

    #[test]
    fn an_answer_counts_from_when_it_was_asked_for() {
        let (leaders, begun) = (Leaders::default(), Instant::now());
        leaders.hear(1, begun + Duration::from_secs(1), said(Some(1), 0));
        assert!(leaders.answered_since(1, begun));
        assert!(!leaders.answered_since(1, begun + Duration::from_secs(1)));
        assert!(!leaders.answered_since(2, begun));
    }
}
