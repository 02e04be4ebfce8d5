//! What the clients of two sets of runs met with, by the kind of error.

use std::collections::BTreeSet;

use serde::Serialize;

use super::behaviours::{Behaviour, of_errors};
use crate::format::count;
use crate::{CampaignSummary, ClientErrors};

/// One kind of error, with one outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClientError {
    /// Its code, or the first words of what was said: `MessageTimedOut`.
    pub kind: String,
    /// Whether nobody knows if what was asked for happened; otherwise it certainly did not.
    pub unknown: bool,
    /// How many operations ended so here, …
    pub here: u64,
    /// … and in the runs that they are compared with.
    pub before: u64,
    /// How many of a thousand operations of a run do.
    pub rate: Behaviour,
}

impl ClientError {
    /// Its outcome in a word.
    pub fn outcome(&self) -> &'static str {
        if self.unknown { "unknown" } else { "failed" }
    }

    /// The same in a line.
    pub(super) fn line(&self) -> String {
        let rate = &self.rate;
        format!(
            "client error {} ({}): {} here ({}), {} before ({}): {}",
            self.kind,
            self.outcome(),
            count(self.here),
            rate.number(rate.here.middle),
            count(self.before),
            rate.number(rate.before.middle),
            rate.between()
        )
    }
}

/// All kinds that either side has, the most frequent first. Empty where one side's runs did not count them.
pub(super) fn errors(here: &CampaignSummary, before: &CampaignSummary) -> Vec<ClientError> {
    let kinds: BTreeSet<(bool, String)> = counted(here)
        .chain(counted(before))
        .flat_map(|errors| [false, true].map(|unknown| (unknown, errors)))
        .flat_map(|(unknown, errors)| {
            errors
                .with(unknown)
                .keys()
                .map(move |kind| (unknown, kind.clone()))
        })
        .collect();
    let rates = of_errors(&kinds, here, before);
    // Either every kind has a figure on both sides, or none has.
    let mut errors: Vec<ClientError> = kinds
        .into_iter()
        .zip(rates)
        .map(|((unknown, kind), rate)| ClientError {
            here: total(here, unknown, &kind),
            before: total(before, unknown, &kind),
            kind,
            unknown,
            rate,
        })
        .collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.here.saturating_add(error.before)));
    errors
}

fn counted(summary: &CampaignSummary) -> impl Iterator<Item = &ClientErrors> {
    let figures = summary.runs.iter().filter_map(|run| run.figures.as_ref());
    figures.filter_map(|figures| figures.errors.as_ref())
}

fn total(summary: &CampaignSummary, unknown: bool, kind: &str) -> u64 {
    let counts = counted(summary).filter_map(|errors| errors.with(unknown).get(kind));
    counts.sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{CampaignRun, Difference, RunFigures};

    /// Six runs of a thousand operations, of which so many timed out.
    fn campaign(timed_out: Option<u64>) -> CampaignSummary {
        let run = |number: u64| CampaignRun {
            figures: Some(RunFigures {
                errors: timed_out.map(|times| ClientErrors {
                    operations: 1_000,
                    failed: BTreeMap::new(),
                    unknown: [("MessageTimedOut".to_owned(), times + number)].into(),
                }),
                ..RunFigures::default()
            }),
            ..CampaignRun::default()
        };
        CampaignSummary::new(
            "x".to_owned(),
            String::new(),
            1,
            String::new(),
            (0..6).map(run).collect(),
        )
    }

    #[test]
    fn a_kind_is_counted_and_held_against_chance() {
        let found = errors(&campaign(Some(100)), &campaign(Some(10)));
        let [error] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!((error.here, error.before, error.outcome()), (615, 75, "unknown"));
        assert_eq!(error.rate.difference, Difference::More);
        assert_eq!(
            error.line(),
            "client error MessageTimedOut (unknown): 615 here (102.50 ‰), 75 before (12.50 ‰): 87.00 ‰ to 93.00 ‰ more at 95 %"
        );
    }

    #[test]
    fn runs_from_before_errors_were_counted_are_compared_with_nothing() {
        assert_eq!(errors(&campaign(Some(100)), &campaign(None)), []);
    }
}
