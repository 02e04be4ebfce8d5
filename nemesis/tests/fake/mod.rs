//! A cluster that is nothing but state: it does what a fault asks for and remembers it.

mod admin;
mod disk;
mod links;
mod machine;
mod migration;
mod releases;
mod trial;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{
    Admin, ClockReading, Cluster, ClusterView, Exit, ExitKind, Links, Machine, Migration, PartitionView,
    Ports, Recovery, Releases, ReplicaLog, Voters, Wiped,
};
pub use disk::FakeDisk;
use history::{Key, NodeId, Offset, Topic};
use tokio::time::Instant;

pub use admin::FakeAdmin;
use links::FakeLinks;
use machine::{FakeClock, FakeMachine, Meter};
pub use migration::FakeMigration;
pub use releases::FakeReleases;
use releases::highest;
pub use trial::{Trial, steps};

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
