//! What simulated clients do, and how often.

use history::{Key, ProducerPromise, Topic};

use crate::arena::Promises;
use crate::log::{Acks, ConsumeBy, LogConfig};
use crate::txn::TxnConfig;
use cluster::sim::MILLISECOND;

/// What the clients of a simulated run are like. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientsConfig {
    /// Clients that only write.
    pub producers: u32,
    /// Clients that only read.
    pub consumers: u32,
    /// Clients that do both, as those of Jepsen do.
    pub mixed: u32,
    /// The mean time between the end of a client's operation and its next one.
    pub gap: u64,
    /// Operations that are begun at most, all clients together.
    pub operations: u64,
    /// Who must have a record before it is acknowledged.
    pub acks: Acks,
    /// Whether the broker drops what a retry writes twice.
    pub idempotence: bool,
    /// Whether mixed clients work in transactions, which read committed records only.
    pub transactions: bool,
    /// The most steps of a transaction.
    pub steps_max: u32,
    /// Whether consumers join a group; else they name their partitions.
    pub subscribe: bool,
    /// Of a thousand transactions, those that are aborted on purpose.
    pub abort_per_mille: u32,
    /// Of a thousand operations of a mixed client, those that change what it reads.
    pub assign_per_mille: u32,
    /// The mean time between crashes of a client.
    pub crash_every: Option<u64>,
    /// Of a thousand crashes within an operation, those after which nobody writes down how it ended.
    pub silent_per_mille: u32,
    /// How long a node may take to answer.
    pub request_timeout: u64,
    /// After how long a client asks again who leads.
    pub metadata_every: u64,
    /// How long a client goes on trying to write.
    pub deadline: u64,
    /// How long a poll waits for something; `None`: until something comes.
    pub poll_wait: Option<u64>,
    /// How many records a poll returns at most, of each partition.
    pub poll_records: u32,
}

impl Default for ClientsConfig {
    fn default() -> Self {
        Self {
            producers: 0,
            consumers: 0,
            mixed: 5,
            gap: 20 * MILLISECOND,
            operations: 500,
            acks: Acks::All,
            idempotence: true,
            transactions: false,
            steps_max: 4,
            subscribe: false,
            abort_per_mille: 100,
            assign_per_mille: 20,
            crash_every: None,
            silent_per_mille: 0,
            request_timeout: 150 * MILLISECOND,
            metadata_every: 300 * MILLISECOND,
            deadline: 600 * MILLISECOND,
            poll_wait: Some(20 * MILLISECOND),
            poll_records: 100,
        }
    }
}

/// A simulated client has one operation open; it ends so many of them in a second.
const WRITES_A_SECOND: u32 = 50;

impl ClientsConfig {
    /// The clients of the `txn` workload, which read what was committed: the simulated broker has no other readers of transactions, and
    /// nobody is fenced or falls asleep there.
    pub fn of_txn(txn: &TxnConfig) -> Self {
        Self {
            mixed: txn.clients,
            gap: 1_000 * MILLISECOND * u64::from(txn.clients) / u64::from(txn.rate.max(1)),
            operations: u64::MAX,
            transactions: true,
            steps_max: txn.steps,
            abort_per_mille: txn.aborts * 10,
            crash_every: txn.crash_every.map(nanoseconds),
            request_timeout: nanoseconds(txn.request_timeout),
            metadata_every: nanoseconds(txn.metadata_refresh),
            deadline: nanoseconds(txn.deadline),
            poll_records: txn.poll_records,
            ..Self::default()
        }
    }

    /// The clients of the `log` workload. Each write that a real producer may have open at once is a client of its own
    /// here, as many as the rate takes.
    pub fn of_log(log: &LogConfig) -> Self {
        let producers = log.producers.max(log.rate.div_ceil(WRITES_A_SECOND));
        Self {
            producers,
            consumers: log.consumers,
            mixed: 0,
            gap: 1_000 * MILLISECOND * u64::from(producers) / u64::from(log.rate.max(1)),
            operations: u64::MAX,
            acks: log.acks,
            idempotence: log.idempotence,
            crash_every: log.crash_every.map(nanoseconds),
            request_timeout: nanoseconds(log.request_timeout),
            metadata_every: nanoseconds(log.metadata_refresh),
            deadline: nanoseconds(log.deadline),
            poll_wait: None,
            poll_records: log.poll_records,
            subscribe: log.consume_by == ConsumeBy::Subscribe,
            ..Self::default()
        }
    }

    /// What they promise.
    pub fn promises(&self) -> Promises {
        Promises {
            producers: if self.idempotence || self.transactions {
                ProducerPromise::Idempotent
            } else {
                ProducerPromise::AtLeastOnce
            },
            acks: self.acks.word().to_owned(),
            read_uncommitted: false,
            application: None,
        }
    }
}

/// A span of a plan, in nanoseconds.
pub(super) fn nanoseconds(span: history::Span) -> u64 {
    span.as_millis() * MILLISECOND
}

/// The keys of each topic.
pub(super) fn keys_by_topic(topics: &[Topic]) -> Vec<Vec<Key>> {
    let mut next = 0;
    let of_topic = |topic: &Topic| {
        let first = next;
        next += topic.partitions;
        (first..next).collect()
    };
    topics.iter().map(of_topic).collect()
}
