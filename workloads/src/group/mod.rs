//! Members of one consumer group read what producers write, commit how far they are, crash, leave and come back, by the classic
//! protocol or the newer one (KIP-848), with static members, eagerly or cooperatively; at the end the group has to have read everything.
//!
//! No record is skipped by a committed offset, what was committed stays, and no partition has two owners in one generation.

mod config;
mod member;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Application, Offset, ProducerPromise};

use crate::arena::{Arena, Invalid, LeastVersion, Promises, Running, Workload};
use crate::client::{Crew, Drain, GroupProtocol, Isolation, Shared, at_work, final_reads};
use crate::log::{Task, Writers};
use crate::scribe::Counters;
use member::Reader;

pub use config::{Assignor, Commits, GroupConfig};

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a member's thread may take to end: it may wait for an answer to its last commit, and leave its group.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How long the group may take to read what is left, once everything is whole again: members that died in silence have to be given up first.
const DRAIN_WITHIN: Duration = Duration::from_secs(40);

#[async_trait]
impl Workload for GroupConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn subscribes(&self) -> bool {
        true
    }

    fn least_version(&self) -> Option<LeastVersion> {
        self.protocol.least_version("protocol")
    }

    fn needs(&self) -> Vec<&'static str> {
        let newer = self.protocol == GroupProtocol::Consumer;
        ["groups", "membership"]
            .into_iter()
            .chain(newer.then_some("consumer-protocol"))
            .chain(self.static_members.then_some("static-members"))
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
            application: Some(Application::Group),
        }
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let task = Task::of(0..shared.keys.count());
        let (writers, ready) = Writers::start(&self.writes(), &shared, &task)?;
        let mut group = Group {
            config: self.clone(),
            shared,
            writers,
            members: Crew::default(),
        };
        group.start_members()?;
        at_work(ready, READY_WITHIN).await;
        Ok(Box::new(group))
    }
}

/// The workload at work.
struct Group {
    config: GroupConfig,
    shared: Arc<Shared>,
    writers: Writers,
    members: Crew,
}

impl Group {
    fn start_members(&mut self) -> Result<()> {
        for number in 0..self.config.members {
            let reader = Reader::new(
                number,
                self.config.clone(),
                self.shared.clone(),
                self.members.stop(),
            );
            self.members
                .start(format!("member-{number}"), move || reader.run())?;
        }
        Ok(())
    }
}

#[async_trait]
impl Running for Group {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        self.writers.stop().await;
    }

    async fn drain(&mut self, ends: Option<&[Offset]>) -> bool {
        let shared = self.shared.clone();
        let drain = Arc::new(Drain {
            group: self.config.group(0),
            keys: (0..shared.keys.count()).collect(),
        });
        drain.run(&shared, ends, DRAIN_WITHIN).await;
        let naps = self
            .config
            .stall_every
            .map_or(Duration::ZERO, |_| self.config.nap());
        self.members.end(END_WITHIN + naps).await;
        drain.ask(&shared).await;
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
