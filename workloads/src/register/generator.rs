//! What a client does next, and when: a pure function of the seed and of the client's number.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::RegisterConfig;
use crate::client::objects::{Choices, Next};

/// One client's choices.
pub(super) struct Generator {
    random: ChaCha8Rng,
    registers: u32,
    reads: u32,
    gap_mean: Duration,
}

impl Generator {
    pub(super) fn new(seed: u64, client: u32, config: &RegisterConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(client));
        Self {
            random,
            registers: config.registers.max(1),
            reads: config.reads,
            gap_mean: Duration::from_secs(1) * config.clients / config.rate.max(1),
        }
    }
}

impl Choices for Generator {
    /// Every register is as likely; gaps lie between half and one and a half of their mean.
    fn next(&mut self) -> Next {
        let object = self.random.random_range(0..self.registers);
        let reads = self.random.random_range(0..100) < self.reads;
        let mean = self.gap_mean.as_nanos() as u64;
        let gap = Duration::from_nanos(self.random.random_range(mean / 2..=mean + mean / 2));
        Next { object, reads, gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(seed: u64, client: u32, config: &RegisterConfig) -> Vec<Next> {
        let mut generator = Generator::new(seed, client, config);
        (0..2_000).map(|_| generator.next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn one_seed_and_client_do_the_same_and_others_do_not(seed in 0..u64::MAX, client in 0_u32..64) {
            let config = RegisterConfig::default();
            let first = take(seed, client, &config);
            prop_assert_eq!(&first, &take(seed, client, &config));
            prop_assert_ne!(&first, &take(seed + 1, client, &config));
            prop_assert_ne!(&first, &take(seed, client + 1, &config));
        }

        #[test]
        fn every_register_is_set_and_read(seed: u64) {
            let config = RegisterConfig { registers: 10, ..RegisterConfig::default() };
            let all = take(seed, 0, &config);
            let reads = all.iter().filter(|next| next.reads).count();
            prop_assert!((650..950).contains(&reads), "{reads} of 2000");
            for register in 0..10 {
                for reads in [false, true] {
                    prop_assert!(all.iter().any(|next| next.object == register && next.reads == reads));
                }
            }
            prop_assert!(all.iter().all(|next| next.object < 10));
        }
    }
}
