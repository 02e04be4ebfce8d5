//! Producers write unique numbers, and the members of a share group (Kafka 4.2 and newer, `client = "java"`) acquire them, accept,
//! release or reject each, sit on some until their locks run out, and crash; at the end the group is drained, and every record is read back.
//!
//! What a broker confirmed to be accepted or rejected is never delivered again, and nothing is left undelivered.

mod config;
mod drain;
mod generator;
mod last;
mod member;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Application, Offset, ProducerPromise};
use tokio::time::{Instant, sleep, timeout};

use crate::arena::{Arena, Invalid, LeastVersion, Promises, Running, Workload};
use crate::client::{Crew, Isolation, Shared, at_work, final_reads, spawn};
use crate::log::{OpenSends, Task, Writers};
use crate::scribe::Counters;
use drain::Drain;
use member::Member;

pub use config::QueueConfig;

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a client's thread may take to end beyond what it waits for.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How long the group may take to be drained, beside the time in which nothing comes.
const DRAIN_WITHIN: Duration = Duration::from_secs(40);
/// How often it is looked whether it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[async_trait]
impl Workload for QueueConfig {
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
            application: Some(Application::Queue(self.queue())),
        }
    }

    fn least_version(&self) -> Option<LeastVersion> {
        Some(LeastVersion {
            field: None,
            version: "4.2",
            instead: "share groups begin there",
        })
    }

    fn counts_load(&self) -> bool {
        true
    }

    fn needs(&self) -> Vec<&'static str> {
        vec!["share-groups"]
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "group.share.record.lock.duration.ms",
                self.lock.as_millis().to_string(),
            ),
            (
                "group.share.delivery.count.limit",
                self.delivery_limit.to_string(),
            ),
        ]
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let task = Task::of(0..shared.keys.count());
        let (writers, mut ready) = Writers::start(&self.producers(), &shared, &task)?;
        let mut queues = Queues {
            config: self.clone(),
            shared,
            values: task.next_value,
            drain: Arc::new(Drain::new()),
            writers,
            members: Crew::default(),
        };
        queues.start_members()?;
        ready.extend(queues.members.ready());
        at_work(ready, READY_WITHIN).await;
        Ok(Box::new(queues))
    }
}

/// The workload at work.
struct Queues {
    config: QueueConfig,
    shared: Arc<Shared>,
    values: Arc<AtomicU64>,
    drain: Arc<Drain>,
    writers: Writers,
    members: Crew,
}

impl Queues {
    fn start_members(&mut self) -> Result<()> {
        for number in 0..self.config.members {
            let member = Member::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                self.drain.clone(),
                self.members.stop(),
            );
            self.members
                .start_to_work(format!("member-{number}"), move |ready| member.run(ready))?;
        }
        Ok(())
    }

    /// Writes the last record of each partition, and waits until the group has none left.
    async fn empty(&self) {
        let (scribe, deadline) = (self.shared.scribe.clone(), self.config.deadline.duration());
        let sends = Arc::new(OpenSends::new(scribe, 1, deadline, Arc::default()));
        let (shared, config, values) = (self.shared.clone(), self.config.clone(), self.values.clone());
        let of_thread = sends.clone();
        let written = spawn("producer-last".to_owned(), move || {
            last::write(&shared, &config, &of_thread, &values);
        });
        let within = self.config.deadline.duration() * self.shared.keys.count() * 3 + END_WITHIN;
        if let Ok(written) = written
            && timeout(within, written).await.is_err()
        {
            sends.abandon("the producer did not end");
        }
        // From now on members accept all that they get, and none stalls or crashes.
        self.shared.calm_down();
        self.drain.something();
        // The history's clock is another: a little longer than is asked for.
        let quiet = self.config.drain.duration() + self.config.poll_timeout.duration();
        let until = Instant::now() + quiet + DRAIN_WITHIN;
        while !self.drain.is_over(self.config.members, quiet) && Instant::now() < until {
            sleep(LOOK_EVERY).await;
        }
    }
}

#[async_trait]
impl Running for Queues {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        self.writers.stop().await;
    }

    /// The last records are written here, so that the cluster has to settle again.
    async fn drain(&mut self, _ends: Option<&[Offset]>) -> bool {
        self.empty().await;
        let within = self.config.deadline.duration() + END_WITHIN;
        self.members.end(within).await;
        true
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
