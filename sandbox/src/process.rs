//! Running processes on a node: the agent's own children.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::protocol::{Command, Exit, ProcessState};

/// How long the rest of a group may take to die: one that waits for a device cannot be killed.
const GROUP_LIMIT: Duration = Duration::from_secs(1);

/// How often it is looked whether it is dead.
const GROUP_INTERVAL: Duration = Duration::from_millis(1);

/// The processes that were started and have not ended. Each is the head of a session and a group of its own.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    running: HashSet<Child>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Child {
    pid: i32,
    /// Its pid in the namespace that `/proc` shows, which may be an outer one.
    shown: i32,
}

/// A process that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaped {
    /// One that was started here.
    Started { pid: i32, exit: Exit },
    /// One that a started one left behind.
    Orphan,
}

impl Processes {
    /// Starts a process and returns its pid. It writes itself into that list of a control group's processes first.
    pub(crate) fn start(&mut self, command: &Command, group: Option<&Path>) -> Result<i32, String> {
        let (program, arguments) = command.argv.split_first().ok_or("its command is empty")?;
        let output = append(&command.output)
            .map_err(|error| format!("its output file {}: {error}", command.output.display()))?;
        let errors = output
            .try_clone()
            .map_err(|error| format!("its output file: {error}"))?;
        let (mut reader, writer) = io::pipe().map_err(|error| format!("a pipe: {error}"))?;
        let mut child = std::process::Command::new(program);
        child
            .args(arguments)
            .env_clear()
            .envs(command.environment.iter().map(|(name, value)| (name, value)));
        child
            .current_dir(&command.directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let group = group.map(|list| OpenOptions::new().write(true).open(list));
        let group = group
            .transpose()
            .map_err(|error| format!("its control group: {error}"))?;
        let list = group.as_ref().map(AsRawFd::as_raw_fd);
        let pipe = writer.as_raw_fd();
        // SAFETY: the agent has one thread, so nothing is locked in its child; these are plain system calls.
        unsafe { child.pre_exec(move || prepare(pipe, list)) };
        let started = child
            .spawn()
            .map_err(|error| format!("{program}: {}", reason(&error, command)))?;
        drop(writer);
        let mut shown = [0; 4];
        reader
            .read_exact(&mut shown)
            .map_err(|error| format!("its pid: {error}"))?;
        let pid = started.id() as i32;
        self.running.insert(Child {
            pid,
            shown: i32::from_ne_bytes(shown),
        });
        Ok(pid)
    }

    /// That process, if it is running.
    pub(crate) fn running(&self, pid: i32) -> Result<i32, String> {
        Ok(self.find(pid).map(|_| pid).ok_or("it has ended")?)
    }

    /// Signals the group of a process that is running.
    pub(crate) fn signal(&self, pid: i32, signal: i32) -> Result<(), String> {
        self.running(pid)?;
        let signal = Signal::try_from(signal).map_err(|_| format!("there is no signal {signal}"))?;
        killpg(Pid::from_raw(pid), signal).map_err(|errno| errno.to_string())
    }

    /// What a process does; nothing where it has ended.
    pub(crate) fn state(&self, pid: i32) -> Result<Option<ProcessState>, String> {
        let Some(child) = self.find(pid) else {
            return Ok(None);
        };
        let path = format!("/proc/{}/stat", child.shown);
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        ProcessState::of_stat(&text)
            .map(Some)
            .ok_or_else(|| format!("{path}: it is not in the known form"))
    }

    /// Reaps one process that has ended. `None`: there is none now. What one that was started left behind in its group
    /// is killed and gone before its end is told, so that a restart finds its ports free.
    pub(crate) fn reap(&mut self) -> Option<Reaped> {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let pid = waitid(Id::All, look).ok()?.pid()?;
        if self.find(pid.as_raw()).is_none() {
            let _ = waitpid(pid, None);
            return Some(Reaped::Orphan);
        }
        let status = end_group(pid);
        self.running.retain(|child| child.pid != pid.as_raw());
        let exit = status.and_then(exit_of);
        Some(exit.map_or(Reaped::Orphan, |exit| Reaped::Started {
            pid: pid.as_raw(),
            exit,
        }))
    }

    fn find(&self, pid: i32) -> Option<&Child> {
        self.running.iter().find(|child| child.pid == pid)
    }
}

/// Kills what is left of the group of a process that has ended, and reaps all of it: its members are children of this
/// process, the first of its pid namespace, by now. Returns how the head of the group ended.
fn end_group(head: Pid) -> Option<WaitStatus> {
    // Until the head is reaped, the number of the group is nobody else's.
    let _ = killpg(head, Signal::SIGKILL);
    let begun = Instant::now();
    let mut ended = None;
    let group = Pid::from_raw(-head.as_raw());
    while let Ok(status) = waitpid(group, Some(WaitPidFlag::WNOHANG)) {
        if status.pid() == Some(head) {
            ended = Some(status);
        } else if status == WaitStatus::StillAlive {
            if begun.elapsed() > GROUP_LIMIT {
                return ended;
            }
            thread::sleep(GROUP_INTERVAL);
        }
    }
    ended
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// What of a start failed: the error alone does not say whether it was the program or its directory.
fn reason(error: &io::Error, command: &Command) -> String {
    if command.directory.is_dir() {
        return error.to_string();
    }
    format!("{error}: there is no directory {}", command.directory.display())
}

/// The last steps in the new process: a control group where there is one, a session of its own, an end when the agent
/// ends, and its pid as `/proc` has it.
fn prepare(mut pipe: i32, group: Option<i32>) -> io::Result<()> {
    if let Some(list) = group {
        // SAFETY: the agent holds this file open while the child starts, and the byte is live. `0` is the writer itself.
        let done = unsafe { libc::write(list, b"0".as_ptr().cast(), 1) };
        Errno::result(done).map_err(io::Error::from)?;
    }
    nix::unistd::setsid()?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let shown = shown_pid().unwrap_or_else(|| Pid::this().as_raw());
    let bytes = shown.to_ne_bytes();
    // SAFETY: the agent holds this pipe open while the child starts, and the bytes are live.
    let done = unsafe { libc::write(std::mem::take(&mut pipe), bytes.as_ptr().cast(), bytes.len()) };
    Errno::result(done).map(drop).map_err(io::Error::from)
}

/// This process's pid in the namespace that `/proc` shows.
fn shown_pid() -> Option<i32> {
    fs::read_link("/proc/self").ok()?.to_str()?.parse().ok()
}

/// How a process ended.
pub(crate) fn exit_of(status: WaitStatus) -> Option<Exit> {
    match status {
        WaitStatus::Exited(_, status) => Some(Exit::Status(status)),
        WaitStatus::Signaled(_, signal, _) => Some(Exit::Signal(signal as i32)),
        _ => None,
    }
}

impl ProcessState {
    /// What `/proc/PID/stat` says; its second field, the name, may hold anything, even brackets and spaces.
    pub fn of_stat(text: &str) -> Option<Self> {
        let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let mut ticks = fields.skip(10).map(str::parse::<u64>);
        let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
        let per_second = sysconf(SysconfVar::CLK_TCK)
            .ok()
            .flatten()
            .filter(|&ticks| ticks > 0)? as u64;
        Some(Self {
            state,
            cpu: Duration::from_millis((user + system) * 1000 / per_second),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_gives_state_and_cpu_time() {
        let line = "7 (a) R (b) T 1 7 7 0 -1 4194560 106 0 0 0 150 50 0 0 20 0 1 0 100 0 0";
        let state = ProcessState::of_stat(line).expect("it is a stat line");
        assert_eq!((state.state, state.cpu), ('T', Duration::from_secs(2)));
    }

    #[test]
    fn a_broken_stat_line_gives_nothing() {
        for line in ["", "7 (a", "7 (a) ", "7 (a) S 1 2 3"] {
            assert_eq!(ProcessState::of_stat(line), None, "{line:?}");
        }
    }

    #[test]
    fn this_process_can_be_read() {
        let text = fs::read_to_string("/proc/self/stat").expect("/proc is there");
        assert!(ProcessState::of_stat(&text).is_some(), "{text}");
    }
}
