//! Histories of transactions on lists.

use crate::{accused, concurrent, edn, op, rule, serial};

#[test]
fn write_skew_is_serializable_to_nobody_and_fine_under_snapshot_isolation() {
    let history = concurrent(&[
        "[[:r :x []] [:append :y 1]]",
        "[[:r :y []] [:append :x 1]]",
        "[[:r :x [1]] [:r :y [1]]]",
    ]);
    let said = edn(&history, &["--consistency", "serializable"]);
    accused(&said, &["G2-item"], &[]);
    assert_eq!(said.model, "list-append");
    accused(
        &edn(&history, &["--consistency", "snapshot-isolation"]),
        &[],
        &["G2-item"],
    );
}

#[test]
fn a_stale_read_breaks_strict_serializability_alone() {
    let history = serial(&["[[:append 1 1]]", "[[:r 1 []]]", "[[:r 1 [1]]]"]);
    let said = edn(&history, &[]);
    assert_eq!(said.valid, "invalid", "{:#}", said.json);
    assert_eq!(said.anomalies, ["G-single-item-realtime"], "{:#}", said.json);
    assert_eq!(edn(&history, &["--consistency", "serializable"]).valid, "valid");
}

#[test]
fn read_skew_is_g_single() {
    let history = concurrent(&[
        "[[:append :x 1] [:append :y 1]]",
        "[[:r :x []] [:r :y [1]]]",
        "[[:r :x [1]]]",
    ]);
    accused(
        &edn(&history, &["--consistency", "snapshot-isolation"]),
        &["G-single-item"],
        &[],
    );
    accused(
        &edn(&history, &["--consistency", "read-committed"]),
        &[],
        &["G-single-item"],
    );
}

