//! A cluster that is nothing but state: it does what a fault asks for and remembers it.

mod admin;
mod disk;
mod migration;
mod releases;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{
    Admin, ClockReading, Cluster, ClusterView, Counters, Cut, Deeds, Disk, Exit, ExitKind, Groups, Held,
    LinkRule, Links, Machine, Migration, PartitionView, Place, Ports, ProcessSpec, Recovery, Releases,
    ReplicaLog, Skew, Voters, Waits, WallClock, Wiped,
};
pub use disk::FakeDisk;
use history::{
    Deletion, DeletionStep, Fault, FaultStep, Key, MemoryRecorder, NodeId, Offset, Recorder, Topic, What,
};
use nemesis::{FaultLimits, InForce, Nemesis, Step, Tally};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use admin::FakeAdmin;
pub use migration::FakeMigration;
pub use releases::FakeReleases;
use releases::highest;

pub const CLIENT_PORT: u16 = 9092;
/// How long after its start a process serves, …
const SERVES_AFTER: Duration = Duration::from_millis(1_500);
/// … and how long after it begins to recover.
const RECOVERS_AFTER: Duration = Duration::from_secs(1);

/// What was done, in words, in order.
type Journal = Arc<Mutex<Vec<String>>>;

pub struct FakeCluster {
    machines: Vec<Arc<dyn Machine>>,
    /// The same machines, for what their trait does not offer.
    fakes: Vec<Arc<FakeMachine>>,
    links: Option<Arc<FakeLinks>>,
    /// Its versions, where it has more than one.
    pub releases: Option<Arc<FakeReleases>>,
    /// How it is moved from `ZooKeeper`, where it has that.
    pub migration: Option<Arc<FakeMigration>>,
    /// Its administration, where it has one.
    pub admin: Option<Arc<FakeAdmin>>,
    /// Its voters can change.
    quorum_is_dynamic: bool,
    view: ClusterView,
    journal: Journal,
    /// A node that is stopped answers all the same.
    pub answers_when_stopped: AtomicBool,
    /// SIGKILL goes wrong.
    pub kill_fails: AtomicBool,
    /// SIGTERM is enough.
    pub ends_by_itself: AtomicBool,
    /// What a disk holds.
    pub files_on_disk: AtomicU64,
    /// How long a process recovers.
    pub recovers_for: Duration,
    /// Starting a node goes wrong this many times.
    pub starts_that_fail: AtomicU64,
    /// Whatever is done to the clocks, the brokers' time is true.
    pub clocks_are_deaf: AtomicBool,
    /// What the ISR of every partition becomes once a record is written while cuts are in force.
    pub isr_after_nudge: Mutex<Option<(NodeId, Vec<NodeId>)>>,
}

struct FakeMachine {
    node: NodeId,
    state: Mutex<Option<char>>,
    /// When its newest process was started; nothing for the first, which has long been up.
    started: Mutex<Option<Instant>>,
    clock: Mutex<Option<Arc<FakeClock>>>,
    meter: Mutex<Meter>,
    has_groups: AtomicBool,
    disk: Mutex<Option<Arc<FakeDisk>>>,
    journal: Journal,
}

/// A clock in the paused time of the runtime.
struct FakeClock {
    node: NodeId,
    begun: Instant,
    skews: Mutex<BTreeMap<u64, (Skew, Instant)>>,
    next: AtomicU64,
    journal: Journal,
}

#[derive(Default)]
struct FakeLinks {
    next: AtomicU64,
    /// Cuts drop nothing.
    idle: AtomicBool,
    /// They can be cut and nothing else.
    cuts_only: AtomicBool,
    journal: Journal,
}

impl FakeCluster {
    /// Three nodes, of which node 2 leads key 0 and node 3 key 1; node 1 is the active controller.
    pub fn new() -> Self {
        Self::of(3)
    }

