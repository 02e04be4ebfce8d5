//! From a delivery report to `ok`, `fail` or `info`.
//!
//! Whether a write surely failed is not in the error code: `MessageTimedOut`, for one, comes with both. The client
//! library keeps track of whether a request that held the record may have reached a broker, and says so in the
//! message's status.
//!
//! Nor is the lack of an error an acknowledgement: once a broker has taken a later record of an idempotent producer,
//! librdkafka reports those before it as written too (`rd_kafka_dr_implicit_ack`), without a word about them from any
//! broker, so without an offset. But a broker that knows nothing yet of a producer takes any first sequence number
//! (KIP-360), and what came before it can be missing: seen with Kafka 4.4.0 on a topic just made.

use std::sync::Arc;

use history::Offset;
use rdkafka::bindings::{rd_kafka_message_broker_id, rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::config::Acks;
use super::sends::{OpenSends, Written};
use crate::client::Context;
use crate::scribe::End;

/// What the client library knows of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// No request that held it ever left, or each was refused.
    NotPersisted,
    /// It may be at a broker.
    MaybePersisted,
    /// A broker has said that it is.
    Persisted,
}

impl Status {
    /// Where disks may fail no refusal is to be trusted: a broker that could not sync a record has written it down, and
    /// let its followers read it; librdkafka takes the storage error for a refusal, tries again, and ends with whatever
    /// error comes last.
    fn where_disks_may_fail(self, they_may: bool) -> Self {
        match self {
            Self::NotPersisted if they_may => Self::MaybePersisted,
            status => status,
        }
    }
}

/// How a write ended: `ok` only without an error and with the offset that a broker gave it, or under acks=0, where
/// none ever does; `fail` only if no broker can have it.
pub(crate) fn classify(
    error: Option<&KafkaError>,
    status: Status,
    offset: Option<Offset>,
    acks: Acks,
) -> End {
    match (error, status) {
        (Some(error), Status::NotPersisted) => End::Fail(error.to_string()),
        (Some(error), _) => End::Info(error.to_string()),
        (None, _) if acks == Acks::None => End::Ok,
        (None, Status::Persisted) if offset.is_some() => End::Ok,
        (None, _) => End::Info("taken for written by the client, without a word from a broker".to_owned()),
    }
}

/// Takes the delivery reports of one producer.
pub(crate) struct Reports {
    pub(crate) context: Context,
    pub(crate) sends: Arc<OpenSends>,
    pub(crate) acks: Acks,
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
        let offset = Some(message.offset()).filter(|offset| *offset >= 0);
        let shared = &self.context.shared;
        let status = status(message).where_disks_may_fail(shared.disks_may_fail);
        let end = classify(error, status, offset, self.acks);
        let written = if end == End::Ok {
            Written {
                offset,
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
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_PERSISTED => Status::Persisted,
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Status::MaybePersisted,
    }
}

fn broker(message: &BorrowedMessage<'_>) -> Option<history::NodeId> {
    // SAFETY: as above.
    let broker = unsafe { rd_kafka_message_broker_id(message.ptr()) };
    u32::try_from(broker).ok()
}

#[cfg(test)]
mod tests {
    use super::{Acks, Status, classify};
    use crate::scribe::End;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    const OFFSET: Option<i64> = Some(7);

    fn word(
        error: Option<RDKafkaErrorCode>,
        status: Status,
        offset: Option<i64>,
        acks: Acks,
    ) -> &'static str {
        let error = error.map(KafkaError::MessageProduction);
        match classify(error.as_ref(), status, offset, acks) {
            End::Ok => "ok",
            End::Fail(_) => "fail",
            End::Info(_) => "info",
        }
    }

    #[test]
    fn of_an_error_the_status_decides_and_not_the_code() {
        use RDKafkaErrorCode::{MessageTimedOut, PurgeInflight, PurgeQueue};
        let check = |code, status, expected| {
            assert_eq!(word(Some(code), status, None, Acks::All), expected);
        };
        check(MessageTimedOut, Status::NotPersisted, "fail");
        check(MessageTimedOut, Status::MaybePersisted, "info");
        check(PurgeQueue, Status::NotPersisted, "fail");
        check(PurgeInflight, Status::MaybePersisted, "info");
    }

    #[test]
    fn where_disks_may_fail_no_refusal_is_certain() {
        use Status::{MaybePersisted, NotPersisted, Persisted};
        for (status, expected) in [
            (NotPersisted, MaybePersisted),
            (MaybePersisted, MaybePersisted),
            (Persisted, Persisted),
        ] {
            assert_eq!(status.where_disks_may_fail(true), expected);
            assert_eq!(status.where_disks_may_fail(false), status);
        }
    }

    #[test]
    fn an_acknowledgement_comes_from_a_broker_with_an_offset() {
        for acks in [Acks::Leader, Acks::All] {
            assert_eq!(word(None, Status::Persisted, OFFSET, acks), "ok");
            assert_eq!(word(None, Status::Persisted, None, acks), "info");
            assert_eq!(word(None, Status::MaybePersisted, None, acks), "info");
            assert_eq!(word(None, Status::MaybePersisted, OFFSET, acks), "info");
        }
        assert_eq!(word(None, Status::MaybePersisted, None, Acks::None), "ok");
    }
}
