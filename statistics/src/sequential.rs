//! When enough runs were made to decide.

use serde::{Deserialize, Serialize};

/// What a logarithm may be off by.
const HAIR: f64 = 1e-9;

/// What rate passes, what rate is to fail, and how often either may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// A rate up to this is to pass. 0: one is too many.
    pub tolerated: f64,
    /// A rate from this on is to fail.
    pub refused: f64,
    /// How often a rate up to [`Self::tolerated`] fails, at most.
    pub false_fail: f64,
    /// How often a rate from [`Self::refused`] on passes, at most.
    pub false_pass: f64,
}

/// What is wrong with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongRule {
    /// The tolerated rate is none, or not below the refused one.
    Tolerated,
    /// The refused rate is none.
    Refused,
    /// An error's rate is not between 0 and a half.
    FalseFail,
    /// See [`Self::FalseFail`].
    FalsePass,
}

/// What some runs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The rate is not the refused one.
    Passes,
    /// More runs may decide.
    Open,
    /// The rate is not the tolerated one.
    Fails,
}

impl Rule {
    /// Whether it makes sense.
    pub fn check(&self) -> Result<(), WrongRule> {
        let is_error = |rate: f64| rate > 0.0 && rate < 0.5;
        if !(self.refused > 0.0 && self.refused <= 1.0) {
            Err(WrongRule::Refused)
        } else if !(self.tolerated >= 0.0 && self.tolerated < self.refused) {
            Err(WrongRule::Tolerated)
        } else if !is_error(self.false_fail) {
            Err(WrongRule::FalseFail)
        } else if is_error(self.false_pass) {
            Ok(())
        } else {
            Err(WrongRule::FalsePass)
        }
    }

    /// The same rule for one of so many that are judged at one time: any of them fails wrongly as seldom as one alone would. One that passes
    /// wrongly is no more likely to because there are others.
    ///
    /// Bonferroni's inequality.
    #[must_use]
    pub fn shared(self, count: usize) -> Self {
        Self {
            false_fail: self.false_fail / count.max(1) as f64,
            ..self
        }
    }

    /// How many runs in a row that find nothing pass: fewer never do.
    pub fn clean_runs(&self) -> u32 {
        let (step, needed) = (self.step(false), self.false_pass.ln());
        // All at once where nothing but certainty is refused.
        (((needed / step) - HAIR).ceil().max(1.0)) as u32
    }

    /// By how much a run speaks for the refused rate, against the tolerated one: a logarithm.
    fn step(&self, found: bool) -> f64 {
        if found {
            (self.refused / self.tolerated).ln()
        } else {
            ((1.0 - self.refused) / (1.0 - self.tolerated)).ln()
        }
    }
}

/// Runs in their order, as far as they are needed.
///
/// Wald's sequential probability ratio test ("Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16 (1945)): it goes by how
/// many times likelier the runs so far are at the refused rate than at the tolerated one. Its bounds are 1/α and β, not Wald's (1-β)/α and β/(1-α),
/// which hold the stated errors only nearly: that ratio is a non-negative martingale under the tolerated rate and a supermartingale below it, so it ever
/// reaches 1/α with a chance of at most α (Ville's inequality), and likewise the other way round. So the errors hold whenever one stops.
/// Where no rate is tolerated, the first that is found decides, and no chance is in it.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    rule: Rule,
    weight: f64,
    /// How many runs were counted, …
    pub runs: u32,
    /// … and how many of them found something.
    pub found: u32,
    /// What they say. Once it is said, no further run changes it.
    pub decision: Decision,
}

impl Sequence {
    /// No run yet.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            weight: 0.0,
            runs: 0,
            found: 0,
            decision: Decision::Open,
        }
    }

    /// The next run, in an order that does not hang on what the runs come to.
    pub fn add(&mut self, found: bool) -> Decision {
        if self.decision != Decision::Open {
            return self.decision;
        }
        self.runs += 1;
        self.found += u32::from(found);
        self.weight += self.rule.step(found);
        if self.weight >= -self.rule.false_fail.ln() - HAIR {
            self.decision = Decision::Fails;
        } else if self.weight <= self.rule.false_pass.ln() + HAIR {
            self.decision = Decision::Passes;
        }
        self.decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(tolerated: f64, refused: f64) -> Rule {
        Rule {
            tolerated,
            refused,
            false_fail: 0.05,
            false_pass: 0.05,
        }
    }

    fn after(rule: Rule, runs: &[bool]) -> (Decision, u32) {
        let mut sequence = Sequence::new(rule);
        for found in runs {
            sequence.add(*found);
        }
        (sequence.decision, sequence.runs)
    }

    #[test]
    fn where_nothing_is_tolerated_one_is_too_many() {
        let strict = rule(0.0, 0.5);
        assert_eq!(after(strict, &[true]), (Decision::Fails, 1));
        assert_eq!(after(strict, &[false, false, true, false]), (Decision::Fails, 3));
        // A rate of one half passes four in a row once in sixteen, five once in 32.
        assert_eq!(after(strict, &[false; 4]), (Decision::Open, 4));
        assert_eq!(after(strict, &[false; 9]), (Decision::Passes, 5));
        assert_eq!(strict.clean_runs(), 5);
        assert_eq!(rule(0.0, 1.0).clean_runs(), 1);
        assert_eq!(after(rule(0.0, 1.0), &[false]), (Decision::Passes, 1));
    }

    #[test]
    fn a_tolerated_rate_takes_more_than_one() {
        let lenient = rule(0.05, 0.3);
        assert_eq!(after(lenient, &[true]), (Decision::Open, 1));
        // Six times likelier each: twice is 36, and 20 are enough.
        assert_eq!(after(lenient, &[true, true]), (Decision::Fails, 2));
        let clean = lenient.clean_runs();
        assert_eq!(clean, 10);
        assert_eq!(after(lenient, &[false; 12]), (Decision::Passes, 10));
    }

    #[test]
    fn of_many_that_are_judged_each_has_its_share() {
        let one = rule(0.05, 0.3).shared(10);
        assert!((one.false_fail - 0.005).abs() < 1e-12);
        assert_eq!(after(one, &[true, true]), (Decision::Open, 2));
        assert_eq!(after(one, &[true, true, true]), (Decision::Fails, 3));
        assert_eq!(one.clean_runs(), 10);
    }

    #[test]
    fn what_makes_no_sense_is_told_by_what_is_wrong() {
        assert_eq!(rule(0.0, 0.5).check(), Ok(()));
        assert_eq!(rule(0.5, 0.5).check(), Err(WrongRule::Tolerated));
        assert_eq!(rule(f64::NAN, 0.5).check(), Err(WrongRule::Tolerated));
        assert_eq!(rule(0.0, 1.5).check(), Err(WrongRule::Refused));
        let wrong = Rule {
            false_fail: 0.0,
            ..rule(0.0, 0.5)
        };
        assert_eq!(wrong.check(), Err(WrongRule::FalseFail));
        let wrong = Rule {
            false_pass: 0.5,
            ..rule(0.0, 0.5)
        };
        assert_eq!(wrong.check(), Err(WrongRule::FalsePass));
    }
}
