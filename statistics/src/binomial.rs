//! How well k of n is known, and whether it is more than another k of n.

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

/// How likely k or more of n are. In logarithms: of thousands of runs the number of ways is beyond a double.
fn at_least(k: u32, n: u32, rate: f64) -> f64 {
    // Nothing to the power of nothing is one.
    let power = |base: f64, count: u32| {
        if count == 0 {
            0.0
        } else {
            f64::from(count) * base.ln()
        }
    };
    let mut ways = ways(k, n);
    let mut sum = 0.0;
    for hits in k..=n {
        sum += (ways + power(rate, hits) + power(1.0 - rate, n - hits)).exp();
        ways += (f64::from(n - hits) / f64::from(hits + 1)).ln();
    }
    sum
}

/// In how many ways k of n can be chosen: the logarithm.
fn ways(k: u32, n: u32) -> f64 {
    let k = k.min(n - k);
    (0..k)
        .map(|step| (f64::from(n - step) / f64::from(k - step)).ln())
        .sum()
}

/// How likely so many of these runs or more are, where both these and the others come from one rate: of all ways to deal out what both
/// found, the share in which these get so much.
///
/// Fisher's exact test, one-sided ("Statistical Methods for Research Workers", 5th ed. 1934, §21.02). A test at 5 % is wrong in at most 5 of 100
/// whatever the rate is, as it takes what both found together as given.
pub fn chance_of_more(these: (u32, u32), others: (u32, u32)) -> f64 {
    let (found, runs) = these;
    let all = found + others.0;
    let total = ways(all, runs + others.1);
    let share = |taken: u32| (ways(taken, runs) + ways(all - taken, others.1) - total).exp();
    let most = all.min(runs);
    let least = all.saturating_sub(others.1).max(found);
    (least..=most).map(share).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{Interval, chance_of_more};

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

    #[test]
    fn thousands_of_runs_are_no_trouble() {
        let Interval { low, high } = Interval::of(2_500, 5_000);
        assert!(
            (low - 0.4860).abs() < 1e-3 && (high - 0.5140).abs() < 1e-3,
            "{low} {high}"
        );
    }

    /// As R's `fisher.test(…, alternative = "greater")` has them.
    #[test]
    fn the_known_chances() {
        for (these, others, chance) in [
            ((3, 4), (1, 4), 0.242_857),
            ((3, 3), (0, 3), 0.05),
            ((0, 5), (1, 2), 1.0),
            ((10, 20), (2, 20), 0.006_907),
            ((0, 0), (1, 2), 1.0),
        ] {
            let found = chance_of_more(these, others);
            assert!((found - chance).abs() < 1e-5, "{these:?} {others:?}: {found}");
        }
    }
}
