//! The workloads on lists and registers: valid where they have to be, and caught where they cannot be.

use crate::trial::{Trial, events};

#[test]
#[ignore = "brings up a real cluster"]
fn lists_are_strictly_serializable_whatever_happens_to_brokers() {
    let trial = Trial::of("list-append", &["--seed", "1"]);
    let verdict = trial.verdict(0);
    assert_eq!(verdict["model"], "list-append");
    assert!(verdict["stats"]["read"].as_u64() > Some(200), "{verdict:#}");
    // What any run is held to is held against this one, too.
    let checks = verdict["checks"].as_array().expect("a list of checks");
    for name in ["txn", "effect", "leadership", "replicas", "availability"] {
        assert!(checks.iter().any(|check| check["name"] == name), "no {name}");
    }
    let read = events(&trial.file("history.jsonl"), "ok").join("\n");
    assert!(read.contains("{\"read\":"), "no list was read");
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_append_that_only_a_deposed_leader_had_is_missed() {
    let trial = Trial::of("controls/list-append-acks1", &["--seed", "1"]);
    let verdict = trial.verdict(1);
    let stale = &verdict["anomalies"]["G-single-item-realtime"];
    assert!(stale["count"].as_u64() > Some(0), "{verdict:#}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn registers_outlive_the_cleaner_whatever_happens_to_brokers() {
    let trial = Trial::of("register", &["--seed", "1"]);
    let verdict = trial.verdict(0);
    assert_eq!(verdict["model"], "rw-register");
    let checks = verdict["checks"].as_array().expect("a list of checks");
    let effect = checks.iter().find(|check| check["name"] == "effect");
    let reasons = effect.expect("a check of it")["reasons"].to_string();
    assert!(reasons.contains("the cleaner removed "), "{reasons}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_value_that_only_a_deposed_leader_had_is_missed() {
    let trial = Trial::of("controls/register-acks1", &["--seed", "1"]);
    let verdict = trial.verdict(1);
    let found = verdict["anomalies"].as_object().expect("an object");
    let of_versions = ["cyclic-versions", "G-single-item-realtime"];
    assert!(
        of_versions.iter().any(|name| found.contains_key(*name)),
        "{verdict:#}"
    );
}
