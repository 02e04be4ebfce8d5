//! Which record stood where, who read it, and which is lost.

use crate::{op, poll, poll_as, rule, send, sent, sent_in_order, txn};

const TWO: &str = "[[:send 1 [0 10]] [:send 1 [1 11]]]";

#[test]
fn nobody_sees_what_is_no_operation_of_a_client() {
    let nemesis = "{:process :nemesis :type :info :f :kill :value [\"n1\"]}\n";
    let dump = op(3, "debug-topic-partitions", "[1 2]", "ok", "{1 {:x 1}}");
    let history = nemesis.to_owned() + &sent_in_order(1) + &dump + nemesis + &poll(1, "1 [[0 10]]");
    rule(&history, &[], "");
}

#[test]
fn indexes_may_be_sparse_and_times_missing() {
    let history = "{:index 5 :process 0 :type :invoke :f :send :value [[:send 1 10]]}\n\
        {:index 90 :process 0 :type :ok :f :send :value [[:send 1 [0 10]]]}\n\
        {:index 91 :process 1 :type :invoke :f :poll :value [[:poll]]}\n\
        {:index 900 :process 1 :type :ok :f :poll :value [[:poll {1 [[0 10]]}]]}\n";
    rule(history, &[], "");
}

#[test]
fn what_never_completed_may_be_there_or_not() {
    let begun = "{:process 2 :type :invoke :f :send :value [[:send 1 99]]}\n";
    rule(&(begun.to_owned() + &poll(1, "1 [[0 99]]")), &[], "");
    rule(
        &(begun.to_owned() + &sent(1, 0, 10) + &poll(1, "1 [[0 10]]")),
        &[],
        "",
    );
}

#[test]
fn a_process_that_goes_on_after_an_unknown_outcome_is_no_flaw() {
    let history = send(0, "info", 1, "", 10) + &send(0, "ok", 1, "1", 11);
    rule(&(history.clone() + &poll(1, "1 [[0 10] [1 11]]")), &[], "");
    rule(&(history + &poll(1, "1 [[1 11]]")), &[], "");
}

#[test]
fn a_second_invocation_and_a_completion_of_nothing_make_the_history_ill_formed() {
    let begun = "{:process 0 :type :invoke :f :send :value [[:send 1 10]]}\n";
    rule(
        &(begun.to_owned() + &send(0, "ok", 1, "0", 11) + &poll(1, "1 [[0 11]]")),
        &[],
        "?",
    );
    let ended = "{:process 0 :type :ok :f :send :value [[:send 1 [0 11]]]}\n";
    rule(&(ended.to_owned() + &poll(1, "1 [[0 11]]")), &[], "?");
}

#[test]
fn a_value_that_is_sent_twice_proves_nothing_and_hides_nothing_elsewhere() {
    let twice = sent(1, 0, 10) + &sent(1, 1, 10) + &poll(1, "1 [[0 10] [1 10]]");
    rule(&twice, &[], "?");
    let lost = sent(2, 0, 20) + &sent(2, 1, 21) + &poll(3, "2 [[1 21]]");
    rule(&(twice + &lost), &[], "lost-write");
}

#[test]
fn a_value_may_come_again_under_another_key() {
    rule(
        &(sent(1, 0, 10) + &sent(2, 0, 10) + &poll(1, "1 [[0 10]], 2 [[0 10]]")),
        &[],
        "",
    );
    let failed = send(0, "fail", 1, "", 10) + &sent(2, 0, 10);
    rule(&(failed + &poll(1, "2 [[0 10]]")), &[], "");
}

#[test]
fn an_offset_that_a_write_of_unknown_outcome_names_counts_where_it_was_read() {
    let info = txn(0, "info", "[[:send 1 [5 10]]]");
    rule(
        &(info.clone() + &sent(1, 5, 11) + &poll(1, "1 [[5 11]]")),
        &[],
        "",
    );
    rule(&(info + &poll(1, "1 [[0 10]]")), &[], "duplicate");
}

#[test]
fn a_transaction_of_unknown_outcome_of_which_one_record_was_read_happened_whole() {
    let history = txn(0, "info", TWO) + &sent(1, 2, 12);
    rule(&(history.clone() + &poll(1, "1 [[2 12]]")), &[], "");
    rule(
        &(history + &poll(1, "1 [[0 10] [2 12]]")),
        &[],
        "int-poll-skip lost-write",
    );
    let keys = txn(0, "info", "[[:send 1 [0 10]] [:send 2 [0 20]]]") + &sent(2, 1, 21);
    rule(&(keys + &poll(1, "1 [[0 10]], 2 [[1 21]]")), &[], "lost-write");
}

#[test]
fn what_only_a_failed_poll_read_proves_no_commit() {
    let history = txn(0, "info", TWO) + &sent(1, 2, 12) + &poll_as("fail", 2, "1 [[0 10]]");
    rule(&(history + &poll(1, "1 [[2 12]]")), &[], "");
}

#[test]
fn polls_that_did_not_succeed_place_records_and_read_none() {
    for kind in ["fail", "info"] {
        let history = send(0, "ok", 1, "nil", 10) + &sent(1, 1, 11) + &poll_as(kind, 2, "1 [[0 10]]");
        rule(&(history + &poll(1, "1 [[1 11]]")), &[], "lost-write");
        let beyond = sent_in_order(2) + &poll(1, "1 [[0 10]]") + &poll_as(kind, 2, "1 [[1 11]]");
        rule(&beyond, &[], "unseen");
        rule(
            &(sent_in_order(1) + &poll_as(kind, 1, "1 [[0 10]]")),
            &[],
            "unseen",
        );
    }
}

