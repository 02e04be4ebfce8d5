//! Making a set of machines, and ending them.

use std::fmt;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use nix::sys::time::TimeVal;

use crate::address::{Place, Port, check_nodes, host, hosts_file};
use crate::card;
use crate::cards::Cards;
use crate::clock::{Clock, write_library};
use crate::disk::{Disk, DiskSpec};
use crate::entry::{NODE, SELF, require_inside};
use crate::error::{Error, Result};
use crate::groups;
use crate::namespaces::{HOSTS, cover, uncover};
use crate::node::{GroupPowers, Line, Node};
use crate::protocol::{Inbox, Report, SetUp, send};
use crate::switch::Switch;

/// How long a node may take to be made. It takes some 20 ms; a busy machine may be slower.
const SET_UP_LIMIT: Duration = Duration::from_secs(15);

/// How long sending to an agent may take.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// What a sandbox is made of.
#[derive(Clone, Debug, Default)]
pub struct SandboxSpec {
    /// The numbers of the nodes, from 1 to [`crate::NODE_MAX`], in the order in which they are to be listed.
    pub nodes: Vec<u32>,
    /// Where the sandbox keeps its files: a directory `nN` and a file `nN.clock` for each node, and the files `hosts`
    /// and `clock.so`. It must exist.
    pub directory: PathBuf,
    /// Which directory of each node is a disk that can fail; none where this is not given.
    pub disk: Option<DiskSpec>,
}

/// Machines and the switch between them. Ends with all of it when it is dropped: when that returns, no process of a
/// node runs any more.
#[derive(Debug)]
pub struct Sandbox {
    nodes: Vec<Arc<Node>>,
    switch: Arc<Switch>,
    losses: Arc<Losses>,
    listeners: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Makes the machines and joins them. Only the conductor can (see [`crate::entry()`]). When this returns, every
    /// node can be reached.
    pub fn create(spec: &SandboxSpec) -> Result<Self> {
        require_inside()?;
        check_nodes(&spec.nodes)?;
        let directory = fs::canonicalize(&spec.directory).map_err(|source| Error::File {
            path: spec.directory.clone(),
            source,
        })?;
        let cards = Cards::choose()?;
        let hosts = write_hosts(&directory, &spec.nodes)?;
        let hatching: Vec<Hatching> = spec
            .nodes
            .iter()
            .map(|&node| Hatching::begin(node, &directory, &hosts, cards))
            .collect::<Result<_>>()?;
        let mut offers = Vec::new();
        let mut hatched = Vec::new();
        for egg in hatching {
            let (line, offer) = egg.finish()?;
            offers.push((Port::node(line.node), offer));
            hatched.push(line);
        }
        let own = [Port::Place(Place::Clients), Port::Observer];
        for port in own {
            offers.push((port, cards.offer(port)?));
        }
        let switch = Arc::new(Switch::start(cards.create(offers)?)?);
        // From here on frames are forwarded, so none that a card sends can get lost.
        for port in own {
            card::configure(port)?;
            card::bring_up(port.card())?;
        }
        let mut sandbox = Self {
            nodes: Vec::new(),
            switch,
            losses: Arc::default(),
            listeners: Vec::new(),
        };
        let library = write_library(&directory)?;
        for egg in hatched {
            let clock = Clock::create(&library, directory.join(format!("{}.clock", host(egg.node))))?;
            sandbox.adopt(egg, &directory, clock, spec.disk.as_ref())?;
        }
        sandbox.nodes.iter().try_for_each(|node| node.connect())?;
        Ok(sandbox)
    }

    /// The nodes, in the order of the specification.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The node of that number.
    pub fn node(&self, number: u32) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.number() == number)
    }

    /// The switch between them.
    pub fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }

    /// Calls back with the number of each node whose agent dies, once; those that are dead already at once. Every
    /// later call to such a node is an error, and the run cannot go on.
    pub fn on_loss(&self, callback: impl Fn(u32) + Send + Sync + 'static) {
        let callback: LossCallback = Arc::new(callback);
        self.losses.subscribe(&callback);
    }

    /// Takes a node in, with a thread that listens to its agent.
    fn adopt(
        &mut self,
        hatched: Hatched,
        directory: &Path,
        clock: Option<Clock>,
        disk: Option<&DiskSpec>,
    ) -> Result<()> {
        let number = hatched.node;
        let line = Arc::new(Line::new(number, hatched.socket));
        let (losses, ear, mut inbox) = (Arc::clone(&self.losses), Arc::clone(&line), hatched.inbox);
        let listen = move || {
            if ear.listen(&mut inbox) {
                losses.report(number);
            }
        };
        let listener = thread::Builder::new()
            .name(host(number))
            .spawn(listen)
            .map_err(|error| Error::SetUp {
                node: number,
                reason: format!("start its thread: {error}"),
            })?;
        self.listeners.push(listener);
        let home = directory.join(host(number));
        let disk = disk
            .map(|spec| Disk::attach(number, &home, &line, spec))
            .transpose()?;
        self.nodes.push(Arc::new(Node::new(
            number,
            home,
            line,
            clock,
            disk,
            hatched.powers,
        )));
        Ok(())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for node in &self.nodes {
            node.end();
        }
        for listener in self.listeners.drain(..) {
            let _ = listener.join();
        }
        uncover(Path::new(HOSTS));
    }
}

