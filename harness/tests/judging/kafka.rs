//! Histories of logs.

use crate::{accused, edn, op, poll, send, txn};

#[test]
fn what_was_sent_and_polled_is_valid() {
    let history = send(0, "ok", 1, "0", 10) + &send(0, "ok", 1, "1", 11) + &poll(1, "1 [[0 10] [1 11]]");
    let said = edn(&history, &[]);
    accused(&said, &[], &[]);
    assert_eq!(said.model, "kafka");
}

#[test]
fn an_acknowledged_record_that_a_reader_went_past_is_lost() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let said = edn(&(sends + &poll(1, "1 [[0 10] [2 12]]")), &[]);
    accused(&said, &["int-poll-skip", "lost-write"], &[]);
    assert_eq!(said.json["anomalies"]["lost-write"]["cases"][0]["values"][0], 11);
}

#[test]
fn an_acknowledged_record_that_nobody_got_to_is_unseen() {
    let history = send(0, "ok", 1, "0", 10) + &send(0, "ok", 1, "1", 11) + &poll(1, "1 [[0 10]]");
    accused(&edn(&history, &[]), &["unseen"], &[]);
}

#[test]
fn a_write_of_unknown_outcome_may_be_missing_or_there() {
    let history = send(0, "info", 1, "", 10)
        + &send(2, "info", 1, "", 11)
        + &send(3, "ok", 1, "1", 12)
        + &poll(1, "1 [[0 10] [1 12]]");
    accused(&edn(&history, &[]), &[], &[]);
}

#[test]
fn a_failed_write_that_is_read_is_an_aborted_read() {
    let history = send(0, "fail", 1, "", 10) + &poll(1, "1 [[0 10]]");
    accused(&edn(&history, &[]), &["G1a"], &[]);
}

#[test]
fn a_value_at_two_offsets_is_a_duplicate() {
    let history = send(0, "ok", 1, "0", 10) + &poll(1, "1 [[0 10] [1 10]]");
    accused(&edn(&history, &[]), &["duplicate"], &[]);
}

#[test]
fn two_values_at_an_offset_are_inconsistent() {
    let history = send(0, "ok", 1, "0", 10)
        + &send(3, "info", 1, "", 11)
        + &poll(1, "1 [[0 10]]")
        + &poll(2, "1 [[0 11]]");
    accused(&edn(&history, &[]), &["inconsistent-offsets"], &[]);
}

#[test]
fn polls_that_skip_or_go_back_are_allowed_where_a_group_gives_the_partitions() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let skips = sends.clone()
        + &poll(1, "1 [[0 10]]")
        + &poll(1, "1 [[2 12]]")
        + &poll(2, "1 [[0 10] [1 11] [2 12]]");
    accused(&edn(&skips, &[]), &["poll-skip"], &[]);
    accused(&edn(&skips, &["--sub-via", "subscribe"]), &[], &["poll-skip"]);
    let back = sends + &poll(1, "1 [[0 10] [1 11] [2 12]]") + &poll(1, "1 [[1 11]]");
    accused(&edn(&back, &[]), &["nonmonotonic-poll"], &[]);
    accused(
        &edn(&back, &["--sub-via", "subscribe"]),
        &[],
        &["nonmonotonic-poll"],
    );
}

#[test]
fn an_assignment_lets_a_reader_begin_elsewhere() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let other = op(1, "assign", "[2]", "ok", "[2]") + &op(1, "assign", "[1]", "ok", "[1]");
    let history = sends + &poll(1, "1 [[0 10] [1 11] [2 12]]") + &other + &poll(1, "1 [[0 10]]");
    accused(&edn(&history, &[]), &[], &[]);
}

#[test]
fn sends_that_a_transaction_interleaves_with_are_allowed_and_those_that_go_back_are_not() {
    let between = send(0, "ok", 1, "1", 11);
    let skips = txn(2, "ok", "[[:send 1 [0 10]] [:send 1 [2 12]]]");
    let all = poll(1, "1 [[0 10] [1 11] [2 12]]");
    accused(
        &edn(&(between.clone() + &skips + &all), &[]),
        &[],
        &["int-send-skip"],
    );
    let back = txn(2, "ok", "[[:send 1 [2 12]] [:send 1 [0 10]]]");
    accused(
        &edn(&(between + &back + &all), &[]),
        &["int-nonmonotonic-send"],
        &[],
    );
}

#[test]
fn a_producer_whose_later_send_lands_earlier_is_nonmonotonic() {
    let history = send(0, "ok", 1, "1", 10) + &send(0, "ok", 1, "0", 11) + &poll(1, "1 [[0 11] [1 10]]");
    accused(&edn(&history, &[]), &["nonmonotonic-send"], &[]);
}

#[test]
fn a_transaction_that_polls_its_own_send_read_too_early() {
    let history = txn(0, "ok", "[[:send 1 [0 10]] [:poll {1 [[0 10]]}]]");
    accused(&edn(&history, &[]), &["precommitted-read"], &[]);
}

#[test]
fn a_value_that_nobody_sent_is_a_phantom_and_the_rest_is_judged() {
    let history = send(0, "fail", 1, "", 10) + &poll(1, "1 [[0 10] [1 99]]");
    accused(&edn(&history, &[]), &["G1a", "phantom-read"], &[]);
}

#[test]
fn transactions_that_read_from_each_other_are_circular() {
    let history = "{:process 0 :type :invoke :f :txn :value [[:send 1 10] [:poll]]}\n\
        {:process 1 :type :invoke :f :txn :value [[:send 2 20] [:poll]]}\n\
        {:process 0 :type :ok :f :txn :value [[:send 1 [0 10]] [:poll {2 [[0 20]]}]]}\n\
        {:process 1 :type :ok :f :txn :value [[:send 2 [0 20]] [:poll {1 [[0 10]]}]]}\n";
    let said = edn(history, &[]);
    accused(&said, &["G1c"], &[]);
    let cycle = &said.json["anomalies"]["G1c"]["cases"][0]["cycle"];
    assert_eq!(cycle["operations"].as_array().map(Vec::len), Some(2), "{cycle:#}");
    assert_eq!(cycle["edges"].as_array().map(Vec::len), Some(2), "{cycle:#}");
    accused(&edn(history, &["--ww-deps"]), &[], &["G1c"]);
}

#[test]
fn the_last_reader_of_a_key_without_acknowledged_sends_leaves_nothing_unseen() {
    let history = send(0, "ok", 1, "0", 10)
        + &poll(1, "1 [[0 10]]")
        + &send(2, "info", 7, "", 70)
        + &poll(1, "7 [[0 70]]");
    accused(&edn(&history, &[]), &[], &[]);
}
