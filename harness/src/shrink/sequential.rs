//! When enough runs of one candidate have been seen.

use serde::{Deserialize, Serialize};

/// A candidate holds where `needed` of `runs` runs fail; nothing is run whose outcome could not change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// How many runs there are at most.
    pub runs: u32,
    /// How many of them have to fail.
    pub needed: u32,
}

/// What is known of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The next run may decide.
    Open,
    /// It failed often enough, whatever further runs would do.
    Holds,
    /// It can no longer fail often enough.
    FallsShort,
}

impl Rule {
    /// The rule for a rate: as many of so many runs as are that rate or more.
    pub fn of_rate(runs: u32, rate: f64) -> Self {
        // A hair less: 0.7 of 10 is 7, also where the product is a hair more.
        let needed = (f64::from(runs) * rate - 1e-9).ceil() as u32;
        Self {
            runs,
            needed: needed.clamp(1, runs),
        }
    }

    /// What follows from so many runs that failed and so many that did not.
    pub fn decide(self, failed: u32, passed: u32) -> Decision {
        if failed >= self.needed {
            Decision::Holds
        } else if passed > self.runs - self.needed {
            Decision::FallsShort
        } else {
            Decision::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Rule};
    use proptest::prelude::*;

    #[test]
    fn a_rate_is_rounded_up() {
        for (runs, rate, needed) in [
            (10, 0.8, 8),
            (5, 0.8, 4),
            (3, 0.8, 3),
            (10, 0.7, 7),
            (5, 0.01, 1),
            (1, 1.0, 1),
        ] {
            assert_eq!(Rule::of_rate(runs, rate).needed, needed, "{rate} of {runs}");
        }
    }

    proptest! {
        /// It says what all runs together would have said, and says it as soon as that is certain.
        #[test]
        fn stopping_early_changes_nothing(outcomes in prop::collection::vec(any::<bool>(), 1..20), rate in 0.01..=1.0) {
            let rule = Rule::of_rate(outcomes.len() as u32, rate);
            let all = outcomes.iter().filter(|failed| **failed).count() as u32;
            let (mut failed, mut passed) = (0, 0);
            for outcome in outcomes {
                if rule.decide(failed, passed) != Decision::Open {
                    break;
                }
                if outcome { failed += 1 } else { passed += 1 }
            }
            let expected = if all >= rule.needed { Decision::Holds } else { Decision::FallsShort };
            prop_assert_eq!(rule.decide(failed, passed), expected);
        }
    }
}
