//! What a campaign came to: as data, for a build server, and as a page in Markdown.

mod annotations;
mod gate;
mod junit;
mod markdown;
mod page;
mod sarif;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::figures::RunFigures;
use crate::format::counted;

pub use annotations::annotations;
pub use gate::{CellDecision, GateDecision, GateRule};
pub use junit::campaign_junit;
pub use markdown::{campaign_markdown, gate_markdown};
pub use page::{CampaignInput, RunNote, TrendPoint, campaign_page};
pub use sarif::campaign_sarif;

/// A campaign's runs and what they came to, as `summary.json` holds it. Of the same runs it is the same, in whatever order and on whatever
/// machines they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CampaignSummary {
    /// The campaign's name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The seed that its runs' seeds come from.
    pub seed: u64,
    /// What tells it from every other campaign.
    pub fingerprint: String,
    /// By what it passes or fails, where its file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateRule>,
    /// How many runs came to what.
    pub totals: CampaignTotals,
    /// The runs, in the campaign's order.
    pub runs: Vec<CampaignRun>,
}

/// How many runs came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CampaignTotals {
    /// All of them.
    pub runs: u64,
    /// What was expected, …
    pub as_expected: u64,
    /// … a violation that was not, …
    pub violations: u64,
    /// … no violation where one was expected, …
    pub missed: u64,
    /// … nobody can say, …
    pub unknown: u64,
    /// … the machine would not do it, …
    pub infrastructure: u64,
    /// … not made, …
    pub not_made: u64,
    /// … not made because nothing hung on them any more.
    #[serde(default, skip_serializing_if = "is_none")]
    pub not_needed: u64,
    /// Acknowledged writes, in runs that were to be valid and were judged, …
    pub acknowledged: u64,
    /// … those of them that were lost, …
    pub lost: u64,
    /// … and the faults that bit in these runs.
    pub faults: u64,
}

/// One run of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CampaignRun {
    /// What it is called.
    pub name: String,
    /// Its value on each axis.
    pub axes: BTreeMap<String, String>,
    /// What it was expected to come to: `valid` or `violation`.
    pub expect: String,
    /// What it came to.
    pub state: RunState,
    /// Its seed.
    pub seed: u64,
    /// The verdict in a sentence, or why there is none.
    pub summary: String,
    /// Where it lies, below the campaign's directory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// In how many of how many further runs of the same plan and seed its violation came again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<(u32, u32)>,
    /// How often the machine would not do it.
    #[serde(default)]
    pub failures: u32,
    /// How often it had found a violation, and was made again on request: what was found once is not undone by what is not found later.
    #[serde(default, skip_serializing_if = "is_none")]
    pub set_aside: u32,
    /// Acknowledged writes that were lost then.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lost_then: u64,
    /// The violations by name, and how many of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anomalies: BTreeMap<String, u64>,
    /// Acknowledged writes.
    pub acknowledged: u64,
    /// Acknowledged writes that were lost.
    pub lost: u64,
    /// Faults that bit.
    pub faults: u64,
    /// What it is compared by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<RunFigures>,
    /// What it was set up with, read from its plan where two are put side by side.
    #[serde(skip)]
    pub settings: crate::Settings,
    /// How long it took, in seconds: not part of what is compared.
    #[serde(skip)]
    pub seconds: f64,
}

impl CampaignRun {
    /// Whether it says something of the broker: it was to be valid, and was judged. A control loses on purpose, and what nobody
    /// could judge says nothing.
    pub fn counts(&self) -> bool {
        self.expect == "valid" && matches!(self.state, RunState::AsExpected | RunState::Violation)
    }

    /// The cell that it is a run of: its value on each axis.
    pub fn cell(&self) -> String {
        let axes = self.axes.iter().map(|(axis, value)| format!("{axis} {value}"));
        axes.collect::<Vec<_>>().join(", ")
    }
}

/// What is left out where it is nothing.
fn is_none<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// What a run came to, beside what it was expected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// What was expected.
    AsExpected,
    /// A violation that nobody expected.
    Violation,
    /// No violation where one was expected.
    Missed,
    /// Nobody can say.
    Unknown,
    /// The machine would not do it.
    Infrastructure,
    /// It was not made.
    #[default]
    NotMade,
    /// It was not made because nothing hung on it any more: the gate had decided.
    NotNeeded,
}

impl RunState {
    /// The same for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::AsExpected => "as expected",
            Self::Violation => "violation",
            Self::Missed => "missed",
            Self::Unknown => "unknown",
            Self::Infrastructure => "infrastructure",
            Self::NotMade => "not made",
            Self::NotNeeded => "not needed",
        }
    }
}

impl CampaignSummary {
    /// Of these runs; the totals follow from them.
    pub fn new(name: String, about: String, seed: u64, fingerprint: String, runs: Vec<CampaignRun>) -> Self {
        let mut totals = CampaignTotals::default();
        for run in &runs {
            totals.runs += 1;
            *match run.state {
                RunState::AsExpected => &mut totals.as_expected,
                RunState::Violation => &mut totals.violations,
                RunState::Missed => &mut totals.missed,
                RunState::Unknown => &mut totals.unknown,
                RunState::Infrastructure => &mut totals.infrastructure,
                RunState::NotMade => &mut totals.not_made,
                RunState::NotNeeded => &mut totals.not_needed,
            } += 1;
            if run.counts() {
                totals.acknowledged += run.acknowledged;
                totals.lost += run.lost;
                totals.faults += run.faults;
            }
        }
        Self {
            name,
            about,
            seed,
            fingerprint,
            gate: None,
            totals,
            runs,
        }
    }

