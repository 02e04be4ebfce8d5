//! Clusters with `ZooKeeper`: the same plans come out the same, its own faults bite, and what it holds is in the history.

use crate::support::Bench;
use crate::trial::{Trial, events, every_fault_bit};

/// Runs a plan, unchanged, in this shape.
fn of(plan: &str, seed: &str, broker: &str) -> Trial {
    Trial::of(
        plan,
        &["--seed", seed, "--broker", broker, "--shape", "zookeeper"],
    )
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_leader_cut_from_its_peers_and_from_zookeeper_is_caught_and_told() {
    let trial = of("controls/acks1", "2", "kafka-3.9.2");
    let verdict = trial.verdict(1);
    let lost = &verdict["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
    let story = lost["cases"][0]["story"].to_string();
    assert!(
        story.contains("acknowledged") && !story.contains("ELR"),
        "{story}"
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn sessions_end_and_nodes_of_zookeeper_are_lost_and_nothing_is() {
    let trial = Trial::of("faults/zookeeper", &["--seed", "3"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["session-expiry", "kill", "pause", "partition"]);
    let history = trial.file("history.jsonl");
    let faults = events(&history, "fault").join("\n");
    let registered = faults.matches("and it was registered by session 0x");
    assert_eq!(registered.count(), 2, "{faults}");
    let held = events(&history, "observed");
    let held = |text: &str| {
        held.iter()
            .any(|line| line.contains("\"zookeeper\":") && line.contains(text))
    };
    assert!(held("\"leads\":true") && held("\"controller\":") && held("\"claims\":[{"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn one_zookeeper_and_the_oldest_version() {
    let bench = Bench::new();
    bench.file(
        "plan.toml",
        r#"name = "one-zookeeper"
broker = "kafka-2.8.2"
shape = "zookeeper"
zookeepers = 1

[limits]
minimum-acknowledged = 50
recover = "3s"

[[topics]]
name = "log"
partitions = 2

[workload.log]
producers = 1
consumers = 1
rate = 100

[[nemesis.steps]]
at = "0s"
lasts = "3s"
fault = { kill = { target = "controller" } }
"#,
    );
    let trial = Trial::in_bench(bench, "plan.toml", &["--seed", "4"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["kill"]);
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_cluster_is_moved_to_controllers_with_faults_in_each_phase_and_nothing_is_lost() {
    let trial = Trial::of("migration", &["--seed", "5"]);
    trial.verdict(0);
    every_fault_bit(
        &trial,
        &["migrate", "session-expiry", "kill", "pause", "partition"],
    );
    let history = trial.file("history.jsonl");
    let faults = events(&history, "fault").join("\n");
    for shown in [
        "leads their quorum in term",
        "ZooKeeper holds that node",
        "restarted without ZooKeeper, and say what the quorum has finalised",
        "leads the quorum in term",
    ] {
        assert_eq!(faults.matches(shown).count(), 1, "{shown}: {faults}");
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_is_lost_while_both_are_written_is_caught() {
    let bench = Bench::new();
    bench.file(
        "plan.toml",
        r#"name = "migration-acks1"
broker = "kafka-3.9.2"
shape = "zookeeper"
zookeepers = 1
controllers = 1

[limits]
minimum-acknowledged = 500
recover = "3s"

[[topics]]
name = "log"
partitions = 1
replication-factor = 3
min-insync-replicas = 2

[workload.log]
producers = 3
consumers = 1
rate = 300
acks = "1"
idempotence = false

[[nemesis.steps]]
name = "both"
at = "0s"
lasts = "1s"
fault = { migrate = { to = "dual-write", between = "0s" } }

[[nemesis.steps]]
lasts = "5s"
when = { after = { step = "both", delay = "2s" }, timeout = "120s" }
fault = { partition = { shape = "leader", key = 0 } }
"#,
    );
    let trial = Trial::in_bench(bench, "plan.toml", &["--seed", "6"]);
    let verdict = trial.verdict(1);
    let lost = &verdict["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
    every_fault_bit(&trial, &["migrate", "partition"]);
}
