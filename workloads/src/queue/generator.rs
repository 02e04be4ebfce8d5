//! What a member does with what it acquired: a pure function of the seed and of the member's number.

use std::time::Duration;

use history::{Fate, Span};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::QueueConfig;

/// Streams from here on are for members: those below are the producers'.
const STREAMS: u64 = 1 << 24;

/// What happens to a member that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    /// It says what is to become of them.
    None,
    /// It sits on them until their locks have run out, and says so then.
    Stalled,
    /// It crashes.
    Crashed,
}

/// One member's choices.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    random: ChaCha8Rng,
    releases: u32,
    rejects: u32,
    hold: Duration,
    /// When it stalls and crashes next, by the time that it has been at work.
    stall: Option<(Span, Duration)>,
    crash: Option<(Span, Duration)>,
}

impl Generator {
    pub(super) fn new(seed: u64, member: u32, config: &QueueConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(STREAMS + u64::from(member));
        let mut first =
            |every: Option<Span>| every.map(|every| (every, around(&mut random, every.duration())));
        let (stall, crash) = (first(config.stall_every), first(config.crash_every));
        Self {
            random,
            releases: config.releases,
            rejects: config.rejects,
            hold: config.hold.duration(),
            stall,
            crash,
        }
    }

    /// What happens to it now that it has been at work for so long.
    pub(super) fn twist(&mut self, worked: Duration) -> Twist {
        for (twist, next) in [
            (Twist::Stalled, &mut self.stall),
            (Twist::Crashed, &mut self.crash),
        ] {
            if let Some((every, at)) = next
                && *at <= worked
            {
                *at = worked + around(&mut self.random, every.duration());
                return twist;
            }
        }
        Twist::None
    }

    /// How long it holds what it acquired.
    pub(super) fn hold(&mut self) -> Duration {
        around(&mut self.random, self.hold)
    }

    /// What is to become of a record.
    pub(super) fn fate(&mut self) -> Fate {
        let drawn = self.random.random_range(0..100);
        if drawn < self.releases {
            Fate::Release
        } else if drawn < self.releases + self.rejects {
            Fate::Reject
        } else {
            Fate::Accept
        }
    }
}

/// A time between half and one and a half of that one.
fn around(random: &mut ChaCha8Rng, mean: Duration) -> Duration {
    let mean = mean.as_nanos() as u64;
    Duration::from_nanos(random.random_range(mean / 2..=mean + mean / 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(seed: u64, member: u32) -> (Vec<Fate>, Vec<Twist>) {
        let config = QueueConfig {
            stall_every: Some(Span::from_secs(20)),
            crash_every: Some(Span::from_secs(10)),
            ..QueueConfig::default()
        };
        let mut generator = Generator::new(seed, member, &config);
        let twists = (0..1_000).map(|second| generator.twist(Duration::from_secs(second)));
        let twists = twists.collect();
        ((0..2_000).map(|_| generator.fate()).collect(), twists)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn one_seed_and_member_do_the_same_and_others_do_not(seed in 0..u64::MAX, member in 0_u32..64) {
            prop_assert_eq!(take(seed, member), take(seed, member));
            prop_assert_ne!(take(seed, member), take(seed + 1, member));
            prop_assert_ne!(take(seed, member), take(seed, member + 1));
        }

        #[test]
        fn members_do_as_the_plan_says(seed: u64) {
            let (fates, twists) = take(seed, 0);
            let count = |fate| fates.iter().filter(|other| **other == fate).count();
            prop_assert!((130..280).contains(&count(Fate::Release)));
            prop_assert!((50..160).contains(&count(Fate::Reject)));
            let crashes = twists.iter().filter(|twist| **twist == Twist::Crashed).count();
            prop_assert!((65..=140).contains(&crashes), "{crashes} crashes in 1,000 s");
        }
    }
}