#[test]
fn an_aborted_element_that_is_read_is_g1a() {
    let history = op(0, "txn", "[[:append :x 1]]", "fail", "[[:append :x 1]]") + &serial(&["[[:r :x [1]]]"]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert!(said.anomalies.contains(&"G1a".to_owned()), "{:#}", said.json);
    assert_eq!(said.valid, "invalid");
}

#[test]
fn an_intermediate_element_that_ends_a_read_is_g1b() {
    let history = concurrent(&[
        "[[:append :x 1] [:append :x 2]]",
        "[[:r :x [1]]]",
        "[[:r :x [1 2]]]",
    ]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert!(said.anomalies.contains(&"G1b".to_owned()), "{:#}", said.json);
}

#[test]
fn reads_that_extend_no_other_are_incompatible() {
    let history = concurrent(&[
        "[[:append :x 1]]",
        "[[:append :x 2]]",
        "[[:r :x [1 2]]]",
        "[[:r :x [2]]]",
    ]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert!(
        said.anomalies.contains(&"incompatible-order".to_owned()),
        "{:#}",
        said.json
    );
}

#[test]
fn what_may_have_happened_is_there_or_not() {
    rule(&serial(&["info [[:append 1 1]]", "[[:r 1 [1]]]"]), &[], "");
    rule(
        &serial(&["info [[:append 1 1]]", "[[:append 1 2]]", "[[:r 1 [2]]]"]),
        &[],
        "",
    );
    let begun = "{:process 9 :type :invoke :f :txn :value [[:append 1 1]]}\n";
    rule(
        &(begun.to_owned() + &serial(&["[[:r 1 [1]]]", "[[:r 2 []]]"])),
        &[],
        "",
    );
}

#[test]
fn a_read_of_nil_tells_nothing_where_the_outcome_is_unknown() {
    rule(
        &serial(&["[[:append 1 1]]", "info [[:r 1 nil]]", "[[:r 1 [1]]]"]),
        &[],
        "",
    );
}

#[test]
fn what_aborted_can_be_read_anywhere_in_a_list() {
    let history = serial(&["fail [[:append 1 1]]", "[[:append 1 2]]", "[[:r 1 [1 2]]]"]);
    rule(&history, &[], "G1a dirty-update");
    let between = serial(&[
        "fail [[:append 1 1]]",
        "info [[:append 1 3]]",
        "[[:append 1 2]]",
        "[[:r 1 [1 3 2]]]",
    ]);
    rule(&between, &[], "G1a dirty-update");
    let last = serial(&["[[:append 1 2]]", "fail [[:append 1 1]]", "[[:r 1 [2 1]]]"]);
    rule(&last, &[], "G1a");
}

#[test]
fn only_the_last_element_of_a_read_can_be_intermediate() {
    let both = "[[:append 1 1] [:append 1 2]]";
    rule(
        &concurrent(&[both, "[[:r 1 [1]]]"]),
        &["--consistency", "read-committed"],
        "G1b (G-single-item)",
    );
    rule(
        &concurrent(&[both, "[[:append 1 3]]", "[[:r 1 [1 2 3]]]"]),
        &[],
        "",
    );
    rule(
        &concurrent(&["[[:append 1 1] [:r 1 [1]] [:append 1 2]]", "[[:r 1 [1 2]]]"]),
        &[],
        "",
    );
    rule(
        &serial(&[
            "fail [[:append 1 1] [:append 1 2]]",
            "[[:r 1 [1]]]",
            "[[:r 2 []]]",
        ]),
        &[],
        "G1a G1b",
    );
}

#[test]
fn what_stood_before_an_own_append_may_be_unknown() {
    rule(
        &concurrent(&["[[:append 1 2] [:r 1 [1 2]]]", "[[:append 1 1]]"]),
        &[],
        "",
    );
    rule(
        &concurrent(&["[[:append 1 2] [:r 1 [1]]]", "[[:append 1 1]]"]),
        &[],
        "internal",
    );
    let history = concurrent(&["[[:append 1 2] [:r 1 [2 1]]]", "[[:append 1 1]]"]);
    rule(&history, &["--consistency", "serializable"], "G1c internal");
}

#[test]
fn nobody_reads_what_it_appends_later() {
    let history = concurrent(&["[[:r 1 [1]] [:append 1 1]]", "[[:r 1 [1]]]"]);
    rule(&history, &[], "future-read");
}

#[test]
fn an_element_stands_once() {
    rule(
        &concurrent(&["[[:append 1 1]]", "[[:r 1 [1 1]]]"]),
        &[],
        "duplicate-elements",
    );
}

#[test]
fn lists_of_one_length_can_be_incompatible() {
    let history = concurrent(&[
        "[[:append 1 1]]",
        "[[:append 1 2]]",
        "[[:r 1 [1 2]]]",
        "[[:r 1 [2 1]]]",
    ]);
    rule(&history, &[], "incompatible-order");
}

#[test]
fn an_update_is_lost_where_two_that_succeeded_began_from_one_state() {
    let both = ["[[:r 1 []] [:append 1 2]]", "[[:r 1 []] [:append 1 3]]"];
    rule(&concurrent(&both), &[], "G2-item lost-update");
    let one = [
        "info [[:r 1 []] [:append 1 2]]",
        "[[:r 1 []] [:append 1 3]]",
        "[[:r 1 [3]]]",
    ];
    rule(&concurrent(&one), &[], "");
}

#[test]
fn a_value_that_is_appended_twice_cannot_be_told_apart() {
    let twice = concurrent(&[
        "[[:append 1 1]]",
        "[[:append 1 1]]",
        "[[:append 2 5]]",
        "[[:r 1 [1]] [:r 2 [5]]]",
    ]);
    rule(&twice, &[], "? duplicate-appends");
}

#[test]
fn a_value_that_nobody_appended_there_is_garbage() {
    rule(
        &concurrent(&["[[:append 1 1]]", "[[:r 1 [1 9]]]"]),
        &[],
        "garbage-read",
    );
    rule(
        &concurrent(&["[[:append 1 1]]", "[[:append 2 2]]", "[[:r 1 [1 2]]]"]),
        &[],
        "garbage-read",
    );
}

#[test]
fn an_append_that_nobody_read_comes_after_those_that_were_read() {
    let history = serial(&["[[:append 1 1]]", "[[:append 1 2]]", "[[:r 1 [1]]]"]);
    rule(&history, &[], "G-single-item-realtime");
    let may_be = serial(&["[[:append 1 1]]", "info [[:append 1 2]]", "[[:r 1 [1]]]"]);
    rule(&may_be, &[], "");
}

#[test]
fn real_time_and_the_order_of_a_process_begin_at_what_succeeded() {
    for process in ["1", "0"] {
        let read = format!("{process} [[:r 1 []]]");
        rule(
            &serial(&["0 info [[:append 1 1]]", &read, "2 [[:r 1 [1]]]"]),
            &[],
            "",
        );
    }
}

#[test]
fn completions_without_invocations_may_have_begun_at_any_time() {
    let ended = "{:process 0 :type :ok :f :txn :value [[:append 1 1]]}\n\
        {:process 1 :type :ok :f :txn :value [[:r 1 []]]}\n\
        {:process 2 :type :ok :f :txn :value [[:r 1 [1]]]}\n";
    rule(ended, &[], "");
}

#[test]
fn keys_and_elements_may_be_anything() {
    let values = ["\"a\"", ":a", "-5", "99999999999999999999999N", "nil", "1.5"];
    for key in ["1", "\"1\"", ":one", "[1 2]", "nil"] {
        let appends = values.map(|value| format!("[[:append {key} {value}]]"));
        let mut all: Vec<&str> = appends.iter().map(String::as_str).collect();
        let read = format!("[[:r {key} [{}]]]", values.join(" "));
        all.push(&read);
        rule(&serial(&all), &[], "");
    }
}

#[test]
fn a_history_without_dependencies_proves_nothing() {
    let nothing = "? empty-transaction-graph";
    rule(&concurrent(&["[[:append 1 1]]", "[[:append 2 1]]"]), &[], nothing);
    rule(&serial(&["fail [[:append 1 1]]"]), &[], nothing);
    rule(&serial(&["info [[:append 1 1]]"]), &[], nothing);
    // Real time is a dependency.
    rule(&serial(&["[[:append 1 1]]", "[[:append 2 1]]"]), &[], "");
}

#[test]
fn reads_of_nil_alone_are_of_the_model_that_is_named() {
    let history = concurrent(&["[[:r 1 nil]]", "[[:r 2 nil]]"]);
    for model in ["list-append", "rw-register"] {
        rule(&history, &["--model", model], "? empty-transaction-graph");
        rule(
            &serial(&["[[:r 1 nil]]", "[[:r 2 nil]]"]),
            &["--model", model],
            "",
        );
    }
    rule(&history, &["--model", "kafka"], "?");
    let said = edn(&history, &[]);
    assert!(said.err.contains("nothing but reads of nil"), "{}", said.err);
}

#[test]
fn sentences_agree_with_their_numbers() {
    let said = edn(&serial(&["fail [[:append 1 1]]"]), &[]);
    assert!(
        said.err
            .contains("whether 1 transaction was strict-serializable: no "),
        "{}",
        said.err
    );
    let said = edn(&concurrent(&["fail [[:append 1 1]]", "[[:r 1 [1]]]"]), &[]);
    assert!(said.err.contains("Op 1 read 1 from key 1 and"), "{}", said.err);
    assert!(
        said.err.contains("not strict-serializable: 1 G1a in 2"),
        "{}",
        said.err
    );
}
