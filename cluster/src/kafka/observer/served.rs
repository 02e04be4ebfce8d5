//! A fetch and a produce with acks=1 on the partitions of the probe topic that a broker names itself leader of: what it still
//! serves, whether or not anybody else takes it for a leader.
//!
//! A write costs its followers' fetches too, which makes it the dearest question. So a leader whom nobody contests is asked once
//! a second and as soon as its epochs change; one of whose partitions any broker has shown a newer epoch, as often as all else.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use history::{Answer as Outcome, Offset, Probe, Served, Service};
use tokio::time::Instant;
use uuid::Uuid;

use super::line::{Line, left};
use super::own::{Own, Turn, led};
use super::{Answer, Question, in_whole};
use crate::kafka::ask::{Led, OffsetOrCode, PROBE_TOPIC};
use crate::kafka::wire::{WireError, kafka_name};

/// After a write without an answer. The broker may still be at it, with a thread of those that serve everybody, where its
/// disk hangs: more such writes must not take all of them.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The pause doubles with each further one, up to this.
const PAUSE_MAX: Duration = Duration::from_secs(4);

pub(super) struct Ask {
    line: Line,
    own: Own,
    turn: Turn,
    /// Where each partition is read: at its last record below the high watermark, so that there is something to read.
    read_at: BTreeMap<u32, Offset>,
    pause: Duration,
}

impl Ask {
    pub(super) fn new(line: Line, own: &Own) -> Self {
        Self {
            line,
            own: own.clone(),
            turn: Turn::default(),
            read_at: BTreeMap::new(),
            pause: Duration::ZERO,
        }
    }

    fn believed(&self, incarnation: u32) -> Option<(Uuid, Vec<Led>)> {
        let metadata = self.own.metadata(incarnation)?;
        let state = metadata.topics.get(PROBE_TOPIC)?;
        let led: Vec<Led> = led(self.line.node(), PROBE_TOPIC, state).collect();
        (!led.is_empty()).then_some((state.id, led))
    }

    /// Where to read next: a refused read begins at the start again.
    fn heard(&mut self, partition: u32, read: &Outcome) {
        let next = match read {
            Outcome::Done(high_watermark) => (high_watermark - 1).max(0),
            Outcome::Refused(_) => 0,
        };
        self.read_at.insert(partition, next);
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "served"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let (mut connection, incarnation) = self.line.take().await?;
        let Some((id, led)) = self.believed(incarnation) else {
            self.line.keep(connection, incarnation);
            let said = Probe::Served(Served { served: Vec::new() });
            return self.own.nothing(Answer { incarnation, said });
        };
        if !self.turn.is_due(&self.own.newest, incarnation, &led) {
            self.line.keep(connection, incarnation);
            // That it is silent shows without being asked this, and that it is so no longer is to be seen at once.
            let silent = self.own.unless_silent(None);
            if silent.is_err() {
                self.turn.reset();
            }
            return silent;
        }
        self.turn.take(incarnation, &led);
        let topic = (PROBE_TOPIC, id);
        let numbers: Vec<u32> = led.iter().map(|led| led.partition).collect();
        let places = led.iter().map(|led| {
            (
                led.clone(),
                self.read_at.get(&led.partition).copied().unwrap_or(0),
            )
        });
        // Reads first: a broker whose disk hangs may answer these.
        let read = connection
            .read_each(topic, &places.collect::<Vec<_>>(), left(by))
            .await?;
        let written = connection.write_each(topic, &numbers, left(by)).await;
        self.pause = match &written {
            Err(WireError::Timeout(_)) => (self.pause * 2).clamp(FIRST_PAUSE, PAUSE_MAX),
            _ => Duration::ZERO,
        };
        if written.is_ok() {
            self.line.keep(connection, incarnation);
        }
        let written = written.map_err(|error| in_whole(error).to_string());
        let served = led.into_iter().map(|led| {
            let write = match &written {
                Ok(written) => outcome(written.get(&led.partition)),
                Err(reason) => Outcome::Refused(reason.clone()),
            };
            let read = outcome(read.get(&led.partition));
            self.heard(led.partition, &read);
            Service {
                partition: led.partition,
                epoch: led.epoch,
                write,
                read,
            }
        });
        let served = served.collect();
        let said = Probe::Served(Served { served });
        Ok(Some(Answer { incarnation, said }))
    }

    fn pause(&self) -> Duration {
        self.pause
    }
}

fn outcome(answer: Option<&OffsetOrCode>) -> Outcome {
    match answer {
        Some(Ok(offset)) => Outcome::Done(*offset),
        Some(Err(code)) => Outcome::Refused(kafka_name(*code)),
        None => Outcome::Refused("no answer for this partition".to_owned()),
    }
}
