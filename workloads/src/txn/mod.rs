//! Clients send to and poll from several partitions in one transaction, commit or abort it on purpose, are fenced by a second
//! producer with their transactional id, and fall asleep over it; at the end every record is read back, as committed.
//!
//! What was committed is there as a whole, what was aborted is never read, and no transaction depends on itself.

mod config;
mod generator;
mod late;
mod reader;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Offset, ProducerPromise, Span};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::{Crew, Isolation, Shared, at_work, final_reads};
use crate::scribe::Counters;
use crate::sim::ClientsConfig;
use late::Latecomers;
use worker::Worker;

pub use config::TxnConfig;

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to end beyond what its transaction may take.
const END_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Workload for TxnConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn simulated(&self) -> Option<ClientsConfig> {
        Some(ClientsConfig::of_txn(self))
    }

    fn promises(&self) -> Promises {
        Promises {
            // A transactional producer is an idempotent one that asks for all acknowledgements.
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
            read_uncommitted: self.isolation == Isolation::ReadUncommitted,
            application: None,
        }
    }

    fn transaction_timeout(&self) -> Option<Span> {
        Some(self.transaction_timeout)
    }

    fn needs(&self) -> Vec<&'static str> {
        vec!["transactions"]
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let mut txn = Transactions {
            config: self.clone(),
            shared,
            workers: Crew::default(),
            late: None,
        };
        txn.start_workers()?;
        at_work(txn.workers.ready(), READY_WITHIN).await;
        Ok(Box::new(txn))
    }
}

/// The workload at work.
struct Transactions {
    config: TxnConfig,
    shared: Arc<Shared>,
    workers: Crew,
    late: Option<JoinHandle<()>>,
}

impl Transactions {
    fn start_workers(&mut self) -> Result<()> {
        let next_value = Arc::new(AtomicU64::new(0));
        for number in 0..self.config.clients {
            let worker = Worker::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                next_value.clone(),
                self.workers.stop(),
            );
            self.workers
                .start_to_work(format!("txn-{number}"), move |ready| worker.run(ready))?;
        }
        self.late = self.config.late_every.map(|every| {
            let latecomers = Latecomers {
                shared: self.shared.clone(),
                every,
                transaction_timeout: self.config.transaction_timeout.duration(),
                deadline: self.config.deadline.duration(),
                next_value,
                stop: self.workers.stop(),
            };
            tokio::spawn(latecomers.run())
        });
        Ok(())
    }
}

#[async_trait]
impl Running for Transactions {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        let within = self.config.longest() + END_WITHIN;
        self.workers.end(within).await;
        if let Some(late) = self.late.take() {
            let _ = timeout(within, late).await;
        }
    }

    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        // Whatever the clients read, what counts is what was committed.
        final_reads(
            self.shared.clone(),
            cluster,
            Isolation::ReadCommitted,
            ends,
            within,
        )
        .await
    }
}
