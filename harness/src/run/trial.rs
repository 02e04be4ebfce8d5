//! The trial itself, in its order: bring up, work, break, heal, settle, read, take down.
//!
//! Whatever goes wrong on the way, what was injected is healed and the cluster is taken down; the namespaces
//! end the rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use cluster::kafka::Prober;
use cluster::sim::VirtualClock;
use cluster::{Attachment, PartitionView};
use history::{Key, Phase, Recorder, Topic, What};
use nemesis::Nemesis;
use tokio_util::sync::CancellationToken;
use workloads::sim::SimRunning;
use workloads::{Arena, Program, Running};

use super::bring_up::{Courtroom, Kind, bring_up};
use super::capture::Links;
use super::ground::Ground;
use super::keep::look_at_stopped;
use super::lines::{self, Lines};
use super::live::{Live, Shown};
use crate::cli::EnvironmentName;
use crate::directory::RunDirectory;
use crate::judge::{self, Measured};
use crate::live::{Pace, Watch};
use crate::plan::{Resolved, Shape};
use crate::progress::Progress;
use crate::recorder::FileRecorder;

/// The brokers need not end by themselves at the very end: what is read from them then is their files, and what a process that is
/// killed has written is in them.
const TEARDOWN_LIMIT: Duration = Duration::ZERO;

/// How long the faults wait for ISRs that are not whole.
const WHOLE_WITHIN: Duration = Duration::from_secs(20);

/// Everything that the steps of a trial share.
pub struct Trial<'run> {
    /// Where it is kept.
    pub directory: &'run RunDirectory,
    /// What is done.
    pub resolved: &'run Resolved,
    /// Where its machines are.
    pub env: EnvironmentName,
    /// The hosts, where they are such.
    pub inventory: Option<&'run std::path::Path>,
    /// Where it is written down.
    pub recorder: Arc<FileRecorder>,
    /// What a person sees.
    pub progress: Arc<Progress>,
    /// What events have shown, for what a person sees.
    pub watch: Arc<Watch>,
    /// The links whose packets are written down.
    pub pcap: Vec<Links>,
    /// Whether the cluster may have to stay up.
    pub keep: bool,
    /// Cancelled by ctrl-C.
    pub interrupt: CancellationToken,
    /// Cancelled when the trial cannot go on: the history cannot be written, or a node's machine is gone.
    pub broken: CancellationToken,
    /// The clock, where the broker is simulated.
    pub simulated: Option<VirtualClock>,
    /// The cluster, where it is somebody else's.
    pub attached: Option<Attachment>,
    /// The program that drives the clients, where they are not in this process.
    pub client: Option<Program>,
}

