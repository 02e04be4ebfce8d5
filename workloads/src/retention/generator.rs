//! What a client waits between two writes: a pure function of the seed and of its number. What it writes follows from a counter that all
//! share.

use std::time::Duration;

use history::{Key, Retention, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::RetentionConfig;
use crate::client::Outgoing;

/// The times between one client's writes.
pub(super) struct Generator {
    random: ChaCha8Rng,
    gap_mean: Duration,
}

impl Generator {
    pub(super) fn new(seed: u64, client: u32, config: &RetentionConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(client));
        Self {
            random,
            gap_mean: Duration::from_secs(1) * config.writers / config.rate.max(1),
        }
    }

    /// The next gap lies between half and one and a half of their mean.
    pub(super) fn gap(&mut self) -> Duration {
        let mean = self.gap_mean.as_nanos() as u64;
        Duration::from_nanos(self.random.random_range(mean / 2..=mean + mean / 2))
    }
}

/// The record of a value: its key, whether it is a tombstone and its partition follow from that.
pub(super) fn record(value: Value, retention: &Retention, partitions: u32, bytes: u32) -> Outgoing {
    let name = retention.name(value);
    Outgoing {
        key: (name % u64::from(partitions.max(1))) as Key,
        value,
        bytes,
        name: Some(name),
        tombstone: retention.is_tombstone(value),
        timestamp: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_records_of_a_key_go_to_one_partition(value in 0..1_000_000_u64, names in 1..100_u32, partitions in 1..9_u32) {
            let config = RetentionConfig { names, tombstone_every: 3, compacted: true, ..RetentionConfig::default() };
            let retention = config.retention();
            let one = record(value, &retention, partitions, 8);
            let other = record(value + u64::from(names), &retention, partitions, 8);
            prop_assert_eq!((one.key, one.name), (other.key, other.name));
            prop_assert!(one.key < partitions);
        }

        #[test]
        fn one_seed_and_client_wait_the_same_and_others_do_not(seed in 0..u64::MAX, client in 0_u32..64) {
            let config = RetentionConfig::default();
            let take = |seed, client| {
                let mut generator = Generator::new(seed, client, &config);
                (0..50).map(|_| generator.gap()).collect::<Vec<_>>()
            };
            prop_assert_eq!(take(seed, client), take(seed, client));
            prop_assert_ne!(take(seed, client), take(seed + 1, client));
            prop_assert_ne!(take(seed, client), take(seed, client + 1));
        }
    }
}
