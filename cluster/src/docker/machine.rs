//! A container as a machine.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use bollard::models::ContainerUpdateBody;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt as _;
use history::NodeId;
use sandbox::ProcessState;
use tokio::sync::watch;

use super::agent::Agent;
use super::engine::Engine;
use super::inside::Inside;
use crate::ending::{End, ended, is_running};
use crate::filter::Shell;
use crate::sandbox::NodeClock;
use crate::{Exit, ExitKind, Groups, Held, Machine, ProcessSpec, WallClock};

/// The environment of each process, beside its own.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The period in which CPU time is counted out, in microseconds.
const PERIOD_US: i64 = 100_000;
/// How a container is given all that it wants of it.
const NO_QUOTA: i64 = -1;

/// A container, and the one process in it that counts.
pub(super) struct DockerMachine {
    pub(super) node: NodeId,
    pub(super) host: String,
    pub(super) address: Ipv4Addr,
    pub(super) side_address: Ipv4Addr,
    pub(super) directory: PathBuf,
    /// The container's name for the engine.
    pub(super) container: String,
    /// Its network, where this host can enter it and see its processes.
    pub(super) inside: Option<Arc<Inside>>,
    /// The agent's process, by its number on this host; nothing where the engine does not say.
    pub(super) agent_pid: Option<u32>,
    pub(super) engine: Arc<Engine>,
    pub(super) agent: Arc<Agent>,
    pub(super) clock: Option<Arc<sandbox::Clock>>,
    pub(super) newest: Mutex<Option<Newest>>,
    /// Whether the container stands still, with its agent.
    pub(super) frozen: AtomicBool,
    /// Whether the engine can change what a container may have.
    pub(super) limits_cpu: bool,
}

/// Runs tools in a container's network: from this host where it may enter there, else by the agent.
pub(super) struct ContainerShell {
    pub(super) agent: Arc<Agent>,
    pub(super) inside: Option<Arc<Inside>>,
}

impl Shell for ContainerShell {
    fn run(&self, command: &[&str], input: &str) -> Result<String> {
        match &self.inside {
            Some(inside) => inside.run(command, input)?,
            None => self.agent.run(command, input)?,
        }
        .printed()
    }
}

/// The newest process.
pub(super) struct Newest {
    /// Its number inside of the container.
    pid: u32,
    exit: End,
}

impl DockerMachine {
    fn newest(&self) -> MutexGuard<'_, Option<Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the process that runs, inside of the container.
    fn running(&self) -> Option<u32> {
        let newest = self.newest();
        newest
            .as_ref()
            .filter(|newest| is_running(&newest.exit))
            .map(|newest| newest.pid)
    }

    fn must_run(&self, what: &str) -> Result<u32> {
        self.running()
            .with_context(|| format!("{what} node {}: no process runs", self.node))
    }

    /// What the kernel says of the process. A container that stands still cannot be asked, but this host sees into it.
    async fn look(&self) -> Result<Option<ProcessState>> {
        let Some(pid) = self.running() else {
            return Ok(None);
        };
        if self.frozen.load(Ordering::SeqCst) {
            let state = self.agent_pid.and_then(|agent| state_inside(agent, pid));
            return state
                .map(Some)
                .with_context(|| format!("look at node {}: its container stands still", self.node));
        }
        let agent = Arc::clone(&self.agent);
        let state = blocking(move || agent.state()).await?;
        Ok(state.filter(|process| !matches!(process.state, 'Z' | 'X')))
    }

    /// Lets the container go on, if it stands still.
    fn unpause(&self) -> Result<()> {
        if !self.frozen.load(Ordering::SeqCst) {
            return Ok(());
        }
        let container = self.container.clone();
        self.engine
            .block(|docker| async move { Ok(docker.unpause_container(&container).await?) })
            .with_context(|| format!("let the container of node {} go on", self.node))?;
        self.frozen.store(false, Ordering::SeqCst);
        Ok(())
    }

    async fn update(&self, quota: i64) -> Result<()> {
        let container = self.container.clone();
        let update = |docker: bollard::Docker| async move { set_quota(&docker, &container, quota).await };
        let done = self.engine.run(update).await;
        done.with_context(|| format!("hold down the CPU time of node {}", self.node))
    }
}

/// Whether an engine changes what a container may have, which Podman 4.3 does not. Tried with what is so already.
pub(super) fn limits_cpu(engine: &Engine, container: &str) -> bool {
    let container = container.to_owned();
    engine
        .block(|docker| async move { set_quota(&docker, &container, NO_QUOTA).await })
        .is_ok()
}

async fn set_quota(docker: &bollard::Docker, container: &str, quota: i64) -> Result<()> {
    let limits = ContainerUpdateBody {
        cpu_period: Some(PERIOD_US),
        cpu_quota: Some(quota),
        ..ContainerUpdateBody::default()
    };
    Ok(docker.update_container(container, limits).await?)
}

