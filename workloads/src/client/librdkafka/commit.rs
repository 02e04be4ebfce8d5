//! A group's commit of offsets that is waited for no longer than asked: librdkafka's own call waits without end.

use std::ptr::null_mut;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings::{
    rd_kafka_commit_queue, rd_kafka_event_destroy, rd_kafka_event_error, rd_kafka_event_t,
    rd_kafka_event_topic_partition_list, rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::super::library::{Advice, Refusal};
use super::settings::Context;

/// Commits. With no time at all it does not wait for the answer.
pub(super) fn commit(
    client: &BaseConsumer<Context>,
    list: &TopicPartitionList,
    within: Duration,
) -> Result<(), Refusal> {
    if list.count() == 0 {
        return Ok(());
    }
    if within.is_zero() {
        let taken = client.commit(list, CommitMode::Async);
        return taken.map_err(|error| refusal(&error));
    }
    match answer(client, list, within) {
        None => Err(Refusal {
            text: format!("no answer within {within:?}"),
            advice: Advice::Discard,
        }),
        Some(code) if code.is_error() => Err(refusal(&KafkaError::ConsumerCommit(code.into()))),
        Some(_) => Ok(()),
    }
}

/// The code of the answer; `None` where there was none in time.
fn answer(
    client: &BaseConsumer<Context>,
    list: &TopicPartitionList,
    within: Duration,
) -> Option<RDKafkaRespErr> {
    let milliseconds = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client and the list outlive these calls; the queue and the event are ours, and given back once each. An
    // answer that comes after the queue is gone is dropped by librdkafka.
    unsafe {
        let native = client.client().native_ptr();
        let queue = rd_kafka_queue_new(native);
        let taken = rd_kafka_commit_queue(native, list.ptr(), queue, None, null_mut());
        if taken.is_error() {
            rd_kafka_queue_destroy(queue);
            return Some(taken);
        }
        let event = rd_kafka_queue_poll(queue, milliseconds);
        let code = (!event.is_null()).then(|| {
            let code = first_error(event);
            rd_kafka_event_destroy(event);
            code
        });
        rd_kafka_queue_destroy(queue);
        code
    }
}

/// The error of the answer as a whole, or else of the first partition that has one.
///
/// # Safety
///
/// The event is a valid one.
unsafe fn first_error(event: *mut rd_kafka_event_t) -> RDKafkaRespErr {
    // SAFETY: as the caller promises; the list belongs to the event and is only read.
    unsafe {
        let whole = rd_kafka_event_error(event);
        let list = rd_kafka_event_topic_partition_list(event);
        if whole.is_error() || list.is_null() || (*list).cnt == 0 {
            return whole;
        }
        let elements = std::slice::from_raw_parts((*list).elems, (*list).cnt as usize);
        let errors = elements.iter().map(|element| element.err);
        errors.into_iter().find(IsError::is_error).unwrap_or(whole)
    }
}

fn refusal(error: &KafkaError) -> Refusal {
    Refusal {
        text: error.to_string(),
        advice: error.rdkafka_error_code().map_or(Advice::Discard, advice),
    }
}

/// A coordinator that refuses a commit has not taken it. Of whatever else ended it nobody knows.
fn advice(code: RDKafkaErrorCode) -> Advice {
    use RDKafkaErrorCode as Code;
    match code {
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::FencedInstanceId
        | Code::FencedMemberEpoch
        | Code::StaleMemberEpoch
        | Code::RebalanceInProgress
        | Code::GroupAuthorizationFailed
        | Code::TopicAuthorizationFailed
        | Code::InvalidGroupId
        | Code::InvalidCommitOffsetSize
        | Code::OffsetMetadataTooLarge
        | Code::AssignmentLost
        | Code::State => Advice::Refused,
        Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress => {
            Advice::Again
        }
        _ => Advice::Discard,
    }
}
