//! The banner, which says it all in one sentence, and the checks with their reasons.

use checkers::{Validity, Verdict};
use maud::{Markup, html};

use crate::format::counted;
use crate::text::{NOT_ASKED, word};

/// A longer summary is set smaller.
const HEADLINE_MAX: usize = 110;

/// What the banner says beside the verdict's sentence.
pub(super) struct Banner<'a> {
    /// What was run, name by name.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What the command is for, and the command.
    pub(super) command: (&'static str, &'a str),
    /// What a reader has to know.
    pub(super) notes: Vec<String>,
}

/// The verdict, and what was run.
pub(super) fn banner(verdict: &Verdict, banner: &Banner<'_>) -> Markup {
    let (purpose, command) = banner.command;
    html! {
        header.banner.(class(verdict.valid)) {
            p.badge { span.sign aria-hidden="true" { (sign(verdict.valid)) } (word(verdict.valid)) }
            h1.long-sentence[verdict.summary.len() > HEADLINE_MAX] { (sentence(&verdict.summary)) }
            dl.facts { @for (name, value) in &banner.facts { div { dt { (name) } dd { (value) } } } }
            @if !command.is_empty() {
                div.replay {
                    span.muted { (purpose) }
                    code #replay { (command) }
                    button type="button" data-copy="replay" hidden { "Copy" }
                }
            }
            @for note in &banner.notes { p.note { (note) } }
        }
    }
}

/// The notes of a history as such.
pub(super) fn notes(truncated: bool, without_faults: bool) -> Vec<String> {
    let cut_off = "The history is cut off in its last line: whoever wrote it was ended.";
    let no_faults = "The plan declares a run without faults.";
    let all = [(truncated, cut_off), (without_faults, no_faults)];
    all.into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, note)| note.to_owned())
        .collect()
}

/// A wall-clock time (RFC 3339) as people write it, without parts of seconds.
pub(crate) fn wall_clock(time: &str) -> String {
    let Some(utc) = time.strip_suffix('Z') else {
        return time.to_owned();
    };
    let whole = utc.split_once('.').map_or(utc, |(whole, _)| whole);
    format!("{} UTC", whole.replacen('T', " ", 1))
}

/// The summary as a sentence of its own.
pub(crate) fn sentence(summary: &str) -> String {
    let mut letters = summary.trim().chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let text = format!("{first}{}", letters.as_str());
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        text + "."
    }
}

/// Each check, what it judged and why.
pub(super) fn checks(verdict: &Verdict) -> Markup {
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
                            @if check.asked {
                                td { (pill(check.valid)) }
                                td { (reasons(&check.reasons)) }
                            } @else {
                                td { span.muted { "not asked" } }
                                td { span.muted { (NOT_ASKED) } }
                            }
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
