//! The page of one run.

use maud::{Markup, html};

use super::judged::Judged;
use super::verdict::Banner;
use super::{
    Section, anomalies, definitions, deposed, faults, first, numbers, page, sources, stories, timeline,
    verdict,
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
    page(
        &[word(verdict.valid), &header.plan, &seed],
        &contents(!violations(verdict).is_empty(), !verdict.stories.is_empty()),
        &verdict::banner(verdict, &banner),
        &sections(&run),
        "Times count from the start of the history, on one monotonic clock.",
    )
}

fn facts(run: &Run<'_>) -> Vec<(&'static str, String)> {
    let header = run.header();
    vec![
        ("Plan", header.plan.clone()),
        ("Broker", header.broker.clone()),
        ("Seed", header.seed.to_string()),
        ("Started", verdict::wall_clock(&header.started)),
        ("Length", duration(run.verdict().stats.duration)),
        ("Nodes", header.nodes.len().to_string()),
        ("Producers", format!("acks={}", header.expect.acks)),
    ]
}

fn contents(found: bool, told: bool) -> Vec<Section> {
    let mut sections = Vec::new();
    if found {
        sections.extend([("first", "First finding")]);
        sections.extend(told.then_some(("stories", "Stories")));
        sections.extend([("findings", "Findings"), ("definitions", "Definitions")]);
    }
    sections.extend([
        ("checks", "Checks"),
        ("timeline", "Timeline"),
        ("faults", "Faults"),
        ("numbers", "Numbers"),
        ("sources", "Cluster and plan"),
    ]);
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
        (numbers::section(&judged))
        (sources::section(run))
    }
}
