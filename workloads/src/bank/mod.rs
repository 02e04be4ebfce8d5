//! Clients move amounts between accounts, each a partition: a transfer is a withdrawal and a deposit in one transaction, which may be aborted, or
//! lose its client between the two.
//!
//! The total of all accounts stays what it was.

mod config;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Application, Bank, Offset, ProducerPromise, Span};

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::{Crew, Isolation, Shared, at_work, final_reads};
use crate::log::audit;
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
            auditors: audit(&shared, self.auditors, 0..shared.keys.count())?,
            shared,
            workers: Crew::default(),
        };
        transfers.start_workers()?;
        at_work(transfers.workers.ready(), READY_WITHIN).await;
        Ok(Box::new(transfers))
    }
}

/// The workload at work.
struct Transfers {
    config: BankConfig,
    shared: Arc<Shared>,
    workers: Crew,
    auditors: Crew,
}

impl Transfers {
    fn start_workers(&mut self) -> Result<()> {
        let next_transfer = Arc::default();
        for number in 0..self.config.clients {
            let worker = Worker::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                Arc::clone(&next_transfer),
                self.workers.stop(),
            );
            self.workers
                .start_to_work(format!("teller-{number}"), move |ready| worker.run(ready))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Running for Transfers {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        let within = self.config.deadline.duration() * 2 + END_WITHIN;
        self.workers.end(within).await;
        self.auditors.end(END_WITHIN).await;
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
