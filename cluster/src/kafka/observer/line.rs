//! The connection of one question to one node, made anew after every error.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use history::NodeId;
use tokio::time::Instant;

use super::ANSWER_WITHIN;
use crate::kafka::node::Node;
use crate::kafka::wire::{Connection, WireError};

/// A connection, and which process of the node it is to.
pub(super) struct Line {
    node: Arc<Node>,
    address: SocketAddrV4,
    open: Option<(Connection, u32)>,
}

impl Line {
    pub(super) fn new(node: &Arc<Node>, address: SocketAddrV4) -> Self {
        Self {
            node: Arc::clone(node),
            address,
            open: None,
        }
    }

    pub(super) fn node(&self) -> NodeId {
        self.node.id()
    }

    /// Takes the connection out, or a new one, and the process that it is to. After an error it is of no more use; otherwise
    /// [`Line::keep`] gives it back.
    pub(super) async fn take(&mut self) -> Result<(Connection, u32), WireError> {
        match self.open.take() {
            Some(open) => Ok(open),
            None => self.connect().await,
        }
    }

    /// Keeps a connection for the next time.
    pub(super) fn keep(&mut self, connection: Connection, incarnation: u32) {
        self.open = Some((connection, incarnation));
    }

    /// A connection, and the process that accepted it: no other can have been started meanwhile.
    async fn connect(&self) -> Result<(Connection, u32), WireError> {
        let before = self.node.life().incarnation;
        let connection = Connection::open(self.address, ANSWER_WITHIN).await?;
        let after = self.node.life().incarnation;
        if before != after {
            return Err(WireError::Network("the broker was started anew".to_owned()));
        }
        Ok((connection, after))
    }
}

/// What is left of the time for an answer.
pub(super) fn left(by: Instant) -> Duration {
    by.saturating_duration_since(Instant::now())
}
