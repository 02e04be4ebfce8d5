//! What a whole process takes.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What a process took, from its start to its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a processor: of all its threads, its own and the kernel's for it.
    pub cpu: Duration,
    /// The greatest resident set, in bytes: with what it mapped of files and had in memory.
    pub memory: u64,
}

/// Runs a process to its end, its output into a file. A child's greatest resident set begins with its parent's, so
/// this process must hold nothing of any size.
pub fn run(command: &mut Command, output: &Path) -> Result<(ExitStatus, Usage)> {
    let output = File::create(output).with_context(|| format!("make {}", output.display()))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .with_context(|| format!("start {command:?}"))?;
    wait(child.id())
}

/// Waits for one child. The standard library cannot say what a single child took.
fn wait(pid: u32) -> Result<(ExitStatus, Usage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to memory of the right type, and the child has not been waited for.
    let waited = unsafe { libc::wait4(pid.cast_signed(), &raw mut status, 0, usage.as_mut_ptr()) };
    ensure!(
        waited == pid.cast_signed(),
        "wait for a process: {}",
        std::io::Error::last_os_error()
    );
    // SAFETY: all bytes zero are a value of it, and the kernel has filled it in.
    let usage = unsafe { usage.assume_init() };
    let span = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000);
    Ok((
        ExitStatus::from_raw(status),
        Usage {
            cpu: span(usage.ru_utime) + span(usage.ru_stime),
            memory: usage.ru_maxrss as u64 * 1_024,
        },
    ))
}

/// The median of each figure by itself.
pub fn median(rounds: &[Usage]) -> Usage {
    let mut cpu: Vec<Duration> = rounds.iter().map(|usage| usage.cpu).collect();
    let mut memory: Vec<u64> = rounds.iter().map(|usage| usage.memory).collect();
    cpu.sort_unstable();
    memory.sort_unstable();
    Usage {
        cpu: cpu[cpu.len() / 2],
        memory: memory[memory.len() / 2],
    }
}
