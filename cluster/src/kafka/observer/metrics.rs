//! A broker's own metrics, asked of the agent in its process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use history::Probe;
use tokio::time::Instant;

use super::{Answer, Question};
use crate::kafka::metrics;
use crate::kafka::node::Node;
use crate::kafka::wire::WireError;

/// How long it is not asked after each time: an answer costs the broker some milliseconds.
const PAUSE: Duration = Duration::from_millis(900);

pub(super) struct Ask {
    node: Arc<Node>,
}

impl Ask {
    pub(super) fn new(node: &Arc<Node>) -> Self {
        Self {
            node: Arc::clone(node),
        }
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "metrics"
    }

    /// On a connection of its own each time. Which process answered is known where no other was started meanwhile.
    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let incarnation = self.node.life().incarnation;
        let said = Probe::Metrics(metrics::scrape(self.node.metrics(), by).await?);
        if self.node.life().incarnation != incarnation {
            return Err(WireError::Network("the broker was started anew".to_owned()));
        }
        Ok(Some(Answer { incarnation, said }))
    }

    fn pause(&self) -> Duration {
        PAUSE
    }
}
