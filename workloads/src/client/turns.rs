//! What happens to clients again and again, and when.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// When something happens to one client that happens again and again, such as a crash: a pure function of the seed.
#[derive(Clone, Debug)]
pub(crate) struct Crashes {
    random: ChaCha8Rng,
    every: Duration,
}

/// Streams from here on are for this: no client's writes depend on whether it crashes.
const STREAMS: u32 = 1 << 20;

impl Crashes {
    /// What happens to one client, so far apart in the mean.
    pub(crate) fn new(seed: u64, client: u32, every: Duration) -> Self {
        Self {
            random: {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(u64::from(STREAMS + client));
                random
            },
            every,
        }
    }

    /// The time until the next one, between half and one and a half of the mean.
    pub(crate) fn next(&mut self) -> Duration {
        let every = self.every.as_nanos() as u64;
        Duration::from_nanos(self.random.random_range(every / 2..=every + every / 2))
    }
}

/// The same by the clock.
pub(crate) struct Turns {
    turns: Crashes,
    at: Instant,
}

impl Turns {
    /// The first is one of `turns` away.
    pub(crate) fn new(mut turns: Crashes) -> Self {
        let at = Instant::now() + turns.next();
        Self { turns, at }
    }

    /// Those of one client, where they come at all.
    pub(crate) fn of(seed: u64, client: u32, every: Option<history::Span>) -> Option<Self> {
        every.map(|every| Self::new(Crashes::new(seed, client, every.duration())))
    }

    /// Whether the next one is due.
    pub(crate) fn are_due(&self) -> bool {
        Instant::now() >= self.at
    }

    /// Whether the next one is due: then it has been taken, and another is next.
    pub(crate) fn take(&mut self) -> bool {
        let due = self.are_due();
        if due {
            self.at = Instant::now() + self.turns.next();
        }
        due
    }
}
