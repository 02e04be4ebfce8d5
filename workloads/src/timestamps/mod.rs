//! Producers write to topics whose brokers give records their times, while readers take these times down and look records up by them, under
//! clocks that go wrong.
//!
//! A record's time is that of its writing, as far as clocks may differ, and never changes; a look-up finds the first record that is not
//! older than asked.

mod config;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Application, Offset, ProducerPromise, Timestamps};
use tokio::task::spawn_blocking;

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::{Crew, Isolation, Shared, at_work, final_reads};
use crate::log::{Task, Writers};
use crate::scribe::Counters;
use reader::Reader;

pub use config::TimestampsConfig;

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a reader's thread may take to end.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How long reading everything again may take, once everything is whole again.
const READ_WITHIN: Duration = Duration::from_secs(30);

#[async_trait]
impl Workload for TimestampsConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn needs(&self) -> Vec<&'static str> {
        vec!["times"]
    }

    fn counts_load(&self) -> bool {
        true
    }

    fn promises(&self) -> Promises {
        Promises {
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
            read_uncommitted: false,
            application: Some(Application::Timestamps(Timestamps { skew: self.skew })),
        }
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        reader::take_clock_down(&shared);
        let task = Task::of(0..shared.keys.count());
        let (writers, ready) = Writers::start(&self.writes(), &shared, &task)?;
        let mut clients = Clients {
            config: self.clone(),
            shared,
            writers,
            readers: Crew::default(),
        };
        clients.start_readers()?;
        at_work(ready, READY_WITHIN).await;
        Ok(Box::new(clients))
    }
}

/// The workload at work.
struct Clients {
    config: TimestampsConfig,
    shared: Arc<Shared>,
    writers: Writers,
    readers: Crew,
}

impl Clients {
    fn start_readers(&mut self) -> Result<()> {
        for number in 0..self.config.readers {
            let reader = Reader::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                self.readers.stop(),
            );
            self.readers
                .start(format!("reader-{number}"), move || reader.run())?;
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
        self.writers.stop().await;
        self.readers.end(END_WITHIN).await;
        reader::take_clock_down(&self.shared);
    }

    /// Reads everything once more, and looks records up, now that nothing changes.
    async fn drain(&mut self, ends: Option<&[Offset]>) -> bool {
        let Some(ends) = ends.map(<[Offset]>::to_vec) else {
            return false;
        };
        let number = self.config.readers;
        let reader = Reader::new(number, self.config.clone(), self.shared.clone(), Arc::default());
        // A thread that panicked has read enough.
        let _ = spawn_blocking(move || reader.read_through(&ends, READ_WITHIN)).await;
        false
    }

    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        let shared = self.shared.clone();
        final_reads(shared, cluster, Isolation::ReadUncommitted, ends, within).await
    }
}
