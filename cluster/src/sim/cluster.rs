//! A simulated cluster behind the same trait as a real one.
//!
//! Its time is that of the tokio runtime it lives in: where that is paused, as `--broker sim` has it, half a minute
//! passes in a fraction of a second. A task lets the [`World`] follow the runtime's clock a millisecond at a time;
//! everybody's events carry the world's time.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use async_trait::async_trait;
use history::{Key, Moment, NodeId, Offset, Probe, Recorder, Topic, Undecided, What};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::message::Happening;
use super::settings::Settings;
use super::world::{CLIENT_PORT, CONTROLLER_PORT, World};
use crate::Deeds;
use crate::cluster::{Cluster, Ports, ReplicaLog};
use crate::environment::{Cut, Exit, ExitKind, Links, Machine, ProcessSpec};
use crate::view::{ClusterView, PartitionView};

/// How far the world's clock may be behind the runtime's.
const STEP: Duration = Duration::from_millis(1);

/// Takes what is to be written down, with its time.
pub trait Sink {
    /// Takes one event. Times never go back.
    fn take(&mut self, time: u64, what: What);
}

/// The clients of a simulated cluster.
pub trait Guests: Send {
    /// An answer came, or a timer went off.
    fn happened(&mut self, world: &mut World, happening: Happening, sink: &mut dyn Sink);
}

/// The clock of a simulated cluster, for the recorder. Its clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    /// The time, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn set(&self, time: u64) {
        self.0.fetch_max(time, Relaxed);
    }
}

/// A simulated cluster.
pub struct SimCluster {
    court: Arc<Court>,
    machines: Vec<Arc<dyn Machine>>,
    driver: JoinHandle<()>,
}

/// What cluster, machines and links share.
struct Court {
    state: Mutex<State>,
    view: ClusterView,
    clock: VirtualClock,
    recorder: Arc<dyn Recorder>,
}

struct State {
    world: World,
    guests: Option<Box<dyn Guests>>,
}

impl SimCluster {
    /// Brings a cluster up in the runtime that this is called in. The recorder's time must be the clock's.
    pub fn launch(settings: Settings, recorder: Arc<dyn Recorder>, clock: VirtualClock) -> Arc<Self> {
        let world = World::new(settings);
        let ids = world.ids();
        let court = Arc::new(Court {
            state: Mutex::new(State { world, guests: None }),
            view: ClusterView::default(),
            clock,
            recorder,
        });
        let machine = |id| {
            let court = Arc::clone(&court);
            Arc::new(SimMachine { id, court }) as Arc<dyn Machine>
        };
        let machines = ids.into_iter().map(machine).collect();
        let driver = tokio::spawn(drive(Arc::clone(&court)));
        Arc::new(Self {
            court,
            machines,
            driver,
        })
    }

    /// Hands what concerns clients to these from now on.
    pub fn invite(&self, guests: Box<dyn Guests>) {
        self.court.lock().guests = Some(guests);
    }

    /// Does something in the world, now.
    pub fn with<T>(&self, act: impl FnOnce(&mut World, &mut dyn Sink) -> T) -> T {
        self.court.with(act)
    }

    /// Ends the observation, copies every disk, and lets no more time pass.
    pub fn shut_down(&self) {
        self.court.with(|world, sink| {
            world.stop_observing();
            world.copy_disks(&world.ids(), &Moment::AtTheEnd, sink);
        });
        self.driver.abort();
    }
}

impl Drop for SimCluster {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive(court: Arc<Court>) {
    let begun = Instant::now();
    loop {
        sleep(STEP).await;
        court.advance(begun.elapsed().as_nanos() as u64);
    }
}

impl Court {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, until: u64) {
        let State { world, guests } = &mut *self.lock();
        let mut scribe = Scribe {
            court: self,
            replicas: Vec::new(),
        };
        while let Some(happening) = world.next(until) {
            match (happening, guests.as_mut()) {
                (Happening::Seen(what), _) => {
                    scribe.know_replicas(world, &what);
                    scribe.take(world.now(), what);
                }
                (happening, Some(guests)) => guests.happened(world, happening, &mut scribe),
                (_, None) => {}
            }
        }
        self.clock.set(world.now());
    }

    fn with<T>(&self, act: impl FnOnce(&mut World, &mut dyn Sink) -> T) -> T {
        let now = {
            let State { world, .. } = &mut *self.lock();
            world.now()
        };
        let done = {
            let State { world, .. } = &mut *self.lock();
            let mut scribe = Scribe {
                court: self,
                replicas: Vec::new(),
            };
            act(world, &mut scribe)
        };
        // What that made happen at once is written down before anything else.
        self.advance(now);
        done
    }
}

/// Writes events down with the world's time, and keeps the view up to date.
struct Scribe<'c> {
    court: &'c Court,
    /// By key, where the event at hand speaks of it.
    replicas: Vec<Vec<NodeId>>,
}

impl Scribe<'_> {
    fn know_replicas(&mut self, world: &World, what: &What) {
        let speaks =
            matches!(what, What::Observed(observed) if matches!(observed.answer, Probe::Metadata(_)));
        if speaks && self.replicas.is_empty() {
            self.replicas = (0..world.keys()).map(|key| world.replicas_of(key)).collect();
        }
    }

    fn look(&self, what: &What) {
        let What::Observed(observed) = what else { return };
        match &observed.answer {
            Probe::Metadata(metadata) => {
                for claim in &metadata.claims {
                    let replicas = self.replicas.get(claim.key as usize);
                    let view = PartitionView {
                        leader: claim.leader,
                        epoch: claim.epoch,
                        isr: claim.isr.clone(),
                        replicas: replicas.cloned().unwrap_or_default(),
                    };
                    self.court.view.set_partition(claim.key, view);
                }
            }
            Probe::Quorum(quorum) => self.court.view.set_controller(quorum.leader, quorum.epoch),
            _ => {}
        }
    }
}

