//! Clients write records that have keys, and tombstones, while the brokers remove what is too old or what a newer record of its key
//! follows; others read on from where they are, and again from the start.
//!
//! What may not be removed is there: whatever is younger than promised, and of each key in a compacted topic the last record. What is
//! there stands where it stood.

mod config;
mod generator;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Expectation, Offset, ProducerPromise};

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::{Crew, Isolation, Shared, at_work, final_reads};
use crate::scribe::Counters;
use reader::Reader;
use writer::Writer;

pub use config::RetentionConfig;

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to end beyond what its operation may take.
const END_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Workload for RetentionConfig {
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
            read_uncommitted: false,
            application: None,
        }
    }

    fn expect(&self, expect: &mut Expectation) {
        expect.retention = Some(self.retention());
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let mut clients = Clients {
            config: self.clone(),
            shared,
            all: Crew::default(),
        };
        clients.start()?;
        at_work(clients.all.ready(), READY_WITHIN).await;
        Ok(Box::new(clients))
    }
}

/// The workload at work.
struct Clients {
    config: RetentionConfig,
    shared: Arc<Shared>,
    all: Crew,
}

impl Clients {
    fn start(&mut self) -> Result<()> {
        let next_value = Arc::new(AtomicU64::new(0));
        for number in 0..self.config.writers {
            let (shared, stop) = (self.shared.clone(), self.all.stop());
            let writer = Writer::new(number, self.config.clone(), shared, next_value.clone(), stop);
            self.all
                .start_to_work(format!("writer-{number}"), move |ready| writer.run(ready))?;
        }
        for number in 0..self.config.readers {
            let (shared, stop) = (self.shared.clone(), self.all.stop());
            let reader = Reader::new(number, self.config.clone(), shared, stop);
            self.all.start(format!("reader-{number}"), move || reader.run())?;
        }
        Ok(())
    }
}

#[async_trait]
impl Running for Clients {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        let within = self.config.deadline.duration() + END_WITHIN;
        self.all.end(within).await;
    }

    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        let isolation = Isolation::ReadUncommitted;
        final_reads(self.shared.clone(), cluster, isolation, ends, within).await
    }
}
