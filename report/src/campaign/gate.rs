//! Whether a campaign's runs decide that it passes, and which of them were needed.

use std::collections::BTreeMap;

use history::Span;
use serde::{Deserialize, Serialize};
use statistics::{Decision, Rule, Sequence};

use super::{CampaignRun, CampaignSummary, RunState};
use crate::compare::{Change, Comparison};

/// By what a campaign passes: the table `[gate]` of its file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GateRule {
    /// A cell of whose runs no larger share breaks a promise is to pass. 0: one violation is too many.
    #[serde(default)]
    pub tolerated: f64,
    /// A cell of whose runs so large a share breaks a promise is to fail.
    #[serde(default = "half")]
    pub refused: f64,
    /// How often a campaign fails all of whose cells are to pass, at most.
    #[serde(default = "one_in_twenty")]
    pub false_fail: f64,
    /// How often a campaign passes one of whose cells is to fail, at most.
    #[serde(default = "one_in_twenty")]
    pub false_pass: f64,
    /// By how much longer writes may fail after a fault than in the baseline before that fails; not judged where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_slack: Option<Span>,
}

impl Default for GateRule {
    fn default() -> Self {
        Self {
            tolerated: 0.0,
            refused: half(),
            false_fail: one_in_twenty(),
            false_pass: one_in_twenty(),
            availability_slack: None,
        }
    }
}

fn half() -> f64 {
    0.5
}

fn one_in_twenty() -> f64 {
    0.05
}

impl GateRule {
    /// As a test of one cell of so many.
    pub fn of_cells(&self, cells: usize) -> Rule {
        let rule = Rule {
            tolerated: self.tolerated,
            refused: self.refused,
            false_fail: self.false_fail,
            false_pass: self.false_pass,
        };
        rule.shared(cells)
    }

    /// Whether a single violation decides: then no error is in it.
    pub fn is_strict(&self) -> bool {
        self.tolerated <= 0.0
    }

    /// What the runs of one cell say, given in the campaign's order.
    ///
    /// They are counted in that order and up to the first that has no outcome yet: which of several at one time ends first may hang on what it
    /// finds. What the machine would not do and what nobody could judge are passed over. Only where nothing is tolerated does a violation
    /// decide wherever it is: it is a proof, and no chance that its place could change.
    pub fn decide<'a>(&self, cells: usize, runs: impl IntoIterator<Item = &'a CampaignRun>) -> CellDecision {
        let mut sequence = Sequence::new(self.of_cells(cells));
        let mut decided = CellDecision::default();
        let mut is_open = true;
        for run in runs {
            decided.made += u32::from(run.counts());
            let found = run.state == RunState::Violation || run.set_aside > 0;
            if is_open && matches!(run.state, RunState::NotMade | RunState::NotNeeded) && !found {
                is_open = false;
            }
            if is_open && (run.counts() || found) {
                sequence.add(found);
            }
            decided.violations += u32::from(found);
        }
        decided.runs = sequence.runs;
        decided.found = sequence.found;
        decided.decision = if self.is_strict() && decided.violations > 0 {
            Decision::Fails
        } else {
            sequence.decision
        };
        decided
    }
}

/// What the runs of one cell say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CellDecision {
    /// Its value on each axis.
    pub cell: String,
    /// What its runs say.
    pub decision: Decision,
    /// How many runs it took, …
    pub runs: u32,
    /// … and in how many of these there was a violation.
    pub found: u32,
    /// How many runs were made and judged, …
    pub made: u32,
    /// … and in how many of these there was a violation.
    pub violations: u32,
}

impl Default for CellDecision {
    fn default() -> Self {
        Self {
            cell: String::new(),
            decision: Decision::Open,
            runs: 0,
            found: 0,
            made: 0,
            violations: 0,
        }
    }
}

/// What a campaign's runs say.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GateDecision {
    /// By what they were judged.
    pub rule: GateRule,
    /// What they say: it fails where one cell does, and passes where all do.
    pub decision: Decision,
    /// The cells that are to be valid, in the campaign's order.
    pub cells: Vec<CellDecision>,
}

