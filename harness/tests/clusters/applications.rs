//! Workloads that are applications: valid where they have to be, and caught where they cannot be.

use crate::trial::{Trial, events};

/// The plan is caught, with findings of that name.
fn caught(plan: &str, anomaly: &str) {
    let trial = Trial::of(plan, &["--seed", "1"]);
    let verdict = trial.verdict(1);
    let found = &verdict["anomalies"][anomaly];
    assert!(found["count"].as_u64() > Some(0), "{verdict:#}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_group_reads_everything_whatever_happens_to_brokers_and_members() {
    let trial = Trial::of("group", &["--seed", "1", "--time-limit", "12s"]);
    trial.verdict(0);
    let history = trial.file("history.jsonl");
    let done = events(&history, "ok").join("\n");
    for what in [
        "{\"rebalance\":{\"change\":\"given\"",
        "{\"commit\":",
        "{\"committed\":",
    ] {
        assert!(done.contains(what), "no {what}");
    }
    let unknown = events(&history, "info").join("\n");
    assert!(unknown.contains("the client crashed"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn so_does_a_group_whose_brokers_decide_who_reads_what() {
    let trial = Trial::of("group-consumer", &["--seed", "1", "--time-limit", "12s"]);
    trial.verdict(0);
    let done = events(&trial.file("history.jsonl"), "ok").join("\n");
    let given = done.matches("{\"rebalance\":{\"change\":\"given\"").count();
    assert!(given >= 3, "{given} times partitions were given");
}

#[test]
#[ignore = "brings up a real cluster"]
fn members_that_commit_what_they_have_not_read_are_caught() {
    caught("controls/group-commit-first", "skipped-record");
}

#[test]
#[ignore = "brings up a real cluster"]
fn each_record_becomes_one_whatever_happens_to_brokers_and_workers() {
    let trial = Trial::of("eos", &["--seed", "1", "--time-limit", "12s"]);
    trial.verdict(0);
    let history = trial.file("history.jsonl");
    let unknown = events(&history, "info").join("\n");
    assert!(unknown.contains("the worker crashed"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn workers_that_commit_apart_from_what_they_write_are_caught() {
    caught("controls/eos-offsets-apart", "processed-twice");
}

#[test]
#[ignore = "brings up a real cluster"]
fn no_money_is_made_or_lost_in_transactions() {
    let trial = Trial::of("bank", &["--seed", "1", "--time-limit", "12s"]);
    trial.verdict(0);
}

#[test]
#[ignore = "brings up a real cluster"]
fn half_of_a_transfer_is_caught() {
    caught("controls/bank-no-transactions", "total-changed");
}

#[test]
#[ignore = "brings up a real cluster"]
fn nothing_is_there_twice_or_out_of_order_with_idempotent_producers() {
    Trial::of("idempotence", &["--seed", "1", "--time-limit", "12s"]).verdict(0);
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_is_written_twice_is_caught() {
    caught("controls/idempotence-off", "duplicate");
}

#[test]
#[ignore = "brings up a real cluster"]
fn times_are_those_of_the_writing_whatever_happens_to_clocks() {
    let trial = Trial::of("timestamps", &["--seed", "1", "--time-limit", "15s"]);
    trial.verdict(0);
    let done = events(&trial.file("history.jsonl"), "ok").join("\n");
    for what in [
        "{\"times\":{\"look-up\":",
        "{\"times\":{\"read\":",
        "{\"times\":{\"clock\":",
    ] {
        assert!(done.contains(what), "no {what}");
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_clock_that_is_further_off_than_promised_is_caught() {
    caught("controls/timestamps-skew", "wrong-time");
}
