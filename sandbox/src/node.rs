//! A node as the conductor sees it: its agent at the other end of a socket, and the processes that run there.

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::address::{Port, host};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::groups::GroupsOfNode;
use crate::protocol::{Answer, Call, Command, Exit, GroupState, Inbox, ProcessState, Report, Request, send};

/// How long an agent may take to answer: what it does takes milliseconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A machine that runs processes. Each call may be made from any thread.
#[derive(Debug)]
pub struct Node {
    number: u32,
    host: String,
    directory: PathBuf,
    line: Arc<Line>,
    clock: Option<Arc<Clock>>,
    disk: Option<Arc<Disk>>,
    powers: GroupPowers,
}

/// What a node's control groups can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupPowers {
    freeze: bool,
    limit: bool,
}

impl GroupPowers {
    pub(crate) fn of(groups: &GroupsOfNode) -> Self {
        Self {
            freeze: groups.freezer.is_some(),
            limit: groups.limiter.is_some(),
        }
    }
}

impl Node {
    pub(crate) fn new(
        number: u32,
        directory: PathBuf,
        line: Arc<Line>,
        clock: Option<Clock>,
        disk: Option<Arc<Disk>>,
        powers: GroupPowers,
    ) -> Self {
        Self {
            number,
            host: host(number),
            directory,
            line,
            clock: clock.map(Arc::new),
            disk,
            powers,
        }
    }

    /// Whether its processes can be frozen: this user has a cgroup v2 to do it with.
    pub fn can_freeze(&self) -> bool {
        self.powers.freeze
    }

    /// Whether the CPU time of its processes can be limited.
    pub fn can_limit_cpu(&self) -> bool {
        self.powers.limit
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The host name by which the nodes, and the conductor, know it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address that rules can cut.
    pub fn address(&self) -> Ipv4Addr {
        Port::node(self.number)
            .data()
            .expect("a node is in the data network")
    }

    /// The address on the side channel, which no rule can cut.
    pub fn side_address(&self) -> Ipv4Addr {
        Port::node(self.number)
            .side()
            .expect("a node is on the side channel")
    }

    /// Its own directory: a plain one of the host, by the same path inside.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The wall clock of those of its processes that are started with the clock's environment. Nothing on machines for
    /// which there is no library.
    pub fn clock(&self) -> Option<&Arc<Clock>> {
        self.clock.as_ref()
    }

    /// Its disk, where the specification asked for one.
    pub fn disk(&self) -> Option<&Arc<Disk>> {
        self.disk.as_ref()
    }

    /// Starts a process. It is the head of a session and a process group of its own; when it ends, what is left of
    /// that group is killed. It may be started again in the same namespaces, any number of times.
    pub fn start(&self, command: &Command) -> Result<Process> {
        let what = || format!("start {}", command.argv.first().map_or("nothing", String::as_str));
        match self.line.call(Request::Start(command.clone()), what)? {
            Answered {
                answer: Answer::Started { pid },
                life: Some(life),
                ..
            } => Ok(Process {
                pid,
                life,
                line: Arc::clone(&self.line),
            }),
            _ => Err(self.line.confused(what())),
        }
    }

    pub(crate) fn connect(&self) -> Result<()> {
        self.line
            .call(Request::Connect, || "bring the card up".to_owned())
            .map(drop)
    }

    /// Lets everything go on that was frozen.
    pub fn thaw(&self) -> Result<()> {
        self.line.call(Request::Thaw, || "thaw".to_owned()).map(drop)
    }

    /// Gives every process all the CPU time that it wants.
    pub fn unlimit_cpu(&self) -> Result<()> {
        let what = || "end the limit of CPU time".to_owned();
        self.line.call(Request::UnlimitCpu, what).map(drop)
    }

    /// What the kernel says of its control groups.
    pub fn groups(&self) -> Result<GroupState> {
        let what = || "read the control groups".to_owned();
        match self.line.call(Request::Groups, what)? {
            Answered {
                answer: Answer::Groups(state),
                ..
            } => Ok(state),
            _ => Err(self.line.confused(what())),
        }
    }

    /// Ends all of its processes and the machine itself; failures mean that it is gone already.
    pub(crate) fn end(&self) {
        self.line.closing.store(true, Ordering::Release);
        let _ = self.line.call(Request::EndAll, || "end all processes".to_owned());
        if let Some(disk) = &self.disk {
            disk.detach();
        }
        let _ = nix::sys::socket::shutdown(raw(&self.line.socket), nix::sys::socket::Shutdown::Both);
    }
}

fn raw(socket: &OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(socket)
}

/// A process on a node, running or ended.
#[derive(Clone, Debug)]
pub struct Process {
    pid: i32,
    life: Arc<Life>,
    line: Arc<Line>,
}

impl Process {
    /// Its pid, in the node's own namespace.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends a signal to it and to its group. Fails where it has ended.
    pub fn signal(&self, signal: i32) -> Result<()> {
        let what = || format!("send signal {signal} to process {}", self.pid);
        if self.exit().is_some() {
            let reason = "it has ended".to_owned();
            return Err(Error::Refused {
                node: self.line.node,
                what: what(),
                reason,
            });
        }
        self.line
            .call(
                Request::Signal {
                    pid: self.pid,
                    signal,
                },
                what,
            )
            .map(drop)
    }

