//! A simulated Kafka cluster in virtual time: nothing to install, and a switch for every bug.
//!
//! A [`World`] is a cluster with its own clock: nodes with replicas, leaders, epochs, in-sync replicas and high
//! watermarks; idempotent producers, transactions with their markers, consumer groups; a network that delays,
//! loses and can be cut; nodes that are killed, paused and started again. It is pure: the same settings and the same
//! requests at the same times give the same answers. With a [`Bug`] it breaks one promise, at a time that is drawn
//! from the seed. [`SimCluster`] makes it a [`crate::Cluster`] whose time is that of a paused tokio runtime.
//!
//! Left out on purpose: bytes and batches, disks that lose anything, compaction and retention, the controllers' own log message by message
//! (see `controller.rs`), and that of the coordinator (see `transactions.rs`).

mod bug;
mod cluster;
mod controller;
mod dice;
mod disks;
mod faults;
mod follower;
mod groups;
mod leader;
mod links;
mod log;
mod message;
mod node;
mod nodes;
mod observer;
mod queue;
mod sabotage;
mod settings;
mod transactions;
mod trouble;
mod world;

pub use bug::{Bug, Need};
pub use cluster::{Guests, SimCluster, Sink, VirtualClock};
pub use dice::Dice;
pub use message::{
    Acks, ClientId, Fetch, Happening, Origin, Part, Position, Produce, Progress, Refusal, Request, Response,
    Token,
};
pub use settings::{MILLISECOND, Network, Settings, Timing};
pub use trouble::{Harm, Trouble};
pub use world::World;
