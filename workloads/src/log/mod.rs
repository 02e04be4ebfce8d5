//! Producers write unique numbers to the partitions of one or more topics at a given rate, consumers read them by
//! assignment or as members of a group, and at the end every record is read back, through the cluster and from each replica's own copy.
//!
//! A partition is a log: what is acknowledged must stay, in its place, once.

mod config;
mod consumer;
mod generator;
mod member;
mod producer;
mod sends;
#[cfg(test)]
mod tests;
mod writers;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Key, Offset, ProducerPromise, Span};

use crate::arena::{Arena, Invalid, LeastVersion, Promises, Running, Workload};
use crate::client::{Crew, FlightSettings, GroupProtocol, Isolation, Shared, at_work, final_reads};
use crate::scribe::Counters;
use crate::sim::ClientsConfig;
use consumer::{Consumer, Reading};

pub(crate) use generator::Generator;
pub(crate) use sends::{OpenSends, Written};
pub(crate) use writers::{Task, Writers};

pub use config::{Acks, ConsumeBy, LogConfig};

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// How long a client's thread may take to end beyond what its writes may take.
const END_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Workload for LogConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn simulated(&self) -> Option<ClientsConfig> {
        Some(ClientsConfig::of_log(self))
    }

    fn subscribes(&self) -> bool {
        self.consume_by == ConsumeBy::Subscribe
    }

    fn least_version(&self) -> Option<LeastVersion> {
        let asked = self.consume_by == ConsumeBy::Subscribe;
        self.group_protocol
            .least_version("group-protocol")
            .filter(|_| asked)
    }

    fn promises(&self) -> Promises {
        Promises {
            producers: if self.idempotence {
                ProducerPromise::Idempotent
            } else {
                ProducerPromise::AtLeastOnce
            },
            acks: self.acks.word().to_owned(),
            // There are no transactions.
            read_uncommitted: false,
            application: None,
        }
    }

    fn needs(&self) -> Vec<&'static str> {
        match (self.consume_by, self.group_protocol) {
            (ConsumeBy::Assign, _) => Vec::new(),
            (ConsumeBy::Subscribe, GroupProtocol::Classic) => vec!["groups"],
            (ConsumeBy::Subscribe, GroupProtocol::Consumer) => vec!["groups", "consumer-protocol"],
        }
    }

    fn counts_load(&self) -> bool {
        true
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        Ok(Box::new(start(self, arena, None).await?))
    }
}

/// What else a workload can ask of the same clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InOrder {
    /// How long the client goes on trying to write a record before it gives it up; without it without end.
    pub(crate) expiry: Option<Span>,
    /// Whether a client's first write to a partition has to be acknowledged before it begins another there.
    pub(crate) first_alone: bool,
    /// Whether it is followed by a new one once it gave a record up.
    pub(crate) ends_with_failure: bool,
}

/// The workload at work, with these settings. Where the order of one producer's writes is to be judged they name it in the history.
pub(crate) async fn start(
    config: &LogConfig,
    arena: Arena,
    in_order: Option<InOrder>,
) -> Result<impl Running + 'static> {
    let shared = Shared::new(arena, config.request_timeout, config.metadata_refresh)?;
    let task = Task {
        named: in_order.is_some(),
        expiry: in_order.and_then(|asked| asked.expiry),
        first_alone: in_order.is_some_and(|asked| asked.first_alone),
        flight: FlightSettings {
            is_told: in_order.is_some(),
            ends_with_failure: in_order.is_some_and(|asked| asked.ends_with_failure),
        },
        ..Task::of(0..shared.keys.count())
    };
    let (producers, ready) = Writers::start(config, &shared, &task)?;
    let mut log = Log {
        config: config.clone(),
        shared,
        producers,
        consumers: Crew::default(),
    };
    log.start_consumers()?;
    at_work(ready, READY_WITHIN).await;
    Ok(log)
}

/// The workload at work.
struct Log {
    config: LogConfig,
    shared: Arc<Shared>,
    producers: Writers,
    consumers: Crew,
}

impl Log {
    fn start_consumers(&mut self) -> Result<()> {
        let count = self.config.consumers;
        for number in 0..count {
            // Members of a group may be given any.
            let all = self.config.consume_by == ConsumeBy::Subscribe;
            let keys: Vec<Key> = (0..self.shared.keys.count())
                .filter(|key| all || key % count == number)
                .collect();
            if keys.is_empty() {
                continue;
            }
            let reading = Reading {
                name: format!("consumer-{number}"),
                isolation: Isolation::ReadUncommitted,
                keys,
            };
            start_reading(reading, number, &self.config, &self.shared, &mut self.consumers)?;
        }
        Ok(())
    }
}

/// Adds a consumer to a crew.
fn start_reading(
    reading: Reading,
    number: u32,
    config: &LogConfig,
    shared: &Arc<Shared>,
    crew: &mut Crew,
) -> Result<()> {
    let name = reading.name.clone();
    let consumer = Consumer::new(reading, number, config.clone(), shared.clone(), crew.stop());
    crew.start(name, move || consumer.run())
}

/// Starts consumers that read what is committed in these partitions, each all of it, while a workload's own clients are at work: what
/// they are shown must not be aborted, and has to stay.
pub(crate) fn audit(shared: &Arc<Shared>, auditors: u32, keys: Range<Key>) -> Result<Crew> {
    let mut crew = Crew::default();
    for number in 0..auditors {
        let reading = Reading {
            name: format!("auditor-{number}"),
            isolation: Isolation::ReadCommitted,
            keys: keys.clone().collect(),
        };
        start_reading(reading, number, &LogConfig::default(), shared, &mut crew)?;
    }
    Ok(crew)
}

#[async_trait]
impl Running for Log {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        self.producers.stop().await;
        self.consumers.end(END_WITHIN).await;
    }

    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        final_reads(
            self.shared.clone(),
            cluster,
            Isolation::ReadUncommitted,
            ends,
            within,
        )
        .await
    }
}
