//! One node's broker process: started, ended, and watched while it runs.

use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use history::{NodeChange, NodeId, Recorder, What};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::config::{PORTS, Role};
use super::formatting::Bootstrap;
use super::metrics::METRICS_PORT;
use super::node_files::{NodeFiles, random_id};
use super::zookeeper::CLIENT_PORT;
use crate::{Exit, ExitKind, Machine, ProcessSpec, Recovery, Wiped};

/// A process that got SIGKILL is gone within this time.
const KILLED_WITHIN: Duration = Duration::from_secs(10);
/// That a process has ended is noticed within this time.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// What is known of a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// How many times it had been started before the newest process.
    pub incarnation: u32,
    /// Whether that process runs.
    pub running: bool,
    /// How it ended, where it does not.
    pub exit: Exit,
}

/// What a node's data directory is formatted with.
#[derive(Clone, Debug)]
pub(super) enum Format {
    /// As `StorageTool` would.
    KRaft {
        cluster_id: String,
        bootstrap: Bootstrap,
    },
    /// With nothing: a broker asks `ZooKeeper` who it is, and a controller that is to take over does not run yet.
    Nothing,
    /// With its number: a node of `ZooKeeper`.
    ZooKeeper,
}

impl Format {
    /// Formats a node's data directory.
    pub(super) fn apply(&self, files: &NodeFiles, node: NodeId, directory_id: &str) -> Result<()> {
        match self {
            Self::KRaft {
                cluster_id,
                bootstrap,
            } => files.format(cluster_id, node, directory_id, bootstrap),
            Self::Nothing => Ok(()),
            Self::ZooKeeper => files.write_my_id(node),
        }
    }
}

/// A node of the cluster.
pub(super) struct Node {
    pub machine: Arc<dyn Machine>,
    pub files: NodeFiles,
    /// What it is.
    pub role: Role,
    format: Mutex<Format>,
    /// How long the log was when the newest process was started.
    log_begins: AtomicU64,
    /// The version that is run when the process is started next, and how.
    program: Mutex<(String, ProcessSpec)>,
    recorder: Arc<dyn Recorder>,
    life: watch::Sender<Life>,
    /// Held by whoever starts or ends the process: one at a time.
    turn: tokio::sync::Mutex<()>,
    watcher: Mutex<Option<AbortHandle>>,
}

/// One of these nodes, by its number.
pub(super) fn find(nodes: &[Arc<Node>], node: NodeId) -> Result<&Arc<Node>> {
    let found = nodes.iter().find(|candidate| candidate.id() == node);
    found.with_context(|| format!("find node {node}: there is none"))
}

/// Those that are brokers.
pub(super) fn brokers(nodes: &[Arc<Node>]) -> Vec<Arc<Node>> {
    nodes
        .iter()
        .filter(|node| node.role.is_broker())
        .cloned()
        .collect()
}

impl Node {
    pub(super) fn new(
        (machine, role): (Arc<dyn Machine>, Role),
        files: NodeFiles,
        format: Format,
        (version, command): (String, Vec<String>),
        recorder: Arc<dyn Recorder>,
    ) -> Self {
        let spec = ProcessSpec {
            command,
            environment: machine.clock_environment(files.root()),
            directory: files.root().to_owned(),
            output: files.log(),
        };
        let exit = Exit {
            kind: ExitKind::NeverStarted,
        };
        Self {
            machine,
            files,
            role,
            format: Mutex::new(format),
            log_begins: AtomicU64::new(0),
            program: Mutex::new((version, spec)),
            recorder,
            life: watch::Sender::new(Life {
                incarnation: 0,
                running: false,
                exit,
            }),
            turn: tokio::sync::Mutex::new(()),
            watcher: Mutex::new(None),
        }
    }

    /// A broker that runs, and that somebody else started.
    pub(super) fn of_others(machine: Arc<dyn Machine>, recorder: Arc<dyn Recorder>) -> Self {
        let files = NodeFiles::new(machine.directory());
        let program = (String::new(), Vec::new());
        let node = Self::new((machine, Role::Broker), files, Format::Nothing, program, recorder);
        node.life.send_modify(|life| life.running = true);
        node
    }

