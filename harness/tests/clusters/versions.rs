//! Other versions of Kafka, and the way from one to another.

use serde_json::Value;

use crate::trial::{Trial, events, every_fault_bit};

/// The evidence of the faults of a kind that bit.
fn evidence(trial: &Trial, kind: &str) -> Vec<String> {
    let history = trial.file("history.jsonl");
    let faults: Vec<Value> = events(&history, "fault")
        .iter()
        .map(|line| serde_json::from_str(line).expect("a line of a history"))
        .collect();
    faults
        .iter()
        .filter(|event| event["fault"]["kind"] == kind)
        .filter_map(|event| event["fault"]["step"]["healed"]["evidence"].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_upgrade_under_load_loses_nothing_and_is_finalised() {
    let trial = Trial::of("upgrade", &["--seed", "6"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["rolling-upgrade"]);
    let shown = evidence(&trial, "rolling-upgrade").join("\n");
    for node in 1..=3 {
        let change = format!("node {node} from 3.9.2 to 4.4.0 (metadata.version up to 21, then 33)");
        assert!(shown.contains(&change), "{shown}");
    }
    assert!(shown.contains("metadata.version from 21 to 33"), "{shown}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn there_is_a_way_back_as_long_as_nothing_is_finalised() {
    let trial = Trial::of("faults/versions", &["--seed", "7"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["rolling-upgrade", "rolling-downgrade"]);
    let shown = evidence(&trial, "rolling-downgrade").join("\n");
    assert!(
        shown.contains("from 4.4.0 to 3.9.2 (metadata.version up to 33, then 21)"),
        "{shown}"
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn voters_go_and_come_again_the_active_controller_among_them() {
    let trial = Trial::of("faults/voters", &["--seed", "8"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["voters"]);
    let shown = evidence(&trial, "voters");
    // Whoever the seed drew.
    let left = |removed: u32| [1, 2, 3].into_iter().filter(move |node| *node != removed);
    let without = |removed: u32| {
        let left: Vec<String> = left(removed).map(|node| node.to_string()).collect();
        format!("without node {removed}: voters {}, led by", left.join(", "))
    };
    assert!(
        (1..=3).any(|removed| shown[0].contains(&without(removed))),
        "{shown:?}"
    );
    assert!(shown[1].contains("; then voters 1, 2, 3, led by"), "{shown:?}");
    let terms: Vec<u32> = shown[1]
        .split("in term ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next()?.parse().ok())
        .collect();
    assert!(
        terms.len() == 3 && terms[1] > terms[0],
        "another leader: {shown:?}"
    );
}
