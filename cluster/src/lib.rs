//! Where it happens: environments and brokers.
//!
//! A [`Cluster`] is a set of [`Node`]s that an [`Environment`] made and a broker runs on. The nemesis and the
//! workloads see nothing else of either.

mod cluster;
mod environment;
mod view;

pub use cluster::{Cluster, Ports, ReplicaLog};
pub use environment::{Cut, CutReport, Environment, Exit, ExitKind, Links, Machine, Place, ProcessSpec};
pub use view::{ClusterView, PartitionView};
