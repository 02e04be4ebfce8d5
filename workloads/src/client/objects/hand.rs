//! The producer of one client: writes one record and waits for what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Key, Offset, Span, Value};

use super::MARKER;
use crate::client::{Delivery, FlightSettings, Outgoing, Producer, ProducerSettings, Refusal, Shared};
use crate::log::Acks;
use crate::scribe::End;

/// The largest batch, in bytes.
const BATCH_BYTES: u32 = 1_000_000;
/// How long a producer that was just made may take to know who leads.
const WARM_WITHIN: Duration = Duration::from_secs(2);

/// How a producer writes.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    pub(crate) acks: Acks,
    pub(crate) idempotence: bool,
    /// How long a write is waited for.
    pub(crate) deadline: Span,
}

pub(crate) struct Hand {
    client: Box<dyn Producer>,
    next_token: u64,
    deadline: Span,
}

impl Hand {
    pub(crate) fn make(shared: &Arc<Shared>, name: &str, writing: &Writing) -> Result<Self, Refusal> {
        let mut client = shared.library.producer(&ProducerSettings {
            name: name.to_owned(),
            acks: writing.acks.word(),
            idempotence: writing.idempotence,
            // One record at a time: what is under way beside it is one of unknown outcome.
            max_in_flight: 1,
            linger: Duration::ZERO,
            batch_bytes: BATCH_BYTES,
            // An idempotent producer that gives a record up may write the next one twice.
            gives_up_after: None,
            flight: FlightSettings::default(),
            transaction: None,
        })?;
        client.warm(WARM_WITHIN);
        Ok(Self {
            client,
            next_token: 0,
            deadline: writing.deadline,
        })
    }

    /// Changes an object.
    pub(super) fn change(&mut self, key: Key, object: Key, value: Value, bytes: u32) -> End {
        self.write(Outgoing {
            key,
            value,
            bytes,
            name: Some(u64::from(object)),
            tombstone: false,
            timestamp: None,
        })
        .end
    }

    /// Writes a record of no object: where it stands.
    pub(super) fn mark(&mut self, key: Key) -> Result<Offset, String> {
        let delivery = self.write(Outgoing {
            key,
            value: 0,
            bytes: 8,
            name: Some(MARKER),
            tombstone: true,
            timestamp: None,
        });
        match (delivery.end, delivery.offset) {
            (End::Ok, Some(offset)) => Ok(offset),
            (End::Ok, None) => Err("its mark was acknowledged without a place".to_owned()),
            (End::Fail(reason) | End::Info(reason), _) => Err(format!("its mark: {reason}")),
        }
    }

    /// Writes a record, and waits for what became of it.
    pub(crate) fn write(&mut self, record: Outgoing) -> Delivery {
        let token = self.next_token;
        self.next_token += 1;
        if let Err(refusal) = self.client.send(&record, token) {
            return Delivery::ended(End::Fail(refusal.text));
        }
        let until = Instant::now() + self.deadline.duration();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut mine = None;
            // What is reported late of writes before is known no better for it.
            self.client.poll(left, &mut |of, delivery| {
                if of == token {
                    mine = Some(delivery);
                }
            });
            if let Some(delivery) = mine {
                return delivery;
            }
            if left.is_zero() {
                let reason = format!("no report within {}", self.deadline);
                return Delivery::ended(End::Info(reason));
            }
        }
    }

    pub(crate) fn fatal(&self) -> Option<String> {
        self.client.fatal()
    }

    pub(crate) fn discard(self) {
        self.client.discard();
    }
}
