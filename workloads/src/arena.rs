//! What every workload can do, and what it is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::{Cluster, WatermarkBehind};
use history::{
    Application, Expectation, Key, Offset, ProducerPromise, Recorder, Span, Topic, TransactionLimits,
};
use tokio::time::{Instant, sleep, timeout};

use crate::client::Program;
use crate::scribe::Counters;
use crate::sim::ClientsConfig;

/// How long the cluster is left alone between two looks at it.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How long a replica may not know that all is committed before it is told with another record, and before it is told again.
const NUDGE_AFTER: Duration = Duration::from_secs(5);

/// A workload. Its configuration is the type that implements this.
#[async_trait]
pub trait Workload: Send + Sync {
    /// Everything in the configuration that contradicts itself.
    fn validate(&self) -> Vec<Invalid>;
    /// The simulated clients that it stands for; `None` where it needs a real broker.
    fn simulated(&self) -> Option<ClientsConfig> {
        None
    }
    /// Whether its consumers read what a group gives them.
    fn subscribes(&self) -> bool {
        false
    }
    /// What it asks of brokers that older ones cannot do.
    fn least_version(&self) -> Option<LeastVersion> {
        None
    }
    /// What topics it needs, and the plan does not have: the reason, and what to do.
    fn validate_topics(&self, _partitions: &[u32]) -> Option<String> {
        None
    }
    /// What its clients promise, for the history's header.
    fn promises(&self) -> Promises;
    /// What else a run is held to, for the history's header: what only this workload knows of.
    fn expect(&self, _expect: &mut Expectation) {}
    /// After which time brokers abort its transactions by themselves; `None` where it has none.
    fn transaction_timeout(&self) -> Option<Span> {
        None
    }
    /// What it needs of a client library beside writing and reading, in the driver protocol's words: `transactions`, `groups`,
    /// `consumer-protocol`, `static-members`, `membership` (it says of which generation it is), `share-groups`, `times`.
    fn needs(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The brokers' properties that it has to be told the truth of: name and value.
    fn properties(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether it counts what became of the load that is asked for ([`history::Load`]).
    fn counts_load(&self) -> bool {
        false
    }
    /// Starts the clients, and returns once they are at work.
    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>>;
}

/// What a setting asks of brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastVersion {
    /// The setting; none where it is the workload as such.
    pub field: Option<&'static str>,
    /// The first version of Kafka that can do it.
    pub version: &'static str,
    /// What to do where brokers are older.
    pub instead: &'static str,
}

/// A workload that has been started. When it is dropped its clients end as soon as they can.
#[async_trait]
pub trait Running: Send {
    /// What the clients have done so far.
    fn counters(&self) -> Arc<Counters>;
    /// Closes the clients, but for those that have to read what the others wrote. Every operation of the others has ended in the
    /// history when this returns.
    async fn stop(&mut self);
    /// Lets the clients that are left read up to these ends (as [`settle`] gave them, where it did), and closes them; says whether
    /// they may have written anything, so that the cluster has to settle again.
    async fn drain(&mut self, _ends: Option<&[Offset]>) -> bool {
        false
    }
    /// Reads every partition from its start through the cluster, up to `ends` (as [`settle`] gave them, or the
    /// reason why it did not), then each replica's own copy, all into the history; at last the event that says
    /// whether the final reads are complete, which is returned too.
    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool;
}

/// What a workload is given.
#[derive(Clone)]
pub struct Arena {
    /// The addresses a client begins with, as `host:port,…`.
    pub bootstrap: String,
    /// The program that drives another client library; librdkafka in this process where there is none.
    pub client: Option<Program>,
    /// What the client library is set to beside a workload's own choices: how to speak to a cluster that asks for more than an
    /// address. May hold secrets.
    pub client_settings: Vec<(String, String)>,
    /// The topics, whose partitions are the history's keys.
    pub topics: Vec<Topic>,
    /// The run's seed.
    pub seed: u64,
    /// Where the clients write what they see.
    pub recorder: Arc<dyn Recorder>,
    /// The file that the client library's own log lines are appended to; where there is none they are dropped.
    pub log_file: Option<PathBuf>,
    /// How long a transaction may stay open, where clients have any: partitions that stay undecided for longer are watched at the end.
    pub transactions: Option<TransactionLimits>,
    /// Whether the brokers' disks may fail. Then a broker that refuses a record may have it, and others with it: it
    /// wrote it down, let its followers read it, and failed to sync it.
    pub disks_may_fail: bool,
}

/// What a workload's producers promise, which decides how some findings are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promises {
    /// About repetition.
    pub producers: ProducerPromise,
    /// `acks` as the history's header has it: `0`, `1` or `all`.
    pub acks: String,
    /// Whether consumers read what is not committed, or never will be.
    pub read_uncommitted: bool,
    /// What they make of records, beside writing and reading them.
    pub application: Option<Application>,
}

