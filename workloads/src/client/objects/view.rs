//! What one client has read: partitions from their start on, as far as it has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Key, Offset};

use super::Settings;
use super::states::States;
use crate::client::{Consumer, ConsumerSettings, Isolation, Library, Refusal, Shared, starts};

/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(50);
/// The longest wait for a record.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// How many records are taken at once at most.
const RECORDS_MAX: usize = 1_000;

pub(super) struct View {
    client: Box<dyn Consumer>,
    /// Where each partition is read next.
    positions: BTreeMap<Key, Offset>,
    states: States,
    /// When its first record was asked for.
    begun: Instant,
}

impl View {
    /// A consumer of that library that begins at the start of each of these partitions.
    pub(super) fn make(
        library: &dyn Library,
        name: &str,
        settings: &Settings,
        keys: &[Key],
    ) -> Result<Self, Refusal> {
        let mut client = library.consumer(&ConsumerSettings {
            name: name.to_owned(),
            isolation: Isolation::ReadUncommitted,
            fetch_wait: FETCH_WAIT,
            group: None,
        })?;
        // A compacted log may begin above 0.
        let positions = starts(&mut *client, keys);
        client.assign(&positions)?;
        Ok(Self {
            client,
            positions,
            states: States::new(settings.data, settings.idempotence),
            begun: Instant::now(),
        })
    }

    /// Reads until that offset of a partition is passed. The error says why it is not, and whether the view is of no further use.
    pub(super) fn read_past(&mut self, key: Key, offset: Offset, until: Instant) -> Result<(), Behind> {
        while self.position(key) <= offset {
            if Instant::now() >= until {
                return Err(Behind::Late(format!(
                    "stood at {} and not past {offset} of the partition",
                    self.position(key)
                )));
            }
            let polled = self.client.poll(RECORDS_MAX, WAIT_MAX);
            for record in &polled.records {
                self.positions.insert(record.key, record.offset + 1);
                self.states.take(record);
            }
            if let Some(reason) = polled.lost {
                return Err(Behind::Lost(reason));
            }
        }
        Ok(())
    }

    fn position(&self, key: Key) -> Offset {
        self.positions.get(&key).copied().unwrap_or_default()
    }

    /// A partition's end, as its leader says.
    pub(super) fn end(&mut self, key: Key, within: Duration) -> Result<Offset, Refusal> {
        self.client.ends(key, within).map(|(_, end)| end)
    }

    pub(super) fn states(&self) -> &States {
        &self.states
    }

    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Nobody waits for the end of its client.
    pub(super) fn discard(self) {
        self.client.discard();
    }
}

/// Why a read did not get to where it was to get.
#[derive(Debug)]
pub(super) enum Behind {
    /// It had no more time.
    Late(String),
    /// What comes next is gone.
    Lost(String),
}

/// All partitions.
pub(super) fn all_keys(shared: &Arc<Shared>) -> Vec<Key> {
    (0..shared.keys.count()).collect()
}