impl CampaignSummary {
    /// What its runs say by a rule.
    pub fn decide(&self, rule: GateRule) -> GateDecision {
        let mut order: Vec<String> = Vec::new();
        let mut cells: BTreeMap<String, Vec<&CampaignRun>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.expect == "valid") {
            let runs = cells.entry(run.cell()).or_insert_with_key(|cell| {
                order.push(cell.clone());
                Vec::new()
            });
            runs.push(run);
        }
        let decide = |cell: &String| {
            let runs = cells[cell].iter().copied();
            CellDecision {
                cell: cell.clone(),
                ..rule.decide(cells.len(), runs)
            }
        };
        let decided: Vec<CellDecision> = order.iter().map(decide).collect();
        // Of no cell nothing is known.
        let worst = decided.iter().map(|cell| cell.decision).max();
        GateDecision {
            rule,
            decision: worst.unwrap_or(Decision::Open),
            cells: decided,
        }
    }
}

impl CampaignSummary {
    /// The same, with each run that found nothing but what was known before as one that found nothing: how often that comes is compared, not decided.
    #[must_use]
    pub fn without_known(&self, comparison: &Comparison) -> Self {
        let is_known = |run: &CampaignRun, anomaly: &String| {
            let cell = run.cell();
            let mut findings = comparison.findings.iter();
            findings.any(|finding| {
                finding.change != Change::New && finding.cell == cell && finding.anomaly == *anomaly
            })
        };
        let mut masked = self.clone();
        for run in &mut masked.runs {
            if run.state == RunState::Violation && run.anomalies.keys().all(|anomaly| is_known(run, anomaly))
            {
                run.state = RunState::AsExpected;
            }
        }
        masked
    }
}

impl GateDecision {
    /// What they say, a line each: the decision and its errors, then the cells that decided it, or that still have to.
    pub fn lines(&self) -> Vec<String> {
        let percent = |rate: f64| format!("{} %", (rate * 1_000.0).round() / 10.0);
        let rule = &self.rule;
        let runs: u32 = self.cells.iter().map(|cell| cell.runs).sum();
        let said = match self.decision {
            Decision::Passes => "it passes",
            Decision::Fails => "it fails",
            Decision::Open => "it is not decided",
        };
        let pass = format!(
            "a campaign with a cell that breaks a promise in {} of its runs or more passes at most {} of the time",
            percent(rule.refused),
            percent(rule.false_pass)
        );
        let fail = if rule.is_strict() {
            "one violation fails it, and that is no chance".to_owned()
        } else {
            format!(
                "one without a cell above {} fails at most {} of the time",
                percent(rule.tolerated),
                percent(rule.false_fail)
            )
        };
        let mut lines = vec![format!("{said} after {runs} runs that count: {pass}; {fail}")];
        for cell in &self.cells {
            let what = match cell.decision {
                Decision::Passes => continue,
                Decision::Fails => "fails",
                // Where one fails nothing hangs on the others.
                Decision::Open if self.decision == Decision::Fails => continue,
                Decision::Open => "not decided",
            };
            let more = if cell.decision == Decision::Open {
                let needed = rule.of_cells(self.cells.len()).clean_runs();
                format!(", and no fewer than {needed} can pass")
            } else {
                String::new()
            };
            lines.push(format!(
                "{what}: {}: {} of {} runs found a violation{more}",
                named(&cell.cell),
                cell.violations,
                cell.made.max(cell.violations)
            ));
        }
        lines
    }
}

