//! From a delivery report to `ok`, `fail` or `info`.
//!
//! Whether a write surely failed is not in the error code: `MessageTimedOut`, for one, comes with both. The client
//! library keeps track of whether a request that held the record may have reached a broker, and says so in the
//! message's status.

use std::sync::Arc;

use rdkafka::bindings::{rd_kafka_message_broker_id, rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::client::Context;
use super::sends::{OpenSends, Written};
use crate::scribe::End;

/// What the client library knows of a record that it gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// No request that held it ever left.
    NotPersisted,
    /// It may be at a broker, or is.
    MaybePersisted,
}

/// How a write ended: `ok` only without an error, `fail` only if the record never left the client or every broker
/// that saw it refused it.
pub(crate) fn classify(error: Option<&KafkaError>, status: Status) -> End {
    match (error, status) {
        (None, _) => End::Ok,
        (Some(error), Status::NotPersisted) => End::Fail(error.to_string()),
        (Some(error), Status::MaybePersisted) => End::Info(error.to_string()),
    }
}

/// Takes the delivery reports of one producer.
pub(crate) struct Reports {
    pub(crate) context: Context,
    pub(crate) sends: Arc<OpenSends>,
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
    /// The operation's number.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, op: usize) {
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (message, Some(error)),
        };
        let end = classify(error, status(message));
        let written = if end == End::Ok {
            Written {
                offset: Some(message.offset()).filter(|offset| *offset >= 0),
                broker: broker(message),
            }
        } else {
            Written::default()
        };
        self.sends.end(op as u64, written, end);
    }
}

fn status(message: &BorrowedMessage<'_>) -> Status {
    // SAFETY: the message lives as long as the borrow, and this only reads from it.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    match status {
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Status::NotPersisted,
        _ => Status::MaybePersisted,
    }
}

fn broker(message: &BorrowedMessage<'_>) -> Option<history::NodeId> {
    // SAFETY: as above.
    let broker = unsafe { rd_kafka_message_broker_id(message.ptr()) };
    u32::try_from(broker).ok()
}

#[cfg(test)]
mod tests {
    use super::{Status, classify};
    use crate::scribe::End;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    fn check(error: Option<RDKafkaErrorCode>, status: Status, expected: fn(&End) -> bool) {
        let error = error.map(KafkaError::MessageProduction);
        let end = classify(error.as_ref(), status);
        assert!(expected(&end), "{error:?} {status:?} {end:?}");
    }

    #[test]
    fn the_status_decides_and_not_the_code() {
        let (ok, fail, info) = (
            |end: &End| *end == End::Ok,
            |end: &End| matches!(end, End::Fail(_)),
            |end: &End| matches!(end, End::Info(_)),
        );
        check(None, Status::MaybePersisted, ok);
        check(
            Some(RDKafkaErrorCode::MessageTimedOut),
            Status::NotPersisted,
            fail,
        );
        check(
            Some(RDKafkaErrorCode::MessageTimedOut),
            Status::MaybePersisted,
            info,
        );
        check(Some(RDKafkaErrorCode::PurgeQueue), Status::NotPersisted, fail);
        check(
            Some(RDKafkaErrorCode::PurgeInflight),
            Status::MaybePersisted,
            info,
        );
    }
}
