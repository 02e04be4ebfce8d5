//! What the conductor and a node's agent say to each other: one JSON message a packet, over a socket pair.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cards::Cards;
use crate::groups::GroupsOfNode;

/// The longest message: a class path of a hundred jars has room in it many times over.
const MESSAGE_BYTES_MAX: usize = 160 * 1024;

/// What a machine has to run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Command {
    /// The program, by its path or by a name to be found in `PATH`, then its arguments.
    pub argv: Vec<String>,
    /// Its whole environment: nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub directory: PathBuf,
    /// The file that its standard output and error are appended to. Standard input is empty.
    pub output: PathBuf,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// What a process does at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessState {
    /// The state as the kernel names it: `R` running, `S` sleeping, `D` waiting for a device, `T` stopped, `Z` ended.
    pub state: char,
    /// The CPU time that it has used so far, in user and kernel mode.
    pub cpu: Duration,
}

/// What the kernel says of a node's control groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// Whether everything in the group that can be frozen is; nothing where nothing was ever to be.
    pub frozen: Option<bool>,
    /// How it was held down by limits so far.
    pub throttled: Option<Throttled>,
}

/// How often, and how long, a group had more to do than its limit allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttled {
    /// The periods in which it was.
    pub periods: u64,
    /// The time that its threads waited for the next period, together.
    pub time: Duration,
}

/// The first message to an agent: which machine it is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetUp {
    /// The node's number.
    pub node: u32,
    /// The file that becomes its `/etc/hosts`.
    pub hosts: PathBuf,
    /// What its card is made of.
    pub cards: Cards,
    /// Its control groups.
    pub groups: GroupsOfNode,
}

/// What the conductor asks, with a number that comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub id: u64,
    pub request: Request,
}

/// What the conductor asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Give the card its addresses and bring it up: the switch is live.
    Connect,
    /// Start a process.
    Start(Command),
    /// Send a signal to the group of a process that was started.
    Signal { pid: i32, signal: i32 },
    /// Say what a process does.
    State { pid: i32 },
    /// Mount a disk over a directory; the device that serves it comes with the answer.
    Mount { directory: PathBuf },
    /// Take a disk's mount away; by force with all that the kernel has not written to it.
    Unmount { directory: PathBuf, by_force: bool },
    /// Freeze a process.
    Freeze(i32),
    /// Let everything that is frozen go on.
    Thaw,
    /// Give a process, and those that are started after it, no more than so many thousandths of one CPU.
    LimitCpu { pid: i32, share: u32 },
    /// Give every process all that it wants.
    UnlimitCpu,
    /// Say what the control groups say.
    Groups,
    /// Have the kernel forget what it holds of these files, once it has written it where `flush` says so.
    DropCaches { files: Vec<PathBuf>, flush: bool },
    /// End every process.
    EndAll,
}

/// What an agent says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The machine is made; its card's other end, or its network namespace, comes with this message.
    Ready,
    /// The machine could not be made. A fragment that fits after "failed to".
    Failed { reason: String },
    /// The answer to a call.
    Reply { id: u64, answer: Result<Answer, String> },
    /// A process that was started has ended.
    Exited { pid: i32, exit: Exit },
}

/// The answer to a request that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// The process runs, with this pid in the node's own namespace.
    Started { pid: i32 },
    /// What the process does; nothing where it has ended.
    State(Option<ProcessState>),
    /// What the control groups say.
    Groups(GroupState),
}

/// Sends a message, with a file where one is given.
pub(crate) fn send<T: Serialize>(socket: &OwnedFd, message: &T, file: Option<RawFd>) -> nix::Result<()> {
    let text = serde_json::to_vec(message).map_err(|_| Errno::EINVAL)?;
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Errno::EMSGSIZE);
    }
    let files: Vec<RawFd> = file.into_iter().collect();
    let rights = [ControlMessage::ScmRights(&files)];
    let control = if files.is_empty() { &[][..] } else { &rights[..] };
    loop {
        match sendmsg::<()>(
            socket.as_raw_fd(),
            &[IoSlice::new(&text)],
            control,
            MsgFlags::MSG_NOSIGNAL,
            None,
        ) {
            Err(Errno::EINTR) => {}
            result => return result.map(drop),
        }
    }
}

/// Receives messages: the buffer that it takes.
pub(crate) struct Inbox {
    buffer: Vec<u8>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; MESSAGE_BYTES_MAX],
        }
    }

    /// Waits for a message and the file that may come with it. `None`: the other side is gone.
    pub(crate) fn receive<T: DeserializeOwned>(
        &mut self,
        socket: &OwnedFd,
    ) -> nix::Result<Option<(T, Option<OwnedFd>)>> {
        let (length, file) = loop {
            match self.receive_once(socket) {
                Err(Errno::EINTR) => {}
                // The other side died with our messages unread.
                Err(Errno::ECONNRESET) => return Ok(None),
                result => break result?,
            }
        };
        if length == 0 {
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.buffer[..length]).map_err(|_| Errno::EBADMSG)?;
        Ok(Some((message, file)))
    }

    fn receive_once(&mut self, socket: &OwnedFd) -> nix::Result<(usize, Option<OwnedFd>)> {
        let mut space = nix::cmsg_space!([RawFd; 1]);
        let mut slices = [IoSliceMut::new(&mut self.buffer)];
        let received = recvmsg::<()>(
            socket.as_raw_fd(),
            &mut slices,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        )?;
        let files = received.cmsgs()?.filter_map(|message| match message {
            ControlMessageOwned::ScmRights(files) => files.first().copied(),
            _ => None,
        });
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
        let file = files.map(|file| unsafe { OwnedFd::from_raw_fd(file) }).last();
        Ok((received.bytes, file))
    }
}
