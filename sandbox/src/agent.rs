//! A node's agent: the first process of the node's namespaces, with one thread, which does what the conductor asks.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_name;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{ForkResult, Pid, fork, sethostname};

use crate::address::{Port, host};
use crate::card;
use crate::disk::device;
use crate::error::{EXIT_INFRASTRUCTURE, Error, Result};
use crate::groups::Members;
use crate::namespaces;
use crate::process::{Processes, Reaped};
use crate::protocol::{Answer, Call, Inbox, Report, Request, SetUp, send};
use crate::supervisor::end;

/// The role: makes the namespaces, then lets the agent run as their first process. Never returns.
///
/// This needs no signal of its own on the conductor's end: where that dies PID 1 ends, and the kernel ends all
/// below it. Where the conductor only closes the socket, the agent ends.
pub(crate) fn launch(socket: RawFd) -> ! {
    // SAFETY: the conductor made this descriptor for this role alone, and named it in the arguments.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let mut inbox = Inbox::new();
    let _ = fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    let Ok(Some((set_up, _))) = inbox.receive::<SetUp>(&socket) else {
        end(EXIT_INFRASTRUCTURE);
    };
    if let Err(error) = namespaces::make_machine() {
        give_up(&socket, &error);
    }
    // SAFETY: this process has one thread.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { .. }) => end(0),
        Ok(ForkResult::Child) => live(socket, inbox, &set_up),
        Err(errno) => give_up(&socket, &Error::step("fork the agent")(errno)),
    }
}

fn live(socket: OwnedFd, inbox: Inbox, set_up: &SetUp) -> ! {
    match make_ready(&socket, set_up) {
        Ok(signals) => {
            let mut agent = Agent {
                socket,
                inbox,
                signals,
                processes: Processes::default(),
                port: Port::node(set_up.node),
                members: Members::new(set_up.groups.clone()),
            };
            end(if agent.serve().is_ok() {
                0
            } else {
                EXIT_INFRASTRUCTURE
            });
        }
        Err(error) => give_up(&socket, &error),
    }
}

fn give_up(socket: &OwnedFd, error: &Error) -> ! {
    let _ = send(
        socket,
        &Report::Failed {
            reason: error.to_string(),
        },
        None,
    );
    end(EXIT_INFRASTRUCTURE);
}

/// Makes the machine and hands its card over.
fn make_ready(socket: &OwnedFd, set_up: &SetUp) -> Result<SignalFd> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()
        .map_err(Error::step("block SIGCHLD in the agent"))?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(Error::step("wait for SIGCHLD in the agent"))?;
    let _ = CString::new(format!("sandbox-{}", host(set_up.node))).map(|name| set_name(&name));
    let port = Port::node(set_up.node);
    make_machine(set_up)?;
    let offer = set_up.cards.offer(port)?;
    send(socket, &Report::Ready, Some(offer.as_raw_fd())).map_err(Error::step("hand the card over"))?;
    Ok(signals)
}

/// The agent's own state.
struct Agent {
    socket: OwnedFd,
    inbox: Inbox,
    signals: SignalFd,
    processes: Processes,
    port: Port,
    members: Members,
}

impl Agent {
    /// Does what is asked until the conductor closes the socket.
    fn serve(&mut self) -> nix::Result<()> {
        loop {
            let mut files = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut files, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
            let (asked, signalled) = (files[0].any() == Some(true), files[1].any() == Some(true));
            if signalled {
                while self.signals.read_signal()?.is_some() {}
                self.report_exits()?;
            }
            if asked {
                let Some((call, _)) = self.inbox.receive::<Call>(&self.socket)? else {
                    return Ok(());
                };
                let (answer, file) = self.answer(&call.request);
                let reply = Report::Reply { id: call.id, answer };
                // Ours is closed at once: a disk has to end with the conductor, who serves it.
                send(&self.socket, &reply, file.as_ref().map(AsRawFd::as_raw_fd))?;
            }
        }
    }

    /// The answer, and the file that goes with it.
    fn answer(&mut self, request: &Request) -> (std::result::Result<Answer, String>, Option<OwnedFd>) {
        match request {
            Request::Mount { directory } => match device::mount_at(directory) {
                Ok(device) => (Ok(Answer::Done), Some(device)),
                Err(error) => (Err(error.to_string()), None),
            },
            other => (self.answer_plainly(other), None),
        }
    }

    fn answer_plainly(&mut self, request: &Request) -> std::result::Result<Answer, String> {
        match request {
            Request::Mount { .. } => Err("answered elsewhere".to_owned()),
            Request::DropCaches { files, flush } => {
                for file in files {
                    device::drop_cache(file, *flush);
                }
                Ok(Answer::Done)
            }
            Request::Unmount { directory, by_force } => {
                let unmount = if *by_force {
                    device::tear_off
                } else {
                    device::unmount
                };
                unmount(directory);
                Ok(Answer::Done)
            }
            Request::Connect => card::configure(self.port)
                .and_then(|()| card::bring_up(self.port.card()))
                .map(|()| Answer::Done)
                .map_err(|error| error.to_string()),
            Request::Start(command) => self
                .processes
                .start(command, self.members.joins().as_deref())
                .map(|pid| Answer::Started { pid }),
            Request::Signal { pid, signal } => self.processes.signal(*pid, *signal).map(|()| Answer::Done),
            Request::State { pid } => self.processes.state(*pid).map(Answer::State),
            Request::Freeze(pid) => self
                .processes
                .running(*pid)
                .and_then(|pid| self.members.freeze(pid))
                .map(|()| Answer::Done),
            Request::Thaw => self.members.thaw().map(|()| Answer::Done),
            Request::LimitCpu { pid, share } => self
                .processes
                .running(*pid)
                .and_then(|pid| self.members.limit(pid, *share))
                .map(|()| Answer::Done),
            Request::UnlimitCpu => self.members.unlimit().map(|()| Answer::Done),
            Request::Groups => Ok(Answer::Groups(self.members.state())),
            Request::EndAll => self
                .end_all()
                .map(|()| Answer::Done)
                .map_err(|errno| errno.to_string()),
        }
    }

    /// Kills every process of this pid namespace but the agent, and waits until they are gone.
    fn end_all(&mut self) -> nix::Result<()> {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        while waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).is_ok() {
            self.report_exits()?;
        }
        Ok(())
    }

    fn report_exits(&mut self) -> nix::Result<()> {
        while let Some(reaped) = self.processes.reap() {
            if let Reaped::Started { pid, exit } = reaped {
                send(&self.socket, &Report::Exited { pid, exit }, None)?;
            }
        }
        Ok(())
    }
}

/// Everything about the machine but its card.
fn make_machine(set_up: &SetUp) -> Result<()> {
    let name = host(set_up.node);
    // A container that masks parts of its own /proc refuses a new one; the old one serves.
    let _ = namespaces::mount_proc();
    sethostname(&name).map_err(Error::step("set the host name"))?;
    namespaces::cover(&set_up.hosts, Path::new(namespaces::HOSTS))?;
    namespaces::disable_ipv6();
    card::bring_up("lo")
}
