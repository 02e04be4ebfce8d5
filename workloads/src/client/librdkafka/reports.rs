//! The delivery reports of a producer, from the thread that librdkafka calls back to whoever asks for them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::Sender;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::statistics::Statistics;

use super::super::library::{Delivery, FlightSettings};
use super::delivery::{Status, broker, classify, status};
use super::settings::Context;
use crate::scribe::End;

/// Takes the delivery reports of one producer.
pub(super) struct Reports {
    pub(super) context: Context,
    /// Whether nobody is asked to acknowledge: `acks=0`.
    pub(super) unacknowledged: bool,
    pub(super) sender: Sender<(u64, Delivery)>,
    pub(super) flight: FlightSettings,
    /// The most requests that were under way at one broker, as far as it was looked.
    pub(super) in_flight: AtomicU32,
    /// Why the client is to write nothing more, once that is so: see [`takes_back`], and [`FlightSettings`].
    pub(super) spent: OnceLock<&'static str>,
}

/// Whether an abort took a record out of the queue that waited there for another attempt, so that its number in the partition's
/// sequence is given to the next one.
///
/// `rd_kafka_toppar_purge_queues` of librdkafka 2.12 moves the base of the sequence past all that it takes out, as if none had been sent.
/// Where the first attempt did reach the broker, the next record comes with a number that the broker has seen, is acknowledged as a
/// repetition, with the offset of the other one, and is not there: a committed write lost by its client. Seen with Kafka 4.4.0.
fn takes_back(error: Option<&KafkaError>, status: Status) -> bool {
    let purged = KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue);
    error == Some(&purged) && status == Status::MaybePersisted
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let counts = statistics.brokers.values().map(|broker| broker.waitresp_cnt);
        let most = counts.max().and_then(|count| u32::try_from(count).ok());
        self.in_flight.fetch_max(most.unwrap_or(0), Relaxed);
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
        let status = status(message);
        if takes_back(error, status) {
            let why = "the abort took back a record that a broker may have, and its sequence number with it";
            self.spent.get_or_init(|| why);
        }
        let status = status.where_disks_may_fail(self.context.place.disks_may_fail);
        let end = classify(error, status, offset, self.unacknowledged);
        let is_written = end == End::Ok;
        let delivery = Delivery {
            end,
            offset: offset.filter(|_| is_written),
            broker: broker(message).filter(|_| is_written),
            timestamp: message.timestamp().to_millis().filter(|_| is_written),
            expired: error
                .is_some_and(|error| error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageTimedOut)),
            in_flight: self.flight.is_told.then(|| self.in_flight.load(Relaxed)),
        };
        if !is_written && self.flight.ends_with_failure {
            self.spent.get_or_init(|| "it gave a record up");
        }
        // Nobody asks any more where the producer was thrown away.
        let _ = self.sender.send((token as u64, delivery));
    }
}
