//! How librdkafka's clients are set, what they say, and what their messages hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use history::payload::decode;
use history::{Key, Offset, Record};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset as Start, TopicPartitionList};

use super::super::Isolation;
use super::super::place::{Keys, Place};
use super::consumer::value_of_tombstone;
use super::rebalance::Rebalances;

/// Settings that every client has. Whatever waits is short: a fault must show as soon as it can.
pub(crate) fn client(place: &Place, name: &str) -> ClientConfig {
    let request_timeout = place.request_timeout.as_millis().to_string();
    let refresh = place.metadata_refresh.as_millis().to_string();
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &place.bootstrap)
        .set("client.id", name)
        .set("allow.auto.create.topics", "false")
        .set("broker.address.family", "v4")
        .set("enable.metrics.push", "false")
        .set("log.connection.close", "false")
        .set("socket.nagle.disable", "true")
        .set("socket.timeout.ms", &request_timeout)
        .set("socket.connection.setup.timeout.ms", "2000")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "300")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "300")
        .set("topic.metadata.refresh.interval.ms", &refresh)
        .set("topic.metadata.refresh.fast.interval.ms", "20")
        .set_log_level(RDKafkaLogLevel::Info);
    for (name, value) in &place.client_settings {
        client.set(name, value);
    }
    client
}

/// Settings of a consumer that reads what it is assigned and nothing else. librdkafka asks for a group's name even
/// then.
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

/// The partitions with an offset for each.
pub(crate) fn positions_list(
    keys: &Keys,
    positions: &BTreeMap<Key, Offset>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (key, position) in positions {
        let (topic, partition) = keys.partition(*key);
        list.add_partition_offset(topic, partition, Start::Offset(*position))?;
    }
    Ok(list)
}

/// What a message says; `None` for an empty one, which no client of the workload wrote.
pub(crate) fn record(keys: &Keys, message: &BorrowedMessage<'_>) -> Option<Record> {
    Some(Record {
        key: keys.key(message.topic(), message.partition())?,
        offset: message.offset(),
        value: match message.payload() {
            Some(bytes) => decode(bytes),
            None => value_of_tombstone(message),
        }?,
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

/// Whether the client has ended for good: it is of no further use, whatever comes next. Librdkafka's word for it is fatal.
pub(super) fn is_spent(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
}

/// Whether it says no more than that a connection came to nothing: the client has logged that already, and goes on.
pub(crate) fn is_of_a_connection(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown)
    )
}

/// Takes a client's log lines and errors, and what its group gives to it or takes from it.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) place: Arc<Place>,
    pub(crate) name: String,
    pub(super) rebalances: Rebalances,
}

impl Context {
    pub(crate) fn new(place: &Arc<Place>, name: &str) -> Self {
        Self {
            place: Arc::clone(place),
            name: name.to_owned(),
            rebalances: Rebalances::default(),
        }
    }

    pub(super) fn line(&self, text: &str) {
        self.place.line(&self.name, text);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.line(&format!("{level:?} {facility} {message}"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !is_of_a_connection(&error) {
            self.line(&format!("{error}: {reason}"));
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.rebalances.note(&self.place.keys, consumer, rebalance);
        let what = match rebalance {
            Rebalance::Assign(list) => format!("the group gives it {}", names(list)),
            Rebalance::Revoke(list) => format!("the group takes {} from it", names(list)),
            Rebalance::Error(error) => format!("the group: {error}"),
        };
        self.line(&what);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            self.line(&format!("cannot commit: {error}"));
        }
    }
}

/// `log-0, log-2`.
fn names(list: &TopicPartitionList) -> String {
    let elements = list.elements();
    let names = elements
        .iter()
        .map(|element| format!("{}-{}", element.topic(), element.partition()));
    names.collect::<Vec<_>>().join(", ")
}
