//! Consumers that their group gives partitions to, and clusters of other sizes than three, on real clusters.

use crate::trial::{Trial, events, every_fault_bit};

/// The polls of a history that came with a rebalance.
fn rebalances(history: &str) -> usize {
    let polls = events(history, "ok").into_iter();
    polls.filter(|line| line.contains("\"rebalanced\":[")).count()
}

#[test]
#[ignore = "brings up a real cluster"]
fn members_of_a_group_lose_nothing_and_skip_nothing() {
    let trial = Trial::of("subscribe", &["--seed", "1", "--time-limit", "15s"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["kill", "partition", "pause"]);
    let history = trial.file("history.jsonl");
    let subscribed = events(&history, "ok").into_iter();
    let subscribed = subscribed.filter(|line| line.contains("{\"subscribe\":{\"keys\":[0,1,2,3]}}"));
    assert!(
        subscribed.count() >= 3,
        "each of three members, and again after each crash"
    );
    assert!(rebalances(&history) >= 3, "each of three members got something");
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_quick_plan_passes_on_five_nodes() {
    let trial = Trial::of("quick", &["--seed", "1", "--nodes", "5", "--time-limit", "20s"]);
    trial.verdict(0);
    let started = events(&trial.file("history.jsonl"), "node")
        .iter()
        .filter(|line| line.contains("\"node\":5,"))
        .count();
    assert!(started >= 1, "the fifth node was started");
    assert!(trial.file("resolved.toml").contains("nodes = 5"));
}
