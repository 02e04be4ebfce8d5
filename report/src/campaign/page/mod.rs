//! A campaign as one page: what it came to, the matrix of its runs, what was found, and how it went before.
//!
//! Its script only chooses: which axes make the matrix, which runs are shown. All that it shows stands in the table of runs, so the page
//! is whole without it.

mod axes;
mod chip;
mod found;
mod matrix;
mod runs;
mod trend;
mod trend_picture;

use std::collections::BTreeMap;

use maud::{Markup, html};

use self::chip::{Mark, chip};
use super::{CampaignRun, CampaignSummary, RunState};
use crate::format::{count, counted};
use crate::page::{Frame, Section, as_sentence, frame, wall_clock};

const STYLE: &str = include_str!("../../assets/overview.css");
const SCRIPT: &str = include_str!("../../assets/campaign.js");

/// More runs than this are not on the page: a browser has its limit. `summary.json` has them all.
const RUNS_MAX: usize = 20_000;

/// Everything that the page of a campaign is made from.
#[derive(Clone, Copy, Debug)]
pub struct CampaignInput<'a> {
    /// What it came to.
    pub summary: &'a CampaignSummary,
    /// When it was begun (RFC 3339), where that is known.
    pub begun: Option<&'a str>,
    /// What is to be said of single runs, by their names.
    pub notes: &'a BTreeMap<String, RunNote>,
    /// Campaigns of the same name, this one among them, in the order of their times.
    pub trend: &'a [TrendPoint],
    /// Whether the campaign goes on.
    pub is_live: bool,
    /// After so many seconds the page is fetched again.
    pub refresh: Option<u32>,
}

/// What is to be said of a run beside what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunNote {
    /// It goes on, and lies there.
    GoingOn(String),
    /// What lies there of it is damaged: what, and where.
    Damaged(String),
}

/// A campaign among others of the same name.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// Its directory's name.
    pub name: String,
    /// Where its page is, from this one.
    pub address: Option<String>,
    /// When it was begun (RFC 3339), where that is known.
    pub begun: Option<String>,
    /// Whether it is this one.
    pub is_this: bool,
    /// What it came to, or why nobody can say.
    pub summary: Result<CampaignSummary, String>,
}

/// The page of a campaign.
pub fn campaign_page(input: &CampaignInput<'_>) -> String {
    let summary = input.summary;
    let shown = shown(summary);
    let axes = axes::of(&shown);
    let mut sections: Vec<Section> = vec![("matrix", "Matrix")];
    let found = found::section(input, &shown);
    if found.is_some() {
        sections.push(("found", "What was found"));
    }
    if !axes.is_empty() {
        sections.push(("axes", "By axis"));
    }
    if !input.trend.is_empty() {
        sections.push(("trend", "Trend"));
    }
    sections.push(("runs", "Runs"));
    let main = html! {
        (matrix::section(input, &shown, &axes))
        @if let Some(found) = found { (found) }
        (axes::section(&shown, &axes))
        (trend::section(input.trend))
        (runs::section(input, &shown, &axes))
    };
    frame(&Frame {
        title: &[word(summary), &summary.name],
        sections: &sections,
        banner: &banner(input),
        main: &main,
        foot: "Links lead to the runs beside this page.",
        more_style: STYLE,
        script: SCRIPT,
        refresh: input.refresh,
    })
}

/// The runs that the page holds, in the campaign's order: where there are too many, those that came out otherwise than expected first.
fn shown(summary: &CampaignSummary) -> Vec<&CampaignRun> {
    let is_plain = |run: &CampaignRun| {
        matches!(
            run.state,
            RunState::AsExpected | RunState::NotMade | RunState::NotNeeded
        )
    };
    let others = summary.runs.iter().filter(|run| !is_plain(run)).count();
    let mut room = RUNS_MAX.saturating_sub(others);
    let keep = |run: &&CampaignRun| {
        if !is_plain(run) {
            return true;
        }
        let has_room = room > 0;
        room = room.saturating_sub(1);
        has_room
    };
    let mut kept: Vec<&CampaignRun> = summary.runs.iter().filter(keep).collect();
    kept.truncate(RUNS_MAX);
    kept
}

fn banner(input: &CampaignInput<'_>) -> Markup {
    let summary = input.summary;
    let totals = &summary.totals;
    let facts = [
        ("Campaign", summary.name.clone()),
        ("Begun", input.begun.map(wall_clock).unwrap_or_default()),
        ("Seed", summary.seed.to_string()),
        ("Runs", count(totals.runs)),
        ("Acknowledged writes", count(totals.acknowledged)),
        ("Of them lost", count(totals.lost)),
        ("Faults that bit", count(totals.faults)),
        (
            "Time of all runs",
            hours(summary.runs.iter().map(|run| run.seconds).sum()),
        ),
    ];
    let damaged = input
        .notes
        .values()
        .filter(|note| matches!(note, RunNote::Damaged(_)))
        .count();
    let going_on = input.notes.len() - damaged;
    html! {
        header.banner.(tone(summary)) {
            p.badge { span.sign aria-hidden="true" { (sign(summary)) } (word(summary)) }
            h1 { (as_sentence(&summary.sentence())) }
            @if let Some(said) = summary.quotable() { p.quotable { "May be quoted: " q { (said) } } }
            dl.facts { @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) { div { dt { (name) } dd { (value) } } } }
            @if !summary.about.is_empty() { p.note { (as_sentence(&summary.about)) } }
            @if input.is_live {
                p.note {
                    "The campaign goes on: " (counted(going_on as u64, "run is", "runs are")) " under way. "
                    @match input.refresh {
                        Some(seconds) => { "This page is fetched anew every " (seconds) " s. " a href="?still" { "Hold it" } },
                        None => a href="?" { "Fetch anew" },
                    }
                }
            }
            @if damaged > 0 {
                p.note { strong { (counted(damaged as u64, "run is damaged", "runs are damaged")) } ": what it came to is known from the campaign's journal, "
                    "and the table of runs says what is missing." }
            }
            @if summary.runs.len() > RUNS_MAX {
                p.note { "The page holds " (count(RUNS_MAX as u64)) " of " (count(summary.runs.len() as u64)) " runs, those that came out otherwise than expected first; summary.json holds all." }
            }
        }
    }
}

fn tone(summary: &CampaignSummary) -> &'static str {
    match word(summary) {
        "VIOLATION" | "MISSED" => "invalid",
        "AS EXPECTED" => "valid",
        _ => "unknown",
    }
}

fn sign(summary: &CampaignSummary) -> &'static str {
    match tone(summary) {
        "invalid" => "✕",
        "valid" => "✓",
        _ => "?",
    }
}

/// The gravest of what was not expected, as the exit code says it.
fn word(summary: &CampaignSummary) -> &'static str {
    let totals = &summary.totals;
    if totals.violations > 0 {
        "VIOLATION"
    } else if totals.missed > 0 {
        "MISSED"
    } else if totals.infrastructure > 0 {
        "INFRASTRUCTURE"
    } else if totals.unknown > 0 {
        "UNKNOWN"
    } else if totals.not_made > 0 {
        "NOT COMPLETE"
    } else {
        "AS EXPECTED"
    }
}

/// Seconds as people say them; nothing where there are none.
fn hours(seconds: f64) -> String {
    if seconds > 0.0 {
        crate::format::duration((seconds * 1e9) as u64)
    } else {
        String::new()
    }
}