/// A cell as it is told: a campaign without a matrix has one that is called nothing.
fn named(cell: &str) -> &str {
    if cell.is_empty() { "its only cell" } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: RunState) -> CampaignRun {
        CampaignRun {
            expect: "valid".to_owned(),
            state,
            ..CampaignRun::default()
        }
    }

    fn decide(rule: GateRule, states: &[RunState]) -> (Decision, u32, u32) {
        let runs: Vec<CampaignRun> = states.iter().map(|state| run(*state)).collect();
        let decided = rule.decide(1, &runs);
        (decided.decision, decided.runs, decided.found)
    }

    use RunState::{AsExpected, Infrastructure, NotMade, Unknown, Violation};

    #[test]
    fn runs_count_in_their_order_up_to_the_first_that_is_not_known() {
        let rule = GateRule::default();
        assert_eq!(decide(rule, &[AsExpected; 5]), (Decision::Passes, 5, 0));
        let gap = [
            AsExpected, NotMade, AsExpected, AsExpected, AsExpected, AsExpected,
        ];
        assert_eq!(decide(rule, &gap), (Decision::Open, 1, 0));
        let without = [
            AsExpected,
            Infrastructure,
            Unknown,
            AsExpected,
            AsExpected,
            AsExpected,
        ];
        assert_eq!(decide(rule, &without), (Decision::Open, 4, 0));
    }

    #[test]
    fn a_violation_decides_wherever_it_is_unless_some_are_tolerated() {
        let beyond = [NotMade, Violation];
        assert_eq!(decide(GateRule::default(), &beyond).0, Decision::Fails);
        let after = [
            AsExpected, AsExpected, AsExpected, AsExpected, AsExpected, Violation,
        ];
        assert_eq!(decide(GateRule::default(), &after).0, Decision::Fails);
        let lenient = GateRule {
            tolerated: 0.1,
            ..GateRule::default()
        };
        assert_eq!(decide(lenient, &beyond).0, Decision::Open);
        // Decided before: what came later by chance changes nothing.
        let passed = [AsExpected; 6].into_iter().chain([Violation]).collect::<Vec<_>>();
        assert_eq!(decide(lenient, &passed), (Decision::Passes, 6, 0));
    }

    #[test]
    fn what_was_found_once_is_not_undone_by_making_it_again() {
        let mut again = run(AsExpected);
        again.set_aside = 1;
        assert_eq!(GateRule::default().decide(1, [&again]).decision, Decision::Fails);
    }

    #[test]
    fn what_was_known_before_is_compared_and_not_decided() {
        let with = |names: &[&str]| {
            let mut found = run(Violation);
            found.anomalies = names.iter().map(|name| ((*name).to_owned(), 1)).collect();
            let runs = vec![
                run(AsExpected),
                run(AsExpected),
                run(AsExpected),
                run(AsExpected),
                found,
            ];
            CampaignSummary::new(String::new(), String::new(), 1, String::new(), runs)
        };
        let before = with(&["lost-write"]);
        let decide = |now: &CampaignSummary| {
            let comparison = crate::compare(("a", now), ("b", &before));
            now.without_known(&comparison)
                .decide(GateRule::default())
                .decision
        };
        assert_eq!(decide(&with(&["lost-write"])), Decision::Passes);
        assert_eq!(decide(&with(&["lost-write", "duplicate"])), Decision::Fails);
    }

    #[test]
    fn a_campaign_passes_where_all_cells_do() {
        let with = |cell: &str, state| {
            let mut run = run(state);
            run.axes.insert("broker".to_owned(), cell.to_owned());
            run
        };
        let of = |runs: Vec<CampaignRun>| {
            let summary = CampaignSummary::new(String::new(), String::new(), 1, String::new(), runs);
            summary.decide(GateRule::default())
        };
        let clean = |cell: &str, runs| vec![with(cell, AsExpected); runs];
        assert_eq!(of(Vec::new()).decision, Decision::Open);
        assert_eq!(
            of([clean("a", 5), clean("b", 5)].concat()).decision,
            Decision::Passes
        );
        let open = of([clean("a", 5), clean("b", 4)].concat());
        assert_eq!(open.decision, Decision::Open);
        assert_eq!(
            open.lines()[1],
            "not decided: broker b: 0 of 4 runs found a violation, and no fewer than 5 can pass"
        );
        let failed = of([clean("a", 5), vec![with("b", Violation)]].concat());
        assert_eq!(failed.decision, Decision::Fails);
        insta::assert_snapshot!(failed.lines().join("\n"));
    }
}
