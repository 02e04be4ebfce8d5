//! What an environment offers: machines that run processes, and the links between them.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use history::NodeId;

use crate::Deeds;
use crate::Disk;
use crate::clock::WallClock;
use crate::effect::Effect;

/// A set of machines and the network that joins them. Ends with everything in it when it is dropped.
pub trait Environment: Send + Sync {
    /// The machines, in the order of their node numbers.
    fn machines(&self) -> &[Arc<dyn Machine>];
    /// The links between machines, where this environment can cut them.
    fn links(&self) -> Option<Arc<dyn Links>>;
}

/// One machine: it runs at most one broker process at a time, and keeps its files when that ends.
#[async_trait]
pub trait Machine: Send + Sync {
    /// The node's number.
    fn node(&self) -> NodeId;
    /// The host name by which the nodes know each other.
    fn host(&self) -> &str;
    /// The address that brokers and clients use: faults cut it.
    fn address(&self) -> Ipv4Addr;
    /// The address of the observer's side channel: no fault cuts it.
    fn side_address(&self) -> Ipv4Addr;
    /// The directory that is the machine's own, as a path that both Tribunal and its processes can use. On a machine that shares no
    /// files with us it is a copy of what lies there, which [`Machine::publish`] and [`Machine::fetch`] make the same; the paths
    /// in what is started and in configurations are made those of the machine by itself.
    fn directory(&self) -> PathBuf;
    /// Makes what lies at this path of the machine's the same as what lies there in its directory here.
    async fn publish(&self, _path: &Path) -> Result<()> {
        Ok(())
    }
    /// Makes what lies at this path of the directory here the same as it is on the machine. A file that is asked for by
    /// itself is one that only grows.
    async fn fetch(&self, _path: &Path) -> Result<()> {
        Ok(())
    }
    /// The wall clock of its processes, where this environment can make it wrong.
    fn clock(&self) -> Option<Arc<dyn WallClock>> {
        None
    }
    /// The environment variables without which a process that is started in that directory would not go by that clock.
    fn clock_environment(&self, _directory: &Path) -> Vec<(String, String)> {
        Vec::new()
    }
    /// The disk under its data, where this environment can make it fail. Nothing where it cannot.
    fn disk(&self) -> Option<Arc<dyn Disk>> {
        None
    }
    /// Whether its processes are ours: nobody starts, ends or signals those of others.
    fn is_ours(&self) -> bool {
        true
    }
    /// Starts the broker's process. Fails where one is running.
    async fn start(&self, spec: &ProcessSpec) -> Result<()>;
    /// Sends a signal to the broker's process. Fails where none is running.
    async fn signal(&self, signal: i32) -> Result<()>;
    /// The state of the broker's process as the kernel names it (`R`, `S`, `T` for stopped, …), `None` where
    /// none runs.
    async fn process_state(&self) -> Result<Option<char>>;
    /// Waits until the broker's process has ended, and says how. Resolves at once where none is running.
    async fn exited(&self) -> Result<Exit>;
    /// The CPU time that the broker's process has used so far, `None` where none runs or it is not known.
    async fn cpu_time(&self) -> Result<Option<Duration>> {
        Ok(None)
    }
    /// What can freeze the broker's process and hold its CPU time down, where this environment has it.
    fn groups(&self) -> Option<&dyn Groups> {
        None
    }
}

/// Control groups, or what is like them, of one machine.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Whether processes can be frozen.
    fn can_freeze(&self) -> bool;
    /// Whether CPU time can be held down.
    fn can_limit_cpu(&self) -> bool;
    /// Freezes the broker's process with all of its threads; the kernel takes a moment for it. It can be killed all
    /// the same. Fails where none runs.
    async fn freeze(&self) -> Result<()>;
    /// Lets everything go on that was frozen.
    async fn thaw(&self) -> Result<()>;
    /// Gives the broker's process, and those that are started after it, no more than so many per cent of one CPU.
    /// Fails where none runs.
    async fn limit_cpu(&self, percent: u32) -> Result<()>;
    /// Gives every process all that it wants.
    async fn unlimit_cpu(&self) -> Result<()>;
    /// What the kernel says of them.
    async fn held(&self) -> Result<Held>;
}

/// How a machine's processes are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Whether what was to be frozen is.
    pub frozen: bool,
    /// In how many periods there was more to do than the limit of CPU time allowed, so far.
    pub throttled_periods: u64,
    /// How long threads waited for their next period, together, so far.
    pub throttled: Duration,
}

/// What a machine has to run.
#[derive(Clone, Debug, Default)]
pub struct ProcessSpec {
    /// The program, then its arguments.
    pub command: Vec<String>,
    /// Environment variables beside `PATH`, `HOME` and `LANG`.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Where its standard output and error are appended.
    pub output: PathBuf,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// In which way.
    pub kind: ExitKind,
}

/// In which way a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    /// It was never started.
    NeverStarted,
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            ExitKind::NeverStarted => formatter.write_str("never started"),
            ExitKind::Status(status) => write!(formatter, "exited with status {status}"),
            ExitKind::Signal(signal) => write!(formatter, "killed by signal {signal}"),
        }
    }
}

/// An end of a link: a node, or all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A node, by its number.
    Node(NodeId),
    /// The clients of the workload. The observer is not among them: its channel is never cut.
    Clients,
}

/// One direction of a link, cut whole or for one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Frames from here…
    pub from: Place,
    /// …to there are dropped.
    pub to: Place,
    /// Only TCP segments whose destination port this is…
    pub destination_port: Option<u16>,
    /// …or, where given, whose source port this is. With both, both must match.
    pub source_port: Option<u16>,
}

/// One direction of a link and what happens to what passes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkRule {
    /// Packets from here…
    pub from: Place,
    /// …to there…
    pub to: Place,
    /// …where a port is given, only those of TCP connections to that port, in this direction…
    pub service: Option<u16>,
    /// …fare like this.
    pub effect: Effect,
}

/// The links of an environment. Cuts are silent, as a dead switch is: nothing is refused, nothing arrives.
pub trait Links: Send + Sync {
    /// Puts all of these in force at one instant; the number names them together.
    fn cut(&self, cuts: &[Cut]) -> Result<u64>;
    /// Whether clients can be cut off while the observer is not.
    fn can_cut_clients(&self) -> bool {
        true
    }
    /// Whether it can do more than cut.
    fn can_shape(&self) -> bool {
        false
    }
    /// Puts all of these in force at one instant; what they leave to chance is drawn from the seed. The number names
    /// them together, and is one of those of the cuts.
    fn shape(&self, _rules: &[LinkRule], _seed: u64) -> Result<u64> {
        bail!("shape what passes on links: this environment can only cut them")
    }
    /// What the cuts or rules of that number have done so far.
    fn report(&self, id: u64) -> Deeds;
    /// Ends the cuts or rules of that number and says what they did.
    fn heal(&self, id: u64) -> Deeds;
}
