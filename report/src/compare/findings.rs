//! What is new in a campaign against an earlier one: cell by cell, because a run's seed may be another.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use statistics::chance_of_more;

use crate::{CampaignSummary, RunState};

/// A rate counts as another where the difference would come by chance more seldom than this.
const CHANCE: f64 = 0.05;
/// What a sum of chances may be off by.
const HAIR: f64 = 1e-9;

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is here, and was not there.
    New,
    /// It is here in a larger share of the runs than it was there, and that is no chance.
    Worse,
    /// It is here and was there.
    Still,
    /// It is here in a smaller share of the runs than it was there, and that is no chance.
    Better,
    /// It was there and is not here, and that is no chance.
    Resolved,
    /// It was there and is not here, but too few runs were made to tell.
    NotSeen,
}

impl Change {
    /// The same for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Still => "still there",
            Self::Better => "rarer, still there",
            Self::Resolved => "resolved",
            Self::NotSeen => "not seen, which may be chance",
        }
    }
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
    /// Where a run lies that found it: here, or else in the earlier campaign.
    #[serde(skip)]
    pub run: Option<String>,
    /// Whether runs of this cell were left out because the gate had decided.
    #[serde(skip)]
    pub stopped: bool,
}

impl Finding {
    fn is_known(&self) -> bool {
        self.here.0 > 0 && self.before.is_some_and(|(found, _)| found > 0)
    }

    /// The same in a line.
    pub fn line(&self) -> String {
        let (found, runs) = self.here;
        let before = self.before.map_or_else(
            || "a cell that the baseline has not".to_owned(),
            |(found, runs)| format!("{found} of {runs} before"),
        );
        let cell = if self.cell.is_empty() {
            String::new()
        } else {
            format!(" in {}", self.cell)
        };
        format!(
            "{}: {}{cell}: {found} of {runs} runs, {before}",
            self.change.word(),
            self.anomaly
        )
    }
}

/// The judged runs of one cell.
#[derive(Clone, Debug, Default)]
struct Judged {
    runs: u32,
    found: BTreeMap<String, u32>,
    /// Where the first run lies that found it.
    first: BTreeMap<String, String>,
    stopped: bool,
}

/// The findings of two campaigns, new ones first, and the cells that were judged before and are not now: nothing is known of them.
pub(super) fn findings(now: &CampaignSummary, before: &CampaignSummary) -> (Vec<Finding>, Vec<String>) {
    let (now, before) = (cells(now), cells(before));
    let missing = before.keys().filter(|cell| !now.contains_key(*cell)).cloned();
    let mut findings: Vec<Finding> = now
        .iter()
        .flat_map(|(cell, judged)| of_cell(cell, judged, before.get(cell)))
        .collect();
    let known = findings.iter().filter(|finding| finding.is_known()).count();
    for finding in &mut findings {
        finding.change = change(finding, known);
    }
    findings.sort_by(|one, other| (one.change, &one.cell).cmp(&(other.change, &other.cell)));
    (findings, missing.collect())
}

/// What counts of each cell: what a control finds is no finding.
fn cells(summary: &CampaignSummary) -> BTreeMap<String, Judged> {
    let mut cells: BTreeMap<String, Judged> = BTreeMap::new();
    for run in summary.runs.iter().filter(|run| run.counts()) {
        let cell = cells.entry(run.cell()).or_default();
        cell.runs += 1;
        for anomaly in run.anomalies.keys() {
            *cell.found.entry(anomaly.clone()).or_default() += 1;
            cell.first
                .entry(anomaly.clone())
                .or_insert_with(|| run.dir.clone());
        }
    }
    for run in &summary.runs {
        if let Some(cell) = cells
            .get_mut(&run.cell())
            .filter(|_| run.state == RunState::NotNeeded)
        {
            cell.stopped = true;
        }
    }
    cells
}

fn of_cell<'a>(
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
        Finding {
            change: Change::New,
            cell: cell.to_owned(),
            anomaly: anomaly.clone(),
            here: count(now),
            before: before.map(count),
            run: first_run(now, anomaly).or(before.and_then(|before| first_run(before, anomaly))),
            stopped: now.stopped || before.is_some_and(|before| before.stopped),
        }
    })
}

fn first_run(judged: &Judged, anomaly: &str) -> Option<String> {
    judged.first.get(anomaly).cloned()
}