    /// What may be quoted of a campaign that lost nothing: how often a fault may lose something at most, were each a trial of its own.
    ///
    /// The exact upper limit for none of n, one-sided: the rate at which n trials in a row without a loss have a chance of one in twenty,
    /// `1 - 0.05^(1/n)` (Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934)).
    ///
    /// It holds whenever the campaign stopped, and by whatever rule: it is wrong only where the true rate is above the limit and nothing was lost,
    /// so nothing was lost in the first m faults either, m the fewest by which a rate like the true one is ruled out; and that happens at most once in twenty.
    /// What was found in a run that was made again on request counts all the same.
    pub fn quotable(&self) -> Option<String> {
        let CampaignTotals { lost, faults, .. } = self.totals;
        let lost_then = self
            .runs
            .iter()
            .any(|run| run.expect == "valid" && run.lost_then > 0);
        if lost > 0 || lost_then || faults == 0 {
            return None;
        }
        let limit = 1.0 - 0.05_f64.powf(1.0 / faults as f64);
        Some(format!(
            "no acknowledged write lost in {}: under {:.1} % a fault at 95 %",
            counted(faults, "effective fault", "effective faults"),
            // Up, so that no more is claimed than holds.
            (limit * 1_000.0).ceil() / 10.0
        ))
    }

    /// What it came to, in a sentence.
    pub fn sentence(&self) -> String {
        let totals = &self.totals;
        let parts = [
            (totals.violations, "found a violation"),
            (totals.missed, "missed the violation that was expected"),
            (totals.unknown, "could not be judged"),
            (totals.infrastructure, "could not be made"),
            (
                totals.not_made,
                if totals.not_made == 1 {
                    "was not made yet"
                } else {
                    "were not made yet"
                },
            ),
            (
                totals.not_needed,
                if totals.not_needed == 1 {
                    "was not needed"
                } else {
                    "were not needed"
                },
            ),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let rest = if parts.is_empty() {
            String::new()
        } else {
            format!("; {}", parts.join(", "))
        };
        format!(
            "{} of {} runs came out as expected{rest}",
            totals.as_expected, totals.runs
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BTreeMap, CampaignRun, CampaignSummary, RunState};

    /// One run of each kind.
    pub(crate) fn summary() -> CampaignSummary {
        let run = |name: &str, state, summary: &str| CampaignRun {
            name: name.to_owned(),
            axes: BTreeMap::from([("broker".to_owned(), "sim".to_owned())]),
            expect: "valid".to_owned(),
            state,
            seed: 7,
            summary: summary.to_owned(),
            acknowledged: 1_000,
            faults: 3,
            seconds: 2.0,
            ..CampaignRun::default()
        };
        let mut again = run("good-r1", RunState::AsExpected, "nothing was lost");
        again.failures = 1;
        let mut lost = run("bad-r1", RunState::Violation, "2 acknowledged writes were lost");
        lost.lost = 2;
        lost.confirmed = Some((2, 3));
        lost.anomalies.insert("lost-write".to_owned(), 2);
        let mut broken = run("off-r1", RunState::Infrastructure, "a broker did not come up <|>");
        broken.failures = 3;
        let runs = vec![
            again,
            lost,
            run("control-r1", RunState::Missed, "nothing was lost"),
            run("odd-r1", RunState::Unknown, "the final reads were not complete"),
            broken,
            run("late-r1", RunState::NotMade, "the time was over"),
        ];
        CampaignSummary::new(
            "nightly".to_owned(),
            "what ships".to_owned(),
            42,
            "00ff".to_owned(),
            runs,
        )
    }

    #[test]
    fn what_may_be_quoted_claims_no_more_than_holds() {
        let of = |faults, lost| {
            let mut run = summary().runs.swap_remove(0);
            (run.faults, run.lost) = (faults, lost);
            let runs = vec![run];
            let summary = CampaignSummary::new(String::new(), String::new(), 1, String::new(), runs);
            summary.quotable()
        };
        let said = "no acknowledged write lost in 38 effective faults: under 7.6 % a fault at 95 %";
        assert_eq!(of(38, 0).as_deref(), Some(said));
        let said = "no acknowledged write lost in 1 effective fault: under 95.0 % a fault at 95 %";
        assert_eq!(of(1, 0).as_deref(), Some(said));
        assert_eq!(of(38, 1), None);
        assert_eq!(of(0, 0), None);
        // What was lost is not undone by a run that is made again.
        let mut made_again = summary().runs.swap_remove(0);
        made_again.lost_then = 1;
        let made_again =
            CampaignSummary::new(String::new(), String::new(), 1, String::new(), vec![made_again]);
        assert_eq!(made_again.quotable(), None);
    }

    #[test]
    fn a_control_and_what_could_not_be_judged_count_for_nothing() {
        let totals = summary().totals;
        assert_eq!((totals.acknowledged, totals.lost, totals.faults), (2_000, 2, 6));
        let mut runs = summary().runs;
        runs[0].expect = "violation".to_owned();
        let summary = CampaignSummary::new(String::new(), String::new(), 1, String::new(), runs);
        assert_eq!((summary.totals.acknowledged, summary.totals.faults), (1_000, 3));
    }
}
