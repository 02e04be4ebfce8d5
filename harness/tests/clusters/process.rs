//! Faults of processes on a real cluster.

use serde_json::Value;

use crate::trial::{Trial, events, every_fault_bit};

/// Every fault of `plans/faults/process.toml`.
const KINDS: [&str; 10] = [
    "kill",
    "pause",
    "freeze",
    "starve",
    "terminate",
    "rolling-restart",
    "restart",
    "crash-loop",
    "kill-recovering",
    "wipe",
];

/// What the history says of each fault of a kind that was healed.
fn evidence(history: &str, kind: &str) -> String {
    let found = events(history, "fault").into_iter().find_map(|line| {
        let event: Value = serde_json::from_str(line).expect("a line of JSON");
        let fault = &event["fault"];
        let text = fault["step"]["healed"]["evidence"].as_str()?;
        (fault["kind"] == kind).then(|| text.to_owned())
    });
    found.unwrap_or_else(|| panic!("no {kind} was healed"))
}

/// How often the history says that a node's process was started.
fn starts(history: &str) -> usize {
    let nodes = events(history, "node");
    nodes.iter().filter(|line| line.contains("\"started\"")).count()
}

#[test]
#[ignore = "brings up a real cluster"]
fn every_fault_of_processes_bites_and_loses_nothing() {
    let trial = Trial::of("faults/process", &["--seed", "1"]);
    trial.verdict(0);
    let history = trial.file("history.jsonl");
    // Where there are no control groups, freezing is skipped by name.
    let skipped = history.contains("lacks the power `freeze`");
    let kinds: Vec<_> = KINDS
        .into_iter()
        .filter(|kind| *kind != "freeze" || !skipped)
        .collect();
    every_fault_bit(&trial, &kinds);
    for (kind, effect) in [
        ("kill", "killed by signal 9"),
        ("pause", "in state T, no answer in 500 ms"),
        ("starve", " of a CPU, and "),
        ("terminate", "exited with status 143, down for 0."),
        ("rolling-restart", "in every ISR again: 1 after "),
        ("restart", "served again after "),
        ("crash-loop", "killed by signal 9 ("),
        ("kill-recovering", "1 of 1 times while it recovered its logs"),
        ("wipe", " lost "),
    ] {
        let evidence = evidence(&history, kind);
        assert!(evidence.contains(effect), "{kind}: {evidence}");
    }
    assert!(
        starts(&history) >= 12,
        "3 at first, and each end was followed by a start"
    );
}
