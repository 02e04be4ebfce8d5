//! `DescribeTopicPartitions`: the same cache as Metadata's, with the replicas that may lead beside the ISR. Brokers that do
//! not know the request are not asked.

use std::sync::Arc;

use async_trait::async_trait;
use history::{Eligible, Partitions, Probe, Topic};
use tokio::time::Instant;

use super::line::{Line, left};
use super::{Answer, Question};
use crate::kafka::replica;
use crate::kafka::wire::WireError;

pub(super) struct Ask {
    line: Line,
    topics: Arc<[Topic]>,
}

impl Ask {
    pub(super) fn new(line: Line, topics: &Arc<[Topic]>) -> Self {
        Self {
            line,
            topics: Arc::clone(topics),
        }
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "partitions"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let (mut connection, incarnation) = self.line.take().await?;
        if !connection.tells_who_may_lead() {
            self.line.keep(connection, incarnation);
            return Ok(None);
        }
        let mut known = connection.eligible(&self.topics, left(by)).await?;
        self.line.keep(connection, incarnation);
        let partitions = replica::keys(&self.topics).filter_map(|(key, topic, partition)| {
            let known = known.remove(&(topic.name.clone(), partition))?;
            Some(Eligible {
                key,
                leader: known.state.leader,
                epoch: known.state.epoch,
                isr: known.state.isr,
                elr: known.elr,
                last_known: known.last_known,
            })
        });
        let said = Probe::Partitions(Partitions {
            partitions: partitions.collect(),
        });
        Ok(Some(Answer { incarnation, said }))
    }
}
