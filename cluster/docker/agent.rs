//! The first process of a node's container: it runs the broker's process, sends it signals, and knows how it ended. On a host that
//! is reached by ssh it does the same, and more (`host.rs`).
//!
//! In a container it listens on a socket in a directory that the container shares with Tribunal. Whoever speaks there sends requests and
//! gets one answer to each (`message.rs`). The first connection is the leash: as it ends, Tribunal has ended, however that
//! was, and the container ends with it.
//!
//! It is built by `build.rs` from the files of this folder, and lies inside of Tribunal's binary.

mod files;
mod host;
mod message;
mod rules;
mod tool;

use std::ffi::{OsStr, OsString, c_int};
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio, exit};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use message::{Message, read, write};

/// `waitid` for one process…
const P_PID: c_int = 1;
/// …until it has ended…
const WEXITED: c_int = 4;
/// …without taking its end away.
const WNOWAIT: c_int = 0x0100_0000;

/// `prctl`: what the kernel sends a process as the thread ends that began it…
const PR_SET_PDEATHSIG: c_int = 1;
/// …which nothing survives.
const SIGKILL: c_int = 9;

unsafe extern "C" {
    fn prctl(what: c_int, ...) -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn geteuid() -> u32;
    fn waitid(kind: c_int, pid: u32, information: *mut [u64; 16], options: c_int) -> c_int;
}

/// The user and the group that the broker's process has.
type Owner = (u32, u32);

/// The newest process of the broker.
#[derive(Default)]
struct Newest {
    /// Its number, where one was ever started.
    pid: Option<u32>,
    /// How it ended, where it has.
    end: Option<ExitStatus>,
}

/// What all connections share.
#[derive(Default)]
struct Shared {
    newest: Mutex<Newest>,
    ended: Condvar,
}

impl Shared {
    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(done) = host::main(&arguments) {
        if let Err(error) = done {
            eprintln!("{error}");
            exit(1);
        }
        return;
    }
    let number = |at: usize| arguments.get(at)?.to_str()?.parse().ok();
    let (Some(socket), Some(user), Some(group)) = (arguments.first(), number(1), number(2)) else {
        eprintln!("the agent of a container: SOCKET USER GROUP");
        exit(2);
    };
    if let Err(error) = serve(socket, (user, group)) {
        eprintln!("listen on {}: {error}", socket.display());
        exit(1);
    }
}

/// Takes connections for ever.
fn serve(socket: &OsStr, owner: Owner) -> io::Result<()> {
    let _ = fs::remove_file(socket);
    let listener = UnixListener::bind(socket)?;
    // Tribunal need not be root; the directory around it is for its user alone.
    fs::set_permissions(socket, Permissions::from_mode(0o666))?;
    let shared = Arc::new(Shared::default());
    let mut leash = true;
    for connection in listener.incoming() {
        let connection = connection?;
        let (shared, first) = (Arc::clone(&shared), std::mem::take(&mut leash));
        thread::spawn(move || {
            let _ = answer_all(connection, &shared, owner);
            if first {
                // Everything in the container ends with its first process.
                exit(0);
            }
        });
    }
    Ok(())
}

/// Answers one connection until it ends.
fn answer_all(mut connection: UnixStream, shared: &Arc<Shared>, owner: Owner) -> io::Result<()> {
    while let Some(request) = read(&mut connection)? {
        write(&mut connection, &whole(answer(&request, shared, owner)))?;
    }
    Ok(())
}

/// An answer, with a word before it that says whether it is an error.
fn whole(answer: io::Result<Message>) -> Message {
    match answer {
        Ok(mut fields) => {
            fields.insert(0, b"ok".to_vec());
            fields
        }
        Err(error) => vec![b"error".to_vec(), error.to_string().into_bytes()],
    }
}

fn answer(request: &[Vec<u8>], shared: &Arc<Shared>, owner: Owner) -> io::Result<Message> {
    let (verb, fields) = request.split_first().ok_or(io::ErrorKind::InvalidData)?;
    match verb.as_slice() {
        b"start" => start(fields, shared, owner),
        b"signal" => signal(fields, shared),
        b"state" => Ok(state(shared).into_iter().collect()),
        b"wait" => Ok(vec![wait(shared)]),
        b"run" => run(fields),
        b"file" => Ok(vec![is_file(fields)]),
        _ => Err(io::Error::other("no such request")),
    }
}

