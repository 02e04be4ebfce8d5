//! Wall clocks that can be made wrong, and what a broker says of the time.

use std::time::Duration;

use anyhow::Result;

/// The wall clock of a machine's processes. Their monotonic clocks stay true.
pub trait WallClock: Send + Sync {
    /// Makes the clock wrong in one more way, at once; the number names it.
    fn skew(&self, skew: Skew) -> Result<u64>;
    /// Ends one way in which it is wrong.
    fn restore(&self, id: u64);
    /// By how many nanoseconds it is off at this moment, all ways together.
    fn offset(&self) -> i64;
}

/// A way in which a clock is wrong. Those that are in force together add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// It is ahead by so many nanoseconds, or behind.
    Jump {
        /// How many; negative: behind.
        nanoseconds: i64,
    },
    /// It goes too fast, or too slow.
    Drift {
        /// By so many microseconds a second; negative: too slow.
        ppm: i64,
    },
    /// It is off for a period, right for the next, and so on.
    Strobe {
        /// How long it stays at either.
        period: Duration,
        /// By how much it is off then, in nanoseconds.
        nanoseconds: i64,
    },
}

/// By how much a broker's clock is off, by its own word: a time that it wrote down between a question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// At least so many nanoseconds, …
    pub least: i64,
    /// … and at most so many.
    pub most: i64,
}
