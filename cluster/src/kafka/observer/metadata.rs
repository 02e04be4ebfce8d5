//! Metadata: what a broker's cache holds of the workload's partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use history::{Claim, Key, Probe, Topic};
use tokio::time::Instant;

use super::line::{Line, left};
use super::own::Own;
use super::{Answer, Question};
use crate::kafka::ask::{Metadata, PROBE_TOPIC, PartitionState};
use crate::kafka::replica;
use crate::kafka::view::Beliefs;
use crate::kafka::wire::WireError;

pub(super) struct Ask {
    line: Line,
    topics: Arc<[Topic]>,
    /// The names that are asked for: the probe topic is among them.
    names: Vec<String>,
    beliefs: Arc<Beliefs>,
    own: Own,
}

impl Ask {
    pub(super) fn new(line: Line, topics: &Arc<[Topic]>, beliefs: &Arc<Beliefs>, own: &Own) -> Self {
        let names = topics.iter().map(|topic| topic.name.clone());
        Self {
            line,
            names: names.chain([PROBE_TOPIC.to_owned()]).collect(),
            topics: Arc::clone(topics),
            beliefs: Arc::clone(beliefs),
            own: own.clone(),
        }
    }

    async fn hear(&mut self, by: Instant) -> Result<(u32, Metadata), WireError> {
        let (mut connection, incarnation) = self.line.take().await?;
        let said = connection.metadata_of(&self.names, left(by)).await?;
        self.line.keep(connection, incarnation);
        Ok((incarnation, said))
    }

    fn claims(&self, said: &Metadata) -> Probe {
        let known: BTreeMap<Key, PartitionState> = replica::keys(&self.topics)
            .filter_map(|(key, topic, partition)| {
                let state = said.topics.get(&topic.name)?.partitions.get(&partition)?;
                Some((key, state.clone()))
            })
            .collect();
        let claims = known.iter().map(|(key, state)| Claim {
            key: *key,
            leader: state.leader,
            epoch: state.epoch,
            isr: state.isr.clone(),
        });
        let probe = Probe::Metadata(history::Metadata {
            claims: claims.collect(),
        });
        self.beliefs
            .hear(self.line.node(), known, std::time::Instant::now());
        probe
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "metadata"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        match self.hear(by).await {
            Ok((incarnation, metadata)) => {
                let said = self.claims(&metadata);
                self.own.said(incarnation, metadata);
                Ok(Some(Answer { incarnation, said }))
            }
            Err(error) => {
                self.own.silent(&error);
                Err(error)
            }
        }
    }
}
