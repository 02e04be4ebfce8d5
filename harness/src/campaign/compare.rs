//! What is new in a campaign against an earlier one: cell by cell, because a run's seed may be another.

use std::collections::{BTreeMap, BTreeSet};

use report::{CampaignRun, CampaignSummary};
use serde::Serialize;

/// A finding counts as gone where its not coming by chance would be rarer than this, at the rate that it had.
const CHANCE: f64 = 0.05;

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is here, and was not there.
    New,
    /// It is here and was there.
    Still,
    /// It was there and is not here, and that is no chance.
    Resolved,
    /// It was there and is not here, but too few runs were made to tell.
    NotSeen,
}

/// A violation that nobody expected, in one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What became of it.
    pub change: Change,
    /// The cell's value on each axis.
    pub cell: String,
    /// Its name, such as `lost-write`.
    pub anomaly: String,
    /// In how many of the judged runs it is here, …
    pub here: (u32, u32),
    /// … and in how many of those of the earlier campaign; `None` where that has no such cell.
    pub before: Option<(u32, u32)>,
}

/// What two campaigns have between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// The findings, new ones first.
    pub findings: Vec<Finding>,
    /// Cells that were judged before and are not now: nothing is known of them.
    pub missing: Vec<String>,
}

/// The judged runs of one cell.
#[derive(Clone, Debug, Default)]
struct Judged {
    runs: u32,
    found: BTreeMap<String, u32>,
}

/// Compares a campaign with an earlier one.
pub fn compare(now: &CampaignSummary, before: &CampaignSummary) -> Comparison {
    let (now, before) = (cells(now), cells(before));
    let names: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let mut comparison = Comparison::default();
    for name in names {
        match (now.get(name), before.get(name)) {
            (Some(now), before) => comparison.findings.extend(findings(name, now, before)),
            (None, _) => comparison.missing.push(name.clone()),
        }
    }
    comparison
        .findings
        .sort_by(|one, other| (one.change, &one.cell).cmp(&(other.change, &other.cell)));
    comparison
}

/// What counts of each cell: what a control finds is no finding.
fn cells(summary: &CampaignSummary) -> BTreeMap<String, Judged> {
    let mut cells: BTreeMap<String, Judged> = BTreeMap::new();
    for run in summary.runs.iter().filter(|run| run.counts()) {
        let cell = cells.entry(name(run)).or_default();
        cell.runs += 1;
        for anomaly in run.anomalies.keys() {
            *cell.found.entry(anomaly.clone()).or_default() += 1;
        }
    }
    cells
}

fn name(run: &CampaignRun) -> String {
    let axes: Vec<String> = run
        .axes
        .iter()
        .map(|(axis, value)| format!("{axis} {value}"))
        .collect();
    axes.join(", ")
}

fn findings<'a>(
    cell: &'a str,
    now: &'a Judged,
    before: Option<&'a Judged>,
) -> impl Iterator<Item = Finding> + 'a {
    let known = before.into_iter().flat_map(|before| before.found.keys());
    let anomalies: BTreeSet<&String> = now.found.keys().chain(known).collect();
    anomalies.into_iter().map(move |anomaly| {
        let count = |judged: &Judged| {
            let found = judged.found.get(anomaly).copied();
            (found.unwrap_or(0), judged.runs)
        };
        let (here, before) = (count(now), before.map(count));
        Finding {
            change: change(here, before),
            cell: cell.to_owned(),
            anomaly: anomaly.clone(),
            here,
            before,
        }
    })
}

fn change(here: (u32, u32), before: Option<(u32, u32)>) -> Change {
    match (here.0, before) {
        (1.., Some((1.., _))) => Change::Still,
        (1.., _) => Change::New,
        (0, before) => {
            let (found, runs) = before.unwrap_or((0, 1));
            let rate = f64::from(found) / f64::from(runs.max(1));
            if (1.0 - rate).powi(here.1 as i32) < CHANCE {
                Change::Resolved
            } else {
                Change::NotSeen
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::RunState;

    /// A campaign of cells, each with its runs: what each of them found.
    fn campaign(cells: &[(&str, &[&[&str]])]) -> CampaignSummary {
        let run = |cell: &str, found: &&[&str]| CampaignRun {
            axes: BTreeMap::from([("broker".to_owned(), cell.to_owned())]),
            expect: "valid".to_owned(),
            state: if found.is_empty() {
                RunState::AsExpected
            } else {
                RunState::Violation
            },
            anomalies: found.iter().map(|name| ((*name).to_owned(), 1)).collect(),
            ..CampaignRun::default()
        };
        let runs = cells
            .iter()
            .flat_map(|(cell, runs)| runs.iter().map(|found| run(cell, found)));
        CampaignSummary::new(String::new(), String::new(), 1, String::new(), runs.collect())
    }

    fn changes(comparison: &Comparison) -> Vec<(Change, &str, &str)> {
        let findings = comparison.findings.iter();
        findings
            .map(|found| (found.change, found.cell.as_str(), found.anomaly.as_str()))
            .collect()
    }

    #[test]
    fn what_is_new_is_told_from_what_was_there() {
        let before = campaign(&[("a", &[&["lost-write"], &[]]), ("b", &[&[], &[]])]);
        let now = campaign(&[
            ("a", &[&["lost-write"], &["duplicate"]]),
            ("b", &[&[], &[]]),
            ("c", &[&["lost-write"]]),
        ]);
        assert_eq!(
            changes(&compare(&now, &before)),
            [
                (Change::New, "broker a", "duplicate"),
                (Change::New, "broker c", "lost-write"),
                (Change::Still, "broker a", "lost-write"),
            ]
        );
    }

    #[test]
    fn it_is_resolved_where_chance_cannot_be_the_reason() {
        let half: &[&[&str]] = &[&["lost-write"], &[]];
        let before = campaign(&[("a", half)]);
        let clean = |runs: usize| campaign(&[("a", &vec![&[][..]; runs])]);
        // At one in two, four clean runs in a row come once in sixteen, five once in 32.
        assert_eq!(
            changes(&compare(&clean(4), &before)),
            [(Change::NotSeen, "broker a", "lost-write")]
        );
        assert_eq!(
            changes(&compare(&clean(5), &before)),
            [(Change::Resolved, "broker a", "lost-write")]
        );
    }

    #[test]
    fn of_a_cell_that_was_not_judged_nothing_is_known() {
        let before = campaign(&[("a", &[&["lost-write"]]), ("b", &[&[]])]);
        let mut now = campaign(&[("a", &[&[]]), ("b", &[&[]])]);
        now.runs[0].state = RunState::Infrastructure;
        let comparison = compare(&now, &before);
        assert_eq!(comparison.findings, []);
        assert_eq!(comparison.missing, ["broker a"]);
    }

    #[test]
    fn what_a_control_finds_is_no_finding() {
        let mut now = campaign(&[("a", &[&["lost-write"]])]);
        now.runs[0].expect = "violation".to_owned();
        now.runs[0].state = RunState::AsExpected;
        assert_eq!(compare(&now, &campaign(&[])), Comparison::default());
    }
}