/// What became of one of so many findings that were known. Where the campaign stopped when it had seen enough, what it had seen is not how often
/// it comes, so no rate is compared; that nothing came in so many runs says the same however one stopped.
fn change(finding: &Finding, known: usize) -> Change {
    let (here, before) = (finding.here, finding.before.unwrap_or((0, 0)));
    let is_chance = |more: (u32, u32), less, level: f64| chance_of_more(more, less) > level + HAIR;
    match (here.0, before.0) {
        (1.., 0) => Change::New,
        (0, _) if is_chance(before, here, CHANCE) => Change::NotSeen,
        (0, _) => Change::Resolved,
        _ if finding.stopped => Change::Still,
        // The more are looked at, the likelier one of them looks worse by chance.
        _ if !is_chance(here, before, CHANCE / known.max(1) as f64) => Change::Worse,
        _ if !is_chance(before, here, CHANCE) => Change::Better,
        _ => Change::Still,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CampaignRun;

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

    /// So many runs that lost something of so many.
    fn lost(found: usize, runs: usize) -> CampaignSummary {
        let runs: Vec<&[&str]> = (0..runs)
            .map(|run| if run < found { &["lost-write"][..] } else { &[] })
            .collect();
        campaign(&[("a", &runs)])
    }

    fn changes(now: &CampaignSummary, before: &CampaignSummary) -> Vec<(Change, String, String)> {
        let found = findings(now, before).0.into_iter();
        found
            .map(|found| (found.change, found.cell, found.anomaly))
            .collect()
    }

    fn only(now: &CampaignSummary, before: &CampaignSummary) -> Change {
        let changes = changes(now, before);
        assert_eq!(changes.len(), 1, "{changes:?}");
        changes[0].0
    }

    #[test]
    fn what_is_new_is_told_from_what_was_there() {
        let before = campaign(&[("a", &[&["lost-write"], &[]]), ("b", &[&[], &[]])]);
        let now = campaign(&[
            ("a", &[&["lost-write"], &["duplicate"]]),
            ("b", &[&[], &[]]),
            ("c", &[&["lost-write"]]),
        ]);
        let expected = [
            (Change::New, "broker a", "duplicate"),
            (Change::New, "broker c", "lost-write"),
            (Change::Still, "broker a", "lost-write"),
        ];
        let expected = expected.map(|(change, cell, name)| (change, cell.to_owned(), name.to_owned()));
        assert_eq!(changes(&now, &before), expected);
    }

    #[test]
    fn it_is_resolved_where_chance_cannot_be_the_reason() {
        // Were nothing changed, all three would fall into the earlier half once in twenty.
        assert_eq!(only(&lost(0, 3), &lost(3, 3)), Change::Resolved);
        assert_eq!(only(&lost(0, 2), &lost(2, 2)), Change::NotSeen);
        // One in two runs may have been one in twenty.
        assert_eq!(only(&lost(0, 10), &lost(1, 2)), Change::NotSeen);
    }

    #[test]
    fn it_is_worse_or_better_where_chance_cannot_be_the_reason() {
        assert_eq!(only(&lost(10, 20), &lost(2, 20)), Change::Worse);
        assert_eq!(only(&lost(2, 20), &lost(10, 20)), Change::Better);
        assert_eq!(only(&lost(4, 20), &lost(2, 20)), Change::Still);
        // A campaign that stops at what it finds has found it often.
        let mut stopped = lost(10, 21);
        stopped.runs[20].state = RunState::NotNeeded;
        assert_eq!(only(&stopped, &lost(2, 20)), Change::Still);
    }

    #[test]
    fn of_a_cell_that_was_not_judged_nothing_is_known() {
        let before = campaign(&[("a", &[&["lost-write"]]), ("b", &[&[]])]);
        let mut now = campaign(&[("a", &[&[]]), ("b", &[&[]])]);
        now.runs[0].state = RunState::Infrastructure;
        assert_eq!(findings(&now, &before), (Vec::new(), vec!["broker a".to_owned()]));
    }

    #[test]
    fn what_a_control_finds_is_no_finding() {
        let mut now = campaign(&[("a", &[&["lost-write"]])]);
        now.runs[0].expect = "violation".to_owned();
        now.runs[0].state = RunState::AsExpected;
        assert_eq!(findings(&now, &campaign(&[])), (Vec::new(), Vec::new()));
    }
}
