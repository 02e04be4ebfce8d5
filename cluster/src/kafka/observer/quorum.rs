//! `DescribeQuorum`, asked of each controller on its own port: on the brokers' it would be passed on to the active one.

use std::sync::Arc;

use async_trait::async_trait;
use history::Probe;
use tokio::time::Instant;

use super::line::{Line, left};
use super::{Answer, Question};
use crate::kafka::view::Beliefs;
use crate::kafka::wire::WireError;

/// Kafka's code for a controller that does not lead (`NOT_LEADER_OR_FOLLOWER`).
const NOT_LEADER: i16 = 6;

pub(super) struct Ask {
    line: Line,
    beliefs: Arc<Beliefs>,
}

impl Ask {
    pub(super) fn new(line: Line, beliefs: &Arc<Beliefs>) -> Self {
        Self {
            line,
            beliefs: Arc::clone(beliefs),
        }
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "quorum"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let (mut connection, incarnation) = self.line.take().await?;
        let said = match connection.quorum(left(by)).await {
            Ok(quorum) => {
                self.beliefs.hear_controller(quorum.leader, quorum.epoch);
                Probe::Quorum(quorum)
            }
            Err(error) if error.code() == Some(NOT_LEADER) => Probe::NotLeader,
            Err(error) => return Err(error),
        };
        self.line.keep(connection, incarnation);
        Ok(Some(Answer { incarnation, said }))
    }
}
