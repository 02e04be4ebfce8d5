//! The network of a container, entered from this host: where Tribunal is root, its rules can be changed also while the
//! container stands still.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::agent::{Ran, tool};

/// The network namespace of a container.
pub(super) struct Inside(File);

impl Inside {
    /// Of the container whose first process has this number here. Nothing where it cannot be told for sure, or may not be
    /// entered.
    pub(super) fn open(agent: Option<u32>, program: &Path) -> Option<Self> {
        let process = Path::new("/proc").join(agent?.to_string());
        // The engine may number processes in another namespace than ours.
        let command = fs::read(process.join("cmdline")).ok()?;
        let first = command.split(|&byte| byte == 0).next()?;
        if first != program.as_os_str().as_encoded_bytes() {
            return None;
        }
        let namespace = Self(File::open(process.join("ns/net")).ok()?);
        let entered = std::thread::scope(|scope| scope.spawn(|| namespace.enter()).join());
        matches!(entered, Ok(Ok(()))).then_some(namespace)
    }

    /// Runs a tool of this host there, with that input.
    pub(super) fn run(&self, command: &[&str], input: &str) -> Result<Ran> {
        // A thread enters for good, so it is one of its own; what it starts is there too.
        let run = || -> Result<Ran> {
            self.enter().context("enter the network of a container")?;
            let (program, arguments) = command.split_first().context("run an empty command")?;
            let output = tool::run(Command::new(program).args(arguments), input.as_bytes())
                .with_context(|| format!("run {program}"))?;
            Ok(Ran {
                status: output.status.code().unwrap_or(-1),
                output: String::from_utf8_lossy(&output.stdout).into_owned(),
                complaint: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            })
        };
        let done = std::thread::scope(|scope| scope.spawn(run).join());
        done.unwrap_or_else(|_| Err(anyhow!("run {command:?}: a bug in Tribunal (panic)")))
    }

    /// Moves the calling thread there.
    fn enter(&self) -> std::io::Result<()> {
        // SAFETY: the descriptor is open as long as this lives.
        match unsafe { libc::setns(self.0.as_raw_fd(), libc::CLONE_NEWNET) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    }
}
