//! What a consumer's group gave to it or took from it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use history::Key;
use rdkafka::consumer::Rebalance;

use super::Keys;

/// The partitions that came or went since it was last asked. A handle: the client's callbacks have the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved(Arc<Mutex<BTreeSet<Key>>>);

impl Moved {
    /// Takes down what a rebalance changes, from within the poll that it happens in.
    pub(crate) fn note(&self, keys: &Keys, rebalance: &Rebalance<'_>) {
        let (Rebalance::Assign(list) | Rebalance::Revoke(list)) = rebalance else {
            return;
        };
        let elements = list.elements();
        let moved = elements
            .iter()
            .filter_map(|element| keys.key(element.topic(), element.partition()));
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(moved);
    }

    /// What it is, and from now on nothing.
    pub(crate) fn take(&self) -> Vec<Key> {
        let mut moved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *moved).into_iter().collect()
    }
}
