//! Who votes in the controllers' quorum of a running cluster of Kafka (KIP-853).

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use history::NodeId;
use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::messages::{AddRaftVoterRequest, RemoveRaftVoterRequest};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::config::PORTS;
use super::controllers::Controllers;
use super::node_files::uuid_of;
use super::wire::{Connection, WireError};
use crate::Voters;

/// One change of the voters is committed within this time.
const CHANGED_WITHIN: Duration = Duration::from_secs(5);
/// The listener by which controllers find each other.
const LISTENER: &str = "CONTROLLER";

/// Kafka's codes that say that it is so already.
mod code {
    pub(super) const DUPLICATE_VOTER: i16 = 126;
    pub(super) const VOTER_NOT_FOUND: i16 = 127;
}

/// The voters among these nodes.
pub(super) struct KafkaVoters(pub(super) Controllers);

impl KafkaVoters {
    /// The identity of the directory of a node, as it stands on its disk.
    fn directory(&self, node: NodeId) -> Result<Uuid> {
        let id = self.0.node(node)?.files.directory_id();
        id.and_then(|id| uuid_of(&id))
            .with_context(|| format!("read the identity of node {node}'s directory"))
    }
}

#[async_trait]
impl Voters for KafkaVoters {
    async fn remove(&self, node: NodeId) -> Result<()> {
        let directory = self.directory(node)?;
        let removed = self
            .0
            .ask(|mut controller| async move { controller.remove_voter(node, directory).await })
            .await;
        removed.with_context(|| format!("remove the voter {node}"))
    }

    async fn add(&self, node: NodeId) -> Result<()> {
        let directory = self.directory(node)?;
        let host = self.0.node(node)?.machine.address().to_string();
        let added = self
            .0
            .ask(|mut controller| {
                let host = host.clone();
                async move { controller.add_voter(node, directory, host).await }
            })
            .await;
        added.with_context(|| format!("add the voter {node}"))
    }
}

impl Connection {
    /// Takes a node out of the voters. Where it is none already, that is no error.
    async fn remove_voter(&mut self, node: NodeId, directory: Uuid) -> Result<(), WireError> {
        let request = RemoveRaftVoterRequest::default()
            .with_cluster_id(None)
            .with_voter_id(node as i32)
            .with_voter_directory_id(directory);
        let answer = self.call(&request, CHANGED_WITHIN).await?;
        judged(
            answer.error_code,
            code::VOTER_NOT_FOUND,
            "RemoveRaftVoter",
            answer.error_message,
        )
    }

    /// Makes a node a voter that has caught up with the log. Where it is one already, that is no error.
    async fn add_voter(&mut self, node: NodeId, directory: Uuid, host: String) -> Result<(), WireError> {
        let listener = Listener::default()
            .with_name(StrBytes::from_static_str(LISTENER))
            .with_host(StrBytes::from_string(host))
            .with_port(PORTS.controller);
        let request = AddRaftVoterRequest::default()
            .with_timeout_ms(CHANGED_WITHIN.as_millis() as i32)
            .with_cluster_id(None)
            .with_voter_id(node as i32)
            .with_voter_directory_id(directory)
            .with_listeners(vec![listener]);
        let answer = self.call(&request, CHANGED_WITHIN).await?;
        judged(
            answer.error_code,
            code::DUPLICATE_VOTER,
            "AddRaftVoter",
            answer.error_message,
        )
    }
}

fn judged(code: i16, done: i16, request: &str, why: Option<StrBytes>) -> Result<(), WireError> {
    if code == done {
        return Ok(());
    }
    WireError::check_told(code, why, || request.to_owned())
}
