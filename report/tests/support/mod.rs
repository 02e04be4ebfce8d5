//! Sample runs: a control that loses writes, a clean one, one that nobody can judge, and one made of hostile text.
#![allow(dead_code, reason = "each test and example uses a part of it")]

pub mod big;
pub mod campaigns;
pub mod cluster;
pub mod cycles;
pub mod extras;
pub mod hostile;
pub mod runs;
pub mod verdicts;

use history::History;
pub use runs::{acks1, clean};

use checkers::Verdict;
use report::ReportInput;

/// The page of a run with everything that a run directory would hold.
pub fn page(history: &History, verdict: &Verdict) -> String {
    let versions = [
        ("Tribunal", "0.1.0"),
        ("Java", "OpenJDK 17.0.16"),
        ("kafka_2.13-4.4.0.jar", "sha256 5f1c0a9e"),
    ];
    let files = [
        "history.jsonl",
        "verdict.json",
        "junit.xml",
        "resolved.toml",
        "nodes/1/server.log",
        "nodes/2/server.log",
    ];
    page_with(history, verdict, PLAN, &versions, &files)
}

const PLAN: &str = "name = \"acks1\"\nseed = 7\n\n[workload]\nkind = \"log\"\nacks = \"1\"\n";

/// The page of a run with these texts.
pub fn page_with(
    history: &History,
    verdict: &Verdict,
    plan_text: &str,
    versions: &[(&str, &str)],
    files: &[&str],
) -> String {
    let pairs = versions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    report::html(&ReportInput {
        history,
        verdict,
        replay: &format!(
            "tribunal run results/latest/{plan}/resolved.toml",
            plan = history.header.plan
        ),
        plan_text,
        versions: &pairs.collect::<Vec<_>>(),
        files: &files.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// The page whose every text is an attack.
pub fn hostile_page() -> String {
    let history = hostile::history();
    let attack = hostile::ATTACK;
    page_with(
        &history,
        &hostile::verdict(&history),
        attack,
        &[(attack, attack)],
        &[attack],
    )
}

/// All sample pages by name.
pub fn pages() -> Vec<(&'static str, String)> {
    let (acks1, clean, big) = (acks1(), clean(), big::big());
    vec![
        ("acks1", page(&acks1, &verdicts::acks1(&acks1))),
        ("clean", page(&clean, &verdicts::clean(&clean))),
        ("unknown", page(&clean, &verdicts::unknown(&clean))),
        ("hostile", hostile_page()),
        ("big", page(&big, &verdicts::clean(&big))),
        ("list-append", cycles::page(&cycles::list_append())),
        ("kafka-elsewhere", cycles::page(&cycles::kafka())),
        ("serializable", cycles::page(&cycles::serializable())),
        ("hostile-elsewhere", hostile::verdict_page()),
    ]
}
