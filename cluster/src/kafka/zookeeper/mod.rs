//! `ZooKeeper`, as far as a cluster of Kafka before 4.0 needs it: where its nodes listen, whether they serve, and what they hold.

mod client;
mod jute;
mod migration;
mod state;
mod words;

pub(super) use client::Client;
pub(super) use migration::{Copied, cluster_id, copied};
pub(super) use state::State;
pub(super) use words::{Standing, standing, version};

/// Where brokers connect.
pub(super) const CLIENT_PORT: u16 = 2181;
/// Where nodes follow their leader.
pub(super) const PEER_PORT: u16 = 2888;
/// Where nodes elect one.
pub(super) const ELECTION_PORT: u16 = 3888;