impl Trial<'_> {
    /// What is done in the beginning, for people.
    fn about_setup(&self) -> String {
        let plan = &self.resolved.plan;
        let counted =
            |number: u32, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let others = match plan.shape {
            Shape::Combined => String::new(),
            Shape::Separate => format!(" and {}", counted(plan.own_controllers(), "controller")),
            Shape::ZooKeeper => format!(" and {} of ZooKeeper", counted(plan.own_zookeepers(), "node")),
        };
        match (&self.attached, plan.all_nodes()) {
            (Some(_), _) => format!("topics are made on {} brokers of somebody else's", plan.nodes),
            (None, 1) => "1 broker comes up".to_owned(),
            (None, _) => format!("{}{others} come up", counted(plan.nodes, "broker")),
        }
    }

    /// Runs the whole of it, and gives the cluster back where it is to stay up. An error means that the machine, not the broker, would
    /// not do it.
    pub async fn run(&self) -> Result<Option<Courtroom>> {
        let about = self.about_setup();
        self.enter(Phase::Setup, "setup", &about);
        let court = tokio::select! {
            court = bring_up(self) => court?,
            () = self.interrupt.cancelled() => {
                self.recorder.record(What::Interrupted);
                return Ok(None);
            }
        };
        let outcome = tokio::select! {
            outcome = self.put_to_trial(&court) => outcome,
            () = self.broken.cancelled() => {
                Err(anyhow!("go on: the history cannot be written any more, or a node's machine is gone"))
            }
        };
        let stays_up = self.keep && outcome.is_ok() && !self.interrupt.is_cancelled();
        let down = if stays_up {
            self.enter(Phase::Teardown, "teardown", "what lies on the disks is read");
            self.look(&court).await
        } else {
            let about = match self.attached {
                Some(_) => "the brokers are left alone",
                None => "the brokers go down",
            };
            self.enter(Phase::Teardown, "teardown", about);
            self.take_down(&court).await
        };
        let lines = match &court.kind {
            Kind::Kafka(_, Ground::Attached(_)) | Kind::Simulated(_) => Lines::default(),
            Kind::Kafka(cluster, _) => lines::record(cluster, &self.recorder, &self.progress).await,
        };
        judge::write_measured(self.directory, &self.measure(&court, lines))?;
        outcome.and(down).map(|()| stays_up.then_some(court))
    }

    /// What taking down does, but for ending the brokers.
    async fn look(&self, court: &Courtroom) -> Result<()> {
        if let Kind::Kafka(cluster, ground) = &court.kind {
            look_at_stopped(cluster).await?;
            if let Some(text) = ground.end_capture()? {
                self.progress.say(&text);
            }
        }
        Ok(())
    }

    async fn take_down(&self, court: &Courtroom) -> Result<()> {
        match &court.kind {
            Kind::Kafka(cluster, Ground::Attached(_)) => {
                cluster.stop_observing();
                Ok(())
            }
            Kind::Kafka(cluster, ground) => {
                let down = cluster.shut_down(TEARDOWN_LIMIT).await;
                for problem in cluster.collect(true).await {
                    self.progress.say(&problem);
                }
                cluster.look_at_disks().await;
                if let Some(text) = ground.end_capture()? {
                    self.progress.say(&text);
                }
                down.context("take the cluster down")
            }
            Kind::Simulated(cluster) => {
                cluster.shut_down();
                for (bug, fired) in cluster.with(|world, _| world.bugs()) {
                    let when = fired.map_or_else(
                        || "found no occasion".to_owned(),
                        |fired| format!("did its harm at {:.3} s", fired as f64 / 1e9),
                    );
                    self.progress.say(&format!("the bug {bug} {when}"));
                }
                Ok(())
            }
        }
    }

    async fn put_to_trial(&self, court: &Courtroom) -> Result<()> {
        let limits = &self.resolved.plan.limits;
        self.enter(Phase::Steady, "steady", "clients work, nothing is wrong yet");
        let mut running = self.start_clients(court).await.context("start the clients")?;
        let prober = self.start_prober(court);
        let nemesis = Nemesis::new(
            court.cluster.clone(),
            &self.resolved.topics(),
            self.recorder.clone(),
        )
        .within(self.resolved.plan.nemesis.limits.clone());
        let live = Live::start(self.shown(court, &*running));
        self.sleep(limits.steady.duration()).await;
        if !self.resolved.steps.is_empty() {
            self.see_whole(court).await;
            let about = format!("{} on the schedule", count(self.resolved.steps.len(), "fault"));
            self.enter(Phase::Faults, "faults", &about);
            self.break_it(nemesis).await;
        }
        self.enter(Phase::Heal, "heal", "everything is whole again, clients go on");
        self.sleep(limits.recover.duration()).await;
        if self.interrupt.is_cancelled() {
            self.recorder.record(What::Interrupted);
        }
        self.enter(Phase::Settle, "settle", "producers close, replicas catch up");
        if let Some(prober) = prober {
            prober.stop().await;
        }
        running.stop().await;
        let read_back = self.read_back(court, running).await;
        drop(live);
        read_back
    }

    fn shown(&self, court: &Courtroom, running: &dyn Running) -> Shown {
        let limits = &self.resolved.plan.limits;
        let logs = match &court.kind {
            Kind::Kafka(_, Ground::Attached(_)) | Kind::Simulated(_) => BTreeMap::new(),
            Kind::Kafka(cluster, _) => cluster.logs(),
        };
        Shown {
            progress: Arc::clone(&self.progress),
            cluster: court.cluster.clone(),
            topics: self.resolved.topics(),
            counters: running.counters(),
            watch: Arc::clone(&self.watch),
            recorder: Arc::clone(&self.recorder),
            pace: Pace {
                steady: limits.steady.duration(),
                faults: nemesis::length(&self.resolved.steps),
                recover: limits.recover.duration(),
            },
            logs,
        }
    }

    /// Waits until every ISR is whole: the first fault is to meet what it was planned for, also on a machine that is short of time.
    async fn see_whole(&self, court: &Courtroom) {
        let (view, topics) = (court.cluster.view(), self.resolved.topics());
        let mut changes = view.changes();
        let whole = async {
            while !all_in_sync(&topics, &view.partitions()) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = whole => {}
            () = tokio::time::sleep(WHOLE_WITHIN) => {
                let waited = WHOLE_WITHIN.as_secs();
                self.progress.say(&format!("an ISR is not whole after {waited} s without a fault: the faults begin all the same"));
            }
            () = self.interrupt.cancelled() => {}
        }
    }

    /// Injects the schedule. An interrupt ends it early; the nemesis heals in either case.
    async fn break_it(&self, nemesis: Nemesis) {
        let in_force = nemesis.in_force();
        let tally = nemesis
            .run(self.resolved.steps.clone(), self.interrupt.clone())
            .await;
        debug_assert!(
            in_force.list().is_empty() || tally.failed > 0,
            "what is still in force failed to heal"
        );
    }

    async fn read_back(&self, court: &Courtroom, mut running: Box<dyn Running>) -> Result<()> {
        let limits = &self.resolved.plan.limits;
        let mut ends = workloads::settle(&*court.cluster, limits.settle.duration()).await;
        if running.drain(ends.as_deref().ok()).await {
            ends = workloads::settle(&*court.cluster, limits.settle.duration()).await;
        }
        self.enter(
            Phase::FinalReads,
            "final reads",
            "every record is read back, also from each replica",
        );
        running
            .final_reads(court.cluster.clone(), ends, limits.final_reads.duration())
            .await;
        Ok(())
    }

    async fn start_clients(&self, court: &Courtroom) -> Result<Box<dyn Running>> {
        let workload = &self.resolved.plan.workload;
        match &court.kind {
            Kind::Kafka(..) => workload.start(self.arena(court)).await,
            Kind::Simulated(cluster) => {
                let (clients, topics) = (workload.simulated().unwrap_or_default(), self.resolved.topics());
                let running = SimRunning::start(clients, &topics, self.resolved.seed, cluster.clone());
                Ok(Box::new(running))
            }
        }
    }

    /// From the first of the clients to the last: nothing is written once the replicas are to settle.
    fn start_prober(&self, court: &Courtroom) -> Option<Prober> {
        let plan = &self.resolved.plan.prober;
        match &court.kind {
            Kind::Kafka(cluster, _) if plan.enabled => Some(cluster.probe(plan.partitions)),
            Kind::Kafka(..) | Kind::Simulated(_) => None,
        }
    }

    fn arena(&self, court: &Courtroom) -> Arena {
        let attached = self.attached.as_ref();
        Arena {
            bootstrap: attached.map_or_else(|| court.cluster.bootstrap(), Attachment::bootstrap),
            client: self.client.clone(),
            client_settings: attached.map_or_else(Vec::new, Attachment::client_settings),
            topics: self.resolved.topics(),
            seed: self.resolved.seed,
            recorder: self.recorder.clone(),
            log_file: Some(self.directory.clients_log()),
            transactions: self.resolved.transactions(),
            disks_may_fail: self.resolved.has_disks(),
        }
    }

    fn measure(&self, court: &Courtroom, lines: Lines) -> Measured {
        let run_us = self.recorder.now() / 1_000;
        let Kind::Kafka(cluster, ground) = &court.kind else {
            return Measured {
                run_us,
                view_cpu_us: self.progress.cpu_us(),
                ..Measured::default()
            };
        };
        ground.measure(Measured {
            launch_ms: cluster.times().registered.as_millis() as u64,
            run_us,
            view_cpu_us: self.progress.cpu_us(),
            broker_lines: lines.recorded,
            broker_lines_left_out: lines.left_out,
            ..Measured::default()
        })
    }

    /// Sleeps; wakes early where somebody interrupts.
    async fn sleep(&self, length: Duration) {
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            () = self.interrupt.cancelled() => {}
        }
    }

    fn enter(&self, phase: Phase, name: &str, about: &str) {
        self.recorder.record(What::Phase(phase));
        self.progress.phase(name, about);
    }
}

/// Whether every partition is known, with as many replicas in sync as it has.
fn all_in_sync(topics: &[Topic], seen: &BTreeMap<Key, PartitionView>) -> bool {
    let partitions = topics
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(|_| topic.replication_factor as usize));
    partitions.enumerate().all(|(key, replicas)| {
        seen.get(&(key as Key))
            .is_some_and(|view| view.isr.len() >= replicas)
    })
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
