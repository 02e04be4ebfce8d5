//! What stands in objects, as far as their records have been read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use history::{Key, Value};

use super::{Data, MARKER};
use crate::client::Incoming;

/// What all clients of a run have written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    next_value: AtomicU64,
    objects: Mutex<BTreeSet<Key>>,
}

impl Written {
    /// A value for a change of that object: none is written twice.
    pub(super) fn value_for(&self, object: Key) -> Value {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.insert(object);
        self.next_value.fetch_add(1, Relaxed)
    }

    /// Every object that a change was begun of.
    pub(super) fn objects(&self) -> Vec<Key> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.iter().copied().collect()
    }
}

/// The values of each object, in the order of its partition's log.
#[derive(Debug)]
pub(super) struct States {
    data: Data,
    /// Whether a value may stand in the log twice by right: then it counts where it stands first.
    may_repeat: bool,
    values: BTreeMap<Key, Vec<Value>>,
}

impl States {
    pub(super) fn new(data: Data, idempotence: bool) -> Self {
        Self {
            data,
            may_repeat: !idempotence,
            values: BTreeMap::new(),
        }
    }

    /// The next record of a partition's log.
    pub(super) fn take(&mut self, record: &Incoming) {
        let (Some(name), Some(value)) = (record.name, record.value) else {
            return;
        };
        let Ok(object) = Key::try_from(name) else {
            debug_assert_eq!(name, MARKER, "a record of no object");
            return;
        };
        let values = self.values.entry(object).or_default();
        match self.data {
            Data::Lists if self.may_repeat && values.contains(&value) => {}
            Data::Lists => values.push(value),
            // A repeated write cannot be told from a later one, as the first may have been compacted away.
            Data::Registers => *values = vec![value],
        }
    }

    /// What stands in an object.
    pub(super) fn of(&self, object: Key) -> &[Value] {
        self.values.get(&object).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(data: Data, idempotence: bool, records: &[(u64, Value)]) -> States {
        let mut states = States::new(data, idempotence);
        for (offset, (name, value)) in (0..).zip(records) {
            states.take(&Incoming {
                key: 0,
                offset,
                value: Some(*value),
                name: Some(*name),
                tombstone: false,
                timestamp: None,
                deliveries: None,
            });
        }
        states
    }

    const RECORDS: &[(u64, Value)] = &[(1, 10), (2, 20), (1, 11), (MARKER, 0), (1, 10)];

    #[test]
    fn lists_hold_all_values_in_their_order() {
        let lists = states(Data::Lists, true, RECORDS);
        assert_eq!(lists.of(1), [10, 11, 10], "a duplicate is to be seen");
        assert_eq!(lists.of(2), [20]);
        assert_eq!(lists.of(3), [0_u64; 0]);
        let at_least_once = states(Data::Lists, false, RECORDS);
        assert_eq!(at_least_once.of(1), [10, 11]);
    }

    #[test]
    fn registers_hold_the_last() {
        let registers = states(Data::Registers, true, RECORDS);
        assert_eq!(registers.of(1), [10]);
        assert_eq!(registers.of(2), [20]);
    }

    #[test]
    fn objects_that_were_written_are_known_once_and_values_are_new() {
        let written = Written::default();
        let values: Vec<_> = [5, 3, 5].map(|object| written.value_for(object)).to_vec();
        assert_eq!(values, [0, 1, 2]);
        assert_eq!(written.objects(), [3, 5]);
    }
}
