//! Simulated clients that do all that those of Jepsen's Kafka workload do: they send and poll, in transactions or not,
//! name their partitions or join a group, seek, abort and crash. Only with `broker = "sim"`.
//!
//! They live in virtual time, on a [`cluster::sim::World`], and write a history like any other. The `log` workload on
//! the simulated broker is these clients too. [`simulate()`] makes a whole history in one call.

mod book;
mod choice;
mod clients;
mod config;
mod consumer;
mod life;
mod plan;
mod running;
mod simulate;
mod steps;
mod worker;

pub use clients::Clients;
pub use config::ClientsConfig;
pub use plan::SimConfig;
pub use running::{SimRunning, transaction_limits};
pub use simulate::{Simulated, Simulation, Troubles, simulate};
