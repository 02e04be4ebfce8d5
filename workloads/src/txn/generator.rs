//! What a client does in its next transaction, and when: a pure function of the seed and of the client's number.

use std::time::Duration;

use history::Key;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::TxnConfig;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write a record to that partition.
    Send(Key),
    /// Read some records.
    Poll,
}

/// What happens to a transaction in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    /// Nothing.
    None,
    /// Another producer begins with its transactional id.
    Fenced,
    /// Its client sleeps until the broker has aborted it.
    Asleep,
    /// Its client crashes.
    Crashed,
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// Its steps, in order.
    pub(super) steps: Vec<Step>,
    /// Whether it is aborted on purpose.
    pub(super) aborts: bool,
    /// What happens in its middle.
    pub(super) twist: Twist,
    /// The time until the transaction after it.
    pub(super) gap: Duration,
}

/// One client's choices. The values themselves come from a counter that all clients share.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    random: ChaCha8Rng,
    keys: u32,
    steps: u32,
    aborts: u32,
    gap_mean: Duration,
    /// Of a million transactions so many are twisted in each way.
    twists: [(Twist, u32); 3],
}

impl Generator {
    pub(super) fn new(seed: u64, client: u32, keys: u32, config: &TxnConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(client));
        let gap_mean = Duration::from_secs(1) * config.clients / config.rate.max(1);
        let share = |every: Option<history::Span>| {
            let every = every.map(|every| every.duration().as_secs_f64());
            every.map_or(0, |every| {
                (gap_mean.as_secs_f64() / every * 1e6).clamp(0.0, 3e5) as u32
            })
        };
        Self {
            random,
            keys,
            steps: config.steps,
            aborts: config.aborts,
            gap_mean,
            twists: [
                (Twist::Fenced, share(config.fence_every)),
                (Twist::Asleep, share(config.stall_every)),
                (Twist::Crashed, share(config.crash_every)),
            ],
        }
    }

    /// The next transaction: as many steps up to the most are as likely, sends twice as likely as polls, every partition as likely;
    /// gaps lie between half and one and a half of their mean.
    pub(super) fn next(&mut self) -> Next {
        let count = self.random.random_range(1..=self.steps.max(1));
        let steps = (0..count).map(|_| self.step()).collect();
        let aborts = self.random.random_range(0..100) < self.aborts;
        let twist = self.twist();
        let mean = self.gap_mean.as_nanos() as u64;
        let gap = Duration::from_nanos(self.random.random_range(mean / 2..=mean + mean / 2));
        Next {
            steps,
            aborts,
            twist,
            gap,
        }
    }

    fn step(&mut self) -> Step {
        if self.random.random_range(0..3) < 2 {
            Step::Send(self.random.random_range(0..self.keys.max(1)))
        } else {
            Step::Poll
        }
    }

    fn twist(&mut self) -> Twist {
        let mut drawn = self.random.random_range(0..1_000_000_u32);
        for (twist, share) in self.twists {
            if drawn < share {
                return twist;
            }
            drawn -= share;
        }
        Twist::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::Span;
    use proptest::prelude::*;

    fn take(seed: u64, client: u32, config: &TxnConfig) -> Vec<Next> {
        let mut generator = Generator::new(seed, client, 6, config);
        (0..2_000).map(|_| generator.next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn one_seed_and_client_do_the_same_and_others_do_not(seed in 0..u64::MAX, client in 0_u32..64) {
            let config = TxnConfig::default();
            let first = take(seed, client, &config);
            prop_assert_eq!(&first, &take(seed, client, &config));
            prop_assert_ne!(&first, &take(seed + 1, client, &config));
            prop_assert_ne!(&first, &take(seed, client + 1, &config));
        }

        #[test]
        fn transactions_are_as_the_plan_says(seed: u64) {
            let config = TxnConfig { fence_every: Some(Span::from_secs(1)), ..TxnConfig::default() };
            let all = take(seed, 0, &config);
            prop_assert!(all.iter().all(|next| (1..=4).contains(&next.steps.len())));
            let aborted = all.iter().filter(|next| next.aborts).count();
            prop_assert!((120..290).contains(&aborted), "{aborted} of 2000");
            // Ten transactions a second and client.
            let fenced = all.iter().filter(|next| next.twist == Twist::Fenced).count();
            prop_assert!((120..290).contains(&fenced), "{fenced} of 2000");
            prop_assert!(all.iter().all(|next| matches!(next.twist, Twist::None | Twist::Fenced)));
        }
    }
}
