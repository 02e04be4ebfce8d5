//! The partitions' logs.

use std::collections::VecDeque;

use history::{Key, Offset, Value};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One in so many steps lets a write arrive that its client has given up.
const ARRIVALS: u32 = 50;

/// Holds every record for good.
pub(super) struct Broker {
    logs: Vec<Vec<Value>>,
    late: VecDeque<(Key, Value)>,
    values: Value,
}

impl Broker {
    pub(super) fn new(keys: u32) -> Self {
        Self {
            logs: vec![Vec::new(); keys as usize],
            late: VecDeque::new(),
            values: 0,
        }
    }

    pub(super) fn keys(&self) -> u32 {
        self.logs.len() as u32
    }

    /// A value that nobody has sent.
    pub(super) fn fresh_value(&mut self) -> Value {
        self.values += 1;
        self.values - 1
    }

    pub(super) fn log(&self, key: Key) -> &[Value] {
        &self.logs[key as usize]
    }

    /// Writes a record, and says where.
    pub(super) fn append(&mut self, key: Key, value: Value) -> Offset {
        let log = &mut self.logs[key as usize];
        log.push(value);
        log.len() as Offset - 1
    }

    /// A write that is still on its way when its client no longer waits for it.
    pub(super) fn delay(&mut self, key: Key, value: Value) {
        self.late.push_back((key, value));
    }

    pub(super) fn arrive_late(&mut self, random: &mut ChaCha8Rng) {
        if self.late.is_empty() || !random.random_ratio(1, ARRIVALS) {
            return;
        }
        if let Some((key, value)) = self.late.pop_front() {
            self.append(key, value);
        }
    }
}
