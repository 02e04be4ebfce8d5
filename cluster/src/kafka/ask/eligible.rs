//! Who may lead a partition, as a broker's cache holds it (`DescribeTopicPartitions`, KIP-966).

use std::collections::BTreeMap;
use std::time::Duration;

use history::{NodeId, Topic};
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::describe_topic_partitions_response::DescribeTopicPartitionsResponsePartition;
use kafka_protocol::messages::{BrokerId, DescribeTopicPartitionsRequest};

use super::{PartitionState, node, nodes, nodes_in_order, topic_name};
use crate::kafka::wire::{Connection, WireError};

/// So many partitions are asked for at a time, which is also the most that a broker answers for as it ships.
const PARTITIONS_AT_A_TIME: i32 = 2000;
/// An answer in more pieces than this is not one.
const PIECES_MAX: usize = 64;

/// A partition in a broker's cache, with who may lead it beside the ISR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kafka) struct EligibleState {
    /// What Metadata says as well.
    pub state: PartitionState,
    /// The eligible leader replicas, in order.
    pub elr: Vec<NodeId>,
    /// Who led last, where neither ISR nor ELR hold anybody.
    pub last_known: Vec<NodeId>,
}

impl Connection {
    /// Whether the other side can be asked for that.
    pub(in crate::kafka) fn tells_who_may_lead(&self) -> bool {
        self.version::<DescribeTopicPartitionsRequest>().is_ok()
    }

    /// What this broker's cache holds of these topics' partitions, by topic and number. Topics that it does not know are
    /// left out.
    pub(in crate::kafka) async fn eligible(
        &mut self,
        topics: &[Topic],
        within: Duration,
    ) -> Result<BTreeMap<(String, u32), EligibleState>, WireError> {
        let asked = topics
            .iter()
            .map(|topic| TopicRequest::default().with_name(topic_name(&topic.name)));
        let mut request = DescribeTopicPartitionsRequest::default()
            .with_topics(asked.collect())
            .with_response_partition_limit(PARTITIONS_AT_A_TIME);
        let mut known = BTreeMap::new();
        for _ in 0..PIECES_MAX {
            let answer = self.call(&request, within).await?;
            for topic in answer.topics.iter().filter(|topic| topic.error_code == 0) {
                let Some(name) = &topic.name else { continue };
                let partitions = topic
                    .partitions
                    .iter()
                    .filter(|known| known.error_code != UNKNOWN);
                known.extend(partitions.map(|partition| {
                    let at = (name.to_string(), partition.partition_index as u32);
                    (at, state(partition))
                }));
            }
            let Some(next) = answer.next_cursor else {
                return Ok(known);
            };
            // Topics before the cursor have been answered for, and those are passed over by it.
            request.cursor = Some(
                Cursor::default()
                    .with_topic_name(next.topic_name)
                    .with_partition_index(next.partition_index),
            );
        }
        Err(WireError::Protocol(format!(
            "an answer to DescribeTopicPartitions in more than {PIECES_MAX} pieces"
        )))
    }
}

/// Kafka's code for a partition that a broker does not know.
const UNKNOWN: i16 = 3;

fn state(partition: &DescribeTopicPartitionsResponsePartition) -> EligibleState {
    let sorted = |ids: &Option<Vec<BrokerId>>| nodes(ids.iter().flatten().copied());
    EligibleState {
        state: PartitionState {
            leader: node(partition.leader_id),
            epoch: partition.leader_epoch,
            isr: nodes(partition.isr_nodes.iter().copied()),
            replicas: nodes_in_order(partition.replica_nodes.iter().copied()),
        },
        elr: sorted(&partition.eligible_leader_replicas),
        last_known: sorted(&partition.last_known_elr),
    }
}
