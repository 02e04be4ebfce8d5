//! Clients move amounts between accounts, each a partition: a transfer is a withdrawal and a deposit in one transaction, which may be aborted, or
//! lose its client between the two.
//!
//! The total of all accounts stays what it was.

mod config;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Application, Bank, Offset, ProducerPromise, Span};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::{Isolation, Shared, at_work, final_reads, spawn};
use crate::scribe::Counters;
use worker::Worker;

pub use config::BankConfig;

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to end beyond what its transaction may take.
const END_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Workload for BankConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn validate_topics(&self, partitions: &[u32]) -> Option<String> {
        (partitions.iter().sum::<u32>() < 2).then(|| {
            "the workload `bank` moves amounts from one partition to another: give topics with two partitions at least".to_owned()
        })
    }

    fn transaction_timeout(&self) -> Option<Span> {
        self.transactions.then_some(self.transaction_timeout)
    }

    fn needs(&self) -> Vec<&'static str> {
        self.transactions.then_some("transactions").into_iter().collect()
    }

    fn promises(&self) -> Promises {
        Promises {
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
            read_uncommitted: false,
            application: Some(Application::Bank(Bank {
                initial: i64::from(self.initial),
            })),
        }
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let mut transfers = Transfers {
            config: self.clone(),
            shared,
            stop: Arc::default(),
            workers: Vec::new(),
        };
        let ready = transfers.start_workers()?;
        at_work(ready, READY_WITHIN).await;
        Ok(Box::new(transfers))
    }
}

/// The workload at work.
struct Transfers {
    config: BankConfig,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    workers: Vec<oneshot::Receiver<()>>,
}

impl Transfers {
    fn start_workers(&mut self) -> Result<Vec<oneshot::Receiver<()>>> {
        let next_transfer = Arc::default();
        let mut all_ready = Vec::new();
        for number in 0..self.config.clients {
            let worker = Worker::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                Arc::clone(&next_transfer),
                self.stop.clone(),
            );
            let (ready, is_ready) = oneshot::channel();
            self.workers.push(spawn(format!("teller-{number}"), move || {
                worker.run(move || {
                    let _ = ready.send(());
                });
            })?);
            all_ready.push(is_ready);
        }
        Ok(all_ready)
    }
}

#[async_trait]
impl Running for Transfers {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        self.stop.store(true, Relaxed);
        let within = self.config.deadline.duration() * 2 + END_WITHIN;
        for ended in self.workers.drain(..) {
            let _ = timeout(within, ended).await;
        }
    }

    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        let shared = self.shared.clone();
        final_reads(shared, cluster, Isolation::ReadCommitted, ends, within).await
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}
