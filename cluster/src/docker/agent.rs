//! Speaks with the agent that is the first process of a node's container (`cluster/docker/agent.rs`).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sandbox::ProcessState;

use crate::agent::message::{self, Message};
use crate::agent::{PROGRAM, Ran, accepted, end_of, start_request, text};
use crate::{ExitKind, ProcessSpec};

/// Its name in the directory that all containers share with Tribunal.
pub(super) const PROGRAM_FILE: &str = "agent";
/// An agent answers within this time, unless it waits for the end of a process.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How often an agent that comes up is looked for.
const POLL: Duration = Duration::from_millis(5);

/// Writes the program where containers find it.
pub(super) fn write_program(directory: &Path) -> Result<()> {
    ensure!(
        !PROGRAM.is_empty(),
        "run nodes in containers: this build of Tribunal is not for Linux"
    );
    let path = directory.join(PROGRAM_FILE);
    fs::write(&path, PROGRAM).with_context(|| format!("write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("make {} a program", path.display()))
}

/// The agent of one node.
pub(super) struct Agent {
    socket: PathBuf,
    /// The container ends as this does.
    _leash: UnixStream,
}

impl Agent {
    /// Takes hold of the agent behind a socket as soon as it is there.
    pub(super) fn connect(socket: &Path, within: Duration) -> Result<Self> {
        let deadline = Instant::now() + within;
        loop {
            match UnixStream::connect(socket) {
                Ok(leash) => {
                    return Ok(Self {
                        socket: socket.to_owned(),
                        _leash: leash,
                    });
                }
                Err(error)
                    if Instant::now() < deadline
                        && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
                {
                    std::thread::sleep(POLL);
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("reach its agent at {}", socket.display()));
                }
            }
        }
    }

    /// Starts the broker's process; gives its number inside of the container.
    pub(super) fn start(&self, spec: &ProcessSpec, environment: &[(String, String)]) -> Result<u32> {
        let request = start_request(spec, environment);
        let answer = self.ask(&request)?;
        text(&answer, 0)?.parse().context("understand a process's number")
    }

    /// Sends a signal to the broker's process.
    pub(super) fn signal(&self, signal: i32) -> Result<()> {
        self.ask(&[OsStr::new("signal"), OsStr::new(&signal.to_string())])?;
        Ok(())
    }

    /// Sends a signal, and does something between the request and the answer: a container that stands still takes the
    /// request, and does it as soon as it goes on.
    pub(super) fn signal_while(&self, signal: i32, then: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut connection = self.open()?;
        let number = signal.to_string();
        send(&mut connection, &[OsStr::new("signal"), OsStr::new(&number)])?;
        then()?;
        accepted(receive(&mut connection)?)?;
        Ok(())
    }

    /// What the kernel says of the broker's process, where one runs.
    pub(super) fn state(&self) -> Result<Option<ProcessState>> {
        let answer = self.ask(&[OsStr::new("state")])?;
        if answer.is_empty() {
            return Ok(None);
        }
        Ok(ProcessState::of_stat(text(&answer, 0)?))
    }

    /// Waits until the broker's process has ended, for as long as that takes. That it cannot be waited for any more
    /// is an error.
    pub(super) fn wait(&self) -> Result<ExitKind> {
        let mut connection = self.open()?;
        connection.set_read_timeout(None)?;
        send(&mut connection, &[OsStr::new("wait")])?;
        let answer = accepted(receive(&mut connection)?)?;
        end_of(text(&answer, 0)?)
    }

    /// Runs a tool in the container, as its root, with that input.
    pub(super) fn run(&self, command: &[&str], input: &str) -> Result<Ran> {
        let mut request = vec![OsStr::new("run"), OsStr::new(input)];
        request.extend(command.iter().map(OsStr::new));
        let answer = self.ask(&request)?;
        Ran::of(&answer)
    }

    /// Whether there is such a file in the container.
    pub(super) fn has_file(&self, path: &Path) -> Result<bool> {
        let answer = self.ask(&[OsStr::new("file"), path.as_os_str()])?;
        Ok(text(&answer, 0)? == "true")
    }

    fn ask(&self, request: &[impl AsRef<OsStr>]) -> Result<Message> {
        let mut connection = self.open()?;
        send(&mut connection, request)?;
        accepted(receive(&mut connection)?)
    }

    fn open(&self) -> Result<UnixStream> {
        let open = || -> std::io::Result<UnixStream> {
            let connection = UnixStream::connect(&self.socket)?;
            connection.set_read_timeout(Some(ANSWER_WITHIN))?;
            connection.set_write_timeout(Some(ANSWER_WITHIN))?;
            Ok(connection)
        };
        open().context("ask the agent of its container (the container may be gone)")
    }
}

fn send(to: &mut UnixStream, fields: &[impl AsRef<OsStr>]) -> Result<()> {
    let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_ref().as_bytes()).collect();
    message::write(to, &fields).context("ask the agent of its container")
}

