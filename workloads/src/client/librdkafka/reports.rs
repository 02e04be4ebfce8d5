//! The delivery reports of a producer, from the thread that librdkafka calls back to whoever asks for them.

use std::sync::mpsc::Sender;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::super::library::Delivery;
use super::delivery::{broker, classify, status};
use super::settings::Context;
use crate::scribe::End;

/// Takes the delivery reports of one producer.
pub(super) struct Reports {
    pub(super) context: Context,
    /// Whether nobody is asked to acknowledge: `acks=0`.
    pub(super) unacknowledged: bool,
    pub(super) sender: Sender<(u64, Delivery)>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ProducerContext for Reports {
    /// The record's token.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (message, Some(error)),
        };
        let offset = Some(message.offset()).filter(|offset| *offset >= 0);
        let status = status(message).where_disks_may_fail(self.context.place.disks_may_fail);
        let end = classify(error, status, offset, self.unacknowledged);
        let is_written = end == End::Ok;
        let delivery = Delivery {
            end,
            offset: offset.filter(|_| is_written),
            broker: broker(message).filter(|_| is_written),
            timestamp: message.timestamp().to_millis().filter(|_| is_written),
        };
        // Nobody asks any more where the producer was thrown away.
        let _ = self.sender.send((token as u64, delivery));
    }
}
