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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Key, Offset, ProducerPromise, What};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::{GroupProtocol, Isolation, Ledger, Shared, at_work, final_reads, spawn};
use crate::scribe::Counters;
use consumer::Consumer;
pub(crate) use generator::Generator;
use producer::Producer;
pub(crate) use sends::{OpenSends, Written};

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
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let mut log = Log {
            config: self.clone(),
            shared,
            stop_producers: Arc::default(),
            stop_consumers: Arc::default(),
            ledger: Arc::default(),
            producers: Vec::new(),
            consumers: Vec::new(),
        };
        let ready = log.start_producers()?;
        log.start_consumers()?;
        at_work(ready, READY_WITHIN).await;
        Ok(Box::new(log))
    }
}

/// The workload at work.
struct Log {
    config: LogConfig,
    shared: Arc<Shared>,
    stop_producers: Arc<AtomicBool>,
    stop_consumers: Arc<AtomicBool>,
    ledger: Arc<Ledger>,
    producers: Vec<(Arc<OpenSends>, oneshot::Receiver<()>)>,
    consumers: Vec<oneshot::Receiver<()>>,
}

impl Log {
    fn start_producers(&mut self) -> Result<Vec<oneshot::Receiver<()>>> {
        let config = &self.config;
        let next_value = Arc::new(AtomicU64::new(0));
        let mut all_ready = Vec::new();
        for number in 0..config.producers {
            let (shared, deadline) = (self.shared.clone(), config.deadline.duration());
            let (limit, ledger) = (config.open_sends as usize, self.ledger.clone());
            let sends = OpenSends::new(shared.scribe.clone(), limit, deadline, ledger.clone());
            let sends = Arc::new(sends);
            let (next_value, stop) = (next_value.clone(), self.stop_producers.clone());
            let producer = Producer::new(
                number,
                config.clone(),
                shared,
                sends.clone(),
                next_value,
                stop,
                ledger,
            );
            let (ready, is_ready) = oneshot::channel();
            let ended = spawn(format!("producer-{number}"), move || {
                producer.run(move || {
                    let _ = ready.send(());
                });
            })?;
            self.producers.push((sends, ended));
            all_ready.push(is_ready);
        }
        Ok(all_ready)
    }

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
            let consumer = Consumer::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                self.stop_consumers.clone(),
                keys,
            );
            let ended = spawn(format!("consumer-{number}"), move || consumer.run())?;
            self.consumers.push(ended);
        }
        Ok(())
    }
}

#[async_trait]
impl Running for Log {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        self.stop_producers.store(true, Relaxed);
        let within = self.config.deadline.duration() + END_WITHIN;
        for (sends, ended) in self.producers.drain(..) {
            if timeout(within, ended).await.is_err() {
                sends.abandon("the producer did not end");
            }
        }
        let recorder = self.shared.scribe.recorder();
        recorder.record(What::Load(self.ledger.load()));
        self.stop_consumers.store(true, Relaxed);
        for ended in self.consumers.drain(..) {
            let _ = timeout(END_WITHIN, ended).await;
        }
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

impl Drop for Log {
    fn drop(&mut self) {
        self.stop_producers.store(true, Relaxed);
        self.stop_consumers.store(true, Relaxed);
    }
}
