//! Machines that are plain processes of this host, each with an address of its own on loopback.
//!
//! Nothing can be cut here, and nothing is hidden: this is what the sandbox is measured against, and where
//! brokers are tried without it. The processes end when this does.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::NodeId;
use sandbox::ProcessState;
use tokio::sync::watch;

use crate::ending::{End, ended, is_running};
use crate::kafka::spawn_bound;
use crate::{Environment, Exit, ExitKind, Links, Machine, ProcessSpec};

/// How often the end of a process is looked for.
const POLL: Duration = Duration::from_millis(5);

/// Machines on loopback.
pub struct LoopbackEnvironment {
    machines: Vec<Arc<dyn Machine>>,
}

impl LoopbackEnvironment {
    /// As many machines as asked for, numbered from 1, with their files below `directory`, on a random net of
    /// the many that loopback has.
    pub fn new(nodes: u32, directory: impl Into<PathBuf>) -> Result<Self> {
        let directory = directory.into();
        let net = LoopbackNet::random();
        let machine = |node: NodeId| -> Result<Arc<dyn Machine>> {
            let host = format!("n{node}");
            let directory = directory.join(&host);
            fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
            let address = net.address(node)?;
            Ok(Arc::new(LoopbackMachine {
                node,
                host,
                address,
                directory,
                process: Mutex::new(None),
            }))
        };
        Ok(Self {
            machines: (1..=nodes).map(machine).collect::<Result<_>>()?,
        })
    }
}

/// One of the many nets that loopback has.
#[derive(Clone, Copy)]
pub(crate) struct LoopbackNet([u8; 2]);

impl LoopbackNet {
    /// Any of them: whoever is on loopback at the same time has another.
    pub(crate) fn random() -> Self {
        let [second, third, ..] = *uuid::Uuid::new_v4().as_bytes();
        Self([second.clamp(1, 254), third])
    }

    /// The address with that number in it.
    pub(crate) fn address(self, number: u32) -> Result<Ipv4Addr> {
        let last = u8::try_from(number).ok().filter(|last| (1..=254).contains(last));
        let last =
            last.with_context(|| format!("number an address on loopback: {number} is not 1 to 254"))?;
        let [second, third] = self.0;
        Ok(Ipv4Addr::new(127, second, third, last))
    }
}

impl Environment for LoopbackEnvironment {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        None
    }
}

struct LoopbackMachine {
    node: NodeId,
    host: String,
    address: Ipv4Addr,
    directory: PathBuf,
    process: Mutex<Option<Running>>,
}

/// A process, and the thread that spawned it and reaps it.
struct Running {
    pid: i32,
    exit: End,
}

impl LoopbackMachine {
    fn process(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that runs now. While the lock is held its number cannot pass to another process: the
    /// thread that reaps it takes the same lock first.
    fn signal_now(&self, signal: i32) -> Result<()> {
        let process = self.process();
        let Some(running) = process.as_ref().filter(|running| is_running(&running.exit)) else {
            bail!("signal node {}: no process runs", self.node);
        };
        // SAFETY: no pointer is passed.
        if unsafe { libc::kill(running.pid, signal) } != 0 {
            return Err(std::io::Error::last_os_error())
                .with_context(|| format!("signal node {}", self.node));
        }
        Ok(())
    }
}

impl LoopbackMachine {
    /// What the kernel says of the process that runs.
    fn state(&self) -> Option<ProcessState> {
        let process = self.process();
        let running = process.as_ref().filter(|running| is_running(&running.exit))?;
        ProcessState::of_stat(&fs::read_to_string(format!("/proc/{}/stat", running.pid)).ok()?)
    }
}

impl Drop for LoopbackMachine {
    fn drop(&mut self) {
        let _ = self.signal_now(libc::SIGKILL);
    }
}

#[async_trait]
impl Machine for LoopbackMachine {
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
        self.address
    }

    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    async fn start(&self, spec: &ProcessSpec) -> Result<()> {
        let mut process = self.process();
        if process.as_ref().is_some_and(|running| is_running(&running.exit)) {
            bail!("start a process on node {}: one is running", self.node);
        }
        *process = Some(spawn(spec)?);
        Ok(())
    }

    async fn signal(&self, signal: i32) -> Result<()> {
        self.signal_now(signal)
    }

