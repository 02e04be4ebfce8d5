//! The verdict as a few lines for a terminal: what was found, and the first bad thing as a story.

use std::collections::BTreeMap;
use std::fmt::Write;

use checkers::{Findings, Validity, Verdict};

use crate::first::{First, first_bad};
use crate::format::{count, instant};

/// More sentences than this, or longer ones, are for the page.
const SENTENCES_MAX: usize = 12;

/// The verdict, the first story and the findings by name. Ends with a line feed; without colour.
pub fn text(verdict: &Verdict) -> String {
    let mut out = String::new();
    line(
        &mut out,
        &format!("{:<9}  {}", word(verdict.valid), one_line(&verdict.summary)),
    );
    if let Some(first) = first_bad(verdict) {
        write_first(&mut out, &first);
    }
    write_findings(&mut out, "found", &verdict.anomalies);
    write_findings(&mut out, "allowed", &verdict.allowed);
    if verdict.valid == Validity::Unknown {
        write_doubts(&mut out, verdict);
    }
    out
}

/// The verdict in one word, as every text and page shows it.
pub(crate) fn word(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "VALID",
        Validity::Unknown => "UNKNOWN",
        Validity::Invalid => "VIOLATION",
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn write_first(out: &mut String, first: &First<'_>) {
    let place = first
        .place()
        .map(|place| format!(" in {place}"))
        .unwrap_or_default();
    line(
        out,
        &format!(
            "\nthe first: {}{place}, at {}",
            first.name,
            instant(first.case.time)
        ),
    );
    for sentence in first.case.story.iter().take(SENTENCES_MAX) {
        line(out, &format!("  - {}", one_line(sentence)));
    }
    let more = first.case.story.len().saturating_sub(SENTENCES_MAX);
    if more > 0 {
        line(out, &format!("  - … and {more} more sentences in the report"));
    }
}

fn write_findings(out: &mut String, title: &str, findings: &BTreeMap<String, Findings>) {
    if findings.is_empty() {
        return;
    }
    let words: Vec<String> = findings
        .iter()
        .map(|(name, found)| format!("{} {}", name, count(found.count)))
        .collect();
    let gap = if title == "found" { "\n" } else { "" };
    line(out, &format!("{gap}{title}: {}", words.join(" · ")));
}

/// Why nobody knows: the reasons of each check that could not judge.
fn write_doubts(out: &mut String, verdict: &Verdict) {
    out.push_str("\nunknown because\n");
    for check in verdict
        .checks
        .iter()
        .filter(|check| check.valid == Validity::Unknown)
    {
        for reason in &check.reasons {
            writeln!(out, "  - {}: {}", check.name, one_line(reason)).expect("a String takes every write");
        }
    }
}

/// The text without line feeds and other control characters: nothing that a broker said may move the cursor.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
