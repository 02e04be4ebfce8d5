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

/// A wall-clock time (RFC 3339) as people write it, without parts of seconds.
fn wall_clock(time: &str) -> String {
    let Some(utc) = time.strip_suffix('Z') else {
        return time.to_owned();
    };
    let whole = utc.split_once('.').map_or(utc, |(whole, _)| whole);
    format!("{} UTC", whole.replacen('T', " ", 1))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_times_are_short() {
        assert_eq!(
            wall_clock("2026-08-14T09:30:12.805703383Z"),
            "2026-08-14 09:30:12 UTC"
        );
        assert_eq!(wall_clock("yesterday"), "yesterday");
    }

    #[test]
    fn a_summary_becomes_a_sentence() {
        assert_eq!(sentence("nobody can say: why"), "Nobody can say: why.");
        assert_eq!(sentence(""), ".");
    }
}
