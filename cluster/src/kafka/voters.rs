//! Who votes in the controllers' quorum of a running cluster of Kafka (KIP-853).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use history::{NodeId, Quorum};
use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::messages::{AddRaftVoterRequest, RemoveRaftVoterRequest};
use kafka_protocol::protocol::StrBytes;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::config::PORTS;
use super::launch::{ANSWER_WITHIN, POLL};
use super::node::Node;
use super::node_files::uuid_of;
use super::wire::{Connection, WireError};
use crate::Voters;

/// The active controller is found, and has answered, within this time.
const ASK_WITHIN: Duration = Duration::from_secs(10);
/// One change of the voters is committed within this time.
const CHANGED_WITHIN: Duration = Duration::from_secs(5);
/// The listener by which controllers find each other.
const LISTENER: &str = "CONTROLLER";

/// Kafka's codes that say what to do next.
mod code {
    pub(super) const TIMED_OUT: i16 = 7;
    pub(super) const NOT_LEADER: i16 = 6;
    pub(super) const NOT_CONTROLLER: i16 = 41;
    pub(super) const DUPLICATE_VOTER: i16 = 126;
    pub(super) const VOTER_NOT_FOUND: i16 = 127;
}

/// The voters among these nodes.
pub(super) struct KafkaVoters {
    pub(super) nodes: Vec<Arc<Node>>,
}

impl KafkaVoters {
    fn node(&self, node: NodeId) -> Result<&Arc<Node>> {
        let found = self.nodes.iter().find(|candidate| candidate.id() == node);
        found.with_context(|| format!("find node {node}: there is none"))
    }

    /// Asks whoever is the active controller, one after the other until one is, or the time is over.
    async fn ask<T, F>(&self, ask: impl Fn(Connection) -> F + Send + Sync) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T, WireError>> + Send,
    {
        let deadline = Instant::now() + ASK_WITHIN;
        loop {
            let mut last = anyhow!("there is no node");
            for node in &self.nodes {
                let answer = match Connection::open(node.controller(), ANSWER_WITHIN).await {
                    Ok(connection) => ask(connection).await,
                    Err(error) => Err(error),
                };
                match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        let passes = error.code().is_none_or(|code| {
                            [code::NOT_LEADER, code::NOT_CONTROLLER, code::TIMED_OUT].contains(&code)
                        });
                        last = anyhow!(error).context(format!("ask node {}", node.id()));
                        // A refusal of the active controller is its last word.
                        if !passes {
                            return Err(last);
                        }
                    }
                }
            }
            if Instant::now() + POLL >= deadline {
                return Err(last.context("find the active controller"));
            }
            sleep(POLL).await;
        }
    }

    /// The identity of the directory of a node, as it stands on its disk.
    fn directory(&self, node: NodeId) -> Result<Uuid> {
        let id = self.node(node)?.files.directory_id();
        id.and_then(|id| uuid_of(&id))
            .with_context(|| format!("read the identity of node {node}'s directory"))
    }
}

#[async_trait]
impl Voters for KafkaVoters {
    async fn quorum(&self) -> Result<Quorum> {
        self.ask(|mut controller| async move { controller.quorum(ANSWER_WITHIN).await })
            .await
    }

    async fn remove(&self, node: NodeId) -> Result<()> {
        let directory = self.directory(node)?;
        let removed = self
            .ask(|mut controller| async move { controller.remove_voter(node, directory).await })
            .await;
        removed.with_context(|| format!("remove the voter {node}"))
    }

    async fn add(&self, node: NodeId) -> Result<()> {
        let directory = self.directory(node)?;
        let host = self.node(node)?.machine.address().to_string();
        let added = self
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
    let why = why.map(|text| format!(": {text}")).unwrap_or_default();
    WireError::check(code, || format!("{request}{why}"))
}