/// A setting that contradicts the rest of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The keys that lead to it from the workload on: `log`, `idempotence`.
    pub path: Vec<String>,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

/// What is wrong with a workload's settings.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) all: Vec<Invalid>,
}

impl Found {
    pub(crate) fn say(&mut self, field: &str, reason: String) {
        self.all.push(Invalid {
            path: vec![field.to_owned()],
            reason,
        });
    }

    pub(crate) fn range(&mut self, field: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.say(field, format!("{value} is out of range: give {least} to {most}"));
        }
    }

    /// How long a member of a group may go without a poll: client libraries ask for no less than its session.
    pub(crate) fn polls(&mut self, longest: Option<Span>, session: Span) {
        if let Some(longest) = longest {
            self.span("max-poll-interval", longest, session, Span::from_secs(3_600));
        }
    }

    pub(crate) fn span(&mut self, field: &str, value: Span, least: Span, most: Span) {
        if !(least..=most).contains(&value) {
            self.say(
                field,
                format!("{value} is out of range: give \"{least}\" to \"{most}\""),
            );
        }
    }
}

/// These settings are wrong, each for a reason that says so.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_wrong(found: &[Invalid], expected: &[(&str, &str)]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (invalid, (field, part)) in found.iter().zip(expected) {
        assert_eq!(invalid.path, [*field]);
        assert!(invalid.reason.contains(part), "{}", invalid.reason);
    }
}

/// Writes an empty record to a partition ([`Cluster::nudge`]), and tries again until then: one attempt waits less than a machine that is
/// short of time may take.
pub async fn nudge(cluster: &dyn Cluster, key: Key, until: std::time::Instant) -> Result<()> {
    while let Err(error) = cluster.nudge(key).await {
        if std::time::Instant::now() >= until {
            return Err(error);
        }
        sleep(LOOK_AGAIN_AFTER).await;
    }
    Ok(())
}

/// Waits until every replica is in its ISR with the same end, and gives each key's end; or says who is not
/// when the time is over. To be called once the producers are closed. A replica that is only not told that all is committed
/// ([`WatermarkBehind`]) hears so with an empty record, which no check looks at.
pub async fn settle(cluster: &dyn Cluster, within: Duration) -> Result<Vec<Offset>, String> {
    let deadline = Instant::now() + within;
    let mut reason = "was never asked".to_owned();
    let mut nudge_at = Instant::now() + NUDGE_AFTER;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, cluster.settled()).await {
            Ok(Ok(ends)) => return Ok(ends),
            Ok(Err(error)) => {
                reason = format!("{error:#}");
                let behind = error.downcast_ref::<WatermarkBehind>();
                if let Some(behind) = behind.filter(|_| Instant::now() >= nudge_at) {
                    // What comes of it is seen when the cluster is asked again.
                    let _ = timeout(left, cluster.nudge(behind.key)).await;
                    nudge_at = Instant::now() + NUDGE_AFTER;
                }
            }
            Err(_) => {
                return Err(format!("the replicas did not settle within {within:?}: {reason}"));
            }
        }
        sleep(LOOK_AGAIN_AFTER).await;
    }
}
