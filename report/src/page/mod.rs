//! The pages: single files that open offline and read without their script.
//!
//! The order is the order of the questions people ask: what is the verdict, what went wrong first, what else, how is
//! that judged, what happened when, which faults were there, and what was it all made of.

mod anomalies;
mod availability;
mod cycles;
mod definitions;
mod deposed;
mod faults;
mod first;
mod help;
mod judged;
mod lines;
mod numbers;
mod operations;
mod run;
mod security;
mod sources;
mod stories;
mod timeline;
mod verdict;
mod verdict_page;

use history::Phase;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::format::shown;
use crate::operations::mentions;

pub use run::html;
pub(crate) use verdict::{sentence as as_sentence, wall_clock};
pub use verdict_page::verdict_page;

const STYLE: &str = include_str!("../assets/report.css");
/// One script of several files, in the order in which they build on each other.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("../assets/tip.js"),
    include_str!("../assets/timeline.js"),
    include_str!("../assets/pointer.js"),
    include_str!("../assets/operations.js"),
    include_str!("../assets/clients.js"),
    include_str!("../assets/detail.js"),
    include_str!("../assets/search.js"),
    include_str!("../assets/report.js"),
    "})();\n"
);

/// A section of a page, as the list at its top names it: its address and its title.
pub(crate) type Section = (&'static str, &'static str);

/// A page around its contents. Its last line says what clock its times are of.
pub(crate) fn page(
    title: &[&str],
    sections: &[Section],
    banner: &Markup,
    main: &Markup,
    clock: &str,
) -> String {
    frame(&Frame {
        title,
        sections,
        banner,
        main,
        foot: clock,
        more_style: "",
        script: SCRIPT,
        refresh: None,
    })
}

/// What a page is made of, whatever it tells of.
pub(crate) struct Frame<'a> {
    /// The parts of its title.
    pub(crate) title: &'a [&'a str],
    /// Where its sections lie.
    pub(crate) sections: &'a [Section],
    /// What stands above all of them.
    pub(crate) banner: &'a Markup,
    /// The sections.
    pub(crate) main: &'a Markup,
    /// What its last line says.
    pub(crate) foot: &'a str,
    /// Style beyond what all pages have.
    pub(crate) more_style: &'a str,
    /// The one script that it may run; without one it runs none.
    pub(crate) script: &'a str,
    /// After so many seconds it is fetched again.
    pub(crate) refresh: Option<u32>,
}

/// The page, whole in itself.
pub(crate) fn frame(frame: &Frame<'_>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(security::policy(frame.script));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = frame.refresh { meta http-equiv="refresh" content=(seconds); }
                title { @for part in frame.title.iter().filter(|part| !part.is_empty()) { (part) " · " } "Tribunal" }
                style { (PreEscaped(STYLE)) (PreEscaped(frame.more_style)) }
            }
            body {
                a.skip href="#main" { "Skip to the findings" }
                (frame.banner)
                @if !frame.sections.is_empty() {
                    nav.contents aria-label="Sections" {
                        @for (address, name) in frame.sections { a href=(format!("#{address}")) { (name) } }
                    }
                }
                main #main { (frame.main) }
                footer { "Made by Tribunal " (env!("CARGO_PKG_VERSION")) ". " (frame.foot) }
                div #tip hidden {}
                @if !frame.script.is_empty() { script { (PreEscaped(frame.script)) } }
            }
        }
    };
    shown(&page.into_string())
}

/// A text of ours with its words between backticks as code.
pub(crate) fn marked(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A sentence of ours: its words between backticks as code, its operations (`op 7`) as links, where `is_told` says that
/// the page tells of them.
fn sentence(text: &str, is_told: &dyn Fn(u64) -> bool) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (linked(part, is_told)) }
        }
    }
}

fn linked(text: &str, is_told: &dyn Fn(u64) -> bool) -> Markup {
    let told: Vec<_> = mentions(text).filter(|(_, op)| is_told(*op)).collect();
    let starts = told.iter().map(|(range, _)| range.start).chain([text.len()]);
    let ends = [0].into_iter().chain(told.iter().map(|(range, _)| range.end));
    let between: Vec<&str> = ends.zip(starts).map(|(end, start)| &text[end..start]).collect();
    html! {
        (between[0])
        @for ((range, op), after) in told.iter().zip(&between[1..]) {
            a href=(format!("#op-{op}")) { (text[range.clone()]) } (after)
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
