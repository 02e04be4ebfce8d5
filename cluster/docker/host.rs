//! The agent on a host that is reached by ssh: it outlives a connection, but not its lease.
//!
//! `begin` leaves it behind as a process of its own, which listens on a socket in the directory of its run. `relay` is what ssh
//! starts: it passes on what Tribunal says, and what the agent answers. As long as anything is heard the lease goes on; when
//! nothing was heard for its length, the agent ends the broker, takes its rules and its directory away, and itself. `end` does
//! that at once, also where the agent was killed. `look` says what runs there are.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString, c_int};
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::message::{self, Message};
use super::{Owner, SIGKILL, Shared, answer, files, geteuid, kill, number, rules, whole};

/// The agent's socket in the directory of its run.
const SOCKET: &str = "agent.sock";
/// Where tools are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where a run says whose it is.
const OWNER_FILE: &str = "owner";
/// An agent that was begun listens within this time, and one that is to end has ended.
const WITHIN: Duration = Duration::from_secs(10);
/// How often something is looked for.
const POLL: Duration = Duration::from_millis(20);

unsafe extern "C" {
    fn setsid() -> c_int;
}

/// What the agent of a host knows.
struct Host {
    run: PathBuf,
    owner: Owner,
    lease: Duration,
    broker: Arc<Shared>,
    heard: Mutex<Instant>,
    /// What was asked for once, and the answer: who lost the connection over it asks again.
    answers: Mutex<HashMap<Vec<u8>, Arc<OnceLock<Message>>>>,
}

/// Does what the arguments say, where they are one of the words for a host.
pub(crate) fn main(arguments: &[OsString]) -> Option<io::Result<()>> {
    let (word, rest) = arguments.split_first()?;
    let path = || rest.first().map(PathBuf::from).ok_or_else(|| io::Error::other("a directory is missing"));
    Some(match word.to_str()? {
        "begin" => path().and_then(|run| begin(&run, rest)),
        "serve" => path().and_then(|run| serve(run, rest)),
        "relay" => path().and_then(|run| relay(&run)),
        "look" => path().and_then(|runs| look(&runs)),
        "end" => path().and_then(|run| end(&run)),
        _ => return None,
    })
}

