//! What a consumer's group gave to it or took from it, and as which member.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::bindings::{
    rd_kafka_consumer_group_metadata, rd_kafka_consumer_group_metadata_destroy,
    rd_kafka_consumer_group_metadata_generation_id, rd_kafka_consumer_group_metadata_member_id,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, Rebalance};

use super::super::library::{Change, Rebalanced};
use super::super::place::Keys;
use super::settings::Context;

/// The rebalances since it was last asked. A handle: the client's callbacks have the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Rebalances(Arc<Mutex<Vec<Rebalanced>>>);

impl Rebalances {
    /// Takes down what a rebalance changes, from within the poll that it happens in.
    pub(super) fn note(&self, keys: &Keys, consumer: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        let (change, list) = match rebalance {
            Rebalance::Assign(list) => (Change::Given, list),
            // One that has not polled for too long has left by itself, and does not call that a loss.
            Rebalance::Revoke(list) if consumer.assignment_lost() || member(consumer).is_none() => {
                (Change::Lost, list)
            }
            Rebalance::Revoke(list) => (Change::Revoked, list),
            Rebalance::Error(_) => return,
        };
        let elements = list.elements();
        let of_key = |topic: &str, partition| keys.key(topic, partition);
        let (member, generation) = member(consumer).unwrap_or((String::new(), -1));
        let rebalanced = Rebalanced {
            change,
            keys: elements
                .iter()
                .filter_map(|element| of_key(element.topic(), element.partition()))
                .collect(),
            member,
            generation,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rebalanced);
    }

    /// What they are, and from now on none.
    pub(super) fn take(&self) -> Vec<Rebalanced> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which member of its group a consumer is, and of which generation; `None` while it is none.
pub(super) fn member(consumer: &BaseConsumer<Context>) -> Option<(String, i32)> {
    // SAFETY: the client outlives this call; what it gives is ours, is read while we have it, and given back once.
    unsafe {
        let metadata = rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if metadata.is_null() {
            return None;
        }
        let generation = rd_kafka_consumer_group_metadata_generation_id(metadata);
        let id = rd_kafka_consumer_group_metadata_member_id(metadata);
        let id = if id.is_null() {
            String::new()
        } else {
            CStr::from_ptr(id).to_string_lossy().into_owned()
        };
        rd_kafka_consumer_group_metadata_destroy(metadata);
        (generation >= 0 && !id.is_empty()).then_some((id, generation))
    }
}
