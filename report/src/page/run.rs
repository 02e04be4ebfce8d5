//! The page of one run.

use maud::{Markup, html};

use super::judged::Judged;
use super::verdict::Banner;
use super::{
    Section, anomalies, availability, definitions, deposed, faults, first, help, lines, numbers, operations,
    page, sources, stories, timeline, verdict,
};
use crate::ReportInput;
use crate::findings::violations;
use crate::format::duration;
use crate::run::Run;
use crate::text::word;

/// The page of a run.
pub fn html(input: &ReportInput<'_>) -> String {
    let run = Run::new(input);
    let (header, verdict) = (run.header(), run.verdict());
    let seed = format!("seed {}", header.seed);
    let banner = Banner {
        facts: facts(&run),
        command: ("To see it again", input.replay),
        notes: verdict::notes(input.history.truncated, header.expect.without_faults),
    };
    let page = page(
        &[word(verdict.valid), &header.plan, &seed],
        &contents(&run),
        &verdict::banner(verdict, &banner),
        &sections(&run),
        "Times count from the start of the history, on one monotonic clock.",
    );
    operations::with_data(page, &run)
}

fn facts(run: &Run<'_>) -> Vec<(&'static str, String)> {
    let header = run.header();
    vec![
        ("Plan", header.plan.clone()),
        ("Broker", header.broker.clone()),
        ("Seed", header.seed.to_string()),
        ("Started", verdict::wall_clock(&header.started)),
        ("Length", duration(run.verdict().stats.duration)),
        ("Cluster", crate::format::size_of(header)),
        ("Producers", format!("acks={}", header.expect.acks)),
    ]
}

fn contents(run: &Run<'_>) -> Vec<Section> {
    let verdict = run.verdict();
    let mut sections = Vec::new();
    if !violations(verdict).is_empty() {
        sections.extend([("first", "First finding")]);
        sections.extend((!verdict.stories.is_empty()).then_some(("stories", "Stories")));
        sections.extend([("findings", "Findings"), ("definitions", "Definitions")]);
    }
    sections.extend([
        ("checks", "Checks"),
        ("timeline", "Timeline"),
        ("faults", "Faults"),
    ]);
    let measured = verdict.availability.is_some();
    sections.extend(measured.then_some(("availability", "Availability")));
    let named = !run.named.operations.is_empty();
    sections.extend(named.then_some(("operations", "Operations in question")));
    sections.extend((!run.lines.is_empty()).then_some(("lines", "Brokers’ own words")));
    sections.extend([("numbers", "Numbers"), ("sources", "Cluster and plan")]);
    sections
}

fn sections(run: &Run<'_>) -> Markup {
    let verdict = run.verdict();
    let judged = Judged {
        header: run.header(),
        verdict,
        run: Some(run),
    };
    html! {
        (first::section(&judged))
        (stories::section(run))
        (anomalies::section(&judged))
        (definitions::section(verdict))
        (verdict::checks(verdict))
        (timeline::section(run))
        (deposed::section(run))
        (faults::section(run))
        (availability::section(run))
        (operations::section(run))
        (lines::section(run))
        (numbers::section(&judged))
        (sources::section(run))
        (help::help())
    }
}
