//! How a driver's process starts, what is written to it, and whether it lives.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::process::Process;
use super::program::Program;
use super::wire::Answer;

/// How often it is asked whether it lives, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(2);
const PING_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 20 });

/// Asks from time to time whether it lives.
pub(super) struct Ping {
    asked: Instant,
    open: Option<Receiver<Result<Answer, String>>>,
}

impl Ping {
    pub(super) fn new() -> Self {
        Self {
            asked: Instant::now(),
            open: None,
        }
    }

    pub(super) fn look(&mut self, process: &Process) {
        if let Some(open) = &self.open {
            if open.try_recv().is_ok() {
                self.open = None;
            } else if self.asked.elapsed() > PING_WITHIN {
                process.condemn(&format!("it gave no sign of life for {PING_WITHIN:?}"));
            }
        } else if self.asked.elapsed() > PING_EVERY {
            (self.asked, self.open) = (Instant::now(), Some(process.ping()));
        }
    }
}

/// Writes the requests out, until nobody has any or nobody reads them.
pub(super) fn write(mut input: impl std::io::Write, unwritten: &Receiver<Vec<u8>>) {
    while let Ok(line) = unwritten.recv() {
        if input.write_all(&line).is_err() {
            return;
        }
        // What else waits goes with it.
        for line in unwritten.try_iter() {
            if input.write_all(&line).is_err() {
                return;
            }
        }
        if input.flush().is_err() {
            return;
        }
    }
}

/// Starts the program, in a process group of its own; it ends with this thread.
pub(super) fn spawn(program: &Program) -> std::io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let (name, arguments) = program
        .command
        .split_first()
        .ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(directory) = &program.directory {
        command.current_dir(directory);
    }
    cluster::kafka::spawn_bound(&mut command)
}
