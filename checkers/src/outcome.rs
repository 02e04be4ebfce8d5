//! What one check found, while it is still finding.

use std::collections::BTreeMap;

use crate::anomaly::Anomaly;
use crate::availability::Availability;
use crate::checks::leadership::Depositions;
use crate::verdict::{CASES_MAX, Case, Findings, Validity};

/// Reasons of one check that are kept in full: a hostile history has as many flaws as it has lines.
const REASONS_MAX: usize = 100;

/// Things of one kind, of which only the first are kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept<T> {
    /// The first of them, at most [`CASES_MAX`].
    pub(crate) first: Vec<T>,
    /// How many there are.
    pub(crate) count: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            count: 0,
        }
    }
}

impl<T> Kept<T> {
    /// One more.
    pub(crate) fn push(&mut self, make: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < CASES_MAX {
            self.first.push(make());
        }
    }
}

/// The findings of a check; valid as long as nothing else is said.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// There was nothing to judge.
    unasked: bool,
    unknown: bool,
    /// Why it is unknown, then what is worth saying beside that.
    reasons: Vec<String>,
    /// How many of them are of the first kind.
    causes: usize,
    reasons_left_out: u64,
    /// Acknowledged writes that no client read and that are not proven lost.
    pub(crate) unseen: u64,
    pub(crate) anomalies: BTreeMap<&'static str, Findings>,
    pub(crate) allowed: BTreeMap<&'static str, Findings>,
    /// Figures for the verdict, of the check that knows them.
    pub(crate) depositions: Depositions,
    pub(crate) availability: Option<Availability>,
}

impl Outcome {
    /// The run promised nothing of the kind, or did nothing to which the promise applies.
    pub(crate) fn not_asked() -> Self {
        Self {
            unasked: true,
            ..Self::default()
        }
    }

    /// Whether there was anything to judge.
    pub(crate) fn is_asked(&self) -> bool {
        !self.unasked
    }

    /// Something that the judgement needs is missing.
    pub(crate) fn unknown(&mut self, reason: String) {
        self.unknown_because(|| reason);
    }

    /// The same, where the reason takes time to say: it is only made while there is room for it.
    pub(crate) fn unknown_because(&mut self, reason: impl FnOnce() -> String) {
        self.unknown = true;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.insert(self.causes, reason());
            self.causes += 1;
        } else {
            self.reasons_left_out += 1;
        }
    }

    /// Something worth saying that changes no judgement.
    pub(crate) fn note(&mut self, reason: String) {
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        } else {
            self.reasons_left_out += 1;
        }
    }

    /// A broken promise. The case is only made while there is room for it.
    pub(crate) fn violation(&mut self, name: &'static str, case: impl FnOnce() -> Case) {
        add(&mut self.anomalies, name, case);
    }

    /// Something that breaks no promise of this run. The case is only made while there is room for it.
    pub(crate) fn allowance(&mut self, name: &'static str, case: impl FnOnce() -> Case) {
        add(&mut self.allowed, name, case);
    }

    /// What was found of one kind, and whether the run promised that there is nothing of it.
    pub(crate) fn found<T>(
        &mut self,
        promised: bool,
        name: &'static str,
        found: &Kept<T>,
        case: impl Fn(&T) -> Case,
    ) {
        add_all(self.of(promised), name, found, case);
    }

    /// One thing of this kind. The case is only made while there is room for it.
    pub(crate) fn found_one(&mut self, promised: bool, name: &'static str, case: impl FnOnce() -> Case) {
        add(self.of(promised), name, case);
    }

    /// Where what breaks a promise is kept, or what breaks none.
    fn of(&mut self, promised: bool) -> &mut BTreeMap<&'static str, Findings> {
        if promised {
            &mut self.anomalies
        } else {
            &mut self.allowed
        }
    }

    /// Broken promises of one kind.
    pub(crate) fn violations<T>(&mut self, name: &'static str, found: &Kept<T>, case: impl Fn(&T) -> Case) {
        add_all(&mut self.anomalies, name, found, case);
    }

    /// The same, where the run made no such promise.
    pub(crate) fn allowances<T>(&mut self, name: &'static str, found: &Kept<T>, case: impl Fn(&T) -> Case) {
        add_all(&mut self.allowed, name, found, case);
    }

    /// Puts the cases of each name in the order of their times: so far they are in that of their discovery.
    pub(crate) fn sort(&mut self) {
        for findings in self.anomalies.values_mut().chain(self.allowed.values_mut()) {
            findings.cases.sort_by_key(|case| case.time);
        }
    }

    /// The judgement.
    pub(crate) fn valid(&self) -> Validity {
        if !self.anomalies.is_empty() {
            Validity::Invalid
        } else if self.unknown {
            Validity::Unknown
        } else {
            Validity::Valid
        }
    }

    /// The reasons, the findings counted first and the gravest of them first.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut found: Vec<(&&str, &Findings)> = self.anomalies.iter().collect();
        found.sort_by_key(|(name, _)| Anomaly::gravity(name));
        let counts = found.into_iter().map(|(name, found)| {
            let first = found.cases.first().and_then(|case| case.story.first());
            let first = first.map_or_else(String::new, |sentence| format!("; the first: {sentence}"));
            format!("{name}: {} found{first}", crate::text::number(found.count))
        });
        let mut reasons: Vec<String> = counts.chain(self.reasons.iter().cloned()).collect();
        if self.reasons_left_out > 0 {
            reasons.push(format!(
                "and {} more of this kind",
                crate::text::number(self.reasons_left_out)
            ));
        }
        reasons
    }
}

fn add_all<T>(
    map: &mut BTreeMap<&'static str, Findings>,
    name: &'static str,
    found: &Kept<T>,
    case: impl Fn(&T) -> Case,
) {
    if found.count > 0 {
        let findings = map.entry(name).or_default();
        findings.count += found.count;
        let room = CASES_MAX.saturating_sub(findings.cases.len());
        findings.cases.extend(found.first.iter().take(room).map(case));
    }
}

fn add(map: &mut BTreeMap<&'static str, Findings>, name: &'static str, case: impl FnOnce() -> Case) {
    let findings = map.entry(name).or_default();
    findings.count += 1;
    if findings.cases.len() < CASES_MAX {
        findings.cases.push(case());
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn why_it_is_unknown_comes_before_what_else_is_worth_saying() {
        let mut outcome = Outcome::default();
        outcome.note("a figure".to_owned());
        outcome.unknown("a fault that did not bite".to_owned());
        outcome.unknown("another".to_owned());
        assert_eq!(
            outcome.reasons(),
            ["a fault that did not bite", "another", "a figure"]
        );
    }
}