    /// The same with this many nodes.
    pub fn of(nodes: NodeId) -> Self {
        let journal = Journal::default();
        let machine = |node| {
            Arc::new(FakeMachine {
                node,
                state: Mutex::new(Some('S')),
                started: Mutex::default(),
                clock: Mutex::new(Some(Arc::new(FakeClock {
                    node,
                    begun: Instant::now(),
                    skews: Mutex::default(),
                    next: AtomicU64::default(),
                    journal: journal.clone(),
                }))),
                meter: Mutex::new(Meter {
                    at: Instant::now(),
                    used: Duration::ZERO,
                    gets: Meter::WANTS,
                }),
                has_groups: AtomicBool::new(true),
                disk: Mutex::new(Some(Arc::new(FakeDisk::new(node, journal.clone())))),
                journal: journal.clone(),
            })
        };
        let fakes: Vec<_> = (1..=nodes).map(machine).collect();
        let view = ClusterView::default();
        for (key, leader) in [(0, 2), (1, 3)] {
            view.set_partition(key, partition(leader, vec![1, 2, 3]));
        }
        view.set_controller(1, 1);
        Self {
            machines: fakes
                .iter()
                .map(|fake| fake.clone() as Arc<dyn Machine>)
                .collect(),
            fakes,
            links: Some(Arc::new(FakeLinks {
                journal: journal.clone(),
                ..FakeLinks::default()
            })),
            releases: None,
            migration: None,
            admin: Some(Arc::new(FakeAdmin::new(journal.clone(), nodes))),
            quorum_is_dynamic: false,
            view,
            journal,
            answers_when_stopped: AtomicBool::default(),
            kill_fails: AtomicBool::default(),
            ends_by_itself: AtomicBool::new(true),
            files_on_disk: AtomicU64::new(3),
            recovers_for: Duration::from_millis(100),
            starts_that_fail: AtomicU64::default(),
            clocks_are_deaf: AtomicBool::default(),
            isr_after_nudge: Mutex::default(),
        }
    }

    /// Its nodes can run 3.9.2 and 4.4.0, and begin with this one, whose features are finalised.
    pub fn with_versions(mut self, version: &str) -> Self {
        self.releases = Some(Arc::new(FakeReleases {
            versions: Mutex::new((1..=3).map(|node| (node, version.to_owned())).collect()),
            finalised: Mutex::new(highest(version)),
            journal: self.journal.clone(),
        }));
        self
    }

    pub fn without_disks(self) -> Self {
        for fake in &self.fakes {
            *fake.disk.lock().expect("a disk") = None;
        }
        self
    }

    /// A node's disk.
    pub fn disk(&self, node: NodeId) -> Arc<FakeDisk> {
        let disk = self.fake(node).disk.lock().expect("a disk").clone();
        disk.expect("it has one")
    }

    pub fn without_links(mut self) -> Self {
        self.links = None;
        self
    }

    pub fn without_admin(mut self) -> Self {
        self.admin = None;
        self
    }

    pub fn without_groups(self) -> Self {
        for fake in &self.fakes {
            fake.has_groups.store(false, Relaxed);
        }
        self
    }

    pub fn with_a_dynamic_quorum(mut self) -> Self {
        self.quorum_is_dynamic = true;
        self
    }

    pub fn with_idle_links(self) -> Self {
        let links = self.links.as_ref().expect("links");
        links.idle.store(true, Relaxed);
        self
    }

    pub fn with_cuts_only(self) -> Self {
        let links = self.links.as_ref().expect("links");
        links.cuts_only.store(true, Relaxed);
        self
    }

    pub fn without_clocks(self) -> Self {
        for fake in &self.fakes {
            fake.clock.lock().expect("a clock").take();
        }
        self
    }

    pub fn with_unknown_leaders(mut self) -> Self {
        self.view = ClusterView::default();
        self
    }

    /// What was done, in order.
    pub fn journal(&self) -> Vec<String> {
        self.journal.lock().expect("the journal").clone()
    }

    /// What the observer says of a partition from now on.
    pub fn set_isr(&self, key: Key, leader: NodeId, isr: Vec<NodeId>) {
        self.view.set_partition(key, partition(leader, isr));
    }

    /// A partition has another leader in another epoch.
    pub fn elect(&self, key: Key, leader: NodeId, epoch: i32) {
        let elected = PartitionView {
            epoch,
            ..partition(leader, vec![1, 2, 3])
        };
        self.view.set_partition(key, elected);
    }

    /// Another controller is active.
    pub fn control(&self, node: NodeId, term: i32) {
        self.view.set_controller(node, term);
    }

    /// Nine nodes: three brokers, three controllers that do not run yet, and three of `ZooKeeper`.
    pub fn with_zookeeper() -> Self {
        let mut cluster = Self::of(9);
        for node in migration::CONTROLLERS {
            cluster.fake(node).set(None);
        }
        cluster.migration = Some(Arc::new(FakeMigration::new(cluster.journal.clone())));
        cluster
    }

