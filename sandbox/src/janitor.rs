//! The janitor: a process beside the first one that waits until that is gone, and then takes away what the kernel does
//! not: control groups. It is in no namespace of the sandbox, so that what ends the sandbox does not end it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_name;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe2, setsid};

use crate::groups::{self, Homes};
use crate::supervisor::end;

/// How much the janitor may say.
const WORDS_MAX: u64 = 64 * 1024;

/// Starts the janitor, and waits until it has made the homes of control groups: what is there to be taken away it made
/// itself, so that there is no moment at which nobody would. Its end of the life-line tells when the first process is
/// gone. The process must have one thread.
pub(crate) fn start(life: &OwnedFd) -> nix::Result<(Pid, &'static Homes)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(writer);
            let mut words = Vec::new();
            let read = File::from(reader).take(WORDS_MAX).read_to_end(&mut words);
            // A janitor that was killed said nothing: then there are no groups.
            let places = read.ok().and_then(|_| serde_json::from_slice(&words).ok());
            Ok((child, groups::adopt(places.unwrap_or_default())))
        }
        ForkResult::Child => {
            withdraw(&[life.as_raw_fd(), writer.as_raw_fd()]);
            let homes = groups::make();
            let words = serde_json::to_vec(&homes.places()).unwrap_or_default();
            let _ = File::from(writer).write_all(&words);
            await_end(life);
            homes.end();
            end(0)
        }
    }
}

/// Ends the janitor: its work is done.
pub(crate) fn dismiss(janitor: Pid) {
    let _ = kill(janitor, Signal::SIGKILL);
    while waitpid(janitor, None) == Err(Errno::EINTR) {}
}

/// Leaves the user's terminal and files alone: what the first process held ends with it.
fn withdraw(keep: &[RawFd]) {
    let _ = set_name(c"sandbox-janitor");
    let _ = setsid();
    let _ = std::env::set_current_dir("/");
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = dup2_stdin(&null);
        let _ = dup2_stdout(&null);
        let _ = dup2_stderr(&null);
    }
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<RawFd> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for file in open {
        if file > 2 && !keep.contains(&file) {
            // SAFETY: nothing in this process uses it after this.
            unsafe { libc::close(file) };
        }
    }
}

fn await_end(life: &OwnedFd) {
    loop {
        let mut files = [PollFd::new(life.as_fd(), PollFlags::empty())];
        match poll(&mut files, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(_) => return,
            Ok(_) if files[0].any() == Some(true) => return,
            Ok(_) => {}
        }
    }
}
