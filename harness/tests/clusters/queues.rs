//! The workload `queue`: valid where it has to be, and caught where it cannot be.

use crate::trial::{Trial, events};

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_share_group_accepted_never_comes_again() {
    let trial = Trial::of("queue", &["--seed", "1"]);
    trial.verdict(0);
    let history = trial.file("history.jsonl");
    let ok = events(&history, "ok").join("\n");
    for fate in ["accept", "release", "reject"] {
        let confirmed = format!("\"{fate}\",true]");
        assert!(ok.contains(&confirmed), "nothing was confirmed: {fate}");
    }
    let unknown = events(&history, "info").join("\n");
    assert!(unknown.contains("the client crashed"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_share_group_forgets_is_caught() {
    let trial = Trial::of("controls/queue-power-loss", &["--seed", "1"]);
    let verdict = trial.verdict(1);
    let found = &verdict["anomalies"]["redelivered"];
    assert!(found["count"].as_u64() > Some(0), "{verdict:#}");
}