/// Starts the broker's process: output, directory, how many arguments, the arguments, then names and values of its
/// environment.
fn start(fields: &[Vec<u8>], shared: &Arc<Shared>, owner: Owner) -> io::Result<Message> {
    let [output, directory, count, rest @ ..] = fields else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let count = number(count)?;
    let (command, environment) = rest.split_at_checked(count).ok_or(io::ErrorKind::InvalidData)?;
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidData)?;
    let mut newest = shared.newest();
    if newest.pid.is_some() && newest.end.is_none() {
        return Err(io::Error::other("one is running"));
    }
    let output = OpenOptions::new().append(true).open(OsStr::from_bytes(output))?;
    let mut command = Command::new(OsStr::from_bytes(program));
    command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
    for pair in environment.chunks_exact(2) {
        command.env(OsStr::from_bytes(&pair[0]), OsStr::from_bytes(&pair[1]));
    }
    command.current_dir(OsStr::from_bytes(directory));
    // SAFETY: it cannot fail.
    if unsafe { geteuid() } == 0 {
        command.uid(owner.0).gid(owner.1);
    }
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let die_with_parent = || {
        // SAFETY: no pointer is passed.
        unsafe { prctl(PR_SET_PDEATHSIG, SIGKILL) };
        Ok(())
    };
    // SAFETY: between fork and exec it makes one system call, and touches no memory.
    unsafe { command.pre_exec(die_with_parent) };
    let (told, started) = mpsc::channel();
    let shared_with = Arc::clone(shared);
    // The kernel takes the end of this thread for the parent's: so it lives as long as the process.
    thread::spawn(move || reap(command, &told, &shared_with));
    let pid = started.recv().map_err(|_| io::ErrorKind::Interrupted)??;
    *newest = Newest {
        pid: Some(pid),
        end: None,
    };
    Ok(vec![pid.to_string().into_bytes()])
}

/// Runs a process from its start to its end.
fn reap(mut command: Command, told: &mpsc::Sender<io::Result<u32>>, shared: &Shared) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = told.send(Err(error));
            return;
        }
    };
    let pid = child.id();
    let _ = told.send(Ok(pid));
    let mut information = [0_u64; 16];
    // SAFETY: the information has 128 bytes, as the kernel's has.
    unsafe { waitid(P_PID, pid, &raw mut information, WEXITED | WNOWAIT) };
    // Its number is free for another process only as this is known: signals take the same lock.
    let mut newest = shared.newest();
    newest.end = child.wait().ok();
    shared.ended.notify_all();
}

/// Sends a signal to the broker's process.
fn signal(fields: &[Vec<u8>], shared: &Shared) -> io::Result<Message> {
    let signal = number(fields.first().ok_or(io::ErrorKind::InvalidData)?)?;
    let newest = shared.newest();
    let running = newest.pid.filter(|_| newest.end.is_none());
    let pid = running.ok_or_else(|| io::Error::other("no process runs"))?;
    // SAFETY: no pointer is passed.
    if unsafe { kill(pid as c_int, signal as c_int) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Message::new())
}

/// What the kernel says of the broker's process; nothing where none runs.
fn state(shared: &Shared) -> Option<Vec<u8>> {
    let newest = shared.newest();
    let pid = newest.pid.filter(|_| newest.end.is_none())?;
    fs::read(format!("/proc/{pid}/stat")).ok()
}

/// Waits until the broker's process has ended, and says how, as the kernel gives it to a parent.
fn wait(shared: &Shared) -> Vec<u8> {
    let mut newest = shared.newest();
    while newest.pid.is_some() && newest.end.is_none() {
        newest = shared.ended.wait(newest).unwrap_or_else(PoisonError::into_inner);
    }
    newest.end.map_or_else(
        || b"never".to_vec(),
        |end| end.into_raw().to_string().into_bytes(),
    )
}

/// Runs a tool to its end: its input, then the command. Gives its status and what it printed.
fn run(fields: &[Vec<u8>]) -> io::Result<Message> {
    let [input, program, arguments @ ..] = fields else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut command = Command::new(OsStr::from_bytes(program));
    command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
    let output = tool::run(&mut command, input)?;
    let status = output.status.code().unwrap_or(-1);
    Ok(vec![
        status.to_string().into_bytes(),
        output.stdout,
        output.stderr,
    ])
}

/// Whether there is such a file here.
fn is_file(fields: &[Vec<u8>]) -> Vec<u8> {
    let there = fields
        .first()
        .is_some_and(|path| fs::metadata(OsStr::from_bytes(path)).is_ok_and(|data| data.is_file()));
    there.to_string().into_bytes()
}

fn number(field: &[u8]) -> io::Result<usize> {
    let text = std::str::from_utf8(field).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
