//! The checks, put to the test: histories as text, what must be found in them, and what must not.

mod aftermath;
mod applications;
mod availability;
mod bounds;
mod contents;
mod controllers;
mod cycles;
mod deletions;
mod disks;
mod dsl;
mod effect;
mod foreign;
mod hanging;
mod jepsen;
mod leadership;
mod list;
mod liveness;
mod log;
mod metrics;
mod models;
mod objects;
mod order;
mod properties;
mod queue;
mod ranges;
mod reference;
mod replicas;
mod retention;
mod simulation;
mod stories;
mod timeline;
mod transactions;
mod wellformed;

use std::fmt::Write as _;

use checkers::{Options, Validity, Verdict};
use history::MemorySource;

/// A verdict in one line: `invalid: lost-write 2 (allowed duplicate 1)`, `unknown: effect log`, `valid`.
fn brief(verdict: &Verdict) -> String {
    let found = |findings: &std::collections::BTreeMap<String, checkers::Findings>| {
        let names = findings
            .iter()
            .map(|(name, found)| format!("{name} {}", found.count));
        names.collect::<Vec<_>>().join(", ")
    };
    let unknown = verdict
        .checks
        .iter()
        .filter(|check| check.valid == Validity::Unknown);
    let unknown: Vec<&str> = unknown.map(|check| check.name.as_str()).collect();
    let mut text = match verdict.valid {
        Validity::Valid => "valid".to_owned(),
        Validity::Unknown => format!("unknown: {}", unknown.join(" ")),
        Validity::Invalid => format!("invalid: {}", found(&verdict.anomalies)),
    };
    if !verdict.allowed.is_empty() {
        write!(text, " (allowed {})", found(&verdict.allowed)).expect("a string takes all");
    }
    text
}

/// Histories to judge: (what it shows, history, verdict in brief).
type Rows<'a> = &'a [(&'a str, &'a str, &'a str)];

/// Judges a history by these options.
fn judge(history: &history::History, options: &Options) -> Verdict {
    let judged = checkers::check(&mut MemorySource::new(history), options);
    judged.expect("it is in memory")
}

/// Judges each history of a table and compares.
fn table(rows: Rows) {
    table_by(&Options::default(), rows);
}

/// The same of histories of which a table holds the lines that differ, and `run` the rest.
fn table_in(run: impl Fn(&str) -> String, rows: Rows) {
    let texts: Vec<String> = rows.iter().map(|row| run(row.1)).collect();
    let rows = rows.iter().zip(&texts);
    let rows: Vec<_> = rows.map(|(row, text)| (row.0, text.as_str(), row.2)).collect();
    table(&rows);
}

/// The same as [`table`], by these options.
fn table_by(options: &Options, rows: Rows) {
    let mut wrong = String::new();
    for (title, text, expected) in rows {
        let verdict = judge(&dsl::history(text), options);
        let found = brief(&verdict);
        if found != *expected {
            write!(
                wrong,
                "\n{title}\n  expected {expected}\n  found    {found}\n{verdict:#?}\n"
            )
            .expect("a string takes all");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// All that a verdict says in sentences.
fn told(verdict: &Verdict) -> String {
    let mut text = format!("{}\n", verdict.summary);
    for check in verdict.checks.iter().filter(|check| !check.reasons.is_empty()) {
        writeln!(text, "[{}] {}", check.name, check.reasons.join("\n  ")).expect("a string takes all");
    }
    for (name, findings) in &verdict.anomalies {
        for case in &findings.cases {
            writeln!(text, "{name}:\n  {}", case.story.join("\n  ")).expect("a string takes all");
        }
    }
    text
}