    pub(super) fn id(&self) -> NodeId {
        self.machine.node()
    }

    /// Where its broker answers on the side channel.
    pub(super) fn broker(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.machine.side_address(), PORTS.client)
    }

    /// Where its controller answers on the side channel.
    pub(super) fn controller(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.machine.side_address(), PORTS.controller)
    }

    /// Where it answers on the side channel as a node of `ZooKeeper`.
    pub(super) fn zookeeper(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.machine.side_address(), CLIENT_PORT)
    }

    /// Where the agent answers that tells its broker's metrics, where there is one.
    pub(super) fn metrics(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.machine.side_address(), METRICS_PORT)
    }

    pub(super) fn life(&self) -> Life {
        *self.life.borrow()
    }

    /// The version that is run when the process is started next.
    pub(super) fn version(&self) -> String {
        self.program().0
    }

    /// Writes the node's files anew, and runs what that gives from the next start on: a version, and its command. Fails where a process
    /// runs.
    pub(super) async fn change_program(
        &self,
        write: impl FnOnce() -> Result<(String, Vec<String>)>,
    ) -> Result<()> {
        let _turn = self.turn.lock().await;
        if self.life().running {
            bail!("change what node {} runs: its process runs", self.id());
        }
        let (version, command) = write()?;
        let mut program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        program.0 = version;
        program.1.command = command;
        Ok(())
    }

    /// Whether its data directory is formatted with nothing.
    pub(super) fn is_unformatted(&self) -> bool {
        matches!(self.format(), Format::Nothing)
    }

    /// Whether it never ran, and is not about to.
    pub(super) fn never_ran(&self) -> bool {
        let life = self.life();
        !life.running && life.exit.kind == ExitKind::NeverStarted
    }

    /// With what its data directory is formatted from now on.
    pub(super) fn set_format(&self, format: Format) {
        *self.format.lock().unwrap_or_else(PoisonError::into_inner) = format;
    }

    fn format(&self) -> Format {
        self.format.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn program(&self) -> (String, ProcessSpec) {
        self.program
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Starts the broker's process.
    pub(super) async fn start(self: &Arc<Self>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let before = self.life();
        if before.running {
            self.notice_end().await?;
        }
        let before = self.life();
        let first = before.exit.kind == ExitKind::NeverStarted;
        let incarnation = if first { 0 } else { before.incarnation + 1 };
        // Counted before it starts: an answer that comes while the count stands is of no later process.
        self.life.send_replace(Life {
            incarnation,
            running: true,
            exit: before.exit,
        });
        let started = async {
            self.publish(first).await?;
            self.log_begins.store(self.files.log_length(), Ordering::Relaxed);
            let (_, spec) = self.program();
            self.machine.start(&spec).await
        };
        if let Err(error) = started.await {
            self.life.send_replace(before);
            return Err(error.context(format!("start the broker of node {}", self.id())));
        }
        self.record(incarnation, "started".to_owned(), true);
        let watcher = tokio::spawn(Arc::clone(self).watch(incarnation)).abort_handle();
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        Ok(())
    }

    /// Gives the machine what was written for the process that is to be started, and takes what the last one left behind.
    async fn publish(&self, first: bool) -> Result<()> {
        self.machine.publish(&self.files.config()).await?;
        if first {
            self.machine.publish(&self.files.data()).await
        } else {
            self.machine.fetch(&self.files.log()).await
        }
    }

    /// Ends the process with SIGKILL. Where none runs, says how the last one ended.
    pub(super) async fn kill(&self) -> Result<Exit> {
        let _turn = self.turn.lock().await;
        self.kill_in_turn().await
    }

    /// Asks the process to end, and kills it where it takes longer. Where none runs, says how the last ended.
    pub(super) async fn stop(&self, within: Duration) -> Result<Exit> {
        let _turn = self.turn.lock().await;
        if self.life().running
            && self.machine.signal(libc::SIGTERM).await.is_ok()
            && let Some(exit) = self.ended(within).await
        {
            return Ok(exit);
        }
        self.kill_in_turn().await
    }

    /// Removes all data and formats the directory anew. Fails where a process runs.
    pub(super) async fn wipe(&self) -> Result<Wiped> {
        let _turn = self.turn.lock().await;
        if self.life().running {
            bail!("wipe node {}: its broker runs", self.id());
        }
        let (files, format, node) = (self.files.clone(), self.format(), self.id());
        let data = files.data();
        let fetched = self.machine.fetch(&data).await;
        fetched.with_context(|| format!("see what node {node} has before it is wiped"))?;
        let wipe = move || -> Result<Wiped> {
            let directory_before = files.directory_id().unwrap_or_default();
            let (removed, bytes) = files.clear_data()?;
            format.apply(&files, node, &random_id())?;
            Ok(Wiped {
                files: removed,
                bytes,
                directory_before,
                directory: files.directory_id().unwrap_or_default(),
            })
        };
        let wiped = tokio::task::spawn_blocking(wipe).await;
        let wiped = wiped
            .context("a bug in Tribunal (panic)")
            .and_then(|wiped| wiped)
            .with_context(|| format!("wipe node {node}"))?;
        let published = self.machine.publish(&data).await;
        published.with_context(|| format!("wipe node {node}"))?;
        Ok(wiped)
    }

    /// How far the newest process has come with recovering its partitions.
    pub(super) async fn recovery(&self) -> Result<Recovery> {
        self.machine.fetch(&self.files.log()).await?;
        if self.role == Role::ZooKeeper {
            bail!("see node {} recover its logs: it is ZooKeeper's", self.id());
        }
        self.files
            .recovery(self.role, self.log_begins.load(Ordering::Relaxed))
    }

    /// Waits until the process has ended; `None` where it has not in that time.
    pub(super) async fn ended(&self, within: Duration) -> Option<Exit> {
        let mut life = self.life.subscribe();
        let ended = tokio::time::timeout(within, life.wait_for(|life| !life.running)).await;
        ended.ok()?.ok().map(|life| life.exit)
    }

    /// Watches no longer.
    pub(super) fn forget(&self) {
        if let Some(watcher) = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watcher.abort();
        }
    }

    async fn kill_in_turn(&self) -> Result<Exit> {
        if !self.life().running {
            return Ok(self.life().exit);
        }
        let sent = self.machine.signal(libc::SIGKILL).await;
        match (self.ended(KILLED_WITHIN).await, sent) {
            (Some(exit), _) => Ok(exit),
            (None, Err(error)) => Err(error.context(format!("kill the broker of node {}", self.id()))),
            (None, Ok(())) => bail!(
                "kill the broker of node {}: it was not gone {} s after SIGKILL",
                self.id(),
                KILLED_WITHIN.as_secs()
            ),
        }
    }

    /// A process that seems to run may have ended this instant: waits until that is known.
    async fn notice_end(&self) -> Result<()> {
        let runs = || format!("start the broker of node {}: it runs already", self.id());
        if self.machine.process_state().await?.is_some() {
            bail!(runs());
        }
        self.ended(NOTICED_WITHIN).await.map(drop).with_context(runs)
    }

    async fn watch(self: Arc<Self>, incarnation: u32) {
        let ended = self.machine.exited().await;
        let (exit, state) = match ended {
            Ok(exit) => (exit, exit.to_string()),
            // What watched it is gone, and the process with it.
            Err(error) => (
                Exit {
                    kind: ExitKind::Signal(libc::SIGKILL),
                },
                format!("lost sight of: {error:#}"),
            ),
        };
        self.record(incarnation, state, false);
        self.life.send_replace(Life {
            incarnation,
            running: false,
            exit,
        });
    }

    fn record(&self, incarnation: u32, state: String, running: bool) {
        let change = NodeChange {
            node: self.id(),
            incarnation,
            state,
            running,
        };
        self.recorder.record(What::Node(change));
    }
}