#[test]
fn a_record_that_nobody_placed_is_unseen_and_not_lost() {
    let history = send(0, "ok", 1, "nil", 10) + &sent(1, 1, 11) + &poll(1, "1 [[1 11]]");
    rule(&history, &[], "unseen");
}

#[test]
fn a_read_without_an_offset_is_a_read() {
    rule(&(send(0, "ok", 1, "nil", 10) + &poll(1, "1 [[nil 10]]")), &[], "");
}

#[test]
fn how_far_was_read_is_bound_by_the_first_place_of_a_value() {
    let history = sent(1, 0, 12) + &send(3, "ok", 1, "1", 11) + &poll(1, "1 [[0 12]]");
    rule(&(history + &poll(2, "1 [[2 12]]")), &[], "duplicate unseen");
}

#[test]
fn a_record_is_lost_where_its_last_place_was_passed() {
    let history = sent(1, 0, 11) + &send(3, "ok", 1, "1", 12) + &poll_as("fail", 2, "1 [[5 11]]");
    rule(&(history + &poll(1, "1 [[1 12]]")), &[], "duplicate unseen");
}

#[test]
fn an_acknowledgement_at_one_offset_and_a_read_at_another_are_a_duplicate() {
    rule(&(sent(1, 5, 10) + &poll(1, "1 [[0 10]]")), &[], "duplicate");
}

#[test]
fn two_acknowledgements_of_one_offset_are_inconsistent() {
    let history = sent(1, 0, 10) + &send(3, "ok", 1, "0", 11) + &poll(1, "1 [[0 10]]");
    rule(&history, &[], "inconsistent-offsets lost-write");
}

#[test]
fn whatever_a_poll_returns_stands_there_even_where_its_operation_failed() {
    let history = sent(1, 0, 10) + &send(3, "info", 1, "", 11) + &poll(1, "1 [[0 10]]");
    rule(
        &(history + &poll_as("fail", 2, "1 [[0 11]]")),
        &[],
        "inconsistent-offsets",
    );
}

#[test]
fn an_offset_that_a_failed_send_names_means_nothing() {
    let history = txn(0, "fail", "[[:send 1 [0 10]]]") + &sent(1, 0, 11) + &poll(1, "1 [[0 11]]");
    rule(&history, &[], "");
}

#[test]
fn only_a_reader_that_succeeded_makes_an_aborted_read() {
    let rest = sent(2, 0, 20) + &poll(9, "2 [[0 20]]");
    let failed = send(0, "fail", 1, "", 10) + &rest;
    rule(&(failed.clone() + &poll_as("fail", 1, "1 [[0 10]]")), &[], "");
    rule(&(failed.clone() + &poll_as("info", 1, "1 [[0 10]]")), &[], "");
    rule(&(failed + &poll(1, "1 [[0 10]]")), &[], "G1a");
}

#[test]
fn a_failure_that_repeats_nothing_is_that_of_its_invocation() {
    let failed = op(0, "send", "[[:send 1 5]]", "fail", "nil");
    rule(&(failed + &poll(1, "1 [[0 5]]")), &[], "G1a");
}

#[test]
fn an_own_send_is_read_too_early_whatever_became_of_it_and_in_any_order() {
    let rest = sent(2, 0, 20) + &poll(9, "2 [[0 20]]");
    for kind in ["fail", "info"] {
        for steps in [
            "[[:send 1 [0 10]] [:poll {1 [[0 10]]}]]",
            "[[:poll {1 [[0 10]]}] [:send 1 10]]",
        ] {
            rule(&(rest.clone() + &txn(0, kind, steps)), &[], "precommitted-read");
        }
    }
}

#[test]
fn a_record_under_another_key_than_it_was_sent_to_is_misplaced() {
    rule(
        &(sent(1, 0, 10) + &poll(1, "2 [[0 10]]")),
        &[],
        "misplaced-record unseen",
    );
    let other = op(1, "poll", "[[:poll]]", "ok", "[[:poll {\"1\" [[0 10]]}]]");
    rule(&(sent(1, 0, 10) + &other), &[], "misplaced-record unseen");
}

#[test]
fn keys_and_values_may_be_anything() {
    for (key, value) in [
        (":a", "\"v\""),
        ("\"a\"", ":v"),
        ("-3", "-10"),
        ("nil", "nil"),
        ("1", "1.5"),
        ("1", "123456789012345678901234567890N"),
    ] {
        let history = op(
            0,
            "send",
            &format!("[[:send {key} {value}]]"),
            "ok",
            &format!("[[:send {key} [9007199254740993 {value}]]]"),
        );
        rule(&history, &[], "unseen");
        let records = format!("{key} [[9007199254740993 {value}]]");
        rule(&(history + &poll(1, &records)), &[], "");
    }
}

#[test]
fn empty_polls_are_no_reads() {
    rule(
        &(sent_in_order(1) + &poll(2, "") + &poll(1, "1 [[0 10]]")),
        &[],
        "",
    );
    rule(
        &(sent_in_order(1) + &poll(2, "") + &poll(1, "1 []")),
        &[],
        "unseen",
    );
    rule(&poll(1, ""), &[], "");
}

#[test]
fn a_history_in_which_nothing_succeeded_proves_nothing() {
    rule(&send(0, "fail", 1, "", 10), &[], "?");
    rule(&send(0, "info", 1, "", 10), &[], "?");
    rule(&op(1, "assign", "[1]", "ok", "[1]"), &[], "?");
}
