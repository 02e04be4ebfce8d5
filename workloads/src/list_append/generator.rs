//! What a client does next, and when: a function of the seed, of the client's number and of how far the lists have come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use history::Key;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::ListAppendConfig;
use crate::client::objects::{Choices, Next};

/// Of so many reads one is of the list before.
const LOOK_BACK: u32 = 8;

/// How far the lists of each partition have come, for all clients.
#[derive(Debug)]
pub(super) struct Lists {
    /// Appends that were begun in each partition.
    begun: Vec<AtomicU32>,
    /// Appends that a list gets.
    each: u32,
}

impl Lists {
    pub(super) fn new(partitions: u32, each: u32) -> Self {
        Self {
            begun: (0..partitions.max(1)).map(|_| AtomicU32::new(0)).collect(),
            each: each.max(1),
        }
    }

    fn partitions(&self) -> u32 {
        self.begun.len() as u32
    }

    /// The list that the next append in a partition goes to. Each append counts for its partition.
    fn to_append(&self, partition: u32) -> Key {
        let before = self.begun[partition as usize].fetch_add(1, Relaxed);
        self.list(partition, before / self.each)
    }

    /// The list that is being appended to in a partition, or so many before it.
    fn to_read(&self, partition: u32, back: u32) -> Key {
        let begun = self.begun[partition as usize].load(Relaxed);
        self.list(partition, (begun / self.each).saturating_sub(back))
    }

    fn list(&self, partition: u32, turn: u32) -> Key {
        partition + self.partitions() * turn
    }
}

/// One client's choices.
pub(super) struct Generator {
    random: ChaCha8Rng,
    lists: Arc<Lists>,
    reads: u32,
    gap_mean: Duration,
}

impl Generator {
    pub(super) fn new(seed: u64, client: u32, lists: Arc<Lists>, config: &ListAppendConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(client));
        Self {
            random,
            lists,
            reads: config.reads,
            gap_mean: Duration::from_secs(1) * config.clients / config.rate.max(1),
        }
    }
}

impl Choices for Generator {
    /// Every partition is as likely; gaps lie between half and one and a half of their mean.
    fn next(&mut self) -> Next {
        let partition = self.random.random_range(0..self.lists.partitions());
        let reads = self.random.random_range(0..100) < self.reads;
        let back = u32::from(self.random.random_range(0..LOOK_BACK) == 0);
        let mean = self.gap_mean.as_nanos() as u64;
        let gap = Duration::from_nanos(self.random.random_range(mean / 2..=mean + mean / 2));
        let object = if reads {
            self.lists.to_read(partition, back)
        } else {
            self.lists.to_append(partition)
        };
        Next { object, reads, gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn take(seed: u64, client: u32, config: &ListAppendConfig) -> Vec<Next> {
        let lists = Arc::new(Lists::new(3, config.appends));
        let mut generator = Generator::new(seed, client, lists, config);
        (0..2_000).map(|_| generator.next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn one_seed_and_client_do_the_same_and_others_do_not(seed in 0..u64::MAX, client in 0_u32..64) {
            let config = ListAppendConfig::default();
            let first = take(seed, client, &config);
            prop_assert_eq!(&first, &take(seed, client, &config));
            prop_assert_ne!(&first, &take(seed + 1, client, &config));
            prop_assert_ne!(&first, &take(seed, client + 1, &config));
        }

        #[test]
        fn lists_are_as_long_as_the_plan_says_and_are_read(seed: u64) {
            let config = ListAppendConfig { appends: 25, ..ListAppendConfig::default() };
            let all = take(seed, 0, &config);
            let reads = all.iter().filter(|next| next.reads).count();
            prop_assert!((650..950).contains(&reads), "{reads} of 2000");
            let mut lengths: BTreeMap<Key, u32> = BTreeMap::new();
            for next in all.iter().filter(|next| !next.reads) {
                *lengths.entry(next.object).or_default() += 1;
            }
            prop_assert!(lengths.values().all(|length| *length <= 25));
            let full = lengths.values().filter(|length| **length == 25).count();
            prop_assert!(full + 3 >= lengths.len(), "only the last of each partition is not full");
            let read = all.iter().filter(|next| next.reads && lengths.contains_key(&next.object)).count();
            prop_assert!(read * 10 > reads * 9, "{read} of {reads} are of lists that are appended to");
        }
    }
}
