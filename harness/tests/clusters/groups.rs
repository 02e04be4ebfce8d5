//! Consumers that their group gives partitions to, and clusters of other sizes than three, on real clusters.

use crate::support::Bench;
use crate::trial::{Trial, events, every_fault_bit};

/// The polls of a history that came with a rebalance.
fn rebalances(history: &str) -> usize {
    let polls = events(history, "ok").into_iter();
    polls.filter(|line| line.contains("\"rebalanced\":[")).count()
}

#[test]
#[ignore = "brings up a real cluster"]
fn members_of_a_group_lose_nothing_and_skip_nothing() {
    let trial = Trial::of("subscribe", &["--seed", "1"]);
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
fn the_brokers_own_protocol_gives_partitions_too() {
    let bench = Bench::new();
    // The members get their partitions before anything is wrong: the first fault cuts a node off which may be the group's
    // coordinator, and who has joined until then is a matter of chance.
    let plan = include_str!("../../../plans/subscribe.toml")
        .replace("group-protocol = \"classic\"", "group-protocol = \"consumer\"")
        .replace("[limits]\n", "[limits]\nsteady = \"20s\"\n")
        .replace("\"25s\"", "\"12s\"");
    // A partition passes from one member to another in heartbeats of both, for which brokers have them wait 5 s. Much shorter ones
    // are given up on a slow machine before they are answered.
    let heartbeats = "\n[properties]\n\"group.consumer.heartbeat.interval.ms\" = \"2000\"\n\
                      \"group.consumer.min.heartbeat.interval.ms\" = \"2000\"\n";
    bench.file("plan.toml", plan + heartbeats);
    let trial = Trial::in_bench(bench, "plan.toml", &["--seed", "1"]);
    trial.verdict(0);
    let count = rebalances(&trial.file("history.jsonl"));
    assert!(count >= 3, "{count} polls came with a rebalance");
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
