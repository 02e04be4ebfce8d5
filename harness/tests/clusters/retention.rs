//! The workload `retention`: valid where brokers remove what they may, and caught where they remove more.

use serde_json::Value;

use crate::trial::Trial;

/// What a check said.
fn reasons(verdict: &Value, name: &str) -> String {
    let checks = verdict["checks"].as_array().expect("a list of checks");
    let check = checks.iter().find(|check| check["name"] == name);
    check.expect("the check ran")["reasons"].to_string()
}

#[test]
#[ignore = "brings up a real cluster"]
fn records_go_by_their_age_and_not_before() {
    let verdict = Trial::of("retention", &["--seed", "1"]).verdict(0);
    let said = reasons(&verdict, "retention");
    assert!(said.contains("removed by the brokers themselves"), "{said}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn of_each_key_the_last_record_stays() {
    let verdict = Trial::of("compaction", &["--seed", "1"]).verdict(0);
    let said = reasons(&verdict, "retention");
    assert!(said.contains("removed by the brokers themselves"), "{said}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn records_that_go_before_their_promised_age_are_lost() {
    let verdict = Trial::of("controls/retention-short", &["--seed", "1"]).verdict(1);
    assert!(
        verdict["anomalies"]["lost-write"]["count"].as_u64() > Some(0),
        "{verdict:#}"
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn tombstones_that_go_before_their_time_are_missed() {
    let verdict = Trial::of("controls/compaction-tombstones", &["--seed", "1"]).verdict(1);
    assert!(
        verdict["anomalies"]["lost-write"]["count"].as_u64() > Some(0),
        "{verdict:#}"
    );
}
