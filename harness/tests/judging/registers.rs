//! Histories of transactions on registers.

use crate::{concurrent, edn, rule, serial};

#[test]
fn a_register_read_that_its_own_write_contradicts_is_internal() {
    let history = serial(&["[[:w :x 1] [:r :x 2]]", "[[:w :x 2]]"]);
    let said = edn(&history, &["--consistency", "serializable"]);
    assert_eq!(said.model, "rw-register");
    assert!(said.anomalies.contains(&"internal".to_owned()), "{:#}", said.json);
}

#[test]
fn registers_that_read_each_others_writes_are_circular() {
    let history = concurrent(&["[[:w :x 1] [:r :y 1]]", "[[:w :y 1] [:r :x 1]]"]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert_eq!(said.anomalies, ["G1c"], "{:#}", said.json);
}

const SERIALIZABLE: &[&str] = &["--consistency", "serializable"];

#[test]
fn the_initial_state_is_nil() {
    rule(&concurrent(&["[[:w 1 1]]", "[[:r 1 nil]]"]), &[], "");
    let stale = serial(&["[[:w 1 1]]", "[[:r 1 nil]]"]);
    rule(&stale, &[], "G-single-item-realtime cyclic-versions");
    rule(&stale, SERIALIZABLE, "");
}

#[test]
fn a_write_of_unknown_outcome_happened_where_it_was_read() {
    rule(
        &serial(&["info [[:w 1 1]]", "[[:r 1 nil]]", "[[:r 1 1]]"]),
        &[],
        "",
    );
    rule(&serial(&["info [[:w 1 1]]", "[[:w 1 2]]", "[[:r 1 2]]"]), &[], "");
    rule(
        &concurrent(&["info [[:w 1 1] [:r 2 1]]", "[[:w 2 1] [:r 1 1]]"]),
        &[],
        "G1c",
    );
    let said = edn(
        &concurrent(&["info [[:w 1 1] [:w 2 1]]", "[[:r 1 nil] [:r 2 1]]"]),
        &[],
    );
    assert_eq!(said.anomalies, ["G-single-item"]);
    // No order of clients is needed for that.
    assert_eq!(said.json["stats"]["not"][0], "consistent-view", "{:#}", said.json);
}

#[test]
fn only_the_last_write_of_a_transaction_is_a_version() {
    rule(
        &concurrent(&["[[:w 1 1] [:w 1 2]]", "[[:r 1 1]]"]),
        SERIALIZABLE,
        "G1b",
    );
    rule(&serial(&["[[:w 1 1] [:r 1 1] [:w 1 2]]", "[[:r 1 2]]"]), &[], "");
}

#[test]
fn what_failed_is_not_read() {
    let history = serial(&["fail [[:w 1 1]]", "[[:r 1 1]]", "[[:r 2 nil]]"]);
    rule(&history, &[], "G1a");
}

#[test]
fn a_transaction_agrees_with_itself() {
    rule(
        &concurrent(&["[[:r 1 1] [:r 1 2]]", "[[:w 1 2]]", "[[:w 1 1]]"]),
        &[],
        "internal",
    );
    rule(
        &concurrent(&["[[:w 1 1] [:r 1 nil]]", "[[:r 1 1]]"]),
        &[],
        "internal",
    );
}

#[test]
fn a_value_comes_from_one_write() {
    rule(
        &serial(&["[[:w 1 1]]", "[[:r 1 9]]", "[[:r 1 1]]"]),
        &[],
        "garbage-read",
    );
    let twice = concurrent(&["[[:w 1 1]]", "[[:w 1 1]]", "[[:w 2 5] [:r 1 1]]", "[[:r 2 5]]"]);
    rule(&twice, &[], "? duplicate-appends");
}

#[test]
fn updates_are_lost_where_two_began_from_one_version() {
    let first = "[[:w 1 1]]";
    let both = [first, "[[:r 1 1] [:w 1 2]]", "[[:r 1 1] [:w 1 3]]"];
    rule(&concurrent(&both), SERIALIZABLE, "G2-item lost-update");
    let initial = ["[[:r 1 nil] [:w 1 2]]", "[[:r 1 nil] [:w 1 3]]"];
    rule(&concurrent(&initial), SERIALIZABLE, "G2-item lost-update");
}

#[test]
fn versions_do_not_come_back() {
    let within = concurrent(&["[[:r 1 1] [:w 1 2]]", "[[:r 1 2] [:w 1 1]]"]);
    rule(&within, SERIALIZABLE, "G1c cyclic-versions");
    let in_time = serial(&["[[:w 1 1]]", "[[:w 1 2]]", "[[:r 1 1]]"]);
    rule(&in_time, &[], "cyclic-versions");
    rule(&in_time, SERIALIZABLE, "");
}
