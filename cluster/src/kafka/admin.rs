//! Kafka's own administration: what changes metadata is asked of the active controller on its own port, what
//! changes a log of its leader, all over the side channel, which no fault cuts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use history::{NodeId, Offset, Quorum};

use super::ask::{End, Metadata, Place};
use super::controllers::Controllers;
use super::launch::ANSWER_WITHIN;
use super::view::to_view;
use super::wire::{Connection, WireError};
use crate::{
    Admin, DeleteError, Elected, Election, NewTopic, PartitionView, Reassignment, RegisteredBroker,
    TopicPartition,
};

/// One answer comes within this time.
const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Kafka's codes that say what to do next.
mod code {
    pub(super) const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub(super) const POLICY_VIOLATION: i16 = 44;
}

/// The administration of a running cluster.
pub(super) struct KafkaAdmin(pub(super) Controllers);

impl KafkaAdmin {
    /// What a broker itself answers.
    async fn ask_broker<T, F>(&self, node: NodeId, ask: impl FnOnce(Connection) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, WireError>>,
    {
        let connection = Connection::open(self.0.node(node)?.broker(), ANSWER_WITHIN).await?;
        Ok(ask(connection).await?)
    }

    async fn metadata(&self, node: NodeId, topic: &str) -> Result<Metadata> {
        let ask = |mut broker: Connection| async move { broker.metadata_of(&[topic], ANSWER_WITHIN).await };
        self.ask_broker(node, ask).await
    }

    /// A connection to a partition's leader, with the topic's identity there.
    async fn leader(&self, at: &TopicPartition) -> Result<(Connection, uuid::Uuid)> {
        let mut last = anyhow!("there is no broker");
        for node in self.0.brokers_active_first() {
            let known = match self.metadata(node.id(), &at.topic).await {
                Ok(known) => known,
                Err(error) => {
                    last = error.context(format!("ask node {}", node.id()));
                    continue;
                }
            };
            let topic = known.topics.get(&at.topic);
            let leader = topic.and_then(|topic| topic.partitions.get(&at.partition)?.leader);
            match (topic, leader) {
                (Some(topic), Some(leader)) => {
                    let connection = Connection::open(self.0.node(leader)?.broker(), ANSWER_WITHIN).await;
                    let connection =
                        connection.with_context(|| format!("ask {at}'s leader, node {leader}"))?;
                    return Ok((connection, topic.id));
                }
                _ => last = anyhow!("{at} has no leader in the eyes of node {}", node.id()),
            }
        }
        Err(last)
    }

    async fn try_delete(&self, at: &TopicPartition, below: Offset) -> Result<Result<Offset, WireError>> {
        let (mut connection, id) = self.leader(at).await?;
        let place = place(at, id, below);
        Ok(connection.delete_records(place, ONE_ANSWER_WITHIN).await)
    }
}

fn place(at: &TopicPartition, id: uuid::Uuid, offset: Offset) -> Place<'_> {
    Place {
        topic: &at.topic,
        id,
        partition: at.partition,
        offset,
    }
}

#[async_trait]
impl Admin for KafkaAdmin {
    async fn partitions(&self, node: NodeId, topic: &str) -> Result<BTreeMap<u32, PartitionView>> {
        let metadata = self
            .metadata(node, topic)
            .await
            .with_context(|| format!("ask node {node} for {topic}"))?;
        let known = metadata.topics.get(topic);
        let partitions = known.into_iter().flat_map(|topic| &topic.partitions);
        Ok(partitions
            .map(|(number, state)| (*number, to_view(state)))
            .collect())
    }

    async fn all_partitions(&self, node: NodeId) -> Result<BTreeMap<TopicPartition, PartitionView>> {
        let ask = |mut broker: Connection| async move { broker.metadata_of_all(ANSWER_WITHIN).await };
        let known = self
            .ask_broker(node, ask)
            .await
            .with_context(|| format!("ask node {node} for all topics"))?;
        let mut all = BTreeMap::new();
        for (topic, state) in &known.topics {
            for (number, partition) in &state.partitions {
                let at = TopicPartition {
                    topic: topic.clone(),
                    partition: *number,
                };
                all.insert(at, to_view(partition));
            }
        }
        Ok(all)
    }

    async fn registered(&self, node: NodeId) -> Result<Vec<RegisteredBroker>> {
        let ask = |mut broker: Connection| async move { broker.registered(ANSWER_WITHIN).await };
        self.ask_broker(node, ask)
            .await
            .with_context(|| format!("ask node {node} which brokers there are"))
    }

    async fn unregister(&self, node: NodeId) -> Result<()> {
        self.0
            .ask(|mut controller| async move { controller.unregister(node, ONE_ANSWER_WITHIN).await })
            .await
            .with_context(|| format!("unregister broker {node}"))
    }

