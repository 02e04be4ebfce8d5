//! What a transactional producer asks for, in Tribunal's own words: so that it can break the order that client libraries keep.

use std::time::Duration;

use history::Offset;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, ProducerId, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;

use super::{ACKS_ALL, Author, Place, batch_of, missing, named, topic_name};
use crate::kafka::wire::{Connection, WireError};

/// The newest version of `AddPartitionsToTxn` that is for producers: those after it are for brokers among themselves.
const ADD_PARTITIONS_OF_PRODUCERS: i16 = 3;
/// The version of `Produce` from which on the leader makes the partition part of the transaction by itself (KIP-890).
const PRODUCE_ADDS_PARTITIONS: i16 = 12;

/// A producer with a transactional id, as its coordinator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Identity {
    /// `transactional.id`.
    pub id: String,
    /// The producer's number.
    pub producer: i64,
    /// Its epoch.
    pub epoch: i16,
}

impl Identity {
    fn transactional_id(&self) -> TransactionalId {
        TransactionalId(StrBytes::from_string(self.id.clone()))
    }
}

impl Connection {
    /// Asks this coordinator for a producer's number and epoch.
    pub(in crate::kafka) async fn init_transactional(
        &mut self,
        id: &str,
        timeout: Duration,
        within: Duration,
    ) -> Result<Identity, WireError> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(StrBytes::from_string(id.to_owned()))))
            .with_transaction_timeout_ms(timeout.as_millis() as i32);
        let answer = self.call(&request, within).await?;
        WireError::check(answer.error_code, || "InitProducerId".to_owned())?;
        Ok(Identity {
            id: id.to_owned(),
            producer: answer.producer_id.0,
            epoch: answer.producer_epoch,
        })
    }

    /// Whether the leader of a partition makes it part of a transaction by itself.
    pub(in crate::kafka) fn adds_partitions(&self) -> bool {
        let version = self.version::<ProduceRequest>();
        version.is_ok_and(|version| version >= PRODUCE_ADDS_PARTITIONS)
    }

    /// Asks this coordinator to make a partition part of a producer's transaction.
    pub(in crate::kafka) async fn add_partition(
        &mut self,
        who: &Identity,
        at: Place<'_>,
        within: Duration,
    ) -> Result<(), WireError> {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(topic_name(at.topic))
            .with_partitions(vec![at.partition as i32]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(who.transactional_id())
            .with_v3_and_below_producer_id(ProducerId(who.producer))
            .with_v3_and_below_producer_epoch(who.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let answer = self
            .call_up_to(&request, ADD_PARTITIONS_OF_PRODUCERS, within)
            .await?;
        let topics = answer.results_by_topic_v3_and_below.into_iter();
        let partition = topics.flat_map(|topic| topic.results_by_partition).next();
        let partition = partition.ok_or_else(|| missing("AddPartitionsToTxn"))?;
        WireError::check(partition.partition_error_code, || named("AddPartitionsToTxn", at))
    }

    /// Writes one record in the name of a producer's transaction, whether it is part of that or not: its offset.
    pub(in crate::kafka) async fn write_as(
        &mut self,
        who: &Identity,
        at: Place<'_>,
        (sequence, value): (i32, &[u8]),
        within: Duration,
    ) -> Result<Offset, WireError> {
        let author = Author {
            transactional: true,
            producer: who.producer,
            epoch: who.epoch,
            sequence,
        };
        let records =
            batch_of(&[value], author).map_err(|error| WireError::Protocol(format!("{error:#}")))?;
        let data = PartitionProduceData::default()
            .with_index(at.partition as i32)
            .with_records(Some(records));
        let topic = TopicProduceData::default()
            .with_name(topic_name(at.topic))
            .with_topic_id(at.id)
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(who.transactional_id()))
            .with_acks(ACKS_ALL)
            .with_timeout_ms(within.as_millis() as i32)
            .with_topic_data(vec![topic]);
        let topics = self.call(&request, within).await?.responses.into_iter();
        let partition = topics.flat_map(|topic| topic.partition_responses).next();
        let partition = partition.ok_or_else(|| missing("Produce"))?;
        WireError::check(partition.error_code, || named("Produce", at))?;
        Ok(partition.base_offset)
    }

    /// Asks this coordinator to commit a producer's transaction.
    pub(in crate::kafka) async fn commit_as(
        &mut self,
        who: &Identity,
        within: Duration,
    ) -> Result<(), WireError> {
        let request = EndTxnRequest::default()
            .with_transactional_id(who.transactional_id())
            .with_producer_id(ProducerId(who.producer))
            .with_producer_epoch(who.epoch)
            .with_committed(true);
        let answer = self.call(&request, within).await?;
        WireError::check(answer.error_code, || "EndTxn".to_owned())
    }
}
