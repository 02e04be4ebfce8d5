//! Processes that end when Tribunal does.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// Spawns a process that the kernel kills when the thread that spawned it ends: call it from a thread that
/// outlives the process.
pub fn spawn_bound(command: &mut Command) -> std::io::Result<Child> {
    let parent = std::process::id();
    let bind = move || {
        // SAFETY: both calls are safe after fork (they are plain system calls) and take no pointer.
        let (set, now) = unsafe {
            (
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL),
                libc::getppid(),
            )
        };
        // A parent that ended before the first call sends no signal any more.
        if set != 0 || now != parent.cast_signed() {
            return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(bind) };
    command.spawn()
}

/// A process that is killed when this is dropped.
pub(super) struct Bound(Child);

impl Bound {
    /// Spawns it, see [`spawn_bound`].
    pub(super) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        spawn_bound(command).map(Self)
    }

    /// Asks it to end (SIGTERM).
    pub(super) fn terminate(&self) {
        // SAFETY: no pointer is passed; the process is our child and not reaped yet, so the number is its own.
        unsafe { libc::kill(self.0.id().cast_signed(), libc::SIGTERM) };
    }

    /// How it ended, where it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Waits until it has ended.
    pub(super) fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("it did not end within {} s", within.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeping() -> Bound {
        Bound::spawn(Command::new("sleep").arg("60")).expect("sleep is everywhere")
    }

    #[test]
    fn ends_when_asked() {
        let mut child = sleeping();
        assert!(child.ended().is_none() && child.wait(Duration::ZERO).is_err());
        child.terminate();
        let status = child.wait(Duration::from_secs(60)).expect("it ends");
        assert!(!status.success());
    }

    #[test]
    fn ends_with_the_thread_that_spawned_it() {
        let mut child = std::thread::spawn(sleeping).join().expect("no panic");
        child.wait(Duration::from_secs(30)).expect("the kernel ends it");
    }
}