    async fn elect(&self, election: Election, partitions: &[TopicPartition]) -> Result<Vec<Elected>> {
        self.0
            .ask(|mut controller| async move {
                controller
                    .elect_leaders(election, partitions, ONE_ANSWER_WITHIN)
                    .await
            })
            .await
    }

    async fn reassign(&self, moves: &[(TopicPartition, Vec<NodeId>)]) -> Result<()> {
        let moves: Vec<_> = moves
            .iter()
            .map(|(at, replicas)| (at.clone(), Some(replicas.clone())))
            .collect();
        let moves = moves.as_slice();
        self.0.ask(|mut controller| async move {
            controller.alter_reassignments(moves, ONE_ANSWER_WITHIN).await
        })
        .await
    }

    async fn cancel_reassignments(&self, partitions: &[TopicPartition]) -> Result<()> {
        let moves: Vec<_> = partitions.iter().map(|at| (at.clone(), None)).collect();
        let moves = moves.as_slice();
        self.0.ask(|mut controller| async move {
            controller.alter_reassignments(moves, ONE_ANSWER_WITHIN).await
        })
        .await
    }

    async fn reassignments(&self) -> Result<Vec<Reassignment>> {
        self.0
            .ask(|mut controller| async move { controller.list_reassignments(ONE_ANSWER_WITHIN).await })
            .await
    }

    async fn topic_config(
        &self,
        node: NodeId,
        topic: &str,
        names: &[&str],
    ) -> Result<BTreeMap<String, Option<String>>> {
        let ask =
            |mut broker: Connection| async move { broker.describe_topic(topic, names, ANSWER_WITHIN).await };
        self.ask_broker(node, ask)
            .await
            .with_context(|| format!("ask node {node}"))
    }

    async fn set_topic_config(&self, topic: &str, name: &str, value: Option<&str>) -> Result<()> {
        self.0
            .ask(|mut controller| async move {
                controller
                    .alter_topic(topic, name, value, ONE_ANSWER_WITHIN)
                    .await
            })
            .await
    }

    async fn create_partitions(&self, topic: &str, total: u32) -> Result<()> {
        self.0
            .ask(|mut controller| async move {
                controller
                    .create_partitions(topic, total, ONE_ANSWER_WITHIN)
                    .await
            })
            .await
    }

    async fn create_topics(&self, topics: &[NewTopic]) -> Result<()> {
        self.0
            .ask(|mut controller| async move { controller.make_topics(topics, ONE_ANSWER_WITHIN).await })
            .await
    }

    async fn delete_topics(&self, names: &[String]) -> Result<()> {
        self.0
            .ask(|mut controller| async move { controller.delete_topics(names, ONE_ANSWER_WITHIN).await })
            .await
    }

    async fn log_range(&self, partition: &TopicPartition) -> Result<(Offset, Offset)> {
        let (mut leader, id) = self.leader(partition).await?;
        let at = place(partition, id, 0);
        let start = leader.log_end(at, End::Earliest, ANSWER_WITHIN).await?;
        let end = leader.log_end(at, End::Latest, ANSWER_WITHIN).await?;
        // A fetch at the end brings no record, but the high watermark.
        let at = Place { offset: end, ..at };
        let committed = leader.fetch(at, 1, ANSWER_WITHIN).await?.high_watermark;
        Ok((start, committed))
    }

    async fn delete_records(&self, partition: &TopicPartition, below: Offset) -> Result<Offset, DeleteError> {
        match self.try_delete(partition, below).await {
            Ok(Ok(low_watermark)) => Ok(low_watermark),
            Ok(Err(error)) => Err(judged(&error)),
            Err(error) => Err(DeleteError::Refused(format!("nothing was asked: {error:#}"))),
        }
    }

    async fn quorum(&self) -> Result<Quorum> {
        self.0
            .ask(|mut controller| async move { controller.quorum(ONE_ANSWER_WITHIN).await })
            .await
    }
}

/// A leader looks at the offset before it does anything; any other error may come after it deleted, while it
/// waits for its followers.
fn judged(error: &WireError) -> DeleteError {
    match error.code() {
        Some(code::OFFSET_OUT_OF_RANGE | code::POLICY_VIOLATION) => DeleteError::Refused(error.to_string()),
        _ => DeleteError::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i16) -> bool {
        let error = WireError::check(code, || "log-0".to_owned()).expect_err("it is an error");
        matches!(judged(&error), DeleteError::Refused(_))
    }

    #[test]
    fn only_a_refusal_before_anything_was_done_says_that_nothing_was_deleted() {
        assert!(refused(code::OFFSET_OUT_OF_RANGE) && refused(code::POLICY_VIOLATION));
        // Not the leader any more while it waits for its followers; no answer of theirs in time.
        assert!(!refused(6) && !refused(7));
        assert!(matches!(
            judged(&WireError::Timeout(5_000)),
            DeleteError::Unknown(_)
        ));
    }
}
