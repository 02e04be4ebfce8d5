//! What the clients of every workload have in common: settings of the client library, its callbacks for log lines, and the final reads.

mod assigned;
mod moved;
mod reader;
mod thread;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use history::{Key, Span, Topic};
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::arena::Arena;
use crate::client_log::ClientLog;
use crate::scribe::Scribe;

pub use assigned::Isolation;
pub(crate) use assigned::{assignment, by_assignment, is_lost, record, starts};
use moved::Moved;
#[cfg(test)]
pub(crate) use reader::read_through;
pub(crate) use reader::{chunks, final_reads};
pub(crate) use thread::{at_work, spawn};

/// What every client of one workload shares.
pub(crate) struct Shared {
    pub(crate) bootstrap: String,
    pub(crate) client_settings: Vec<(String, String)>,
    /// How long a broker may take to answer a request.
    pub(crate) request_timeout: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub(crate) metadata_refresh: Span,
    pub(crate) seed: u64,
    pub(crate) disks_may_fail: bool,
    pub(crate) keys: Keys,
    pub(crate) scribe: Arc<Scribe>,
    pub(crate) log: ClientLog,
}

/// Which topic's which partition each key is.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    partitions: Vec<(String, i32)>,
}

impl Keys {
    pub(crate) fn new(topics: &[Topic]) -> Self {
        let of_topic = |topic: &Topic| {
            (0..topic.partitions as i32)
                .map(|number| (topic.name.clone(), number))
                .collect::<Vec<_>>()
        };
        Self {
            partitions: topics.iter().flat_map(of_topic).collect(),
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.partitions.len() as u32
    }

    pub(crate) fn partition(&self, key: Key) -> (&str, i32) {
        let (topic, number) = &self.partitions[key as usize];
        (topic, *number)
    }

    /// The topics' names, each once.
    pub(crate) fn topics(&self) -> BTreeSet<&str> {
        self.partitions.iter().map(|(topic, _)| topic.as_str()).collect()
    }

    pub(crate) fn key(&self, topic: &str, partition: i32) -> Option<Key> {
        let found = |(name, number): &(String, i32)| name == topic && *number == partition;
        self.partitions.iter().position(found).map(|key| key as Key)
    }
}

impl Shared {
    /// What the clients of a workload in that arena share.
    pub(crate) fn new(arena: Arena, request_timeout: Span, metadata_refresh: Span) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            bootstrap: arena.bootstrap,
            client_settings: arena.client_settings,
            request_timeout,
            metadata_refresh,
            seed: arena.seed,
            disks_may_fail: arena.disks_may_fail,
            keys: Keys::new(&arena.topics),
            scribe: Arc::new(Scribe::new(arena.recorder)),
            log: ClientLog::open(arena.log_file.as_deref())?,
        }))
    }

    /// Settings that every client has. Whatever waits is short: a fault must show as soon as it can.
    pub(crate) fn client(&self, name: &str) -> ClientConfig {
        let request_timeout = self.request_timeout.as_millis().to_string();
        let refresh = self.metadata_refresh.as_millis().to_string();
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.bootstrap)
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
        for (name, value) in &self.client_settings {
            client.set(name, value);
        }
        client
    }

    pub(crate) fn line(&self, client: &str, text: &str) {
        self.log.line(self.scribe.recorder(), client, text);
    }
}

/// Takes the client library's log lines and errors.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    /// What its group gave to it or took from it.
    pub(crate) moved: Moved,
}

impl Context {
    pub(crate) fn new(shared: &Arc<Shared>, name: &str) -> Self {
        Self {
            shared: Arc::clone(shared),
            name: name.to_owned(),
            moved: Moved::default(),
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.shared
            .line(&self.name, &format!("{level:?} {facility} {message}"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !is_of_a_connection(&error) {
            self.shared.line(&self.name, &format!("{error}: {reason}"));
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.moved.note(&self.shared.keys, rebalance);
        let what = match rebalance {
            Rebalance::Assign(list) => format!("the group gives it {}", names(list)),
            Rebalance::Revoke(list) => format!("the group takes {} from it", names(list)),
            Rebalance::Error(error) => format!("the group: {error}"),
        };
        self.shared.line(&self.name, &what);
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

/// Whether it says no more than that a connection came to nothing: the client has logged that already, and goes on.
pub(crate) fn is_of_a_connection(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown)
    )
}
