//! How well k of n is known.

use serde::{Deserialize, Serialize};

/// What the interval is called.
pub const METHOD: &str = "Clopper-Pearson";
/// How often an interval of its kind holds the true rate, at least.
pub const CONFIDENCE: f64 = 0.95;

/// Halvings of the interval from 0 to 1: beyond what a double can tell apart.
const HALVINGS: u32 = 60;

/// The rates that k of n does not contradict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lowest of them.
    pub low: f64,
    /// The highest of them.
    pub high: f64,
}

impl Interval {
    /// The exact interval of a binomial proportion: the rates under which neither so many nor so few is rarer than
    /// one in forty.
    ///
    /// Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    /// Biometrika 26 (1934), 404–413. It never claims more than it holds, which with ten runs matters more than that
    /// it is wide.
    pub fn of(k: u32, n: u32) -> Self {
        let tail = (1.0 - CONFIDENCE) / 2.0;
        Self {
            low: if k == 0 {
                0.0
            } else {
                solve(|rate| at_least(k, n, rate) < tail)
            },
            high: if k >= n {
                1.0
            } else {
                solve(|rate| 1.0 - at_least(k + 1, n, rate) > tail)
            },
        }
    }
}

/// The rate up to which this holds, where it holds for the low ones alone.
fn solve(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// How likely k or more of n are.
fn at_least(k: u32, n: u32, rate: f64) -> f64 {
    (k..=n).map(|hits| exactly(hits, n, rate)).sum()
}

/// How likely k of n are.
fn exactly(k: u32, n: u32, rate: f64) -> f64 {
    let ways: f64 = (0..k)
        .map(|step| f64::from(n - step) / f64::from(k - step))
        .product();
    ways * rate.powi(k.cast_signed()) * (1.0 - rate).powi((n - k).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::Interval;

    /// As the published tables and R's `binom.test` have them.
    #[test]
    fn the_known_intervals() {
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.3085),
            (8, 10, 0.4439, 0.9748),
            (9, 10, 0.5550, 0.9975),
            (10, 10, 0.6915, 1.0),
            (1, 1, 0.025, 1.0),
            (50, 100, 0.3983, 0.6017),
        ] {
            let found = Interval::of(k, n);
            assert!((found.low - low).abs() < 1e-4, "{k} of {n}: {found:?}");
            assert!((found.high - high).abs() < 1e-4, "{k} of {n}: {found:?}");
        }
    }

    #[test]
    fn no_run_says_nothing() {
        assert_eq!(Interval::of(0, 0), Interval { low: 0.0, high: 1.0 });
    }
}