fn receive(from: &mut UnixStream) -> Result<Message> {
    let answer = message::read(from).and_then(|answer| answer.ok_or_else(|| ErrorKind::UnexpectedEof.into()));
    answer.context("hear from the agent of its container (the container may be gone)")
}

/// The socket of a node's agent, below the directory that containers share with Tribunal.
pub(super) fn socket_of(scratch: &Path, host: &str) -> Result<PathBuf> {
    let path = scratch.join(format!("{host}.sock"));
    // The kernel takes 107 bytes and one that ends them.
    ensure!(
        path.as_os_str().len() < 108,
        "use the directory {}: the path of a socket there is too long; set TMPDIR to a shorter one",
        scratch.display()
    );
    Ok(path)
}

/// The command of a container.
pub(super) fn command(scratch: &Path, socket: &Path, owner: (u32, u32)) -> Vec<OsString> {
    vec![
        scratch.join(PROGRAM_FILE).into_os_string(),
        socket.as_os_str().to_owned(),
        owner.0.to_string().into(),
        owner.1.to_string().into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_too_deep_for_a_socket_is_refused() {
        let deep = PathBuf::from("/tmp").join("d".repeat(100));
        let error = socket_of(&deep, "n1").expect_err("too long").to_string();
        assert!(error.contains("TMPDIR"), "{error}");
    }

    /// The agent without a container around it: as a process of this host.
    #[test]
    fn it_runs_signals_and_reaps_one_process_at_a_time() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        write_program(directory.path()).expect("writable");
        let socket = socket_of(directory.path(), "n1").expect("short enough");
        // SAFETY: these cannot fail.
        let owner = unsafe { (libc::getuid(), libc::getgid()) };
        if owner.0 != 0 {
            // Who is not root cannot give a process away, not even to itself.
            return;
        }
        let words = command(directory.path(), &socket, owner);
        let mut program = std::process::Command::new(&words[0]);
        let mut child = program.args(&words[1..]).spawn().expect("it starts");
        let agent = Agent::connect(&socket, Duration::from_secs(5)).expect("it listens");
        let output = directory.path().join("out");
        fs::write(&output, "").expect("writable");
        let spec = |script: &str| ProcessSpec {
            command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            environment: Vec::new(),
            directory: directory.path().to_owned(),
            output: output.clone(),
        };
        assert_eq!(agent.wait().expect("at once"), ExitKind::NeverStarted);
        assert!(agent.signal(libc::SIGKILL).is_err(), "nothing runs");
        agent.start(&spec("exec sleep 60"), &[]).expect("it starts");
        assert!(agent.start(&spec("true"), &[]).is_err(), "one is running");
        assert!(agent.state().expect("asked").is_some());
        agent.signal(libc::SIGKILL).expect("it runs");
        assert_eq!(agent.wait().expect("it ends"), ExitKind::Signal(9));
        assert!(agent.state().expect("asked").is_none());
        let environment = [("WORD".to_owned(), "hello".to_owned())];
        agent
            .start(&spec("echo $WORD; exit 137"), &environment)
            .expect("it starts");
        assert_eq!(agent.wait().expect("it ends"), ExitKind::Status(137));
        assert_eq!(fs::read_to_string(&output).expect("written"), "hello\n");
        let ran = agent.run(&["/bin/cat"], "in").expect("it runs");
        assert_eq!((ran.status, ran.output.as_str()), (0, "in"));
        drop(agent);
        assert!(child.wait().expect("it ends with its leash").success());
    }
}
