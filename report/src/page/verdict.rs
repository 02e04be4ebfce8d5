//! The banner, which says it all in one sentence, and the checks with their reasons.

use checkers::Validity;
use maud::{Markup, html};

use crate::format::{counted, duration};
use crate::run::Run;
use crate::text::word;

/// A longer summary is set smaller.
const HEADLINE_MAX: usize = 110;

/// The verdict, and what was run.
pub(super) fn banner(run: &Run<'_>) -> Markup {
    let (header, verdict) = (run.header(), run.verdict());
    html! {
        header.banner.(class(verdict.valid)) {
            p.badge { span.sign aria-hidden="true" { (sign(verdict.valid)) } (word(verdict.valid)) }
            h1.long-sentence[verdict.summary.len() > HEADLINE_MAX] { (sentence(&verdict.summary)) }
            (facts(run))
            div.replay {
                span.muted { "To see it again" }
                code #replay { (run.input.replay) }
                button type="button" data-copy="replay" hidden { "Copy" }
            }
            @if run.input.history.truncated {
                p.note { "The history is cut off in its last line: whoever wrote it was ended." }
            }
            @if header.expect.without_faults { p.note { "The plan declares a run without faults." } }
        }
    }
}

/// A wall-clock time (RFC 3339) as people write it.
fn wall_clock(time: &str) -> String {
    match time.strip_suffix('Z') {
        Some(utc) => format!("{} UTC", utc.replacen('T', " ", 1)),
        None => time.to_owned(),
    }
}

/// The summary as a sentence of its own.
fn sentence(summary: &str) -> String {
    let mut letters = summary.trim().chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let text = format!("{first}{}", letters.as_str());
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        text + "."
    }
}

fn facts(run: &Run<'_>) -> Markup {
    let header = run.header();
    let facts = [
        ("Plan", header.plan.clone()),
        ("Broker", header.broker.clone()),
        ("Seed", header.seed.to_string()),
        ("Started", wall_clock(&header.started)),
        ("Length", duration(run.verdict().stats.duration)),
        ("Nodes", header.nodes.len().to_string()),
        ("Producers", format!("acks={}", header.expect.acks)),
    ];
    html! {
        dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
    }
}

/// Each check, what it judged and why.
pub(super) fn checks(run: &Run<'_>) -> Markup {
    let verdict = run.verdict();
    html! {
        section #checks {
            h2 { "Checks" }
            p.lead { (counted(verdict.checks.len() as u64, "check", "checks")) " of the model " em { (verdict.model) } "; the heaviest judgement is the verdict." }
            div.scroll { table.checks {
                thead { tr { th scope="col" { "Check" } th scope="col" { "Judgement" } th scope="col" { "Reasons" } } }
                tbody {
                    @for check in &verdict.checks {
                        tr {
                            th scope="row" { (check.name) }
                            td { (pill(check.valid)) }
                            td { (reasons(&check.reasons)) }
                        }
                    }
                }
            } }
        }
    }
}

fn reasons(reasons: &[String]) -> Markup {
    html! {
        @match reasons {
            [] => span.muted { "nothing to object" },
            [one] => (one),
            many => ul.plain { @for reason in many { li { (reason) } } },
        }
    }
}

/// A judgement as a small sign with its word.
fn pill(valid: Validity) -> Markup {
    html! { span.pill.(class(valid)) { span.sign aria-hidden="true" { (sign(valid)) } (word(valid).to_lowercase()) } }
}

fn class(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "valid",
        Validity::Unknown => "unknown",
        Validity::Invalid => "invalid",
    }
}

fn sign(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "✓",
        Validity::Unknown => "?",
        Validity::Invalid => "✕",
    }
}
