//! What a producer writes next, and when: a pure function of the seed and of the client's number.

use std::ops::Range;
use std::time::Duration;

use history::Key;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One client's choices. The values themselves come from a counter that all clients share.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    random: ChaCha8Rng,
    keys: Range<Key>,
    gap_mean: Duration,
}

/// One write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// The partition.
    pub(crate) key: Key,
    /// The time until the write after it.
    pub(crate) gap: Duration,
}

impl Generator {
    /// The choices of one of `clients` that together begin `rate` writes a second on the partitions `keys`, at least one.
    pub(crate) fn new(seed: u64, client: u32, clients: u32, keys: Range<Key>, rate: u32) -> Self {
        Self {
            random: stream(seed, client),
            keys,
            gap_mean: Duration::from_secs(1) * clients / rate.max(1),
        }
    }

    /// The next write: every partition is as likely, and gaps lie between half and one and a half of their mean,
    /// so that clients do not march in step.
    pub(crate) fn next(&mut self) -> Next {
        let mean = self.gap_mean.as_nanos() as u64;
        Next {
            key: self.random.random_range(self.keys.clone()),
            gap: Duration::from_nanos(self.random.random_range(mean / 2..=mean + mean / 2)),
        }
    }
}

fn stream(seed: u64, number: u32) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(u64::from(number));
    random
}

#[cfg(test)]
mod tests {
    use super::Generator;
    use crate::client::Crashes;
    use proptest::prelude::*;
    use std::time::Duration;

    fn take(seed: u64, client: u32, count: usize) -> Vec<super::Next> {
        let mut generator = Generator::new(seed, client, 4, 0..6, 400);
        (0..count).map(|_| generator.next()).collect()
    }

    proptest! {
        #[test]
        fn one_seed_and_client_write_the_same(seed: u64, client in 0_u32..64) {
            prop_assert_eq!(take(seed, client, 50), take(seed, client, 50));
        }

        #[test]
        fn clients_differ_and_so_do_seeds(seed in 0..u64::MAX, client in 0_u32..64) {
            prop_assert_ne!(take(seed, client, 50), take(seed, client + 1, 50));
            prop_assert_ne!(take(seed, client, 50), take(seed + 1, client, 50));
        }

        #[test]
        fn keys_are_of_the_run_and_gaps_near_their_mean(seed: u64) {
            for next in take(seed, 0, 500) {
                prop_assert!(next.key < 6);
                prop_assert!(next.gap >= Duration::from_millis(5) && next.gap <= Duration::from_millis(15));
            }
        }

        #[test]
        fn every_key_is_written_and_the_rate_is_kept(seed: u64) {
            let all = take(seed, 3, 2_000);
            for key in 0..6 {
                let share = all.iter().filter(|next| next.key == key).count();
                prop_assert!((200..470).contains(&share), "key {} has {} of 2000", key, share);
            }
            let time: Duration = all.iter().map(|next| next.gap).sum();
            prop_assert!((time.as_secs_f64() - 20.0).abs() < 1.0, "{:?}", time);
        }

        #[test]
        fn crashes_come_near_their_mean(seed: u64, client in 0_u32..64) {
            let mut crashes = Crashes::new(seed, client, Duration::from_secs(10));
            for _ in 0..20 {
                let next = crashes.next();
                prop_assert!(next >= Duration::from_secs(5) && next <= Duration::from_secs(15));
            }
        }
    }
}
