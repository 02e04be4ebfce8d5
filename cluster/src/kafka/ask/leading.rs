//! What a broker is asked that takes itself for the leader of partitions: whether it stands by it, and what it serves.
//!
//! All partitions go into one request each, and each partition has an answer of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use history::Offset;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use uuid::Uuid;

use super::{ACKS_LEADER, CONSUMER, LATEST, by_topic, topic_name};
use crate::kafka::wire::{Connection, WireError};

/// A partition that a broker says to lead, and in which epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Led {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: u32,
    /// The epoch.
    pub epoch: i32,
}

/// What a broker answered for one partition: an offset, or Kafka's code of an error.
pub(in crate::kafka) type OffsetOrCode = Result<Offset, i16>;
/// The same for partitions by topic and number.
pub(in crate::kafka) type OffsetsOrCodes = BTreeMap<(String, u32), OffsetOrCode>;

impl Connection {
    /// Up to where this broker lets consumers read each partition, asked of it as of its leader in that epoch.
    pub(in crate::kafka) async fn high_watermarks(
        &mut self,
        led: &[Led],
        within: Duration,
    ) -> Result<OffsetsOrCodes, WireError> {
        let partition = |led: &Led| {
            ListOffsetsPartition::default()
                .with_partition_index(led.partition as i32)
                .with_current_leader_epoch(led.epoch)
                .with_timestamp(LATEST)
        };
        let topics = by_topic(led.iter().map(|led| (led.topic.as_str(), partition(led))))
            .into_iter()
            .map(|(name, partitions)| {
                ListOffsetsTopic::default()
                    .with_name(topic_name(name))
                    .with_partitions(partitions)
            });
        let request = ListOffsetsRequest::default()
            .with_replica_id(CONSUMER)
            .with_topics(topics.collect());
        let mut answers = OffsetsOrCodes::new();
        for topic in self.call(&request, within).await?.topics {
            for partition in topic.partitions {
                let at = (topic.name.to_string(), partition.partition_index as u32);
                answers.insert(at, answered(partition.error_code, partition.offset));
            }
        }
        Ok(answers)
    }

    /// Where this broker's log of that epoch ends, asked of it as of its leader in that epoch.
    pub(in crate::kafka) async fn epoch_ends(
        &mut self,
        led: &[Led],
        within: Duration,
    ) -> Result<OffsetsOrCodes, WireError> {
        let partition = |led: &Led| {
            OffsetForLeaderPartition::default()
                .with_partition(led.partition as i32)
                .with_current_leader_epoch(led.epoch)
                .with_leader_epoch(led.epoch)
        };
        let topics = by_topic(led.iter().map(|led| (led.topic.as_str(), partition(led))))
            .into_iter()
            .map(|(name, partitions)| {
                OffsetForLeaderTopic::default()
                    .with_topic(topic_name(name))
                    .with_partitions(partitions)
            });
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id(CONSUMER)
            .with_topics(topics.collect());
        let mut answers = OffsetsOrCodes::new();
        for topic in self.call(&request, within).await?.topics {
            for partition in topic.partitions {
                let at = (topic.topic.to_string(), partition.partition as u32);
                answers.insert(at, answered(partition.error_code, partition.end_offset));
            }
        }
        Ok(answers)
    }

    /// Writes an empty record with acks=1 to each of these partitions of one topic. Says where it went.
    pub(in crate::kafka) async fn write_each(
        &mut self,
        topic: (&str, Uuid),
        partitions: &[u32],
        within: Duration,
    ) -> Result<BTreeMap<u32, OffsetOrCode>, WireError> {
        let acks = (ACKS_LEADER, within);
        let written = self.produce_each(topic, partitions, &[[]], acks, within).await?;
        let answers = written.into_iter().map(|partition| {
            let answer = answered(partition.error_code, partition.base_offset);
            (partition.index as u32, answer)
        });
        Ok(answers.collect())
    }

    /// Reads from each of these partitions of one topic as a consumer does, in that epoch, at an offset: what each
    /// high watermark is. Of the records one batch is asked for, and dropped.
    pub(in crate::kafka) async fn read_each(
        &mut self,
        topic: (&str, Uuid),
        partitions: &[(Led, Offset)],
        within: Duration,
    ) -> Result<BTreeMap<u32, OffsetOrCode>, WireError> {
        let partitions = partitions.iter().map(|(led, offset)| {
            FetchPartition::default()
                .with_partition(led.partition as i32)
                .with_current_leader_epoch(led.epoch)
                .with_fetch_offset(*offset)
        });
        let read = self
            .fetch_each(topic, partitions.collect(), (CONSUMER, 1), within)
            .await?;
        let answers = read.into_iter().map(|partition| {
            let answer = answered(partition.error_code, partition.high_watermark);
            (partition.partition_index as u32, answer)
        });
        Ok(answers.collect())
    }
}

fn answered(code: i16, offset: Offset) -> OffsetOrCode {
    if code == 0 { Ok(offset) } else { Err(code) }
}
