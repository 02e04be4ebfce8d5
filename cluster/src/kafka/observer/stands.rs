//! `ListOffsets` and `OffsetForLeaderEpoch` at the epoch in which a broker names itself leader: does it stand by it?
//!
//! Both are answered without an error by a replica alone that takes itself for the leader of exactly that epoch: one that has
//! seen a newer one says `FENCED_LEADER_EPOCH`, one that has not got there yet `UNKNOWN_LEADER_EPOCH`, one that follows
//! `NOT_LEADER_OR_FOLLOWER`. Metadata is the cache beside it.
//!
//! A broker before 2.1 names no epochs and is not asked.
//!
//! Each time the broker is asked the one that is answered in a few microseconds, `OffsetForLeaderEpoch`; `ListOffsets` too when
//! anybody contests an epoch, when the epochs are new, and once a second.

use std::sync::Arc;

use async_trait::async_trait;
use history::{Key, Probe, Stand, Stands, Topic, key_of};
use kafka_protocol::messages::OffsetForLeaderEpochRequest;
use tokio::time::Instant;

use super::line::{Line, left};
use super::own::{Own, Turn, led};
use super::{Answer, Question};
use crate::kafka::ask::{Led, Metadata, OffsetOrCode, OffsetsOrCodes};
use crate::kafka::wire::{WireError, kafka_name};

/// Kafka's code of a leader that was elected just now: it answers as leader, but does not know yet up to where consumers
/// may read (`OFFSET_NOT_AVAILABLE`).
const NOT_YET_KNOWN: i16 = 78;

pub(super) struct Ask {
    line: Line,
    topics: Arc<[Topic]>,
    own: Own,
    turn: Turn,
}

impl Ask {
    pub(super) fn new(line: Line, topics: &Arc<[Topic]>, own: &Own) -> Self {
        Self {
            line,
            topics: Arc::clone(topics),
            own: own.clone(),
            turn: Turn::default(),
        }
    }

    /// The workload's partitions that this broker names itself leader of.
    fn believed(&self, metadata: &Metadata) -> Vec<(Key, Led)> {
        let topics = metadata.topics.iter();
        let led = topics.flat_map(|(topic, state)| led(self.line.node(), topic, state));
        // Partitions that were added during the run are no keys of it.
        let believed = led.filter_map(|led| Some((key_of(&self.topics, &led.topic, led.partition)?, led)));
        believed.collect()
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "stands"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let (mut connection, incarnation) = self.line.take().await?;
        if connection.version::<OffsetForLeaderEpochRequest>().is_err() {
            self.line.keep(connection, incarnation);
            return Ok(None);
        }
        let metadata = self.own.metadata(incarnation);
        let believed = metadata.map_or_else(Vec::new, |said| self.believed(&said));
        if believed.is_empty() {
            self.line.keep(connection, incarnation);
            let said = Probe::Stands(Stands { stands: Vec::new() });
            return self.own.nothing(Answer { incarnation, said });
        }
        let (keys, led): (Vec<Key>, Vec<Led>) = believed.into_iter().unzip();
        let both = self.turn.is_due(&self.own.newest, incarnation, &led);
        let high_watermarks = if both {
            Some(connection.high_watermarks(&led, left(by)).await?)
        } else {
            None
        };
        let ends = connection.epoch_ends(&led, left(by)).await?;
        self.line.keep(connection, incarnation);
        if both {
            self.turn.take(incarnation, &led);
        }
        let stands = keys.into_iter().zip(led).map(|(key, led)| {
            let at = (led.topic, led.partition);
            let mut asked = [high_watermarks.as_ref(), Some(&ends)].into_iter().flatten();
            let refused = asked.find_map(|known| refusal(known.get(&at)));
            let known = |known: Option<&OffsetsOrCodes>| {
                let offset = known?.get(&at)?.ok()?;
                (offset >= 0).then_some(offset)
            };
            Stand {
                key,
                epoch: led.epoch,
                high_watermark: known(high_watermarks.as_ref()),
                end: known(Some(&ends)),
                refused,
            }
        });
        let said = Probe::Stands(Stands {
            stands: stands.collect(),
        });
        Ok(Some(Answer { incarnation, said }))
    }
}

/// Why a broker did not answer as leader, where it did not.
fn refusal(answer: Option<&OffsetOrCode>) -> Option<String> {
    match answer {
        Some(Ok(_) | Err(NOT_YET_KNOWN)) => None,
        Some(Err(code)) => Some(kafka_name(*code)),
        None => Some("no answer for this partition".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_that_does_not_know_yet_answers_as_leader() {
        assert_eq!(refusal(Some(&Ok(3))), None);
        assert_eq!(refusal(Some(&Err(78))), None);
        assert_eq!(refusal(Some(&Err(74))).as_deref(), Some("FENCED_LEADER_EPOCH"));
        assert_eq!(refusal(Some(&Err(6))).as_deref(), Some("NOT_LEADER_OR_FOLLOWER"));
        assert!(refusal(None).is_some());
    }
}