    /// What it does at this moment; nothing where it has ended.
    pub fn state(&self) -> Result<Option<ProcessState>> {
        let what = || format!("read the state of process {}", self.pid);
        if self.exit().is_some() {
            return Ok(None);
        }
        match self.line.call(Request::State { pid: self.pid }, what)?.answer {
            Answer::State(state) => Ok(state),
            _ => Err(self.line.confused(what())),
        }
    }

    /// Freezes it with all of its threads; the kernel takes a moment for it, see [`Node::groups`]. A frozen process can
    /// be killed. Fails where it has ended.
    pub fn freeze(&self) -> Result<()> {
        let what = || format!("freeze process {}", self.pid);
        self.line.call(Request::Freeze(self.pid), what).map(drop)
    }

    /// Gives it no more than so many thousandths of one CPU, over periods of a tenth of a second; processes that are
    /// started on its node while that holds have it too. Fails where it has ended.
    pub fn limit_cpu(&self, share: u32) -> Result<()> {
        let what = || format!("limit the CPU time of process {}", self.pid);
        let pid = self.pid;
        self.line.call(Request::LimitCpu { pid, share }, what).map(drop)
    }

    /// How it ended; nothing while it runs.
    pub fn exit(&self) -> Option<Exit> {
        match self.life.end().ended {
            Some(End::Exited(exit)) => Some(exit),
            _ => None,
        }
    }

    /// Waits so long for its end; nothing where it still runs then.
    pub fn wait_exit(&self, limit: Duration) -> Result<Option<Exit>> {
        let running = |state: &mut LifeState| state.ended.is_none();
        let waited = self
            .life
            .ended
            .wait_timeout_while(self.life.end(), limit, running);
        let ended = waited.unwrap_or_else(PoisonError::into_inner).0.ended;
        ended.map(|end| end.result(self.line.node)).transpose()
    }

    /// Calls back with its end: at once where it has ended, otherwise from the node's own thread, which must not be
    /// held up. Where the node is lost that is the error.
    pub fn on_exit(&self, callback: impl FnOnce(Result<Exit>) + Send + 'static) {
        let mut state = self.life.end();
        match state.ended {
            Some(end) => {
                drop(state);
                callback(end.result(self.line.node));
            }
            None => state.callbacks.push(Box::new(callback)),
        }
    }
}

/// Whether a process has ended, and who waits for it.
#[derive(Debug, Default)]
struct Life {
    state: Mutex<LifeState>,
    ended: Condvar,
}

type Callback = Box<dyn FnOnce(Result<Exit>) + Send>;

#[derive(Default)]
struct LifeState {
    ended: Option<End>,
    callbacks: Vec<Callback>,
}

impl fmt::Debug for LifeState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LifeState")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Exited(Exit),
    /// With its node: nobody saw how.
    Lost,
}

impl End {
    fn result(self, node: u32) -> Result<Exit> {
        match self {
            Self::Exited(exit) => Ok(exit),
            Self::Lost => Err(Error::NodeLost { node }),
        }
    }
}

impl Life {
    fn end(&self) -> MutexGuard<'_, LifeState> {
        lock(&self.state)
    }

    fn finish(&self, node: u32, end: End) {
        let callbacks = {
            let mut state = self.end();
            state.ended.get_or_insert(end);
            std::mem::take(&mut state.callbacks)
        };
        self.ended.notify_all();
        for callback in callbacks {
            callback(end.result(node));
        }
    }
}

/// The answer to a call, the process where it started one, and the file that came with it.
struct Reply {
    answer: std::result::Result<Answer, String>,
    life: Option<Arc<Life>>,
    file: Option<OwnedFd>,
}

/// What was asked is done.
struct Answered {
    answer: Answer,
    life: Option<Arc<Life>>,
    file: Option<OwnedFd>,
}

/// The line to an agent: calls from any thread, answers by its own.
#[derive(Debug)]
pub(crate) struct Line {
    node: u32,
    socket: OwnedFd,
    next: AtomicU64,
    closing: AtomicBool,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    lost: bool,
    calls: HashMap<u64, Sender<Reply>>,
    processes: HashMap<i32, Arc<Life>>,
}