    /// The nodes whose processes run.
    pub fn running(&self) -> Vec<NodeId> {
        let running = self.fakes.iter().filter(|fake| fake.state() == Some('S'));
        running.map(|fake| fake.node).collect()
    }

    /// Whether every node's process runs.
    pub fn all_run(&self) -> bool {
        self.fakes.iter().all(|fake| fake.state() == Some('S'))
    }

    fn fake(&self, node: NodeId) -> &FakeMachine {
        let found = self.fakes.iter().find(|fake| fake.node == node);
        found.expect("a node of the cluster")
    }

    /// A node's process is gone.
    fn end(&self, node: NodeId) {
        self.fake(node).set(None);
        if let Some(admin) = &self.admin {
            admin.fence(node);
        }
    }

    fn note(&self, text: String) {
        self.journal.lock().expect("the journal").push(text);
    }
}

pub fn partition(leader: NodeId, isr: Vec<NodeId>) -> PartitionView {
    PartitionView {
        leader: Some(leader),
        epoch: 1,
        isr,
        replicas: vec![1, 2, 3],
    }
}

#[async_trait]
impl Cluster for FakeCluster {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }
    fn links(&self) -> Option<Arc<dyn Links>> {
        self.links.clone().map(|links| links as Arc<dyn Links>)
    }
    fn releases(&self) -> Option<Arc<dyn Releases>> {
        self.releases
            .clone()
            .map(|releases| releases as Arc<dyn Releases>)
    }
    fn migration(&self) -> Option<Arc<dyn Migration>> {
        self.migration
            .clone()
            .map(|migration| migration as Arc<dyn Migration>)
    }
    fn controllers_alone(&self) -> Vec<NodeId> {
        self.migration
            .iter()
            .flat_map(|_| migration::CONTROLLERS)
            .collect()
    }
    fn zookeepers(&self) -> Vec<NodeId> {
        self.migration
            .iter()
            .flat_map(|_| migration::ZOOKEEPERS)
            .collect()
    }
    fn admin(&self) -> Option<Arc<dyn Admin>> {
        self.admin.clone().map(|admin| admin as Arc<dyn Admin>)
    }
    fn voters(&self) -> Option<Arc<dyn Voters>> {
        let admin = self.admin.clone().filter(|_| self.quorum_is_dynamic);
        admin.map(|admin| admin as Arc<dyn Voters>)
    }
    fn ports(&self) -> Ports {
        Ports {
            client: CLIENT_PORT,
            controller: 9093,
        }
    }
    fn bootstrap(&self) -> String {
        unreachable!("a nemesis is no client")
    }
    fn view(&self) -> &ClusterView {
        &self.view
    }
    async fn create_topics(&self, _: &[Topic], _: Duration) -> Result<()> {
        unreachable!("a nemesis makes no topics")
    }
    fn incarnation(&self, _: NodeId) -> u32 {
        0
    }
    async fn start_node(&self, node: NodeId) -> Result<()> {
        if self.starts_that_fail.load(Relaxed) > 0 {
            self.starts_that_fail.fetch_sub(1, Relaxed);
            self.note(format!("start {node} fails"));
            bail!("no memory");
        }
        self.note(format!("start {node}"));
        self.fake(node).set(Some('S'));
        *self.fake(node).started.lock().expect("a time") = Some(Instant::now());
        if let Some(admin) = &self.admin {
            admin.register(node);
        }
        Ok(())
    }
    async fn kill_node(&self, node: NodeId) -> Result<Exit> {
        if self.kill_fails.load(Relaxed) && node == 3 {
            bail!("no permission");
        }
        self.note(format!("kill {node}"));
        self.end(node);
        Ok(Exit {
            kind: ExitKind::Signal(9),
        })
    }
    async fn stop_node(&self, node: NodeId, _: Duration) -> Result<Exit> {
        self.note(format!("stop {node}"));
        self.end(node);
        let kind = if self.ends_by_itself.load(Relaxed) {
            ExitKind::Status(143)
        } else {
            ExitKind::Signal(9)
        };
        Ok(Exit { kind })
    }
    async fn wipe_node(&self, node: NodeId) -> Result<Wiped> {
        self.note(format!("wipe {node}"));
        Ok(Wiped {
            files: self.files_on_disk.load(Relaxed),
            bytes: 700,
            directory_before: "old".to_owned(),
            directory: "new".to_owned(),
        })
    }
    async fn recovery(&self, node: NodeId) -> Result<Recovery> {
        let started = *self.fake(node).started.lock().expect("a time");
        Ok(match started.map(|at| at.elapsed()) {
            Some(age) if age < RECOVERS_AFTER => Recovery::Before,
            Some(age) if age < RECOVERS_AFTER + self.recovers_for => Recovery::Underway,
            _ => Recovery::Over,
        })
    }
    async fn clock_reading(&self, node: NodeId) -> Result<ClockReading> {
        tokio::time::sleep(Duration::from_millis(4)).await;
        if self.fake(node).state() != Some('S') {
            bail!("nobody answers");
        }
        let off = match self.fake(node).clock() {
            Some(clock) if !self.clocks_are_deaf.load(Relaxed) => clock.offset(),
            _ => 0,
        };
        Ok(ClockReading {
            least: off - 1_000_000,
            most: off + 1_000_000,
        })
    }
    async fn answers(&self, node: NodeId, within: Duration) -> bool {
        let (state, started) = (
            self.fake(node).state(),
            *self.fake(node).started.lock().expect("a time"),
        );
        if matches!(state, Some('T' | 'F')) {
            tokio::time::sleep(within).await;
            return self.answers_when_stopped.load(Relaxed);
        }
        state.is_some() && started.is_none_or(|at| at.elapsed() >= SERVES_AFTER)
    }
    async fn nudge(&self, key: Key) -> Result<()> {
        self.note(format!("nudge {key}"));
        let after = self.isr_after_nudge.lock().expect("a setting").clone();
        if let Some((leader, isr)) = after {
            self.view.set_partition(key, partition(leader, isr));
        }
        Ok(())
    }
    async fn settled(&self) -> Result<Vec<Offset>> {
        unreachable!("a nemesis does not wait for that")
    }
    async fn replica_log(&self, _: NodeId, _: Key) -> Result<ReplicaLog> {
        unreachable!("a nemesis reads nothing")
    }
}

