//! How long clients could not write or read, measured by the prober on outages whose length is known.

use serde_json::Value;

use crate::short_plan;
use crate::support::Bench;
use crate::trial::{Trial, every_fault_bit};

/// The scripted outage, and how far a measurement may be off, in nanoseconds.
const OUTAGE: f64 = 10e9;
const OFF_BY: f64 = 0.2e9;

fn trial_of(fault: &str, more: &str) -> Trial {
    let steps = format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"10s\"\nfault = {{ {fault} }}\n{more}");
    // The name of the plan comes first, its tables after it.
    let bench = Bench::new();
    // A broker that has just started takes half a second for a write, and so much more the outage would last.
    let plan = short_plan("")
        .replace("steady = \"2s\"", "steady = \"8s\"")
        .replace("recover = \"1s\"", "recover = \"5s\"")
        + &steps;
    bench.file("plan.toml", &plan);
    Trial::in_bench(bench, "plan.toml", &["--seed", "1"])
}

/// What the verdict says of each partition: `write-outage` and `read-outage`, in nanoseconds.
fn outages(verdict: &Value, name: &str) -> Vec<f64> {
    let rows = verdict["availability"]["outages"].as_array();
    let rows = rows.unwrap_or_else(|| panic!("nothing was measured: {}", verdict["availability"]));
    rows.iter()
        .map(|row| row[name].as_f64().unwrap_or_else(|| panic!("no {name}: {row}")))
        .collect()
}

/// Every partition was unavailable for as long as the fault was in force, by the nemesis's own times.
fn check(trial: &Trial, verdict: &Value) {
    let history = trial.file("history.jsonl");
    let force = in_force(&history);
    assert!(
        (force - OUTAGE).abs() < OFF_BY,
        "the fault itself was in force for {force} ns"
    );
    for name in ["write-outage", "read-outage"] {
        let outages = outages(verdict, name);
        assert_eq!(outages.len(), 2, "two partitions");
        for outage in outages {
            assert!(
                (outage - OUTAGE).abs() <= OFF_BY,
                "{name}: {outage} ns of {OUTAGE}"
            );
        }
    }
}

/// From when the fault was injected to when it was begun to be healed.
fn in_force(history: &str) -> f64 {
    let time = |step: &str| {
        let line = history
            .lines()
            .find(|line| line.contains("\"fault\":") && line.contains(step))
            .unwrap_or_else(|| panic!("no {step}"));
        let event: Value = serde_json::from_str(line).expect("an event");
        event["time"].as_f64().expect("a time")
    };
    time("\"healing\"") - time("\"injected\"")
}

#[test]
#[ignore = "brings up a real cluster"]
fn ten_seconds_without_a_way_to_the_brokers_are_measured_as_ten() {
    let trial = trial_of("partition = { shape = \"clients\", clients = false }", "");
    let verdict = trial.verdict(0);
    every_fault_bit(&trial, &["partition"]);
    check(&trial, &verdict);
}

#[test]
#[ignore = "brings up a real cluster"]
fn frozen_brokers_are_away_for_as_long_as_they_are_frozen() {
    let trial = trial_of("pause = { target = \"all\" }", "");
    let verdict = trial.verdict(0);
    every_fault_bit(&trial, &["pause"]);
    // They need some time to find each other again, the controllers first.
    for name in ["write-outage", "read-outage"] {
        for outage in outages(&verdict, name) {
            assert!(
                (OUTAGE - OFF_BY..2.0 * OUTAGE).contains(&outage),
                "{name}: {outage} ns"
            );
        }
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_outage_beyond_the_limit_of_the_plan_fails_the_run() {
    let limits = "[limits.availability]\nwrite-outage = \"1s\"\nfull-isr = \"100ms\"\n";
    let trial = trial_of("kill = { target = \"leader\", key = 0 }", limits);
    let verdict = trial.verdict(1);
    let found = &verdict["anomalies"]["unavailable-too-long"];
    assert!(found["count"].as_u64() >= Some(1), "{}", verdict["anomalies"]);
    let story = found["cases"][0]["story"].to_string();
    assert!(story.contains("could not be written with acks=all"), "{story}");
}
