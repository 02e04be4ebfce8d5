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

use history::Offset;
use rdkafka::bindings::{rd_kafka_message_broker_id, rd_kafka_message_status, rd_kafka_msg_status_t};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;

use crate::scribe::End;

/// What the client library knows of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
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
    pub(super) fn where_disks_may_fail(self, they_may: bool) -> Self {
        match self {
            Self::NotPersisted if they_may => Self::MaybePersisted,
            status => status,
        }
    }
}

/// How a write ended: `ok` only without an error and with the offset that a broker gave it, or where nobody
/// is asked to acknowledge (`acks=0`); `fail` only if no broker can have it.
pub(super) fn classify(
    error: Option<&KafkaError>,
    status: Status,
    offset: Option<Offset>,
    unacknowledged: bool,
) -> End {
    match (error, status) {
        (Some(error), Status::NotPersisted) => End::Fail(error.to_string()),
        (Some(error), _) => End::Info(error.to_string()),
        (None, _) if unacknowledged => End::Ok,
        (None, Status::Persisted) if offset.is_some() => End::Ok,
        (None, _) => End::Info("taken for written by the client, without a word from a broker".to_owned()),
    }
}

/// What librdkafka knows of the record of a report.
pub(super) fn status(message: &BorrowedMessage<'_>) -> Status {
    // SAFETY: the message lives as long as the borrow, and this only reads from it.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    match status {
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Status::NotPersisted,
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_PERSISTED => Status::Persisted,
        rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Status::MaybePersisted,
    }
}

/// Who acknowledged it.
pub(super) fn broker(message: &BorrowedMessage<'_>) -> Option<history::NodeId> {
    // SAFETY: as above.
    let broker = unsafe { rd_kafka_message_broker_id(message.ptr()) };
    u32::try_from(broker).ok()
}

#[cfg(test)]
mod tests {
    use super::{Status, classify};
    use crate::scribe::End;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    const OFFSET: Option<i64> = Some(7);

    fn word(
        error: Option<RDKafkaErrorCode>,
        status: Status,
        offset: Option<i64>,
        unacknowledged: bool,
    ) -> &'static str {
        let error = error.map(KafkaError::MessageProduction);
        match classify(error.as_ref(), status, offset, unacknowledged) {
            End::Ok => "ok",
            End::Fail(_) => "fail",
            End::Info(_) => "info",
        }
    }

    #[test]
    fn of_an_error_the_status_decides_and_not_the_code() {
        use RDKafkaErrorCode::{MessageTimedOut, PurgeInflight, PurgeQueue};
        let check = |code, status, expected| {
            assert_eq!(word(Some(code), status, None, false), expected);
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
        assert_eq!(word(None, Status::Persisted, OFFSET, false), "ok");
        assert_eq!(word(None, Status::Persisted, None, false), "info");
        assert_eq!(word(None, Status::MaybePersisted, None, false), "info");
        assert_eq!(word(None, Status::MaybePersisted, OFFSET, false), "info");
        assert_eq!(word(None, Status::MaybePersisted, None, true), "ok");
    }
}