impl FakeMachine {
    fn set(&self, state: Option<char>) {
        *self.state.lock().expect("a state") = state;
    }

    fn state(&self) -> Option<char> {
        *self.state.lock().expect("a state")
    }
}

#[async_trait]
impl Machine for FakeMachine {
    fn node(&self) -> NodeId {
        self.node
    }
    fn host(&self) -> &'static str {
        "fake"
    }
    fn address(&self) -> Ipv4Addr {
        Ipv4Addr::LOCALHOST
    }
    fn side_address(&self) -> Ipv4Addr {
        Ipv4Addr::LOCALHOST
    }
    fn directory(&self) -> PathBuf {
        PathBuf::new()
    }
    fn clock(&self) -> Option<Arc<dyn WallClock>> {
        let clock = self.clock.lock().expect("a clock").clone();
        clock.map(|clock| clock as Arc<dyn WallClock>)
    }
    fn disk(&self) -> Option<Arc<dyn Disk>> {
        let disk = self.disk.lock().expect("a disk").clone();
        disk.map(|disk| disk as Arc<dyn Disk>)
    }
    async fn start(&self, _: &ProcessSpec) -> Result<()> {
        unreachable!("the cluster starts its nodes")
    }
    async fn signal(&self, signal: i32) -> Result<()> {
        self.journal
            .lock()
            .expect("the journal")
            .push(format!("signal {signal} to {}", self.node));
        self.feed(if signal == libc::SIGSTOP { 0 } else { Meter::WANTS });
        self.set(match signal {
            libc::SIGSTOP => Some('T'),
            libc::SIGCONT => Some('S'),
            other => bail!("signal {other} is not for a pause"),
        });
        Ok(())
    }
    async fn process_state(&self) -> Result<Option<char>> {
        Ok(self.state())
    }
    async fn exited(&self) -> Result<Exit> {
        unreachable!("killing waits in the cluster")
    }
    async fn cpu_time(&self) -> Result<Option<Duration>> {
        Ok(Some(self.meter.lock().expect("a meter").read()))
    }
    fn groups(&self) -> Option<&dyn Groups> {
        self.has_groups.load(Relaxed).then_some(self)
    }
}

/// A process that always wants half of a CPU, and what it got of it.
struct Meter {
    at: Instant,
    used: Duration,
    /// In per cent.
    gets: u32,
}

impl Meter {
    const WANTS: u32 = 50;