#[async_trait]
impl Machine for Arc<DockerMachine> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn address(&self) -> Ipv4Addr {
        self.address
    }

    fn side_address(&self) -> Ipv4Addr {
        self.side_address
    }

    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    fn clock(&self) -> Option<Arc<dyn WallClock>> {
        let clock = Arc::clone(self.clock.as_ref()?);
        Some(Arc::new(NodeClock(clock)))
    }

    fn clock_environment(&self, directory: &Path) -> Vec<(String, String)> {
        let clock = self.clock.as_ref();
        clock.map_or_else(Vec::new, |clock| clock.environment(directory))
    }

    async fn start(&self, spec: &ProcessSpec) -> Result<()> {
        if self.running().is_some() {
            bail!("start a process on node {}: one is running", self.node);
        }
        let mut environment = vec![
            ("PATH".to_owned(), PATH.to_owned()),
            ("HOME".to_owned(), self.directory.display().to_string()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        environment.extend(spec.environment.iter().cloned());
        // It is this user's, whoever the container runs as.
        let output = fs::File::options().create(true).append(true).open(&spec.output);
        output.with_context(|| format!("open {}", spec.output.display()))?;
        let (machine, spec) = (Arc::clone(self), spec.clone());
        let start = move || {
            machine.unpause()?;
            machine.agent.start(&spec, &environment)
        };
        let pid = blocking(start)
            .await
            .with_context(|| format!("start a process on node {}", self.node))?;
        *self.newest() = Some(Newest {
            pid,
            exit: watch_end(Arc::clone(&self.agent)),
        });
        Ok(())
    }

    async fn signal(&self, signal: i32) -> Result<()> {
        self.must_run("signal")?;
        let machine = Arc::clone(self);
        let send = move || {
            // Only what kills reaches a frozen process; for that it has to thaw with its whole container, and the signal
            // waits there before that.
            if machine.frozen.load(Ordering::SeqCst) && signal == libc::SIGKILL {
                machine.agent.signal_while(signal, || machine.unpause())
            } else {
                machine.agent.signal(signal)
            }
        };
        let done = blocking(send).await;
        done.with_context(|| format!("signal node {}", self.node))
    }

    async fn process_state(&self) -> Result<Option<char>> {
        Ok(self.look().await?.map(|process| process.state))
    }

    async fn exited(&self) -> Result<Exit> {
        let newest = self.newest().as_ref().map(|newest| newest.exit.clone());
        ended(newest, || {
            format!("watch node {}: its container is gone", self.node)
        })
        .await
    }

    async fn cpu_time(&self) -> Result<Option<Duration>> {
        Ok(self.look().await?.map(|process| process.cpu))
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

#[async_trait]
impl Groups for Arc<DockerMachine> {
    /// A container that stands still takes no rules for its links by itself: cuts have to be possible from this host.
    fn can_freeze(&self) -> bool {
        self.inside.is_some()
    }

    fn can_limit_cpu(&self) -> bool {
        self.limits_cpu
    }

    async fn freeze(&self) -> Result<()> {
        self.must_run("freeze")?;
        let container = self.container.clone();
        // From here on nobody asks the agent, which may stand still at any moment.
        self.frozen.store(true, Ordering::SeqCst);
        let pause = |docker: bollard::Docker| async move { Ok(docker.pause_container(&container).await?) };
        let paused = self.engine.run(pause).await;
        if paused.is_err() {
            self.frozen.store(false, Ordering::SeqCst);
        }
        paused.with_context(|| format!("pause the container of node {}", self.node))
    }

    async fn thaw(&self) -> Result<()> {
        let machine = Arc::clone(self);
        blocking(move || machine.unpause()).await
    }

    async fn limit_cpu(&self, percent: u32) -> Result<()> {
        self.must_run("limit the CPU time of")?;
        self.update(PERIOD_US * i64::from(percent) / 100).await
    }

    async fn unlimit_cpu(&self) -> Result<()> {
        self.update(NO_QUOTA).await
    }

    async fn held(&self) -> Result<Held> {
        let container = self.container.clone();
        let ask = |docker: bollard::Docker| async move {
            let found = docker.inspect_container(&container, None).await?.state;
            let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
            let mut answers = Box::pin(docker.stats(&container, Some(options)));
            let counted = answers.next().await.context("it says nothing")??;
            let throttled = counted
                .cpu_stats
                .and_then(|cpu| cpu.throttling_data)
                .unwrap_or_default();
            Ok(Held {
                frozen: found.and_then(|state| state.paused).unwrap_or(false),
                throttled_periods: throttled.throttled_periods.unwrap_or(0),
                throttled: Duration::from_nanos(throttled.throttled_time.unwrap_or(0)),
            })
        };
        let held = self.engine.run(ask).await;
        held.with_context(|| format!("ask how the container of node {} is held", self.node))
    }
}

/// Asks what takes milliseconds off the threads that must not wait.
async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let answer = tokio::task::spawn_blocking(ask).await;
    answer.context("ask a node's container: a bug in Tribunal (panic)")?
}

/// Waits for the end of the process that was just started, on a thread of its own. A container that ends takes its
/// process with it: as a machine that loses its power does.
fn watch_end(agent: Arc<Agent>) -> End {
    let (ended, exit) = watch::channel(None);
    std::thread::spawn(move || {
        let kind = agent.wait().unwrap_or(ExitKind::Signal(libc::SIGKILL));
        ended.send_replace(Some(Exit { kind }));
    });
    exit
}

/// What the kernel of this host says of a process inside of a container: a child of the agent, whose number there is this.
fn state_inside(agent: u32, pid: u32) -> Option<ProcessState> {
    let children = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().last()?.parse::<u32>().ok()
        };
        (field("PPid:")? == agent && field("NSpid:")? == pid).then(|| entry.path())
    });
    let process = children.into_iter().next()?;
    ProcessState::of_stat(&fs::read_to_string(process.join("stat")).ok()?)
}
