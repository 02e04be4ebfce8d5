//! Schedules on a real cluster: steps that begin when something is seen, and a random mix that keeps to its limits.

use serde_json::Value;

use crate::support::Bench;
use crate::trial::{Trial, events, every_fault_bit};

/// A plan of one partition, whose nemesis follows.
const SMALL: &str = r#"name = "schedules"
[limits]
minimum-acknowledged = 100
steady = "1s"
recover = "1s"
[[topics]]
name = "log"
partitions = 1
[workload.log]
producers = 2
consumers = 1
rate = 200
"#;

/// The events of faults in the history.
fn faults(trial: &Trial) -> Vec<Value> {
    let history = trial.file("history.jsonl");
    let lines = events(&history, "fault").into_iter();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// The sentence with which a kind of fault was injected.
fn detail(trial: &Trial, kind: &str) -> String {
    let of_kind = |event: &&Value| event["fault"]["kind"] == kind && event["fault"]["step"] == "injecting";
    let faults = faults(trial);
    let found = faults
        .iter()
        .find(of_kind)
        .unwrap_or_else(|| panic!("no {kind} in {faults:#?}"));
    found["fault"]["detail"].as_str().expect("words").to_owned()
}

/// How many milliseconds after what it waited for a fault was injected.
fn delay(detail: &str) -> u64 {
    let told = detail
        .rsplit("; ")
        .next()
        .and_then(|told| told.split_once(" ms after "));
    told.and_then(|(delay, _)| delay.parse().ok())
        .unwrap_or_else(|| panic!("no delay in: {detail}"))
}

#[test]
#[ignore = "brings up a real cluster"]
fn steps_begin_when_the_isr_is_one_node_and_within_50_ms_after_an_election() {
    let bench = Bench::new();
    let steps = r#"
[[nemesis.steps]]
name = "alone"
at = "0s"
lasts = "6s"
fault = { shrink-isr = { key = 0 } }

[[nemesis.steps]]
lasts = "3s"
when = { isr-of = { key = 0, at-most = 1 }, timeout = "45s" }
fault = { pause = { target = "leader", key = 0 } }

[[nemesis.steps]]
name = "killed"
lasts = "3s"
when = { after = { step = "alone", delay = "3s" }, timeout = "60s" }
fault = { kill = { target = "leader", key = 0 } }

[[nemesis.steps]]
lasts = "2s"
when = { election = { key = 0, within = "50ms" }, from = "8s", timeout = "60s" }
fault = { partition = { shape = "leader", key = 0 } }
"#;
    bench.file("plan.toml", format!("{SMALL}{steps}"));
    let trial = Trial::in_bench(bench, "plan.toml", &["--seed", "1"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["shrink-isr", "pause", "kill", "partition"]);
    let pause = detail(&trial, "pause");
    assert!(pause.contains("the ISR of log-0 was seen to be ["), "{pause}");
    let partition = detail(&trial, "partition");
    assert!(
        partition.contains("was seen to lead log-0 in epoch"),
        "{partition}"
    );
    assert!(delay(&partition) <= 50, "{partition}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn two_faults_at_a_time_leave_a_majority() {
    let bench = Bench::new();
    let random = r#"
[nemesis.limits]
keep = "majority"
different-nodes = true

[nemesis.random]
duration = "16s"
lasts = ["2s", "4s"]
rest = ["1s", "2s"]
at-most = 2
faults = [
    { pause = { target = "one" }, weight = 2 },
    { partition = { shape = "one-way" } },
    { kill = { target = "one" } },
]
"#;
    bench.file("plan.toml", format!("{SMALL}{random}"));
    let trial = Trial::in_bench(bench, "plan.toml", &["--seed", "3"]);
    trial.verdict(0);
    assert!(trial.file("resolved.toml").contains("keep = \"majority\""));
    let mut down: Vec<u64> = Vec::new();
    for event in faults(&trial) {
        let fault = &event["fault"];
        let takes = &fault["impairs"];
        let id = fault["id"].as_u64().expect("a number");
        if takes["down"].is_array() || takes["apart"].is_array() {
            down.push(id);
        } else if fault["step"]["healed"].is_object() {
            down.retain(|other| *other != id);
        }
        assert!(down.len() <= 1, "two nodes of three are gone: {event}");
    }
}
