//! The page of one run: a single file that opens offline and reads without its script.
//!
//! The order is the order of the questions people ask: what is the verdict, what went wrong first, what else, how is
//! that judged, what happened when, which faults were there, and what was it all made of.

mod anomalies;
mod faults;
mod first;
mod numbers;
mod security;
mod sources;
mod timeline;
mod verdict;

use history::Phase;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::ReportInput;
use crate::format::is_invisible;
use crate::run::Run;
use crate::text::word;

const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");

/// The page of a run.
pub fn html(input: &ReportInput<'_>) -> String {
    let run = Run::new(input);
    let header = run.header();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(security::policy(SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (word(run.verdict().valid)) " · " (header.plan) " · seed " (header.seed) " · Tribunal" }
                style { (PreEscaped(STYLE)) }
            }
            body { (body(&run)) script { (PreEscaped(SCRIPT)) } }
        }
    };
    visible(page.into_string())
}

/// The page with a sign in place of every character that shows nothing but may change what others show.
fn visible(page: String) -> String {
    let is_bad = |character: char| is_invisible(character) && !matches!(character, '\n' | '\t');
    if page.contains(is_bad) {
        page.replace(is_bad, "\u{fffd}")
    } else {
        page
    }
}

fn body(run: &Run<'_>) -> Markup {
    html! {
        a.skip href="#main" { "Skip to the findings" }
        (verdict::banner(run))
        (contents(run))
        main #main {
            (first::section(run))
            (anomalies::section(run))
            (verdict::checks(run))
            (timeline::section(run))
            (faults::section(run))
            (numbers::section(run))
            (sources::section(run))
        }
        footer { "Made by Tribunal " (env!("CARGO_PKG_VERSION")) ". Times count from the start of the history, on one monotonic clock." }
        div #tip hidden {}
    }
}

fn contents(run: &Run<'_>) -> Markup {
    let found = !run.verdict().anomalies.is_empty();
    html! {
        nav.contents aria-label="Sections" {
            @if found { a href="#first" { "First finding" } a href="#findings" { "Findings" } }
            a href="#checks" { "Checks" }
            a href="#timeline" { "Timeline" }
            a href="#faults" { "Faults" }
            a href="#numbers" { "Numbers" }
            a href="#sources" { "Cluster and plan" }
        }
    }
}

/// A point of the run's time, as a link that the script turns into a jump on the timeline.
fn when(nanos: u64) -> Markup {
    html! { a.when href="#timeline" data-goto=(crate::chart::x(nanos)) { (crate::format::instant(nanos)) } }
}

/// A phase as people write it.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup => "setup",
        Phase::Steady => "steady",
        Phase::Faults => "faults",
        Phase::Heal => "heal",
        Phase::Settle => "settle",
        Phase::FinalReads => "final reads",
        Phase::Teardown => "teardown",
    }
}