    async fn process_state(&self) -> Result<Option<char>> {
        let state = self.state().map(|process| process.state);
        Ok(state.filter(|state| !matches!(state, 'Z' | 'X')))
    }

    async fn cpu_time(&self) -> Result<Option<Duration>> {
        Ok(self.state().map(|process| process.cpu))
    }

    async fn exited(&self) -> Result<Exit> {
        let newest = self.process().as_ref().map(|running| running.exit.clone());
        ended(newest, || "watch a process: its thread is gone".to_owned()).await
    }
}

/// Spawns the process on a thread that waits for it: the kernel ends it with that thread.
fn spawn(spec: &ProcessSpec) -> Result<Running> {
    let (program, arguments) = spec.command.split_first().context("start an empty command")?;
    let output = fs::File::options()
        .create(true)
        .append(true)
        .open(&spec.output)
        .with_context(|| format!("open {}", spec.output.display()))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(spec.environment.iter().cloned())
        .current_dir(&spec.directory);
    command.env_remove("JAVA_TOOL_OPTIONS");
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let (started, starting) = std::sync::mpsc::channel();
    let (ended, exit) = watch::channel(None);
    std::thread::spawn(move || {
        let mut child = match spawn_bound(&mut command) {
            Ok(child) => child,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let _ = started.send(Ok(child.id().cast_signed()));
        loop {
            // The end is announced before the number is free for another process.
            if let Some(exit) = peek(child.id()) {
                ended.send_replace(Some(exit));
                let _ = child.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    });
    let pid = starting.recv().context("start a process: its thread is gone")?;
    let pid = pid.with_context(|| format!("start {program}"))?;
    Ok(Running { pid, exit })
}

/// How a child ended, where it has; it stays to be reaped.
fn peek(pid: u32) -> Option<Exit> {
    // SAFETY: `siginfo_t` is plain data, for which all zeroes are a value; the call writes it.
    let (done, information) = unsafe {
        let mut information: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        (
            libc::waitid(libc::P_PID, pid, &raw mut information, flags),
            information,
        )
    };
    // SAFETY: `waitid` filled in the fields of a child's end, or left them zero.
    let (child, status) = unsafe { (information.si_pid(), information.si_status()) };
    if done != 0 || child == 0 {
        return None;
    }
    let kind = match information.si_code {
        libc::CLD_EXITED => ExitKind::Status(status),
        _ => ExitKind::Signal(status),
    };
    Some(Exit { kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(directory: &std::path::Path, command: &[&str]) -> ProcessSpec {
        ProcessSpec {
            command: command.iter().map(|&word| word.to_owned()).collect(),
            environment: Vec::new(),
            directory: directory.to_owned(),
            output: directory.join("out"),
        }
    }

    #[tokio::test]
    async fn a_process_lives_stops_and_dies() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let environment = LoopbackEnvironment::new(2, directory.path()).expect("writable");
        let machine = &environment.machines()[0];
        assert_eq!(
            machine.exited().await.expect("at once").kind,
            ExitKind::NeverStarted
        );
        assert!(machine.signal(libc::SIGKILL).await.is_err());
        let sleep = spec(directory.path(), &["sleep", "60"]);
        machine.start(&sleep).await.expect("sleep is everywhere");
        assert!(machine.start(&sleep).await.is_err());
        assert!(machine.process_state().await.expect("it runs").is_some());
        machine.signal(libc::SIGKILL).await.expect("it runs");
        assert_eq!(machine.exited().await.expect("it ends").kind, ExitKind::Signal(9));
        assert_eq!(machine.process_state().await.expect("it has ended"), None);
        machine
            .start(&spec(directory.path(), &["sh", "-c", "echo hello; exit 3"]))
            .await
            .expect("again");
        assert_eq!(
            machine.exited().await.expect("it ends").to_string(),
            "exited with status 3"
        );
        assert_eq!(
            fs::read_to_string(directory.path().join("out")).expect("written"),
            "hello\n"
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let environment = LoopbackEnvironment::new(1, directory.path()).expect("writable");
        let machine = &environment.machines()[0];
        let error = machine
            .start(&spec(directory.path(), &["/no/such/program"]))
            .await;
        assert!(
            error
                .expect_err("it is not there")
                .to_string()
                .contains("/no/such/program")
        );
        assert_eq!(
            machine.exited().await.expect("at once").kind,
            ExitKind::NeverStarted
        );
    }
}
