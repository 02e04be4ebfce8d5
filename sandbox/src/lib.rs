//! A machine in a process: namespaces, a switch in user space, and a wall clock of its own.
//!
//! One binary runs itself again in several roles, and the kernel holds them together:
//!
//! ```text
//! P0         what the user started: stays outside, forwards signals, ends with the same status
//! ├ janitor  waits for P0's end, and takes away what the kernel does not: control groups
//! └ PID 1    first of its own pid, mount, network, IPC and host name namespaces: reaps, forwards; its end ends all
//!   └ conductor   where `main` goes on: owns the [`Switch`] and speaks to every agent
//!     └ agent of a node   first of a pid, mount, network, IPC and host name namespace of its own
//!       └ processes of the node
//! ```
//!
//! How a program uses it (all of it is synchronous and thread-safe; nothing waits longer than a named limit):
//!
//! ```text
//! fn main() -> ExitCode {                       // entry() must be the first call: the process is single-threaded
//!     match sandbox::entry() {                  // -> Result<Entered, Error>; hidden roles never return
//!         Ok(Entered::Outside) => …             // the user's own start: parse, download, then reexec(args)
//!         Ok(Entered::Inside { arguments }) => …// in the conductor: what reexec() was given
//!         Err(error) => …                       // the namespaces cannot be had: exit 4
//!     }
//! }
//! fn reexec(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Error;   // returns only on failure
//! fn probe() -> Result<Vec<Capability>>;        // Capability { name, ok, needed, detail, hint }
//!
//! Sandbox::create(&SandboxSpec { nodes: vec![1, 2, 3], directory }) -> Result<Sandbox>   // Drop ends all of it
//! Sandbox::{nodes(&self) -> &[Arc<Node>], node(&self, u32) -> Option<&Arc<Node>>, switch(&self) -> &Arc<Switch>}
//! Sandbox::on_loss(&self, impl Fn(u32) + Send + Sync + 'static)    // a node's agent died: the run cannot go on
//!
//! Node::{number() -> u32, host() -> &str, address() -> Ipv4Addr, side_address() -> Ipv4Addr, directory() -> &Path}
//! Node::start(&self, &Command { argv, environment, directory, output }) -> Result<Process>
//! Process::{pid() -> i32, signal(i32) -> Result<()>, state() -> Result<Option<ProcessState { state: char, cpu }>>}
//! Node::{can_freeze() -> bool, can_limit_cpu() -> bool}          // whether there are control groups for it
//! Process::{freeze() -> Result<()>, limit_cpu(u32) -> Result<()>} // in thousandths of one CPU
//! Node::{thaw() -> Result<()>, unlimit_cpu() -> Result<()>}
//! Node::groups() -> Result<GroupState { frozen: Option<bool>, throttled: Option<Throttled { periods, time }> }>
//! Process::{exit() -> Option<Exit>, wait_exit(Duration) -> Result<Option<Exit>>}      // Exit::{Status(i32), Signal(i32)}
//! Process::on_exit(&self, impl FnOnce(Result<Exit>) + Send + 'static) // from the node's own thread; at once if it ended
//!
//! Node::clock(&self) -> Option<&Arc<Clock>>
//! Clock::{apply(&self, Skew) -> Result<SkewId>, remove(&self, SkewId), offset(&self) -> i64, environment(&self, &Path)}
//! enum Skew { Jump { nanoseconds }, Drift { ppm }, Strobe { period, nanoseconds } }
//!
//! Visit::find(&Path, u32) -> Result<Option<Visit>>     // a node of a sandbox that runs, from outside
//! Visit::{nsenter() -> String, enter(self) -> Result<()>}
//!
//! Switch::apply(&self, &[Rule { from: Place, to: Place, matcher: Matcher, effect: Effect }]) -> Result<GroupId(u64)>
//! Switch::apply_seeded(&self, &[Rule], u64) -> Result<GroupId>       // the same, with random numbers from this seed
//! Switch::remove(&self, GroupId) -> Result<Deeds { dropped, delayed, … }>   // final; a second removal says the same
//! Switch::deeds(&self, GroupId) -> Option<Deeds>                            // survives removal
//! Switch::{capture(&self, &CaptureSpec) -> Result<()>, end_capture(&self) -> Result<CaptureReport>}  // pcap files
//! Switch::stats(&self) -> SwitchStats        // frames, bytes, drops, each link's totals, the thread's CPU time
//! enum Place { Node(u32), Clients }
//! enum Effect { Drop, Lose, Delay, Duplicate, Reorder, Corrupt, Throttle, Flap }
//! enum Matcher { All, Tcp { source: Option<u16>, destination: Option<u16> }, Service(u16) }
//! ```
//!
//! Addresses: node N is `10.77.0.N` (data, host name `nN`) and `10.78.0.N` (side channel) on one card; the conductor's
//! own network namespace has the cards `clients` (10.77.0.200) and `observer` (10.78.0.200), so that a socket's
//! destination alone decides on which of the two ports it travels. Faults cut the data network only.

mod address;
mod agent;
mod capture;
mod card;
mod cards;
mod clock;
mod disk;
mod effect;
mod entry;
mod error;
mod fabric;
mod frame;
mod groups;
mod hint;
mod janitor;
mod lookout;
mod namespaces;
mod netlink;
mod node;
mod offload;
mod probe;
mod process;
mod protocol;
mod queue;
mod rule;
mod sandbox;
mod score;
mod segment;
mod shaper;
mod stats;
mod supervisor;
mod switch;
mod table;
mod veth;
mod visit;

pub use address::{NODE_MAX, Place, Port};
pub use capture::{CaptureReport, CaptureSpec};
pub use cards::Cards;
pub use clock::{Clock, Skew, SkewId};
pub use disk::{
    Disk, DiskSpec, DiskStats, Effect as DiskEffect, Files, Flip, Hook, HookCounts, HookId, Loss, Lost,
    Operation, Which,
};
pub use effect::{Bandwidth, Delay, Distribution, Effect, Flap, PacketLoss, Reorder, Share};
pub use entry::{Entered, entry, reexec};
pub use error::{EXIT_INFRASTRUCTURE, Error, Hint, Result};
pub use node::{Node, Process};
pub use probe::{Capability, probe};
pub use protocol::{Command, Exit, GroupState, ProcessState, Throttled};
pub use rule::{GroupId, Matcher, Rule};
pub use sandbox::{Sandbox, SandboxSpec};
pub use score::{Counters, Deeds, Waits};
pub use stats::{LinkStats, SwitchStats};
pub use switch::Switch;
pub use visit::Visit;
