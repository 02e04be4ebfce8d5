//! What brokers are asked about transactions: how far a partition is decided, who has one open there, and what the coordinators know of it.

use std::time::Duration;

use history::{Offset, OpenTransaction};
use kafka_protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use kafka_protocol::messages::{
    DescribeProducersRequest, ListTransactionsRequest, ProducerId, describe_producers_request,
};

use super::{CONSUMER, LATEST, Place, missing, named, topic_name};
use crate::kafka::wire::{Connection, WireError};

/// Kafka's numbers of the isolation levels.
const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;

/// A transaction as its coordinator has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Coordinated {
    /// The producer's number.
    pub producer: i64,
    /// Its transactional id.
    pub id: String,
    /// How far it is, as Kafka writes it.
    pub state: String,
}

impl Connection {
    /// The last stable offset and the high watermark of a partition that this broker leads. The watermark is asked for first: where it
    /// is no more than the other, all of it is decided.
    pub(in crate::kafka) async fn decided(
        &mut self,
        at: Place<'_>,
        within: Duration,
    ) -> Result<(Offset, Offset), WireError> {
        let high_watermark = self.end_for_consumers(at, READ_UNCOMMITTED, within).await?;
        let last_stable = self.end_for_consumers(at, READ_COMMITTED, within).await?;
        Ok((last_stable, high_watermark))
    }

    async fn end_for_consumers(
        &mut self,
        at: Place<'_>,
        isolation: i8,
        within: Duration,
    ) -> Result<Offset, WireError> {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(at.partition as i32)
            .with_timestamp(LATEST);
        let topic = ListOffsetsTopic::default()
            .with_name(topic_name(at.topic))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_replica_id(CONSUMER)
            .with_isolation_level(isolation)
            .with_topics(vec![topic]);
        let answer = self.call(&request, within).await?;
        let topics = answer.topics.into_iter();
        let partition = topics.flat_map(|topic| topic.partitions).next();
        let partition = partition.ok_or_else(|| missing("ListOffsets"))?;
        WireError::check(partition.error_code, || named("ListOffsets", at))?;
        Ok(partition.offset)
    }

    /// The transactions that are open in a partition that this broker leads, the one with the lowest offset first; `None` where it knows
    /// no such question (KIP-664).
    pub(in crate::kafka) async fn open_in(
        &mut self,
        at: Place<'_>,
        within: Duration,
    ) -> Result<Option<Vec<OpenTransaction>>, WireError> {
        if self.version::<DescribeProducersRequest>().is_err() {
            return Ok(None);
        }
        let topic = describe_producers_request::TopicRequest::default()
            .with_name(topic_name(at.topic))
            .with_partition_indexes(vec![at.partition as i32]);
        let request = DescribeProducersRequest::default().with_topics(vec![topic]);
        let answer = self.call(&request, within).await?;
        let partition = answer
            .topics
            .into_iter()
            .flat_map(|topic| topic.partitions)
            .next();
        let partition = partition.ok_or_else(|| missing("DescribeProducers"))?;
        WireError::check(partition.error_code, || named("DescribeProducers", at))?;
        let producers = partition.active_producers.iter();
        let mut open: Vec<OpenTransaction> = producers
            .filter(|producer| producer.current_txn_start_offset >= 0)
            .map(|producer| OpenTransaction {
                producer: producer.producer_id.0,
                epoch: producer.producer_epoch,
                first: producer.current_txn_start_offset,
                transactional_id: None,
                state: None,
            })
            .collect();
        open.sort_by_key(|open| open.first);
        Ok(Some(open))
    }

    /// What this broker knows, as coordinator, of the transactions of these producers; `None` where it knows no such question.
    pub(in crate::kafka) async fn transactions_of(
        &mut self,
        producers: &[i64],
        within: Duration,
    ) -> Result<Option<Vec<Coordinated>>, WireError> {
        if self.version::<ListTransactionsRequest>().is_err() {
            return Ok(None);
        }
        let producers = producers.iter().map(|producer| ProducerId(*producer));
        let request = ListTransactionsRequest::default().with_producer_id_filters(producers.collect());
        let answer = self.call(&request, within).await?;
        WireError::check(answer.error_code, || "ListTransactions".to_owned())?;
        let states = answer.transaction_states.into_iter();
        let coordinated = states.map(|state| Coordinated {
            producer: state.producer_id.0,
            id: state.transactional_id.0.to_string(),
            state: state.transaction_state.to_string(),
        });
        Ok(Some(coordinated.collect()))
    }
}
