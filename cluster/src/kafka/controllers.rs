//! The active controller, whoever that is: found and asked on its own port, over the side channel, which no fault cuts. With
//! `ZooKeeper` it is one of the brokers, and answers where brokers do.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use history::NodeId;
use tokio::time::Instant;

use super::config::Role;
use super::launch::{ANSWER_WITHIN, POLL};
use super::node::{self, Node};
use super::wire::{Connection, WireError};
use crate::ClusterView;

/// Whoever is the active controller, it has answered within this time, or there is none that can.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Kafka's codes that say that another one is.
mod code {
    pub(super) const NOT_LEADER: i16 = 6;
    pub(super) const NOT_CONTROLLER: i16 = 41;
}

/// The nodes of a cluster, one of which is the active controller.
pub(super) struct Controllers {
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) view: Arc<ClusterView>,
}

impl Controllers {
    pub(super) fn node(&self, node: NodeId) -> Result<&Arc<Node>> {
        node::find(&self.nodes, node)
    }

    /// The controllers, the one that was last seen as the active controller first.
    pub(super) fn active_first(&self) -> Vec<Arc<Node>> {
        let active = self.view.controller().map(|(node, _)| node);
        let mut nodes = self.candidates();
        nodes.sort_by_key(|node| Some(node.id()) != active);
        nodes
    }

    /// The brokers, which alone tell who leads, the one on the active controller's node first where it is a broker's too: its cache
    /// lags behind nobody's.
    pub(super) fn brokers_active_first(&self) -> Vec<Arc<Node>> {
        let active = self.view.controller().map(|(node, _)| node);
        let mut brokers = node::brokers(&self.nodes);
        brokers.sort_by_key(|node| Some(node.id()) != active);
        brokers
    }

    /// Who may be the active controller.
    fn candidates(&self) -> Vec<Arc<Node>> {
        let all = self.nodes.iter();
        let mut candidates: Vec<_> = all
            .filter(|node| node.role.is_controller() && !node.never_ran())
            .cloned()
            .collect();
        // One of the brokers is, until the quorum has taken over.
        if candidates.is_empty() || self.nodes.iter().any(|node| node.role == Role::ZooKeeper) {
            candidates.extend(node::brokers(&self.nodes));
        }
        candidates
    }

    /// Asks the active controller: one node after the other until one is, or the time is over.
    pub(super) async fn ask<T, F>(&self, ask: impl Fn(Connection) -> F + Send + Sync) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T, WireError>> + Send,
    {
        let deadline = Instant::now() + ASK_WITHIN;
        loop {
            let mut last = None;
            for node in self.active_first() {
                let answer = match Connection::open(asked_at(&node), ANSWER_WITHIN).await {
                    Ok(connection) => ask(connection).await,
                    Err(error) => Err(error),
                };
                match answer {
                    Ok(answer) => return Ok(answer),
                    // A refusal of the active controller is its last word.
                    Err(error) if error.code().is_some_and(|code| !is_elsewhere(code)) => {
                        return Err(error).context(format!("ask node {}", node.id()));
                    }
                    Err(error) => last = Some(anyhow!(error).context(format!("ask node {}", node.id()))),
                }
                if Instant::now() >= deadline {
                    break;
                }
            }
            if Instant::now() + POLL >= deadline {
                let none = || anyhow!("there is no node");
                return Err(last.unwrap_or_else(none).context("find the active controller"));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Where a node is asked as the controller.
fn asked_at(node: &Node) -> SocketAddrV4 {
    if node.role.is_controller() {
        node.controller()
    } else {
        node.broker()
    }
}

/// Whether an answer says no more than that another controller is the active one.
fn is_elsewhere(code: i16) -> bool {
    matches!(code, code::NOT_CONTROLLER | code::NOT_LEADER)
}
