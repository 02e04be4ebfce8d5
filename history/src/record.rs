//! Who writes a history: the trait, and a recorder in memory for tests.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::event::{Event, What};

/// Takes events down in the order of one monotonic clock. Clients, nemesis and observer share one.
pub trait Recorder: Send + Sync {
    /// Stamps the event with the time now, appends it, and returns that time.
    fn record(&self, what: What) -> u64;
    /// The time now, in nanoseconds since the history was opened.
    fn now(&self) -> u64;
}

/// Keeps the events in memory.
pub struct MemoryRecorder {
    opened: Instant,
    events: Mutex<Vec<Event>>,
}

impl Default for MemoryRecorder {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            events: Mutex::default(),
        }
    }
}

impl MemoryRecorder {
    /// Everything recorded so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Recorder for MemoryRecorder {
    fn record(&self, what: What) -> u64 {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let time = self.now();
        events.push(Event { time, what });
        time
    }

    fn now(&self) -> u64 {
        self.opened.elapsed().as_nanos() as u64
    }
}
