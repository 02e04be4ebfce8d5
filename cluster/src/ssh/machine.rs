//! A host as a machine.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::NodeId;
use tokio::sync::watch;

use super::agent::Line;
use super::mirror::Mirror;
use crate::ending::{End, ended, is_running};
use crate::{Exit, ExitKind, Machine, ProcessSpec};

/// The environment of each process, beside its own.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The archive of classes holds for files of this machine alone: their names, lengths and times.
const ARCHIVE: &str = "-XX:SharedArchiveFile=";
/// How long whoever watches rests while nothing runs.
const REST: Duration = Duration::from_millis(200);

/// Told when a host is lost whole.
pub(super) type OnLoss = Arc<Mutex<Option<Box<dyn Fn(NodeId) + Send>>>>;

/// A host, and the one process on it that counts.
pub(super) struct SshMachine {
    pub(super) node: NodeId,
    /// The host name of the node.
    pub(super) host: String,
    pub(super) address: Ipv4Addr,
    pub(super) side_address: Ipv4Addr,
    /// Where its files are here.
    pub(super) directory: PathBuf,
    /// The Java there.
    pub(super) java: String,
    pub(super) line: Arc<Line>,
    pub(super) mirror: Arc<Mirror>,
    pub(super) newest: Arc<Mutex<Option<Newest>>>,
}

/// The newest process.
pub(super) struct Newest {
    /// Its number there.
    pid: u32,
    ended: watch::Sender<Option<Exit>>,
    exit: End,
}

impl SshMachine {
    fn newest(&self) -> MutexGuard<'_, Option<Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self) -> bool {
        self.newest()
            .as_ref()
            .is_some_and(|newest| is_running(&newest.exit))
    }

    /// What is to be started, with the paths of the host.
    fn there(&self, spec: &ProcessSpec) -> ProcessSpec {
        let paths = &self.mirror.paths;
        let words = spec.command.iter().filter(|word| !word.starts_with(ARCHIVE));
        let mut command: Vec<String> = words.map(|word| paths.there(word)).collect();
        if let Some(program) = command.first_mut()
            && Path::new(program).file_name().is_some_and(|name| name == "java")
        {
            program.clone_from(&self.java);
        }
        let environment = spec.environment.iter();
        ProcessSpec {
            command,
            environment: environment
                .map(|(name, value)| (name.clone(), paths.there(value)))
                .collect(),
            directory: paths.path(&spec.directory).into(),
            output: paths.path(&spec.output).into(),
        }
    }

    async fn look(&self) -> Result<Option<sandbox::ProcessState>> {
        if !self.is_running() {
            return Ok(None);
        }
        let line = Arc::clone(&self.line);
        let state = blocking(move || line.state()).await?;
        Ok(state.filter(|process| !matches!(process.state, 'Z' | 'X')))
    }
}

#[async_trait]
impl Machine for Arc<SshMachine> {
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

    async fn publish(&self, path: &Path) -> Result<()> {
        let (machine, path) = (Arc::clone(self), path.to_owned());
        let published = blocking(move || machine.mirror.publish(&path)).await;
        published.with_context(|| format!("copy files to node {}", self.node))
    }

    async fn fetch(&self, path: &Path) -> Result<()> {
        let (machine, path) = (Arc::clone(self), path.to_owned());
        let fetched = blocking(move || machine.mirror.fetch(&path)).await;
        fetched.with_context(|| format!("fetch files from node {}", self.node))
    }

    async fn start(&self, spec: &ProcessSpec) -> Result<()> {
        if self.is_running() {
            bail!("start a process on node {}: one is running", self.node);
        }
        let spec = self.there(spec);
        let mut environment = vec![
            ("PATH".to_owned(), PATH.to_owned()),
            ("HOME".to_owned(), spec.directory.display().to_string()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        environment.extend(spec.environment.iter().cloned());
        let machine = Arc::clone(self);
        let start = move || {
            // Its log, and the directory for what is temporary, belong to the user that it runs as.
            let root = spec.directory.display();
            machine
                .mirror
                .put(&spec.output.display().to_string(), 0, 0o644, &[])?;
            machine.line.ask(&["directory", &format!("{root}/tmp")])?;
            // Held until its number is known: its end may be told before.
            let mut newest = machine.newest();
            let pid = machine.line.start(&spec, &environment)?;
            let (ended, exit) = watch::channel(None);
            *newest = Some(Newest { pid, ended, exit });
            Ok(())
        };
        blocking(start)
            .await
            .with_context(|| format!("start a process on node {}", self.node))
    }

    async fn signal(&self, signal: i32) -> Result<()> {
        if !self.is_running() {
            bail!("signal node {}: no process runs", self.node);
        }
        let line = Arc::clone(&self.line);
        let sent = blocking(move || line.signal(signal)).await;
        sent.with_context(|| format!("signal node {}", self.node))
    }

    async fn process_state(&self) -> Result<Option<char>> {
        Ok(self.look().await?.map(|process| process.state))
    }

    async fn exited(&self) -> Result<Exit> {
        let newest = self.newest().as_ref().map(|newest| newest.exit.clone());
        ended(newest, || format!("watch node {}: its host is lost", self.node)).await
    }

    async fn cpu_time(&self) -> Result<Option<Duration>> {
        Ok(self.look().await?.map(|process| process.cpu))
    }
}

/// Watches a host on a thread of its own: tells the end of its process, and is heard by its agent.
pub(super) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn start(line: Line, machine: &SshMachine, lost: OnLoss) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, newest, node) = (Arc::clone(&stop), Arc::clone(&machine.newest), machine.node);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                let seen = line.watch();
                let is_lost = seen.is_err() && !stopped.load(Ordering::SeqCst);
                let ended = match seen {
                    Ok((pid, end)) => end.map(|kind| (Some(pid), kind)),
                    // With the agent its process has ended: as a machine that loses its power takes it along.
                    Err(_) => Some((None, ExitKind::Signal(libc::SIGKILL))),
                };
                if let Some((pid, kind)) = ended {
                    tell(&newest, pid, kind);
                    std::thread::sleep(REST);
                }
                if is_lost {
                    if let Some(told) = &*lost.lock().unwrap_or_else(PoisonError::into_inner) {
                        told(node);
                    }
                    return;
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Begins to end it.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Says how the newest process ended, where it is the one that is meant.
fn tell(newest: &Mutex<Option<Newest>>, pid: Option<u32>, kind: ExitKind) {
    let newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(newest) = newest
        .as_ref()
        .filter(|newest| pid.is_none_or(|pid| pid == newest.pid))
    {
        newest.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(Exit { kind });
            first
        });
    }
}

/// Asks what takes a while off the threads that must not wait.
pub(super) async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let answer = tokio::task::spawn_blocking(ask).await;
    answer.context("ask a node's host: a bug in Tribunal (panic)")?
}
