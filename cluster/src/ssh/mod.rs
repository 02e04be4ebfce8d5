//! Machines that are hosts, one a node, reached by SSH.
//!
//! On each host an agent of ours (`cluster/docker/host.rs`) holds the broker. Sessions come and go; the agent stays, for as long as it
//! hears of Tribunal at least once in its lease. Then it ends the broker, and takes away the rules, the files and itself. What
//! brokers read and write lies on the hosts; what is here of it is a copy, made the same where that matters.

mod agent;
mod host;
mod inventory;
mod machine;
mod mirror;
mod paths;
mod session;
mod sweep;

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, thread};

use anyhow::{Context, Result, anyhow};
use history::NodeId;

use crate::filter::{End, Filter, FilterLinks};
use crate::{Environment, Links, Machine};
use agent::Line;
use host::{Held, Seen};
use machine::{OnLoss, SshMachine, Watcher};
use mirror::Mirror;
use paths::Paths;

pub use inventory::{Defaults, Entry, Host, Inventory};
pub use sweep::{Swept, sweep};

/// A port of a host that is asked for the way to it; nothing is sent.
const ANY_PORT: u16 = 9092;

/// What the hosts get.
#[derive(Clone, Debug, Default)]
pub struct SshOptions {
    /// The hosts: node 1 runs on the first, and so on.
    pub hosts: Vec<Host>,
    /// Files of ours that brokers read: the jars. They are copied once, and stay there.
    pub shared: Vec<PathBuf>,
}

/// Hosts as an environment.
pub struct SshEnvironment {
    machines: Vec<Arc<dyn Machine>>,
    links: Option<Arc<FilterLinks>>,
    lost: OnLoss,
    watchers: Vec<Watcher>,
    /// Last, so that it outlives what is in it.
    held: Vec<Held>,
}

impl SshEnvironment {
    /// Takes as many hosts as asked for, with what is here of their files in directories `n1`, `n2`, … of `directory`, which must
    /// exist. First it sweeps away what runs of this machine left there that were killed. Blocks for seconds.
    ///
    /// # Errors
    /// A host cannot be reached or used. Nothing is left on any then.
    pub fn create(nodes: u32, directory: &Path, options: &SshOptions) -> Result<Self> {
        let hosts = enough(&options.hosts, nodes)?;
        let directory =
            fs::canonicalize(directory).with_context(|| format!("find {}", directory.display()))?;
        let jars = host::Jars::of(&options.shared)?;
        let run = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let place = |(host, node): (&Host, NodeId)| {
            let placed = Placed::new(node, host, &run, &jars, &directory);
            placed.with_context(|| format!("use the host {} as node {node}", host.name))
        };
        let placed = on_all(hosts.iter().zip(1..), place)?;
        let ends: Option<Vec<End>> = placed.iter().map(Placed::end).collect();
        let apart = placed
            .iter()
            .all(|placed| placed.machine.side_address != placed.machine.address);
        let links = ends.map(|ends| Arc::new(FilterLinks::new(ends, apart)));
        let lost = OnLoss::default();
        let mut environment = Self {
            machines: Vec::new(),
            links,
            lost: Arc::clone(&lost),
            watchers: Vec::new(),
            held: Vec::new(),
        };
        for Placed { machine, held, .. } in placed {
            let line = Line::new(Arc::clone(&held.way));
            environment
                .watchers
                .push(Watcher::start(line, &machine, Arc::clone(&lost)));
            environment.machines.push(Arc::new(Arc::new(machine)));
            environment.held.push(held);
        }
        Ok(environment)
    }

    /// Calls this when a host is lost whole: it cannot be reached for its lease, or its agent is gone.
    pub fn on_loss(&self, callback: impl Fn(NodeId) + Send + 'static) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(callback));
    }
}

impl Drop for SshEnvironment {
    fn drop(&mut self) {
        self.watchers.iter().for_each(Watcher::stop);
        // All at once: each waits for its broker to be gone.
        thread::scope(|scope| {
            for held in self.held.drain(..) {
                scope.spawn(move || drop(held));
            }
        });
    }
}

