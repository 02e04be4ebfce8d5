//! Speaks with the agent on a host (`cluster/docker/host.rs`): by sessions that are opened again when they are lost.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ssh2::{Channel, Session};

use super::inventory::Host;
use super::session::{self, Pin, quoted};
use crate::agent::message::{self, Message};
use crate::agent::{Ran, accepted, end_of, start_request, text};
use crate::filter::Shell;
use crate::{ExitKind, ProcessSpec};

/// After a failure it is tried again after this time.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// So long the agent is asked to wait for the end of a process before it says that it has not come. It is heard of at least as often.
const PATIENCE_MS: &str = "1500";

/// What every session with a host's agent needs.
pub(super) struct Way {
    pub(super) host: Host,
    pub(super) pin: Pin,
    /// The directory of the run, there.
    pub(super) run: String,
    /// Whether the run has ended there: nothing is asked for any more.
    pub(super) closed: AtomicBool,
}

impl Way {
    /// The command that has the agent's program do something with the run.
    pub(super) fn command(&self, word: &str) -> String {
        let sudo = if self.host.sudo { "sudo -n " } else { "" };
        format!("{sudo}{}/agent {word} {}", quoted(&self.run), quoted(&self.run))
    }

    fn open(&self) -> Result<Open> {
        let session = session::open(&self.host, &self.pin)?;
        let mut channel = session.channel_session()?;
        channel.exec(&format!("exec sh -c {}", quoted(&self.command("relay"))))?;
        Ok(Open {
            channel,
            _session: session,
        })
    }
}

struct Open {
    channel: Channel,
    _session: Session,
}

/// One way to the agent, for one request at a time.
pub(super) struct Line {
    way: Arc<Way>,
    open: Mutex<Option<Open>>,
}

impl Line {
    pub(super) fn new(way: Arc<Way>) -> Self {
        Self {
            way,
            open: Mutex::default(),
        }
    }

    /// Asks for something that may be done twice.
    pub(super) fn ask(&self, request: &[impl AsRef<[u8]>]) -> Result<Message> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // After that time the agent has ended by itself.
        let deadline = Instant::now() + self.way.host.lease;
        loop {
            let error = match self.try_once(&mut open, request) {
                Ok(answer) => return accepted(answer),
                Err(error) => error,
            };
            let gone = open.take().and_then(|mut open| last_words(&mut open.channel));
            if let Some(words) = gone {
                bail!("ask {}: {words}", self.way.host);
            }
            if self.way.closed.load(Ordering::SeqCst) {
                return Err(error);
            }
            if Instant::now() + AGAIN_AFTER > deadline {
                let lease = self.way.host.lease.as_secs();
                return Err(error.context(format!("ask {}: in vain for {lease} s, its lease", self.way.host)));
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }

    /// Asks for something that must not be done twice, however often the connection is lost over it.
    fn once(&self, request: &[OsString]) -> Result<Message> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let mut whole: Vec<&[u8]> = vec![b"once", id.as_bytes()];
        whole.extend(request.iter().map(|field| field.as_bytes()));
        self.ask(&whole)
    }

    fn try_once(&self, open: &mut Option<Open>, request: &[impl AsRef<[u8]>]) -> Result<Message> {
        let open = match open {
            Some(open) => open,
            None => open.insert(self.way.open()?),
        };
        message::write(&mut open.channel, request)?;
        let answer = message::read(&mut open.channel)?;
        answer.ok_or_else(|| anyhow!(io::Error::from(io::ErrorKind::UnexpectedEof)))
    }

    /// Starts the broker's process; gives its number there.
    pub(super) fn start(&self, spec: &ProcessSpec, environment: &[(String, String)]) -> Result<u32> {
        let answer = self.once(&start_request(spec, environment))?;
        text(&answer, 0)?.parse().context("understand a process's number")
    }

    /// Sends a signal to the broker's process.
    pub(super) fn signal(&self, signal: i32) -> Result<()> {
        self.once(&["signal".into(), signal.to_string().into()]).map(drop)
    }

    /// What the kernel there says of the broker's process, where one runs.
    pub(super) fn state(&self) -> Result<Option<sandbox::ProcessState>> {
        let answer = self.ask(&["state"])?;
        if answer.is_empty() {
            return Ok(None);
        }
        Ok(sandbox::ProcessState::of_stat(text(&answer, 0)?))
    }

    /// Waits a little for the end of the newest process: which that is, and how it ended, if it has.
    pub(super) fn watch(&self) -> Result<(u32, Option<ExitKind>)> {
        let answer = self.ask(&["watch", PATIENCE_MS])?;
        let pid = text(&answer, 0)?
            .parse()
            .context("understand a process's number")?;
        let end = answer.get(1).map(|_| end_of(text(&answer, 1)?)).transpose()?;
        Ok((pid, end))
    }

    /// Runs a tool there, as the agent's user.
    pub(super) fn tool(&self, command: &[&str], input: &str) -> Result<Ran> {
        let mut request: Vec<OsString> = vec!["run".into(), input.into()];
        request.extend(command.iter().map(OsString::from));
        Ran::of(&self.once(&request)?)
    }
}

impl Shell for Line {
    fn run(&self, command: &[&str], input: &str) -> Result<String> {
        self.tool(command, input)?.printed()
    }
}

/// What the relay said as it ended, if it has: there is no agent any more.
fn last_words(channel: &mut Channel) -> Option<String> {
    if !channel.eof() {
        return None;
    }
    let mut words = String::new();
    channel.stderr().read_to_string(&mut words).ok()?;
    channel.wait_close().ok()?;
    let status = channel.exit_status().ok()?;
    let shown = format!("its agent is gone: {} (status {status})", words.trim());
    (status != 0).then_some(shown)
}