impl Line {
    pub(crate) fn new(node: u32, socket: OwnedFd) -> Self {
        let closing = AtomicBool::new(false);
        Self {
            node,
            socket,
            next: AtomicU64::new(1),
            closing,
            book: Mutex::default(),
        }
    }

    /// Has something done that answers nothing.
    pub(crate) fn do_it(&self, request: Request, what: impl Fn() -> String) -> Result<()> {
        self.call(request, what).map(drop)
    }

    /// Mounts a disk over a directory of the node; the device by which it is served.
    pub(crate) fn mount(&self, directory: &Path) -> Result<OwnedFd> {
        let what = || format!("mount a disk on {}", directory.display());
        let directory = directory.to_owned();
        let answered = self.call(Request::Mount { directory }, what)?;
        answered.file.ok_or_else(|| self.confused(what()))
    }

    /// Has the kernel forget what it holds of files, as far as it does.
    pub(crate) fn drop_caches(&self, files: Vec<PathBuf>, flush: bool) {
        let _ = self.do_it(Request::DropCaches { files, flush }, || "drop caches".to_owned());
    }

    /// Asks and waits for the answer.
    fn call(&self, request: Request, what: impl Fn() -> String) -> Result<Answered> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let answers = self.expect_answer(id)?;
        let outcome = match send(&self.socket, &Call { id, request }, None) {
            Ok(()) => self.await_answer(&answers, &what),
            Err(nix::errno::Errno::EPIPE | nix::errno::Errno::ECONNRESET) => Err(self.lost()),
            Err(errno) => Err(Error::Refused {
                node: self.node,
                what: what(),
                reason: format!("asking failed: {errno}"),
            }),
        };
        lock(&self.book).calls.remove(&id);
        let Reply { answer, life, file } = outcome?;
        match answer {
            Ok(answer) => Ok(Answered { answer, life, file }),
            Err(reason) => Err(Error::Refused {
                node: self.node,
                what: what(),
                reason,
            }),
        }
    }

    fn expect_answer(&self, id: u64) -> Result<Receiver<Reply>> {
        let (sender, receiver) = channel();
        let mut book = lock(&self.book);
        if book.lost {
            return Err(self.lost());
        }
        book.calls.insert(id, sender);
        Ok(receiver)
    }

    fn await_answer(&self, answers: &Receiver<Reply>, what: &impl Fn() -> String) -> Result<Reply> {
        answers.recv_timeout(ANSWER_LIMIT).map_err(|error| match error {
            RecvTimeoutError::Disconnected => self.lost(),
            RecvTimeoutError::Timeout => Error::TimedOut {
                what: format!("{} on node {}", what(), self.node),
                limit: ANSWER_LIMIT,
            },
        })
    }

    fn lost(&self) -> Error {
        Error::NodeLost { node: self.node }
    }

    fn confused(&self, what: String) -> Error {
        Error::Refused {
            node: self.node,
            what,
            reason: "the agent answered something else".to_owned(),
        }
    }

    /// The body of the node's own thread: takes what the agent says, until it is gone. True: it went unasked.
    pub(crate) fn listen(&self, inbox: &mut Inbox) -> bool {
        while let Ok(Some((report, file))) = inbox.receive::<Report>(&self.socket) {
            match report {
                Report::Reply { id, answer } => self.deliver(id, answer, file),
                Report::Exited { pid, exit } => self.finish(pid, exit),
                Report::Ready | Report::Failed { .. } => {}
            }
        }
        self.lose_all();
        !self.closing.load(Ordering::Acquire)
    }

    fn deliver(&self, id: u64, answer: std::result::Result<Answer, String>, file: Option<OwnedFd>) {
        let mut book = lock(&self.book);
        let life = match answer {
            // The agent reports an end only after the start, so that the end finds it here.
            Ok(Answer::Started { pid }) => {
                let life = Arc::<Life>::default();
                book.processes.insert(pid, Arc::clone(&life));
                Some(life)
            }
            _ => None,
        };
        if let Some(waiting) = book.calls.remove(&id) {
            // A caller that gave up waiting does not want it any more.
            let _ = waiting.send(Reply { answer, life, file });
        }
    }

    fn finish(&self, pid: i32, exit: Exit) {
        let life = lock(&self.book).processes.remove(&pid);
        if let Some(life) = life {
            life.finish(self.node, End::Exited(exit));
        }
    }

    fn lose_all(&self) {
        let mut book = lock(&self.book);
        book.lost = true;
        book.calls.clear();
        let processes = std::mem::take(&mut book.processes);
        drop(book);
        for life in processes.into_values() {
            life.finish(self.node, End::Lost);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