impl Sink for Scribe<'_> {
    fn take(&mut self, time: u64, what: What) {
        self.look(&what);
        self.court.clock.set(time);
        self.court.recorder.record(what);
    }
}

#[async_trait]
impl Cluster for SimCluster {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        Some(Arc::new(SimLinks(Arc::clone(&self.court))))
    }

    fn ports(&self) -> Ports {
        Ports {
            client: CLIENT_PORT,
            controller: CONTROLLER_PORT,
        }
    }

    fn bootstrap(&self) -> String {
        "simulated".to_owned()
    }

    fn view(&self) -> &ClusterView {
        &self.court.view
    }

    /// They are there from the start; this waits until the observer has seen their leaders.
    async fn create_topics(&self, _topics: &[Topic], within: Duration) -> Result<()> {
        let until = Instant::now() + within;
        let keys = self.with(|world, _| world.keys());
        while Instant::now() < until {
            let seen = self.view().partitions();
            let led = seen.values().filter(|partition| partition.leader.is_some());
            if led.count() == keys as usize && self.view().controller().is_some() {
                return Ok(());
            }
            sleep(STEP).await;
        }
        bail!("see who leads within {within:?}")
    }

    fn incarnation(&self, node: NodeId) -> u32 {
        self.with(|world, _| world.incarnation(node))
    }

    async fn start_node(&self, node: NodeId) -> Result<()> {
        if self.with(|world, _| world.start(node)) {
            return Ok(());
        }
        bail!("start node {node}: it runs")
    }

    async fn kill_node(&self, node: NodeId) -> Result<Exit> {
        self.with(|world, _| world.kill(node));
        Ok(Exit {
            kind: ExitKind::Signal(libc::SIGKILL),
        })
    }

    async fn stop_node(&self, node: NodeId, _within: Duration) -> Result<Exit> {
        self.with(|world, _| world.stop(node));
        Ok(Exit {
            kind: ExitKind::Status(128 + libc::SIGTERM),
        })
    }

    async fn keep(&self, nodes: &[NodeId], moment: Moment) {
        self.with(|world, sink| world.copy_disks(nodes, &moment, sink));
    }

    async fn answers(&self, node: NodeId, within: Duration) -> bool {
        if !self.with(|world, _| world.answers(node)) {
            sleep(within).await;
        }
        self.with(|world, _| world.answers(node))
    }

    async fn nudge(&self, key: Key) -> Result<()> {
        self.with(|world, _| world.nudge(key))
            .map_err(|error| anyhow!(error))
    }

    async fn settled(&self) -> Result<Vec<Offset>> {
        self.with(|world, _| world.settled())
            .map_err(|error| anyhow!(error))
    }

    async fn undecided(&self, key: Key) -> Result<Option<(NodeId, Undecided)>> {
        Ok(self.with(|world, _| world.undecided(key)))
    }

    async fn replica_log(&self, node: NodeId, key: Key) -> Result<ReplicaLog> {
        let log = self.with(|world, _| world.replica_log(node, key));
        log.map_err(|error| anyhow!(error))
    }
}

/// The links of a simulated cluster.
struct SimLinks(Arc<Court>);

impl Links for SimLinks {
    fn cut(&self, cuts: &[Cut]) -> Result<u64> {
        Ok(self.0.with(|world, _| world.cut(cuts)))
    }

    fn report(&self, id: u64) -> Deeds {
        self.0.with(|world, _| world.cut_report(id))
    }

    fn heal(&self, id: u64) -> Deeds {
        self.0.with(|world, _| world.heal(id))
    }
}

/// A machine of a simulated cluster: a process that can be signalled, and nothing else.
struct SimMachine {
    id: NodeId,
    court: Arc<Court>,
}

#[async_trait]
impl Machine for SimMachine {
    fn node(&self) -> NodeId {
        self.id
    }

    fn host(&self) -> &'static str {
        "simulated"
    }

    fn address(&self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }

    fn side_address(&self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }

    fn directory(&self) -> PathBuf {
        PathBuf::new()
    }

    async fn start(&self, _spec: &ProcessSpec) -> Result<()> {
        bail!("run a program: node {} is simulated", self.id)
    }

    async fn signal(&self, signal: i32) -> Result<()> {
        let id = self.id;
        let known = self.court.with(|world, _| match signal {
            libc::SIGSTOP => world.pause(id),
            libc::SIGCONT => {
                world.resume(id);
                true
            }
            libc::SIGKILL => world.kill(id),
            libc::SIGTERM => world.stop(id),
            _ => false,
        });
        if known {
            return Ok(());
        }
        bail!("signal {signal} to node {id}: no process takes it")
    }

    async fn process_state(&self) -> Result<Option<char>> {
        Ok(self.court.with(|world, _| world.process_state(self.id)))
    }

    async fn exited(&self) -> Result<Exit> {
        while self.court.with(|world, _| world.process_state(self.id)).is_some() {
            sleep(STEP).await;
        }
        Ok(Exit {
            kind: ExitKind::Signal(libc::SIGKILL),
        })
    }
}