    fn read(&mut self) -> Duration {
        self.used += self.at.elapsed() * self.gets / 100;
        self.at = Instant::now();
        self.used
    }
}

impl FakeMachine {
    /// What it gets from now on.
    fn feed(&self, percent: u32) {
        let mut meter = self.meter.lock().expect("a meter");
        meter.read();
        meter.gets = percent;
    }

    fn note(&self, text: String) {
        self.journal.lock().expect("the journal").push(text);
    }
}

#[async_trait]
impl Groups for FakeMachine {
    fn can_freeze(&self) -> bool {
        true
    }
    fn can_limit_cpu(&self) -> bool {
        true
    }
    async fn freeze(&self) -> Result<()> {
        self.note(format!("freeze {}", self.node));
        self.set(Some('F'));
        self.feed(0);
        Ok(())
    }
    async fn thaw(&self) -> Result<()> {
        self.note(format!("thaw {}", self.node));
        self.set(Some('S'));
        self.feed(Meter::WANTS);
        Ok(())
    }
    async fn limit_cpu(&self, percent: u32) -> Result<()> {
        self.note(format!("limit {} to {percent}", self.node));
        self.feed(percent.min(Meter::WANTS));
        Ok(())
    }
    async fn unlimit_cpu(&self) -> Result<()> {
        self.note(format!("unlimit {}", self.node));
        self.feed(Meter::WANTS);
        Ok(())
    }
    async fn held(&self) -> Result<Held> {
        let held_back = self.meter.lock().expect("a meter").gets < Meter::WANTS;
        Ok(Held {
            frozen: self.state() == Some('F'),
            throttled_periods: u64::from(held_back) * 30,
            throttled: Duration::from_secs(1) * u32::from(held_back),
        })
    }
}

impl WallClock for FakeClock {
    fn skew(&self, skew: Skew) -> Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let text = format!("skew {} of {}: {skew:?}", id, self.node);
        self.journal.lock().expect("the journal").push(text);
        let skews = &mut self.skews.lock().expect("the skews");
        skews.insert(id, (skew, Instant::now()));
        Ok(id)
    }
    fn restore(&self, id: u64) {
        let text = format!(
            "restore {id} of {} at {} s",
            self.node,
            self.begun.elapsed().as_secs()
        );
        self.journal.lock().expect("the journal").push(text);
        self.skews.lock().expect("the skews").remove(&id);
    }
    fn offset(&self) -> i64 {
        let skews = self.skews.lock().expect("the skews");
        let off = |(skew, since): &(Skew, Instant)| match *skew {
            Skew::Jump { nanoseconds } => nanoseconds,
            Skew::Drift { ppm } => since.elapsed().as_micros() as i64 * ppm / 1000,
            Skew::Strobe { period, nanoseconds } => {
                let periods = since.elapsed().as_nanos() / period.as_nanos();
                if periods.is_multiple_of(2) { nanoseconds } else { 0 }
            }
        };
        skews.values().map(off).sum()
    }
}

impl Links for FakeLinks {
    fn cut(&self, cuts: &[Cut]) -> Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let cuts: Vec<_> = cuts.iter().map(describe).collect();
        self.journal
            .lock()
            .expect("the journal")
            .push(format!("cut {id}: {}", cuts.join(" ")));
        Ok(id)
    }
    fn can_shape(&self) -> bool {
        !self.cuts_only.load(Relaxed)
    }
    fn shape(&self, rules: &[LinkRule], seed: u64) -> Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let effect = rules
            .first()
            .map(|rule| rule.effect.to_string())
            .unwrap_or_default();
        let ways = rules.iter().map(|rule| {
            let service = rule.service.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}>{}{service}", place(rule.from), place(rule.to))
        });
        let ways = ways.collect::<Vec<_>>().join(" ");
        let text = format!("{effect} {id} by {seed}: {ways}");
        self.journal.lock().expect("the journal").push(text);
        Ok(id)
    }
    /// Everything that a switch can do to 12 frames, so that each fault has to look at what is its own.
    fn report(&self, _: u64) -> Deeds {
        if self.idle.load(Relaxed) {
            return Deeds::default();
        }
        let counters = |frames| Counters {
            frames,
            bytes: frames * 100,
        };
        let waits = |milliseconds: u64| Waits {
            frames: 4,
            total: Duration::from_millis(milliseconds * 4),
            longest: Duration::from_millis(milliseconds * 2),
        };
        Deeds {
            seen: counters(40),
            dropped: counters(12),
            delayed: waits(20),
            throttled: waits(30),
            overflowed: counters(1),
            duplicated: counters(2),
            reordered: counters(3),
            corrupted: counters(5),
            released: counters(0),
            downs: 6,
        }
    }
    fn heal(&self, id: u64) -> Deeds {
        self.journal
            .lock()
            .expect("the journal")
            .push(format!("heal {id}"));
        self.report(id)
    }
}

