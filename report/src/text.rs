//! The verdict as a few lines for a terminal: the first bad thing as a story, what was found, and at the end, where a
//! reader's eyes are, the verdict.

use checkers::{Findings, Story, Validity, Verdict};

use crate::cycle::{Told, own_story};
use crate::findings::{by_gravity, doubts, timed, violations, why_allowed};
use crate::first::{First, first_bad};
use crate::format::{count, instant, is_invisible};

/// More sentences than this are for the page.
const SENTENCES_MAX: usize = 12;

/// Of a check that had nothing to judge.
pub(crate) const NOT_ASKED: &str = "nothing of the kind in this run";

/// The first story, the findings by name, and in the last line the verdict. Ends with a line feed; without colour.
pub fn text(verdict: &Verdict) -> String {
    let mut lines = Vec::new();
    match (verdict.stories.first(), first_bad(verdict)) {
        (Some(story), Some(first)) if story.anomaly == first.name => tell_story(&mut lines, story, verdict),
        (_, Some(first)) => tell_first(&mut lines, &first, timed(verdict)),
        (_, None) => {}
    }
    tell_counts(&mut lines, verdict);
    if verdict.valid == Validity::Unknown {
        tell_doubts(&mut lines, verdict);
    }
    lines.push(format!("{:<9}  {}", word(verdict.valid), verdict.summary));
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

fn tell_first(lines: &mut Vec<String>, first: &First<'_>, timed: bool) {
    let place = first.place().map(|place| format!(" in {place}"));
    let when = timed.then(|| format!(", at {}", instant(first.case.time)));
    lines.push(format!(
        "the first: {}{}{}",
        first.name,
        place.unwrap_or_default(),
        when.unwrap_or_default()
    ));
    let story = own_story(first.case);
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
    if let Some(cycle) = &first.case.cycle {
        let told = Told::new(cycle).lines(SENTENCES_MAX, timed);
        lines.extend(told.into_iter().map(|line| format!("    {line}")));
    }
    lines.push(String::new());
}

/// The story of the first range, whole: it is a dozen sentences.
fn tell_story(lines: &mut Vec<String>, story: &Story, verdict: &Verdict) {
    lines.push(format!(
        "the first: {} in {}",
        story.anomaly,
        crate::first::range(story)
    ));
    lines.extend(story.sentences.iter().map(|sentence| format!("  - {sentence}")));
    let more = verdict.stories.len() - 1;
    if more > 0 {
        let stories = if more == 1 { "story" } else { "stories" };
        lines.push(format!("  - … and {more} more {stories} in the report"));
    }
    lines.push(String::new());
}

/// How often each name was found, and why some of that is allowed.
fn tell_counts(lines: &mut Vec<String>, verdict: &Verdict) {
    lines.extend(counts("found", &violations(verdict)));
    lines.extend(counts("not judged", &doubts(verdict)));
    lines.extend(counts("allowed", &by_gravity(&verdict.allowed)));
    for (why, names) in reasons(verdict) {
        lines.push(format!("  - {}: {why}", names.join(", ")));
    }
    if !lines.is_empty() && lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
}

/// The reasons for what is allowed, each with its names.
fn reasons(verdict: &Verdict) -> Vec<(&'static str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, _) in by_gravity(&verdict.allowed) {
        let why = why_allowed(name, &verdict.model);
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    reasons
}

/// All findings in one line, by name; nothing where there are none.
fn counts(title: &str, findings: &[(&str, &Findings)]) -> Option<String> {
    let words = findings
        .iter()
        .map(|(name, found)| format!("{name} {}", count(found.count)));
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("{title}: {}", words.join(" · ")))
}

/// Why nobody knows: the reasons of each check that could not judge.
fn tell_doubts(lines: &mut Vec<String>, verdict: &Verdict) {
    let unknown = verdict
        .checks
        .iter()
        .filter(|check| check.valid == Validity::Unknown);
    let reasons = unknown.flat_map(|check| {
        let reasons = check.reasons.iter().take(SENTENCES_MAX);
        reasons.map(|reason| format!("  - {}: {reason}", check.name))
    });
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        lines.push("unknown because".to_owned());
        lines.extend(reasons);
        lines.push(String::new());
    }
}

/// The text in one line: nothing that a broker said may move the cursor or turn the words around it.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if is_invisible(character) { ' ' } else { character })
        .collect()
}