/// Writes the hosts file and makes it this process's own, so that clients know the nodes by name too.
fn write_hosts(directory: &Path, nodes: &[u32]) -> Result<PathBuf> {
    let path = directory.join("hosts");
    fs::write(&path, hosts_file(nodes)).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    cover(&path, Path::new(HOSTS))?;
    Ok(path)
}

/// A node whose agent is on its way.
struct Hatching {
    node: u32,
    socket: OwnedFd,
    launcher: Child,
    powers: GroupPowers,
}

/// A node whose agent waits for the switch.
struct Hatched {
    node: u32,
    socket: OwnedFd,
    inbox: Inbox,
    powers: GroupPowers,
}

impl Hatching {
    /// Starts the agent and tells it what to be.
    fn begin(node: u32, directory: &Path, hosts: &Path, cards: Cards) -> Result<Self> {
        let home = directory.join(host(node));
        fs::create_dir_all(&home).map_err(|source| Error::File { path: home, source })?;
        let (ours, theirs) = line().map_err(Error::step("make the line to an agent"))?;
        let launcher = launch(&theirs).map_err(|error| Error::SetUp {
            node,
            reason: format!("start its agent: {error}"),
        })?;
        let groups = groups::of_node(&host(node));
        let hatching = Self {
            node,
            socket: ours,
            launcher,
            powers: GroupPowers::of(&groups),
        };
        send(
            &hatching.socket,
            &SetUp {
                node,
                hosts: hosts.to_owned(),
                cards,
                groups: groups.clone(),
            },
            None,
        )
        .map_err(|errno| hatching.failed(&format!("tell its agent what to do: {errno}")))?;
        Ok(hatching)
    }

    /// Waits for what its card is made from.
    fn finish(mut self) -> Result<(Hatched, OwnedFd)> {
        let mut inbox = Inbox::new();
        let offer = match inbox.receive::<Report>(&self.socket) {
            Ok(Some((Report::Ready, Some(offer)))) => offer,
            Ok(Some((Report::Failed { reason }, _))) => return Err(self.failed(&reason)),
            Ok(Some(_)) => return Err(self.failed("understand its agent")),
            Ok(None) => return Err(Error::NodeLost { node: self.node }),
            Err(Errno::EAGAIN) => {
                let what = format!("set up node {}", self.node);
                return Err(Error::TimedOut {
                    what,
                    limit: SET_UP_LIMIT,
                });
            }
            Err(errno) => return Err(self.failed(&format!("hear from its agent: {errno}"))),
        };
        // The agent is the launcher's child; the launcher has nothing left to do.
        let _ = self.launcher.wait();
        let forever = TimeVal::new(0, 0);
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &forever)
            .map_err(Error::step("set the line to an agent"))?;
        Ok((
            Hatched {
                node: self.node,
                socket: self.socket,
                inbox,
                powers: self.powers,
            },
            offer,
        ))
    }

    fn failed(&self, reason: &str) -> Error {
        Error::SetUp {
            node: self.node,
            reason: reason.to_owned(),
        }
    }
}

/// A socket pair whose first end waits no longer than the limits of setting up.
fn line() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    setsockopt(
        &ours,
        sockopt::ReceiveTimeout,
        &TimeVal::new(SET_UP_LIMIT.as_secs() as i64, 0),
    )?;
    setsockopt(
        &ours,
        sockopt::SendTimeout,
        &TimeVal::new(SEND_LIMIT.as_secs() as i64, 0),
    )?;
    Ok((ours, theirs))
}

/// Starts this program in the role of a node, with its end of the line.
fn launch(theirs: &OwnedFd) -> std::io::Result<Child> {
    let number = theirs.as_raw_fd();
    let mut launcher = std::process::Command::new(SELF);
    launcher
        .arg0("sandbox-node")
        .arg(NODE)
        .arg(number.to_string())
        .stdin(Stdio::null());
    // SAFETY: one system call, on a descriptor that stays open until the child runs.
    unsafe {
        launcher.pre_exec(move || {
            let file = std::os::fd::BorrowedFd::borrow_raw(number);
            fcntl(file, FcntlArg::F_SETFD(FdFlag::empty()))
                .map(drop)
                .map_err(std::io::Error::from)
        });
    }
    launcher.spawn()
}

type LossCallback = Arc<dyn Fn(u32) + Send + Sync>;

/// The nodes that were lost, and who wants to know.
#[derive(Default)]
struct Losses {
    inner: Mutex<(Vec<u32>, Vec<LossCallback>)>,
}

impl fmt::Debug for Losses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Losses")
            .field("lost", &self.lock().0)
            .finish_non_exhaustive()
    }
}

impl Losses {
    fn lock(&self) -> MutexGuard<'_, (Vec<u32>, Vec<LossCallback>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, callback: &LossCallback) {
        let lost = {
            let mut inner = self.lock();
            inner.1.push(Arc::clone(callback));
            inner.0.clone()
        };
        for node in lost {
            callback(node);
        }
    }

    fn report(&self, node: u32) {
        let callbacks = {
            let mut inner = self.lock();
            inner.0.push(node);
            inner.1.clone()
        };
        for callback in callbacks {
            callback(node);
        }
    }
}
