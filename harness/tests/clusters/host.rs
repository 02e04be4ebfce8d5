//! A cluster of plain processes, without a sandbox.

use crate::support::Bench;
use crate::trial::{Trial, every_fault_bit};

const PLAN: &str = r#"
name = "plain"
[[topics]]
name = "log"
partitions = 2
[workload.log]
producers = 2
consumers = 1
rate = 100
[[nemesis.steps]]
at = "0s"
lasts = "2s"
fault = { kill = { target = "leader", key = 0 } }
"#;

const CUT: &str = r#"
[[nemesis.steps]]
at = "5s"
lasts = "1s"
fault = { partition = { target = "leader", key = 0 } }
"#;

fn trial(plan: &str) -> Trial {
    let bench = Bench::new();
    std::fs::write(bench.path().join("plan.toml"), plan).expect("writable");
    Trial::in_bench(bench, "plan.toml", &["--seed", "1", "--env", "host"])
}

#[test]
#[ignore = "brings up a real cluster"]
fn plain_processes_hold_a_cluster() {
    let trial = trial(PLAN);
    trial.verdict(0);
    every_fault_bit(&trial, &["kill"]);
    assert!(trial.ran.err.contains("--env host"), "{}", trial.ran.err);
    assert!(trial.file("made-of.json").contains("\"environment\""));
}

#[test]
#[ignore = "brings up a real cluster"]
fn one_node_is_given_what_the_others_are_not() {
    let own = "[node.n2]\njvm = [\"-Xlog:gc:file=logs/gc.log\"]\n[node.n2.properties]\n\"num.io.threads\" = \"3\"\n";
    let trial = trial(&format!("{PLAN}{own}"));
    trial.verdict(0);
    assert!(!trial.file("nodes/n2/logs/gc.log").is_empty());
    let properties = |node| trial.file(&format!("nodes/{node}/config/server.properties"));
    assert!(properties("n2").contains("num.io.threads=3"));
    assert!(!properties("n1").contains("num.io.threads"));
    assert!(!trial.bench.path().join("run/nodes/n1/logs/gc.log").exists());
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_plain_processes_cannot_do_is_skipped_by_name() {
    let trial = trial(&format!("{PLAN}{CUT}"));
    trial.verdict(3);
    assert!(trial.ran.err.contains("partition"), "{}", trial.ran.err);
    assert!(trial.file("history.jsonl").contains("skipped"));
}
