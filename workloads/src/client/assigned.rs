//! A consumer that reads the partitions that it was assigned, from where it was told to.

use std::collections::BTreeMap;
use std::time::Duration;

use history::payload::decode;
use history::{Key, Offset, Record};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{ClientConfig, Offset as Start, TopicPartitionList};
use serde::{Deserialize, Serialize};

use super::{Context, Shared};

/// How long asking for a partition's start may take.
const START_WITHIN: Duration = Duration::from_secs(2);

/// `isolation.level`: what a consumer reads of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// What was committed.
    #[default]
    ReadCommitted,
    /// Everything, what was aborted too.
    ReadUncommitted,
}

impl Isolation {
    /// As Kafka writes it.
    fn word(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// Settings of a consumer that reads what it is assigned and nothing else. The client library asks for a group's
/// name even then.
pub(crate) fn by_assignment(config: &mut ClientConfig, isolation: Isolation) -> &mut ClientConfig {
    config
        .set("group.id", "tribunal")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", isolation.word())
        .set("check.crcs", "true")
        .set("fetch.error.backoff.ms", "50")
        .set("fetch.queue.backoff.ms", "50")
}

/// The partitions with the offsets to begin at.
pub(crate) fn assignment(
    shared: &Shared,
    positions: &BTreeMap<Key, Offset>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (key, position) in positions {
        let (topic, partition) = shared.keys.partition(*key);
        list.add_partition_offset(topic, partition, Start::Offset(*position))?;
    }
    Ok(list)
}

/// Where each partition begins, by its leader; where that does not answer, at 0.
pub(crate) fn starts(shared: &Shared, client: &BaseConsumer<Context>, keys: &[Key]) -> BTreeMap<Key, Offset> {
    let start = |key: &Key| {
        let (topic, partition) = shared.keys.partition(*key);
        let known = client.fetch_watermarks(topic, partition, START_WITHIN);
        (*key, known.map_or(0, |(start, _)| start))
    };
    keys.iter().map(start).collect()
}

/// What a message says; `None` for an empty one, which no client of the workload wrote.
pub(crate) fn record(shared: &Shared, message: &BorrowedMessage<'_>) -> Option<Record> {
    Some(Record {
        key: shared.keys.key(message.topic(), message.partition())?,
        offset: message.offset(),
        value: decode(message.payload().unwrap_or_default())?,
    })
}

/// Whether a partition cannot be read on from where it was read to: what came next is gone.
pub(crate) fn is_lost(error: &KafkaError) -> bool {
    let (KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code)) = error else {
        return false;
    };
    matches!(
        code,
        RDKafkaErrorCode::OffsetOutOfRange
            | RDKafkaErrorCode::AutoOffsetReset
            | RDKafkaErrorCode::LogTruncation
    )
}
