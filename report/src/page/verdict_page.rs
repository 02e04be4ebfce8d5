//! The page of a verdict alone: of a history that is too big to hold, or that somebody else wrote.

use history::Header;
use maud::{Markup, html};

use super::judged::Judged;
use super::verdict::Banner;
use super::{Section, anomalies, definitions, first, numbers, page, verdict};
use crate::VerdictInput;
use crate::findings::{timed, violations};
use crate::format::{count, counted, duration, list};
use crate::text::word;

/// More topics than this are not named one by one.
const TOPICS_NAMED: usize = 6;

/// The page of a verdict, without the history that it is about.
pub fn verdict_page(input: &VerdictInput<'_>) -> String {
    let VerdictInput { header, verdict, .. } = *input;
    let banner = Banner {
        facts: facts(input),
        command: ("To judge it again", input.again),
        notes: notes(input),
    };
    let judged = Judged {
        header,
        verdict,
        run: None,
    };
    page(
        &[word(verdict.valid), input.name],
        &contents(&judged),
        &verdict::banner(verdict, &banner),
        &sections(&judged),
        if judged.timed() {
            "Times are those of the history."
        } else {
            ""
        },
    )
}

fn notes(input: &VerdictInput<'_>) -> Vec<String> {
    let header = input.header;
    let without_faults = header.expect.without_faults && !header.plan.is_empty();
    let mut notes = verdict::notes(input.scanned.truncated, without_faults);
    if input.scanned.skipped > 0 {
        let (were, skipped) = (
            if input.scanned.skipped == 1 { "was" } else { "were" },
            input.scanned.skipped,
        );
        let skipped = counted(skipped, "operation", "operations");
        notes.push(format!(
            "{skipped} of other kinds {were} left out: the checks do not know them."
        ));
    }
    notes
}

/// What is known of the history; a foreign one has no plan, no cluster and often no clock.
fn facts(input: &VerdictInput<'_>) -> Vec<(&'static str, String)> {
    let VerdictInput { header, verdict, .. } = *input;
    let of_run = |text: String| {
        if header.plan.is_empty() {
            String::new()
        } else {
            text
        }
    };
    let length = if timed(verdict) {
        duration(verdict.stats.duration)
    } else {
        String::new()
    };
    let facts = [
        ("History", input.name.to_owned()),
        ("Format", input.format.to_string()),
        ("Model", verdict.model.clone()),
        ("Operations", count(verdict.stats.operations)),
        ("Length", length),
        ("Plan", header.plan.clone()),
        ("Broker", header.broker.clone()),
        ("Seed", of_run(header.seed.to_string())),
        ("Started", verdict::wall_clock(&header.started)),
        ("Topics", topics(header)),
        ("Rules out", list(&verdict.stats.not)),
        ("Does not rule out", list(&verdict.stats.possible)),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn topics(header: &Header) -> String {
    let names: Vec<&str> = header.topics.iter().map(|topic| topic.name.as_str()).collect();
    if names.len() > TOPICS_NAMED {
        count(names.len() as u64)
    } else {
        list(&names)
    }
}

fn contents(judged: &Judged<'_>) -> Vec<Section> {
    let verdict = judged.verdict;
    let all = [
        (!violations(verdict).is_empty(), ("first", "First finding")),
        (true, ("findings", "Findings")),
        (!verdict.allowed.is_empty(), ("allowed", "Allowed")),
        (definitions::are_there(verdict), ("definitions", "Definitions")),
        (true, ("checks", "Checks")),
        (true, ("numbers", "Numbers")),
    ];
    all.into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, section)| section)
        .collect()
}

fn sections(judged: &Judged<'_>) -> Markup {
    let verdict = judged.verdict;
    html! {
        (first::section(judged))
        (anomalies::section(judged))
        (definitions::section(verdict))
        (verdict::checks(verdict))
        (numbers::section(judged))
    }
}