fn place(place: Place) -> String {
    match place {
        Place::Node(node) => node.to_string(),
        Place::Clients => "c".to_owned(),
    }
}

/// A cut as `1>2`, `c>2`, `1>2:9092` (to the port) or `1:9092>2` (from the port).
fn describe(cut: &Cut) -> String {
    let port = |port: Option<u16>| port.map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}{}>{}{}",
        place(cut.from),
        port(cut.source_port),
        place(cut.to),
        port(cut.destination_port)
    )
}

/// A schedule carried out against a fake cluster.
pub struct Trial {
    pub cluster: Arc<FakeCluster>,
    pub recorder: Arc<MemoryRecorder>,
    pub in_force: InForce,
    pub stop: CancellationToken,
    nemesis: Nemesis,
}

impl Trial {
    pub fn new(cluster: FakeCluster) -> Self {
        let cluster = Arc::new(cluster);
        let recorder = Arc::new(MemoryRecorder::default());
        let topics = [Topic {
            name: "log".to_owned(),
            partitions: 2,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_election: false,
            config: BTreeMap::new(),
        }];
        let nemesis = Nemesis::new(cluster.clone(), &topics, recorder.clone() as Arc<dyn Recorder>);
        Self {
            cluster,
            recorder,
            in_force: nemesis.in_force(),
            stop: CancellationToken::new(),
            nemesis,
        }
    }

    /// The same, kept to limits.
    pub fn within(mut self, limits: FaultLimits) -> Self {
        self.nemesis = self.nemesis.within(limits);
        self
    }

    /// Runs the steps of a plan, and gives what was done, what was recorded and the count.
    pub async fn run(self, plan: &str) -> (Vec<String>, Vec<String>, Tally) {
        let nodes = (self.cluster.as_ref() as &dyn Cluster).nodes();
        let tally = self.nemesis.run(steps_for(plan, &nodes), self.stop).await;
        let recorded = self.recorder.events().into_iter().map(|event| match event.what {
            What::Fault(fault) => line(&fault),
            What::Deletion(deletion) => deletion_line(&deletion),
            other => panic!("no fault: {other:?}"),
        });
        (self.cluster.journal(), recorded.collect(), tally)
    }
}

/// The resolved steps of a plan's `steps = […]`.
pub fn steps(plan: &str) -> Vec<Step> {
    steps_for(plan, &[1, 2, 3])
}

fn steps_for(plan: &str, nodes: &[NodeId]) -> Vec<Step> {
    let config: nemesis::NemesisConfig = toml::from_str(plan).expect("a plan");
    config.resolve(1, nodes, 2).expect("steps that fit the cluster")
}

/// A deletion's event as one line: `deletion of 0 below 7: Asking`.
fn deletion_line(deletion: &Deletion) -> String {
    let step = match &deletion.step {
        DeletionStep::Asking => "asking".to_owned(),
        DeletionStep::Done { low_watermark } => format!("done, low watermark {low_watermark}"),
        DeletionStep::Refused { reason } => format!("refused: {reason}"),
        DeletionStep::Unknown { reason } => format!("unknown: {reason}"),
    };
    format!("deletion of {} below {}: {step}", deletion.key, deletion.below)
}

/// A fault's event as one line: `0 kill [2] injected`.
fn line(fault: &Fault) -> String {
    let step = match &fault.step {
        FaultStep::Injecting => format!("injecting: {}", fault.detail),
        FaultStep::Injected => "injected".to_owned(),
        FaultStep::Healing => "healing".to_owned(),
        FaultStep::Healed { bit: true, evidence } => format!("bit: {evidence}"),
        FaultStep::Healed { bit: false, evidence } => format!("did not bite: {evidence}"),
        FaultStep::Skipped { reason } => format!("skipped: {}: {reason}", fault.detail),
        FaultStep::Failed { error } => format!("failed: {error}"),
    };
    format!("{} {} {:?} {step}", fault.id, fault.kind, fault.nodes)
}
