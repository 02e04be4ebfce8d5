//! The same plan with clients of other libraries, which drivers hold: the same verdicts.
//!
//! Python's are skipped where `TRIBUNAL_PYTHON`, or `python3`, has no confluent-kafka.

use std::process::Command;

use crate::support::Bench;
use crate::trial::{Trial, events};

/// A broker is killed, and the one that leads next is paused: nothing may be lost.
const PLAN: &str = r#"
name = "clients"

[limits]
minimum-acknowledged = 1000
steady = "4s"

[[topics]]
name = "log"
partitions = 3
replication-factor = 3
min-insync-replicas = 2

[workload.log]
producers = 3
consumers = 2
rate = 300

[[nemesis.steps]]
at = "0s"
lasts = "4s"
fault = { kill = { target = "leader" } }

[[nemesis.steps]]
at = "6s"
lasts = "4s"
fault = { pause = { target = "leader" } }
"#;

/// Runs it in that directory's `run` with these clients.
fn trial(client: &str) -> Trial {
    let bench = Bench::new();
    bench.file("clients.toml", PLAN);
    Trial::in_bench(bench, "clients.toml", &["--seed", "1", "--client", client])
}

/// The Python that has confluent-kafka, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("TRIBUNAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python)
        .args(["-c", "import confluent_kafka"])
        .output();
    let has_it = tried.is_ok_and(|tried| tried.status.success());
    if !has_it {
        eprintln!("skipped: {python} has no confluent-kafka (docs/drivers.md says how to get it)");
    }
    has_it.then_some(python)
}

#[test]
#[ignore = "brings up real clusters"]
fn librdkafka_and_apaches_client_lose_nothing_and_are_compared() {
    let base = trial("librdkafka");
    base.verdict(0);
    let here = trial("java");
    here.verdict(0);
    assert!(here.file("history.jsonl").contains(r#""client":"java:4.4.0""#));
    assert!(
        here.file("made-of.json")
            .contains("kafka-clients 4.4.0 (java:4.4.0)")
    );
    assert!(here.file("resolved.toml").contains("client = \"java:4.4.0\""));
    let runs = [&base, &here].map(|trial| trial.bench.path().join("run").display().to_string());
    let compared = base.bench.run(&["compare", &runs[0], &runs[1]]);
    let said = compared.out + &compared.err;
    for part in [
        "client: java:4.4.0 here",
        "records that were written twice",
        "writes out of their order",
        "longest time until a write ended",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn apaches_client_with_one_acknowledgement_loses_writes_too() {
    let trial = Trial::of("controls/acks1", &["--seed", "1", "--client", "java"]);
    let verdict = trial.verdict(1);
    assert!(verdict["anomalies"]["lost-write"]["count"].as_u64() > Some(0));
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_older_client_speaks_to_a_newer_broker_in_transactions() {
    let trial = Trial::of(
        "txn",
        &["--seed", "1", "--client", "java:3.9.2", "--time-limit", "15s"],
    );
    trial.verdict(0);
    let aborted = events(&trial.file("history.jsonl"), "fail").join("\n");
    assert!(aborted.contains("on purpose; aborted"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn python_loses_nothing() {
    if python().is_some() {
        trial("python").verdict(0);
    }
}

/// The driver of the guide, which is killed every fifteen seconds.
#[test]
#[ignore = "brings up a real cluster"]
fn a_driver_that_dies_again_and_again_spoils_no_verdict() {
    let Some(python) = python() else { return };
    let small = concat!(env!("CARGO_MANIFEST_DIR"), "/../drivers/python/small.py");
    let trial = trial(&format!("exec:timeout -s KILL 9 {python} {small}"));
    trial.verdict(0);
    let unknown = events(&trial.file("history.jsonl"), "info").join("\n");
    assert!(
        unknown.contains("the driver was ended: it ended by itself"),
        "{unknown}"
    );
    assert!(
        trial
            .file("clients.log")
            .contains("confluent-kafka small is at work")
    );
}

#[test]
#[ignore = "starts a JVM"]
fn what_a_client_cannot_do_is_refused_before_anything_starts() {
    let bench = Bench::new();
    let refused = |client: &str, code, part: &str| {
        let ran = bench.run(&["run", "txn", "--client", client, "--out", "run"]);
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        assert!(ran.err.contains(part), "{}", ran.err);
        assert!(!bench.path().join("run").exists());
    };
    let small = concat!(env!("CARGO_MANIFEST_DIR"), "/../drivers/python/small.py");
    if let Some(python) = python() {
        let lacks = "cannot do what the workload txn needs: transactions";
        refused(&format!("exec:{python} {small}"), 4, lacks);
    }
    refused("exec:no-such-driver", 4, "there is no program `no-such-driver`");
    refused("exec:sh -c exit", 4, "the driver was ended: it ended by itself");
    refused("java:1.1.0", 2, "too old to be driven");
}
