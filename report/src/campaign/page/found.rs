//! What came out otherwise than expected: violations with how often they came again, what was missed, what the machine would not do.

use std::collections::BTreeMap;

use checkers::Anomaly;
use maud::{Markup, html};

use super::chip::{address, chip, is_flaky};
use super::{CampaignInput, CampaignRun, RunState};
use crate::format::{count, counted};
use crate::page::marked;

/// Runs listed for one finding; the table of runs has them all.
const RUNS_LISTED: usize = 20;

/// The section, where there is something to say.
pub(super) fn section(input: &CampaignInput<'_>, runs: &[&CampaignRun]) -> Option<Markup> {
    let with = |state: RunState| -> Vec<&CampaignRun> {
        runs.iter().copied().filter(|run| run.state == state).collect()
    };
    let violations = with(RunState::Violation);
    let others = [
        (
            with(RunState::Missed),
            "Missed",
            "No violation where one was expected: the harness may have become blind.",
        ),
        (
            with(RunState::Unknown),
            "Unknown",
            "Nobody can say whether the promises were kept; nobody is accused.",
        ),
        (
            with(RunState::Infrastructure),
            "Infrastructure",
            "The machine would not do it, at no try; nobody is accused.",
        ),
    ];
    let tried: Vec<&CampaignRun> = runs
        .iter()
        .copied()
        .filter(|run| run.failures > 0 && run.state != RunState::Infrastructure)
        .collect();
    let nothing =
        violations.is_empty() && tried.is_empty() && others.iter().all(|(runs, ..)| runs.is_empty());
    (!nothing).then(|| html! {
        section #found {
            h2 { "What was found" }
            (by_anomaly(input, &violations))
            @for (runs, title, about) in &others {
                @if !runs.is_empty() { h3 { (title) } p.lead { (about) } (list(input, runs)) }
            }
            @if !tried.is_empty() {
                h3 { "Tried again" }
                p.lead { (counted(tried.len() as u64, "run was", "runs were")) " made after the machine would not do it at first. That says nothing of the broker." }
                (list(input, &tried))
            }
        }
    })
}

/// Each violation by its name, with its runs.
fn by_anomaly(input: &CampaignInput<'_>, violations: &[&CampaignRun]) -> Markup {
    let mut found: BTreeMap<&str, Vec<&CampaignRun>> = BTreeMap::new();
    for run in violations {
        for name in run.anomalies.keys() {
            found.entry(name).or_default().push(run);
        }
    }
    let mut found: Vec<(&str, Vec<&CampaignRun>)> = found.into_iter().collect();
    found.sort_by_key(|(name, _)| Anomaly::gravity(name));
    html! {
        @if !violations.is_empty() { h3 { "Violations" } }
        @for (name, runs) in &found {
            details.group.violation open {
                summary {
                    strong.name { (name) } " in " span.count { (counted(runs.len() as u64, "run", "runs")) }
                    @if let Some(anomaly) = Anomaly::named(name) { span.meaning { (marked(&anomaly.meaning())) } }
                }
                (list(input, runs))
            }
        }
    }
}

fn list(input: &CampaignInput<'_>, runs: &[&CampaignRun]) -> Markup {
    html! {
        ul.runs-found {
            @for run in runs.iter().take(RUNS_LISTED) {
                @let note = input.notes.get(&run.name);
                li {
                    (chip(run, note)) " "
                    @match address(run, note) { Some(address) => a href=(address) { (run.name) }, None => (run.name) }
                    ": " (run.summary) " " (again(run)) (tries(run))
                }
            }
        }
        @if runs.len() > RUNS_LISTED { p.muted { (count((runs.len() - RUNS_LISTED) as u64)) " more are in the table of runs." } }
    }
}

/// How often a violation came again, in words that nobody takes for more than they are.
pub(super) fn again(run: &CampaignRun) -> Markup {
    html! {
        @match run.confirmed {
            Some((again, of)) => span.pill.(if is_flaky(run) { "unknown" } else { "invalid" }) {
                @if is_flaky(run) { "flaky: " } @else { "confirmed: " }
                "again in " (again) " of " (of)
            },
            None if run.state == RunState::Violation => span.pill.unknown { "not made again yet" },
            None => "",
        }
    }
}

/// How often the machine would not do it.
pub(super) fn tries(run: &CampaignRun) -> Markup {
    html! { @if run.failures > 0 { " " span.pill.infrastructure { "the machine would not, " (counted(u64::from(run.failures), "time", "times")) } } }
}
