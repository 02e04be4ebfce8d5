//! The table of all runs: what the script chooses from.

use maud::{Markup, html};

use super::axes::{Axis, value_of, value_words};
use super::chip::{address, chip, replay};
use super::found::{again, tries};
use super::{CampaignInput, CampaignRun, Mark, RunNote, hours};
use crate::format::count;

/// Each run with everything that is known of it.
pub(super) fn section(input: &CampaignInput<'_>, runs: &[&CampaignRun], axes: &[Axis]) -> Markup {
    html! {
        section #runs {
            h2 { "Runs" }
            p.lead { "The command below each verdict makes the run again; it is meant for the campaign's directory." }
            div.scroll { table.runs {
                thead { tr {
                    th scope="col" { "Run" }
                    th scope="col" { "Came to" }
                    @for axis in axes { th.axis scope="col" { (axis.name) } }
                    th scope="col" { "Verdict" }
                    @for name in ["Acknowledged", "Lost", "Faults", "Time"] { th.number scope="col" { (name) } }
                } }
                tbody { @for run in runs { (row(input, run, axes)) } }
            } }
        }
    }
}

fn row(input: &CampaignInput<'_>, run: &CampaignRun, axes: &[Axis]) -> Markup {
    let note = input.notes.get(&run.name);
    let mark = Mark::of(run, note);
    html! {
        tr data-state=(mark.class()) {
            th scope="row" { @match address(run, note) { Some(address) => a href=(address) { (run.name) }, None => (run.name) } }
            td.nowrap { (chip(run, note)) " " (mark.word()) @if run.expect == "violation" { div.muted { "a control" } } }
            @for axis in axes { td.axis { (value_words(value_of(run, &axis.name))) } }
            td.verdict {
                (run.summary) " " (again(run)) (tries(run))
                div { @match replay(run) { Some(command) => code.again { (command) }, None => span.muted { "seed " (run.seed) } } }
                @if let Some(RunNote::Damaged(what)) = note { div.damaged { strong { "Damaged: " } (what) } }
            }
            @for number in [run.acknowledged, run.lost, run.faults] { td.number { (count(number)) } }
            td.number { (hours(run.seconds)) }
        }
    }
}
