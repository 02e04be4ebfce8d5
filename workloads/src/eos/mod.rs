//! Workers read the records of a first topic as members of a group, write what becomes of each to a second one, and commit both in one
//! transaction; they crash, are fenced, and fall asleep over it. Producers write the first topic meanwhile.
//!
//! Every record of the first topic becomes exactly one of the second, in order.

mod config;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Application, Offset, ProducerPromise, Span};

use crate::arena::{Arena, Invalid, LeastVersion, Promises, Running, Workload};
use crate::client::{Crew, Drain, GroupProtocol, Isolation, Shared, at_work, final_reads};
use crate::log::{Task, Writers, audit};
use crate::scribe::Counters;
use worker::Worker;

pub use config::{EosConfig, Offsets};

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a worker may take to end beyond what its transaction may take.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How long the workers may take over what is left, once everything is whole again.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

#[async_trait]
impl Workload for EosConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn validate_topics(&self, partitions: &[u32]) -> Option<String> {
        let fits = matches!(partitions, [first, second] if first == second);
        (!fits).then(|| {
            "the workload `eos` reads from a first topic and writes to a second: give two `[[topics]]` with as many partitions each"
                .to_owned()
        })
    }

    fn subscribes(&self) -> bool {
        true
    }

    fn least_version(&self) -> Option<LeastVersion> {
        self.protocol.least_version("protocol")
    }

    fn transaction_timeout(&self) -> Option<Span> {
        Some(self.transaction_timeout)
    }

    fn needs(&self) -> Vec<&'static str> {
        let newer = self.protocol == GroupProtocol::Consumer;
        ["transactions", "groups", "membership"]
            .into_iter()
            .chain(newer.then_some("consumer-protocol"))
            .collect()
    }

    fn counts_load(&self) -> bool {
        true
    }

    fn promises(&self) -> Promises {
        Promises {
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
            read_uncommitted: false,
            application: Some(Application::ExactlyOnce),
        }
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let task = Task::of(0..shared.keys.count() / 2);
        let (writers, mut ready) = Writers::start(&self.writes(), &shared, &task)?;
        let results = shared.keys.count() / 2..shared.keys.count();
        let mut eos = ExactlyOnce {
            config: self.clone(),
            auditors: audit(&shared, self.auditors, results)?,
            shared,
            writers,
            workers: Crew::default(),
        };
        eos.start_workers(&task.next_value)?;
        ready.extend(eos.workers.ready());
        at_work(ready, READY_WITHIN).await;
        Ok(Box::new(eos))
    }
}

/// The workload at work.
struct ExactlyOnce {
    config: EosConfig,
    shared: Arc<Shared>,
    writers: Writers,
    workers: Crew,
    auditors: Crew,
}

impl ExactlyOnce {
    fn start_workers(&mut self, next_value: &Arc<AtomicU64>) -> Result<()> {
        for number in 0..self.config.workers {
            let worker = Worker::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                next_value.clone(),
                self.workers.stop(),
            );
            self.workers
                .start_to_work(format!("worker-{number}"), move |ready| worker.run(ready))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Running for ExactlyOnce {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        self.writers.stop().await;
    }

    async fn drain(&mut self, ends: Option<&[Offset]>) -> bool {
        let shared = self.shared.clone();
        let drain = Arc::new(Drain {
            group: self.config.group(),
            keys: (0..shared.keys.count() / 2).collect(),
        });
        drain.run(&shared, ends, DRAIN_WITHIN).await;
        self.workers.end(self.config.longest() + END_WITHIN).await;
        self.auditors.end(END_WITHIN).await;
        drain.ask(&shared).await;
        true
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
