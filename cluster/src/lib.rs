//! Where it happens: environments and brokers.
//!
//! A [`Cluster`] is a set of [`Machine`]s that an [`Environment`] made and a broker runs on. The nemesis and
//! the workloads see nothing else of either. What there is: the brokers in [`BROKERS`], [`kafka`] first, and
//! the environments: [`SandboxEnvironment`], [`DockerEnvironment`],
//! [`LoopbackEnvironment`], the plainest, and [`AttachedEnvironment`], which is somebody else's. [`sim`] is a cluster that
//! is environment and broker at once, and needs neither.

mod admin;
mod agent;
mod brokers;
mod clock;
mod cluster;
mod disk;
pub mod docker;
mod ending;
mod environment;
mod filter;
pub mod kafka;
mod loopback;
mod migration;
mod owner;
mod releases;
mod sandbox;
pub mod sim;
pub mod ssh;
mod view;
mod voters;

/// What can happen to what passes on links, as the sandbox's switch does it; other environments do what they can.
pub mod effect {
    pub use ::sandbox::{Bandwidth, Delay, Distribution, Effect, Flap, PacketLoss, Reorder, Share};
}

pub use admin::{
    Admin, DeleteError, Elected, Election, NewTopic, Reassignment, RegisteredBroker, TopicPartition,
};
pub use brokers::{BROKERS, Broker, SIMULATED};
pub use clock::{ClockReading, Skew, WallClock};
pub use cluster::{Cluster, Ports, Recovery, ReplicaLog, WatermarkBehind, Wiped};
pub use disk::{
    Disk, DiskEffect, DiskStats, FileKind, Files, Flip, Hook, HookCounts, HookId, Loss, Lost, Operation,
    Which,
};
pub use docker::{DockerEnvironment, DockerOptions};
pub use environment::{
    Cut, Environment, Exit, ExitKind, Groups, Held, LinkRule, Links, Machine, Place, ProcessSpec,
};
pub use kafka::attached::{AttachedEnvironment, Attachment};
pub use loopback::LoopbackEnvironment;
pub use migration::{Migration, Mode, TakenOver};
pub use releases::{Abilities, Levels, REQUESTS, Releases, ZOOKEEPER_VERSION};
pub use sandbox::{SandboxEnvironment, SandboxOptions};
pub use ssh::{SshEnvironment, SshOptions};
pub use view::{Change, ClusterView, PartitionView};

pub use ::sandbox::{Counters, Deeds, Waits};
pub use voters::Voters;
