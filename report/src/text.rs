//! The verdict as a few lines for a terminal: what was found, and the first bad thing as a story.

use std::collections::BTreeMap;

use checkers::{Findings, Validity, Verdict};

use crate::definitions::by_gravity;
use crate::first::{First, first_bad};
use crate::format::{count, instant, is_invisible};

/// More sentences than this, or longer ones, are for the page.
const SENTENCES_MAX: usize = 12;

/// The verdict, the first story and the findings by name. Ends with a line feed; without colour.
pub fn text(verdict: &Verdict) -> String {
    let mut lines = vec![format!("{:<9}  {}", word(verdict.valid), verdict.summary)];
    if let Some(first) = first_bad(verdict) {
        tell_first(&mut lines, &first);
    }
    if !verdict.anomalies.is_empty() {
        lines.push(String::new());
    }
    lines.extend(counts("found", &verdict.anomalies));
    lines.extend(counts("allowed", &verdict.allowed));
    if verdict.valid == Validity::Unknown {
        tell_doubts(&mut lines, verdict);
    }
    lines.iter().map(|line| one_line(line) + "\n").collect()
}

/// The verdict in one word, as every text and page shows it.
pub(crate) fn word(valid: Validity) -> &'static str {
    match valid {
        Validity::Valid => "VALID",
        Validity::Unknown => "UNKNOWN",
        Validity::Invalid => "VIOLATION",
    }
}

fn tell_first(lines: &mut Vec<String>, first: &First<'_>) {
    let place = first
        .place()
        .map(|place| format!(" in {place}"))
        .unwrap_or_default();
    let story = &first.case.story;
    lines.push(String::new());
    lines.push(format!(
        "the first: {}{place}, at {}",
        first.name,
        instant(first.case.time)
    ));
    lines.extend(
        story
            .iter()
            .take(SENTENCES_MAX)
            .map(|sentence| format!("  - {sentence}")),
    );
    let more = story.len().saturating_sub(SENTENCES_MAX);
    if more > 0 {
        lines.push(format!("  - … and {more} more in the report"));
    }
}

/// All findings in one line, by name; nothing where there are none.
fn counts(title: &str, findings: &BTreeMap<String, Findings>) -> Option<String> {
    let words = by_gravity(findings)
        .into_iter()
        .map(|(name, found)| format!("{name} {}", count(found.count)));
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("{title}: {}", words.join(" · ")))
}

/// Why nobody knows: the reasons of each check that could not judge.
fn tell_doubts(lines: &mut Vec<String>, verdict: &Verdict) {
    lines.push(String::new());
    lines.push("unknown because".to_owned());
    for check in verdict
        .checks
        .iter()
        .filter(|check| check.valid == Validity::Unknown)
    {
        lines.extend(
            check
                .reasons
                .iter()
                .take(SENTENCES_MAX)
                .map(|reason| format!("  - {}: {reason}", check.name)),
        );
    }
}

/// The text in one line: nothing that a broker said may move the cursor or turn the words around it.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if is_invisible(character) { ' ' } else { character })
        .collect()
}
