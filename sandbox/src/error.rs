//! What can fail, and what to do about it. Each text is a fragment that fits after "failed to".

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

/// The exit status of a failure of the infrastructure: nothing was judged.
pub const EXIT_INFRASTRUCTURE: i32 = 4;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// One line that says what to do; empty where nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint(pub Option<String>);

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(formatter, "\nhint: {text}"),
            None => Ok(()),
        }
    }
}

/// What failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refuses a user namespace to this user.
    #[error("make a user namespace: {errno}{hint}")]
    UserNamespace {
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// The new user namespace cannot be given its user.
    #[error("write {file}: {errno}{hint}")]
    MapUser {
        /// The file below `/proc/self` that refused.
        file: &'static str,
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// The kernel refuses mount, pid, network, IPC or host name namespaces.
    #[error("make mount, pid, network, IPC and host name namespaces: {errno}{hint}")]
    Namespaces {
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// A mount was refused.
    #[error("mount {what} on {target}: {errno}{hint}", target = target.display())]
    Mount {
        /// What was to be mounted.
        what: String,
        /// Where.
        target: PathBuf,
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// A step of the processes' own plumbing failed: fork, pipe, signals, sockets.
    #[error("{step}: {errno}")]
    Process {
        /// The step.
        step: &'static str,
        /// The kernel's reason.
        errno: Errno,
    },
    /// The device behind every network card cannot be opened.
    #[error("open /dev/net/tun{detail}: {errno}{hint}")]
    TunDevice {
        /// Its mode and owner, where it is there.
        detail: String,
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// The device behind every disk cannot be opened.
    #[error("open /dev/fuse{detail}: {errno}{hint}")]
    FuseDevice {
        /// Its mode, where it is there.
        detail: String,
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// A disk cannot do what it was asked to.
    #[error("{what} of node {node}'s disk: {source}")]
    Disk {
        /// The node.
        node: u32,
        /// What it was asked to do.
        what: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// A network card cannot be made or set.
    #[error("{step} of the network card {card}: {errno}{hint}")]
    Card {
        /// The card's name.
        card: String,
        /// What was being set.
        step: &'static str,
        /// The kernel's reason.
        errno: Errno,
        /// What to do.
        hint: Hint,
    },
    /// A file of the run directory cannot be written.
    #[error("write {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The caller asked for a sandbox that cannot be.
    #[error("make the sandbox that was asked for: {reason}")]
    Specification {
        /// What is wrong with it.
        reason: String,
    },
    /// A sandbox was asked for outside of the conductor.
    #[error("make a sandbox: this process has no namespaces of its own; call reexec() first")]
    NotInside,
    /// A node's agent could not set its machine up.
    #[error("set up node {node}: failed to {reason}")]
    SetUp {
        /// The node.
        node: u32,
        /// What the agent said; it may end with a hint.
        reason: String,
    },
    /// A node's agent has died, and the kernel ended everything that ran on that node.
    #[error("reach node {node}: its agent has died, and everything on it with the agent")]
    NodeLost {
        /// The node.
        node: u32,
    },
    /// The agent refused, with its reason.
    #[error("{what} on node {node}: {reason}")]
    Refused {
        /// The node.
        node: u32,
        /// What it was asked to do.
        what: String,
        /// Its reason.
        reason: String,
    },
    /// Something took longer than its limit.
    #[error("{what} within {limit:?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The limit.
        limit: Duration,
    },
    /// A rule names what is not there, or a group is unknown.
    #[error("use the rule {rule}: {reason}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The switch's thread has ended.
    #[error("reach the switch: its thread has ended{detail}")]
    SwitchLost {
        /// The reason, where it is known.
        detail: String,
    },
    /// The child that probes this machine's powers failed as a whole.
    #[error("probe this machine: {reason}")]
    Probe {
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// A step of the processes' own plumbing.
    pub(crate) fn step(step: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Process { step, errno }
    }
}
