//! Two runs or two campaigns side by side: what is found in them, and how they behave.

mod behaviours;
mod clients;
mod errors;
mod findings;
mod page;
mod settings;
mod text;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{CampaignSummary, RunState};

pub use behaviours::{Behaviour, Difference, Levels, Unit};
pub use errors::ClientError;
pub use findings::{Change, Finding};
pub use page::compare_page;
pub use settings::{Setting, Settings};
pub use text::compare_text;

/// What two campaigns, or two runs, have between them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// What is looked at, …
    pub here: Side,
    /// … and what it is compared with.
    pub before: Side,
    /// How they were set up differently: versions, shapes and timeouts first.
    pub settings: Vec<Setting>,
    /// The findings, new ones first.
    pub findings: Vec<Finding>,
    /// Cells that were judged before and are not now: nothing is known of them.
    pub missing: Vec<String>,
    /// How they behave: availability first.
    pub behaviours: Vec<Behaviour>,
    /// What their clients were refused and what nobody knows, by the kind of error, the most frequent first.
    pub errors: Vec<ClientError>,
}

/// One of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// How many runs it has that came to a verdict.
    pub runs: u64,
    /// The brokers and their versions.
    pub brokers: Vec<String>,
    /// How many brokers its clusters have, …
    pub nodes: Vec<u32>,
    /// … and their sizes in words, with those that are no brokers.
    pub sizes: Vec<String>,
    /// Acknowledged writes, …
    pub acknowledged: u64,
    /// … those of them that were lost, …
    pub lost: u64,
    /// … and the faults that bit.
    pub faults: u64,
    /// What it came to, in a sentence.
    pub sentence: String,
}

/// Compares a campaign, of this name, with an earlier one.
pub fn compare(here: (&str, &CampaignSummary), before: (&str, &CampaignSummary)) -> Comparison {
    let (findings, missing) = findings::findings(here.1, before.1);
    Comparison {
        here: side(here.0, here.1),
        before: side(before.0, before.1),
        settings: settings::settings(here.1, before.1),
        findings,
        missing,
        behaviours: behaviours::behaviours(here.1, before.1),
        errors: errors::errors(here.1, before.1),
    }
}

fn side(name: &str, summary: &CampaignSummary) -> Side {
    let judged = || {
        let judged = [
            RunState::AsExpected,
            RunState::Violation,
            RunState::Missed,
            RunState::Unknown,
        ];
        summary.runs.iter().filter(move |run| judged.contains(&run.state))
    };
    let figures = || judged().filter_map(|run| run.figures.as_ref());
    let brokers: BTreeSet<&String> = figures().map(|figures| &figures.broker).collect();
    let nodes: BTreeSet<u32> = figures().map(|figures| figures.nodes).collect();
    let size = |figures: &crate::RunFigures| {
        let [brokers, controllers, zookeepers] =
            [figures.nodes, figures.controllers, figures.zookeepers].map(|number| number as usize);
        crate::format::size(brokers, controllers, zookeepers)
    };
    let sizes: BTreeSet<String> = figures().map(size).collect();
    Side {
        name: name.to_owned(),
        runs: judged().count() as u64,
        brokers: brokers.into_iter().cloned().collect(),
        nodes: nodes.into_iter().collect(),
        sizes: sizes.into_iter().collect(),
        acknowledged: judged().map(|run| run.acknowledged).sum(),
        lost: judged().map(|run| run.lost).sum(),
        faults: judged().map(|run| run.faults).sum(),
        sentence: summary.sentence(),
    }
}

impl Comparison {
    /// Whether a finding became this.
    pub fn has(&self, change: Change) -> bool {
        self.findings.iter().any(|finding| finding.change == change)
    }

    /// After what faults writes fail for longer than before, by more than so much, beyond chance.
    pub fn slower(&self, slack_nanos: f64) -> impl Iterator<Item = &Behaviour> {
        self.behaviours
            .iter()
            .filter(move |behaviour| behaviour.is_outage() && behaviour.is_surely_above(slack_nanos))
    }

    /// What differs, in a sentence.
    pub fn sentence(&self) -> String {
        let names = |differences: &[Difference]| -> Vec<String> {
            let found = self.behaviours.iter();
            found
                .filter(|behaviour| differences.contains(&behaviour.difference))
                .map(|behaviour| behaviour.name.clone())
                .chain(
                    self.errors
                        .iter()
                        .filter(|error| differences.contains(&error.rate.difference))
                        .map(|error| format!("the client error {}", error.kind)),
                )
                .collect()
        };
        let mut parts = Vec::new();
        for (change, one, many) in [
            (Change::New, "finding is new", "findings are new"),
            (Change::Worse, "finding became worse", "findings became worse"),
            (Change::Resolved, "finding is resolved", "findings are resolved"),
        ] {
            let count = self
                .findings
                .iter()
                .filter(|finding| finding.change == change)
                .count();
            if count > 0 {
                parts.push(crate::format::counted(count as u64, one, many));
            }
        }
        let (more, less) = (names(&[Difference::More]), names(&[Difference::Less]));
        for (names, word) in [(more, "more"), (less, "less")] {
            if !names.is_empty() {
                parts.push(format!("{word}: {}", crate::format::list(&names)));
            }
        }
        let tested = self
            .behaviours
            .iter()
            .any(|behaviour| behaviour.difference != Difference::TooFew);
        match (parts.is_empty(), tested) {
            (false, _) => parts.join("; "),
            (true, true) => "no difference beyond chance was found".to_owned(),
            (true, false) => "too few runs to tell a difference from chance".to_owned(),
        }
    }
}
