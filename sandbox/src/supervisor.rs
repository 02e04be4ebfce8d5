//! The two processes above the conductor: the one that the user started, and PID 1. (The janitor is beside them.)

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_name, set_pdeathsig};
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2, setsid};

use crate::card;
use crate::error::{EXIT_INFRASTRUCTURE, Error, Result};
use crate::groups::Homes;
use crate::janitor;
use crate::namespaces;
use crate::process::exit_of;
use crate::protocol::Exit;

/// Signals that go on to the conductor.
const FORWARDED: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Makes the namespaces and the processes. Returns in the conductor alone, or with an error in the first process.
pub(crate) fn supervise(arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    let signals = take_signals().map_err(Error::step("block signals"))?;
    let (life, breath) = pipe2(OFlag::O_CLOEXEC).map_err(Error::step("make the life-line"))?;
    let (janitor, homes) = janitor::start(&life).map_err(Error::step("fork the janitor"))?;
    let outside = Outside { homes, janitor };
    if let Err(error) = make_machine() {
        outside.clean_up();
        return Err(error);
    }
    // SAFETY: this process has one thread: it was started by exec a moment ago.
    match unsafe { fork() } {
        Err(errno) => {
            outside.clean_up();
            Err(Error::step("fork PID 1")(errno))
        }
        Ok(ForkResult::Parent { child }) => {
            drop(life);
            stay_outside(child, &signals, &breath, &outside)
        }
        Ok(ForkResult::Child) => {
            drop(breath);
            be_first(&life, &signals);
            Ok(arguments)
        }
    }
}

fn make_machine() -> Result<()> {
    if !namespaces::privileged() {
        namespaces::become_root()?;
    }
    namespaces::make_machine()
}

/// What the first process has to take away itself.
struct Outside {
    homes: &'static Homes,
    janitor: Pid,
}

impl Outside {
    fn clean_up(&self) {
        self.homes.end();
        janitor::dismiss(self.janitor);
    }
}

/// Blocks the signals that are waited for. From before the first fork on none can be lost or kill a part alone.
fn take_signals() -> nix::Result<SigSet> {
    // SAFETY: no handler is installed; a parent that ignored this signal would hide the ends of our children.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    let mut signals: SigSet = FORWARDED.into_iter().collect();
    signals.add(Signal::SIGCHLD);
    signals.thread_block()?;
    Ok(signals)
}

/// The first process from here on: forwards signals to PID 1 and ends as it does. `_breath` is its end of the
/// life-line: the kernel closes it, however this process dies.
fn stay_outside(first: Pid, signals: &SigSet, _breath: &OwnedFd, outside: &Outside) -> ! {
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) => match waitpid(first, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Ok(status) => {
                    if exit_of(status).is_some() {
                        outside.clean_up();
                    }
                    end_with(status);
                }
                Err(_) => {
                    outside.clean_up();
                    end(EXIT_INFRASTRUCTURE);
                }
            },
            Ok(signal) => drop(kill(first, signal)),
            Err(_) => {}
        }
    }
}

/// PID 1: sets the machine up and forks the conductor, in which alone this returns.
fn be_first(life: &OwnedFd, signals: &SigSet) {
    if let Err(error) = set_up(life) {
        eprintln!("failed to {error}");
        end(EXIT_INFRASTRUCTURE);
    }
    // SAFETY: this process has one thread.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            let _ = set_name(c"conductor");
            let _ = signals.thread_unblock();
        }
        Ok(ForkResult::Parent { child }) => reap(life, signals, child),
        Err(errno) => {
            eprintln!("failed to fork the conductor: {errno}");
            end(EXIT_INFRASTRUCTURE);
        }
    }
}

fn set_up(life: &OwnedFd) -> Result<()> {
    let _ = set_name(c"sandbox-init");
    set_pdeathsig(Signal::SIGKILL).map_err(Error::step("ask to die with the first process"))?;
    // It may have died before that; its parent's pid does not show it, being 0 across pid namespaces either way.
    if is_cut(life, PollTimeout::ZERO) {
        end(EXIT_INFRASTRUCTURE);
    }
    setsid().map_err(Error::step("begin a session"))?;
    // A container that masks parts of its own /proc refuses a new one; the old one serves.
    let _ = namespaces::mount_proc();
    namespaces::disable_ipv6();
    card::bring_up("lo")
}

/// Whether the other end of the life-line is closed.
fn is_cut(life: &OwnedFd, limit: PollTimeout) -> bool {
    let mut files = [PollFd::new(life.as_fd(), PollFlags::empty())];
    poll(&mut files, limit).is_ok() && files[0].any() == Some(true)
}

/// Reaps everything, forwards signals, and ends with the conductor or with the first process. Then the kernel kills
/// what is left in the namespaces.
fn reap(life: &OwnedFd, signals: &SigSet, conductor: Pid) -> ! {
    let Ok(queue) = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK) else {
        end(EXIT_INFRASTRUCTURE);
    };
    loop {
        while let Some(status) = reap_one() {
            if status.pid() == Some(conductor) {
                end_with(status);
            }
        }
        let mut files = [
            PollFd::new(queue.as_fd(), PollFlags::POLLIN),
            PollFd::new(life.as_fd(), PollFlags::empty()),
        ];
        let _ = poll(&mut files, PollTimeout::NONE);
        if files[1].any() == Some(true) {
            end(EXIT_INFRASTRUCTURE);
        }
        while let Ok(Some(information)) = queue.read_signal() {
            match Signal::try_from(information.ssi_signo as i32) {
                Ok(signal) if FORWARDED.contains(&signal) => drop(kill(conductor, signal)),
                _ => {}
            }
        }
    }
}

fn reap_one() -> Option<WaitStatus> {
    waitpid(None, Some(WaitPidFlag::WNOHANG))
        .ok()
        .filter(|status| *status != WaitStatus::StillAlive)
}

/// Ends as another process did, if that is what this says.
fn end_with(status: WaitStatus) {
    if let Some(exit) = exit_of(status) {
        end(status_of(exit));
    }
}

/// The exit status that stands for an end: a shell's convention for signals.
fn status_of(exit: Exit) -> i32 {
    match exit {
        Exit::Status(status) => status,
        Exit::Signal(signal) => 128 + signal,
    }
}

/// Ends this process at once: nothing of the image that it was forked from is run or flushed.
pub(crate) fn end(status: i32) -> ! {
    // SAFETY: this call has no conditions.
    unsafe { libc::_exit(status) }
}
