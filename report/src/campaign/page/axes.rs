//! What came out by the values of each axis, and how long clients had to wait there.

use maud::{Markup, html};

use super::{CampaignRun, RunState};
use crate::format::{count, duration};

/// One axis of the campaign and its values, in the order in which runs have them.
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// The axes of some runs, by name.
pub(super) fn of(runs: &[&CampaignRun]) -> Vec<Axis> {
    let mut names: Vec<&String> = runs.iter().flat_map(|run| run.axes.keys()).collect();
    names.sort();
    names.dedup();
    let axis = |name: &String| {
        let mut values: Vec<String> = Vec::new();
        for run in runs {
            let value = value_of(run, name);
            // Runs of one cell follow each other: the last value is the likeliest.
            if values.last().is_none_or(|last| last != value) && !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
        Axis {
            name: name.clone(),
            values,
        }
    };
    names.into_iter().map(axis).collect()
}

/// A run's value on an axis; nothing where it has none.
pub(super) fn value_of<'a>(run: &'a CampaignRun, axis: &str) -> &'a str {
    run.axes.get(axis).map_or("", String::as_str)
}

/// A value as people read it.
pub(super) fn value_words(value: &str) -> &str {
    if value.is_empty() { "–" } else { value }
}

/// What the runs of one value came to.
#[derive(Default)]
struct Sum {
    runs: u64,
    as_expected: u64,
    violations: u64,
    others: u64,
    faults: u64,
    lost: u64,
    outages: Outages,
}

/// How long writes failed, one time a run at most.
#[derive(Default)]
pub(super) struct Outages {
    /// Runs in which it was measured.
    pub(super) measured: u64,
    /// That of each run in which there was one, in nanoseconds.
    longest: Vec<u64>,
}

impl Outages {
    /// Takes a run's in, where it says something of the broker.
    pub(super) fn add(&mut self, run: &CampaignRun) {
        if let Some(longest) = run.counts().then(|| longest(run)).flatten() {
            self.measured += 1;
            self.longest.extend((longest > 0).then_some(longest));
        }
    }

    /// The middle and the longest, where there was any.
    pub(super) fn spread(&self) -> Option<(u64, u64)> {
        let mut times = self.longest.clone();
        times.sort_unstable();
        Some((times[times.len().checked_sub(1)? / 2], *times.last()?))
    }
}

/// How long writes failed after a fault of a run, of the kind after which they failed longest, in nanoseconds; `None` where nobody measured it.
fn longest(run: &CampaignRun) -> Option<u64> {
    run.figures.as_ref()?.outages.values().copied().max()
}

fn sum(runs: &[&CampaignRun], axis: &str, value: &str) -> Sum {
    let mut sum = Sum::default();
    for run in runs.iter().filter(|run| value_of(run, axis) == value) {
        sum.runs += 1;
        match run.state {
            RunState::AsExpected => sum.as_expected += 1,
            RunState::Violation => sum.violations += 1,
            _ => sum.others += 1,
        }
        if run.counts() {
            sum.faults += run.faults;
            sum.lost += run.lost;
        }
        sum.outages.add(run);
    }
    sum
}

/// A table for each axis.
pub(super) fn section(runs: &[&CampaignRun], axes: &[Axis]) -> Markup {
    html! {
        @if !axes.is_empty() {
            section #axes {
                h2 { "By axis" }
                p.lead { "What the runs of each value came to. Faults, lost writes and outages are of runs that were to be valid and were judged; "
                    "a run's outage is how long a partition took no write (acks=all) after a fault: the middle one of its faults of one kind, and of the kinds the longest." }
                div.columns { @for axis in axes { (table(runs, axis)) } }
            }
        }
    }
}

fn table(runs: &[&CampaignRun], axis: &Axis) -> Markup {
    let sums: Vec<(&String, Sum)> = axis
        .values
        .iter()
        .map(|value| (value, sum(runs, &axis.name, value)))
        .collect();
    let top = sums
        .iter()
        .filter_map(|(_, sum)| sum.outages.spread())
        .map(|(_, most)| most)
        .max();
    let measured = sums.iter().any(|(_, sum)| sum.outages.measured > 0);
    html! {
        div.scroll { table.by-axis {
            caption { (axis.name) }
            thead { tr {
                th scope="col" { "Value" }
                @for name in ["Runs", "As expected", "Violations", "Others", "Faults", "Lost"] { th.number scope="col" { (name) } }
                @if measured { th scope="col" { "Outage: middle, longest" } }
            } }
            tbody { @for (value, sum) in &sums { tr {
                th scope="row" { (value_words(value)) }
                @for number in [sum.runs, sum.as_expected, sum.violations, sum.others, sum.faults, sum.lost] { td.number { (count(number)) } }
                @if measured { td { (outage(&sum.outages, top)) } }
            } } }
        } }
    }
}

/// The middle and the longest, and a bar of each.
fn outage(outages: &Outages, top: Option<u64>) -> Markup {
    let width = |time: u64| format!("{:.1}%", time as f64 / top.unwrap_or(1).max(1) as f64 * 100.0);
    html! {
        @match outages.spread() {
            _ if outages.measured == 0 => span.muted { "not measured" },
            None => span.muted { "none in " (count(outages.measured)) },
            Some((middle, most)) => {
                span.nowrap { (duration(middle)) ", " (duration(most)) }
                svg.bar width="100%" height="8" aria-hidden="true" {
                    rect.most x="0" y="2" height="4" width=(width(most)) {}
                    rect.middle x="0" y="0" height="8" width=(width(middle)) {}
                }
            }
        }
    }
}
