//! `ListOffsets` and `OffsetForLeaderEpoch` at the epoch in which a broker names itself leader: does it stand by it?
//!
//! Both are answered without an error by a replica alone that takes itself for the leader of exactly that epoch: one that has
//! seen a newer one says `FENCED_LEADER_EPOCH`, one that has not got there yet `UNKNOWN_LEADER_EPOCH`, one that follows
//! `NOT_LEADER_OR_FOLLOWER`. Metadata is the cache beside it.

use std::sync::Arc;

use async_trait::async_trait;
use history::{Key, Probe, Stand, Stands, Topic};
use tokio::time::Instant;

use super::line::{Line, left};
use super::own::{Own, led};
use super::{Answer, Question};
use crate::kafka::ask::{Led, Metadata, OffsetOrCode};
use crate::kafka::wire::{WireError, kafka_name};

/// Kafka's code of a leader that was elected just now: it answers as leader, but does not know yet up to where consumers
/// may read (`OFFSET_NOT_AVAILABLE`).
const NOT_YET_KNOWN: i16 = 78;

pub(super) struct Ask {
    line: Line,
    topics: Arc<[Topic]>,
    own: Own,
}

impl Ask {
    pub(super) fn new(line: Line, topics: &Arc<[Topic]>, own: &Own) -> Self {
        Self {
            line,
            topics: Arc::clone(topics),
            own: own.clone(),
        }
    }

    /// The workload's partitions that this broker names itself leader of.
    fn believed(&self, metadata: &Metadata) -> Vec<(Key, Led)> {
        let mut next = 0;
        let mut believed = Vec::new();
        for topic in self.topics.iter() {
            let first: Key = next;
            next += topic.partitions;
            let Some(state) = metadata.topics.get(&topic.name) else {
                continue;
            };
            let own = led(self.line.node(), &topic.name, state);
            // Partitions that were added during the run are no keys of it.
            let own = own.filter(|led| led.partition < topic.partitions);
            believed.extend(own.map(|led| (first + led.partition, led)));
        }
        believed
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "stands"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let (mut connection, incarnation) = self.line.take().await?;
        let metadata = self.own.metadata(incarnation);
        let believed = metadata.map_or_else(Vec::new, |said| self.believed(&said));
        if believed.is_empty() {
            self.line.keep(connection, incarnation);
            let said = Probe::Stands(Stands { stands: Vec::new() });
            return self.own.nothing(Answer { incarnation, said });
        }
        let (keys, led): (Vec<Key>, Vec<Led>) = believed.into_iter().unzip();
        let high_watermarks = connection.high_watermarks(&led, left(by)).await?;
        let ends = connection.epoch_ends(&led, left(by)).await?;
        self.line.keep(connection, incarnation);
        let stands = keys.into_iter().zip(led).map(|(key, led)| {
            let at = (led.topic, led.partition);
            stand(key, led.epoch, high_watermarks.get(&at), ends.get(&at))
        });
        let said = Probe::Stands(Stands {
            stands: stands.collect(),
        });
        Ok(Some(Answer { incarnation, said }))
    }
}

fn stand(key: Key, epoch: i32, high_watermark: Option<&OffsetOrCode>, end: Option<&OffsetOrCode>) -> Stand {
    let known = |answer: Option<&OffsetOrCode>| answer?.ok().filter(|offset| *offset >= 0);
    let refusals = [high_watermark, end].into_iter().map(|answer| match answer {
        Some(Ok(_) | Err(NOT_YET_KNOWN)) => None,
        Some(Err(code)) => Some(kafka_name(*code)),
        None => Some("no answer for this partition".to_owned()),
    });
    Stand {
        key,
        epoch,
        high_watermark: known(high_watermark),
        end: known(end),
        refused: refusals.flatten().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_is_enough_and_a_leader_that_does_not_know_yet_answers_as_leader() {
        let of = |high_watermark: Option<OffsetOrCode>, end: Option<OffsetOrCode>| {
            let stand = stand(0, 4, high_watermark.as_ref(), end.as_ref());
            (stand.high_watermark, stand.end, stand.refused)
        };
        assert_eq!(of(Some(Ok(3)), Some(Ok(5))), (Some(3), Some(5), None));
        assert_eq!(of(Some(Err(78)), Some(Ok(5))), (None, Some(5), None));
        let fenced = Some("FENCED_LEADER_EPOCH".to_owned());
        assert_eq!(of(Some(Ok(3)), Some(Err(74))), (Some(3), None, fenced));
        let follows = Some("NOT_LEADER_OR_FOLLOWER".to_owned());
        assert_eq!(of(Some(Err(6)), Some(Err(74))), (None, None, follows));
        assert!(of(Some(Ok(3)), None).2.is_some());
    }
}