impl Environment for SshEnvironment {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        self.links.clone().map(|links| links as Arc<dyn Links>)
    }
}

/// Whether these hosts can hold so many nodes: each is reached and asked. Gives a line about each.
///
/// # Errors
/// One cannot, and why. Nothing was changed there.
pub fn check(nodes: u32, hosts: &[Host]) -> Result<Vec<String>> {
    let hosts = enough(hosts, nodes)?;
    on_all(hosts.iter(), |host| {
        let seen = Seen::new(host).with_context(|| format!("use the host {}", host.name))?;
        Ok(format!("{host}: {}, Java {}", seen.architecture, seen.java.build))
    })
}

fn enough(hosts: &[Host], nodes: u32) -> Result<&[Host]> {
    let enough = hosts.get(..nodes as usize);
    enough.with_context(|| {
        format!(
            "place {nodes} node{} on hosts: the inventory has {}, and a host runs one",
            if nodes == 1 { "" } else { "s" },
            hosts.len()
        )
    })
}

/// Does the same with all of them at once.
fn on_all<I: Send, T: Send>(
    items: impl Iterator<Item = I>,
    job: impl Fn(I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = items.map(|item| scope.spawn(move || job(item))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<T>>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a bug in Tribunal (panic)")))
        };
        // All have ended before the first error is told: what they took is given back.
        let done: Vec<Result<T>> = threads.into_iter().map(join).collect();
        done.into_iter().collect()
    })
}

/// A host that was taken for a node.
struct Placed {
    machine: SshMachine,
    held: Held,
    clients: Ipv4Addr,
    filter: Option<Filter>,
    shell: Arc<Line>,
}

impl Placed {
    fn new(node: NodeId, host: &Host, run: &str, jars: &host::Jars, directory: &Path) -> Result<Self> {
        let address = host.data_address()?;
        let held = Held::new(host, run)?;
        held.copy(jars)?;
        held.begin()?;
        let name = format!("n{node}");
        let directory = directory.join(&name);
        fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        let own = (directory.clone(), format!("{}/{name}", held.way.run));
        let paths = Paths::new(jars.paths(&host.directory).chain([own]));
        let shell = Arc::new(Line::new(Arc::clone(&held.way)));
        let machine = SshMachine {
            node,
            host: name,
            address,
            side_address: host.side_address.unwrap_or(address),
            directory,
            java: held.seen.java.program.display().to_string(),
            line: Arc::new(Line::new(Arc::clone(&held.way))),
            mirror: Arc::new(Mirror {
                line: Line::new(Arc::clone(&held.way)),
                paths,
                seen: Mutex::default(),
            }),
            newest: Arc::default(),
        };
        Ok(Self {
            clients: way_to(address)?,
            filter: usable_filter(&shell, run),
            machine,
            held,
            shell,
        })
    }

    /// What cuts its links, where it can.
    fn end(&self) -> Option<End> {
        Some(End {
            node: self.machine.node,
            address: self.machine.address,
            clients: self.clients,
            spared: Some(self.held.way.host.port),
            filter: self.filter.clone()?,
            shell: Arc::clone(&self.shell) as _,
        })
    }
}

/// The tool of the packet filter that the agent can use on its host.
fn usable_filter(shell: &Arc<Line>, run: &str) -> Option<Filter> {
    let known = [
        Filter::Nft(format!("tribunal_{run}")),
        Filter::Iptables(format!("TRIBUNAL-{run}")),
    ];
    known.into_iter().find(|filter| {
        let (command, input) = filter.check();
        crate::filter::Shell::run(&**shell, command, &input).is_ok()
    })
}

/// The address that this machine has on the way to another.
fn way_to(address: Ipv4Addr) -> Result<Ipv4Addr> {
    let find = || -> std::io::Result<std::net::SocketAddr> {
        let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(SocketAddrV4::new(address, ANY_PORT))?;
        socket.local_addr()
    };
    let own = find().with_context(|| format!("find the way to {address}"))?;
    match own.ip() {
        std::net::IpAddr::V4(own) => Ok(own),
        std::net::IpAddr::V6(_) => Err(anyhow!("find the way to {address}: it is none of IPv4")),
    }
}