/// Leaves the agent behind: directory, seconds of the lease, user, group.
fn begin(run: &Path, arguments: &[OsString]) -> io::Result<()> {
    let log = fs::File::create(run.join("agent.log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").args(arguments).current_dir("/");
    // What SSH gives need not have the tools of packet filters.
    command.env("PATH", PATH);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let leave = || {
        // SAFETY: no pointer is passed.
        unsafe { setsid() };
        Ok(())
    };
    // SAFETY: between fork and exec it makes one system call.
    unsafe { command.pre_exec(leave) };
    command.spawn()?;
    let deadline = Instant::now() + WITHIN;
    while let Err(error) = UnixStream::connect(run.join(SOCKET)) {
        if Instant::now() > deadline {
            let log = fs::read_to_string(run.join("agent.log")).unwrap_or_default();
            return Err(io::Error::other(format!("the agent does not listen: {error} {log}")));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

fn serve(run: PathBuf, arguments: &[OsString]) -> io::Result<()> {
    let at = |index: usize| number(arguments.get(index).map_or(&b""[..], |word| word.as_bytes()));
    let (lease, owner) = (at(1)?, (at(2)? as u32, at(3)? as u32));
    let socket = run.join(SOCKET);
    let listener = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
    // SAFETY: it cannot fail.
    if unsafe { geteuid() } == 0 {
        chown(&socket, Some(owner.0), Some(owner.1))?;
    }
    let host = Arc::new(Host {
        run,
        owner,
        lease: Duration::from_secs(lease as u64),
        broker: Arc::default(),
        heard: Mutex::new(Instant::now()),
        answers: Mutex::default(),
    });
    let kept = Arc::clone(&host);
    thread::spawn(move || kept.keep_lease());
    for connection in listener.incoming() {
        let (connection, host) = (connection?, Arc::clone(&host));
        thread::spawn(move || host.answer_all(connection));
    }
    Ok(())
}

impl Host {
    fn keep_lease(&self) {
        loop {
            thread::sleep(Duration::from_millis(250));
            let silent = lock(&self.heard).elapsed();
            if silent > self.lease {
                self.finish();
            }
        }
    }

    fn answer_all(&self, mut connection: UnixStream) -> io::Result<()> {
        while let Some(request) = message::read(&mut connection)? {
            let is_watched = request.first().is_some_and(|verb| verb == b"heard");
            if !is_watched {
                *lock(&self.heard) = Instant::now();
            }
            let answer = self.answer(&request);
            message::write(&mut connection, &answer)?;
            if request.first().is_some_and(|verb| verb == b"end") {
                self.finish();
            }
        }
        Ok(())
    }

    fn answer(&self, request: &[Vec<u8>]) -> Message {
        if let [once, id, rest @ ..] = request
            && once == b"once"
        {
            let slot = Arc::clone(lock(&self.answers).entry(id.clone()).or_default());
            return slot.get_or_init(|| whole(self.does(rest))).clone();
        }
        whole(self.does(request))
    }

    fn does(&self, request: &[Vec<u8>]) -> io::Result<Message> {
        let (verb, fields) = request.split_first().ok_or(io::ErrorKind::InvalidData)?;
        match verb.as_slice() {
            b"end" => Ok(Message::new()),
            b"heard" => Ok(vec![lock(&self.heard).elapsed().as_millis().to_string().into()]),
            b"watch" => self.watch(fields),
            b"list" => files::list(fields),
            b"get" => files::get(fields),
            b"put" => files::put(fields, self.owner),
            b"directory" => files::make(path_of(fields)?, self.owner).map(|()| Message::new()),
            b"remove" => {
                let path = path_of(fields)?;
                let is_ours = path.starts_with(&self.run) && path != self.run;
                if !is_ours || path.components().any(|part| part.as_os_str() == "..") {
                    return Err(io::Error::other("it is not in the directory of this run"));
                }
                files::remove(path).map(|()| Message::new())
            }
            _ => answer(request, &self.broker, self.owner),
        }
    }

    /// Waits for the end of the newest process, so many milliseconds at most: how it ended, as the kernel gives it to a parent, or
    /// nothing.
    fn watch(&self, fields: &[Vec<u8>]) -> io::Result<Message> {
        let patience = Duration::from_millis(number(fields.first().ok_or(io::ErrorKind::InvalidData)?)? as u64);
        let runs = |newest: &mut super::Newest| newest.end.is_none();
        let newest = self.broker.newest();
        let waited = self.broker.ended.wait_timeout_while(newest, patience, runs);
        let newest = waited.unwrap_or_else(PoisonError::into_inner).0;
        let pid = newest.pid.unwrap_or_default().to_string().into_bytes();
        let end = newest.end.map(|end| std::os::unix::process::ExitStatusExt::into_raw(end).to_string());
        Ok([Some(pid), end.map(String::into_bytes)].into_iter().flatten().collect())
    }

    /// Leaves this host as it was found.
    fn finish(&self) -> ! {
        let newest = self.broker.newest();
        if let Some(pid) = newest.pid.filter(|_| newest.end.is_none()) {
            // SAFETY: no pointer is passed.
            unsafe { kill(pid as c_int, SIGKILL) };
            let gone = |newest: &mut super::Newest| newest.end.is_none();
            drop(self.broker.ended.wait_timeout_while(newest, WITHIN, gone));
        }
        clear(&self.run);
        exit(0);
    }
}

/// Says of each run what its agent last heard, how many milliseconds ago, and whose it is: a line each. Where no agent
/// answers, how long its directory lies there, after a dash.
fn look(runs: &Path) -> io::Result<()> {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let run = entry.path();
        let owner = fs::read_to_string(run.join(OWNER_FILE)).unwrap_or_default();
        let heard = heard(&run).unwrap_or_else(|_| {
            let age = entry.metadata().and_then(|data| data.modified());
            let age = age.ok().and_then(|made| made.elapsed().ok()).unwrap_or_default();
            format!("-{}", age.as_millis())
        });
        println!("{} {heard} {}", entry.file_name().display(), owner.trim());
    }
    Ok(())
}

fn heard(run: &Path) -> io::Result<String> {
    let mut connection = UnixStream::connect(run.join(SOCKET))?;
    connection.set_read_timeout(Some(WITHIN))?;
    message::write(&mut connection, &["heard"])?;
    let answer = message::read(&mut connection)?.unwrap_or_default();
    let text = answer.get(1).ok_or(io::ErrorKind::InvalidData)?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// Ends a run, by its agent where that lives.
fn end(run: &Path) -> io::Result<()> {
    if let Ok(mut connection) = UnixStream::connect(run.join(SOCKET)) {
        connection.set_read_timeout(Some(WITHIN))?;
        message::write(&mut connection, &["end"])?;
        let _ = message::read(&mut connection);
        // Its end is the end of this connection.
        let _ = connection.read(&mut [0]);
    }
    clear(run);
    Ok(())
}

/// Takes the rules and the directory of a run away; with the last the directory of runs.
fn clear(run: &Path) {
    if let Some(name) = run.file_name().and_then(OsStr::to_str) {
        rules::purge(name);
    }
    let _ = fs::remove_dir_all(run);
    if let Some(runs) = run.parent() {
        // Refused where others are in it.
        let _ = fs::remove_dir(runs);
    }
}

/// Passes on what comes on the standard input, and what is answered.
fn relay(run: &Path) -> io::Result<()> {
    let mut socket = UnixStream::connect(run.join(SOCKET))
        .map_err(|error| io::Error::other(format!("the agent of this run is gone ({error})")))?;
    let mut up = socket.try_clone()?;
    thread::spawn(move || {
        let _ = pass(&mut io::stdin().lock(), &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    pass(&mut socket, &mut io::stdout().lock())?;
    exit(0)
}

/// Copies at once what comes.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            length => to.write_all(&buffer[..length])?,
        }
        to.flush()?;
    }
}

fn path_of(fields: &[Vec<u8>]) -> io::Result<&Path> {
    let field = fields.first().ok_or(io::ErrorKind::InvalidData)?;
    Ok(Path::new(OsStr::from_bytes(field)))
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
