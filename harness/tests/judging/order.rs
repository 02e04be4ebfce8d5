//! In which order clients read and write, and what lets them begin elsewhere.

use crate::{op, poll, poll_as, rule, send, sent, sent_in_order, txn};

const ALL: &str = "1 [[0 10] [1 11] [2 12]]";

/// A client reads, something happens, it reads on; another one reads everything.
#[track_caller]
fn between(first: &str, happens: &str, then: &str, expected: &str) {
    let history = sent_in_order(3) + &poll(1, first) + happens + &poll(1, then) + &poll(2, ALL);
    rule(&history, &[], expected);
}

#[test]
fn markers_of_transactions_leave_gaps_that_nobody_skipped() {
    rule(
        &(sent(1, 0, 10) + &sent(1, 2, 11) + &poll(1, "1 [[0 10] [2 11]]")),
        &[],
        "",
    );
}

#[test]
fn polls_of_one_operation_follow_each_other() {
    for (steps, expected) in [
        ("[[:poll {1 [[0 10]]}] [:poll {1 [[1 11]]}]]", ""),
        ("[[:poll {1 [[0 10]]}] [:poll {1 [[2 12]]}]]", "int-poll-skip"),
        (
            "[[:poll {1 [[0 10] [1 11]]}] [:poll {1 [[1 11]]}]]",
            "int-nonmonotonic-poll",
        ),
    ] {
        for kind in ["ok", "fail", "info"] {
            let history = sent_in_order(3) + &txn(1, kind, steps) + &poll(2, ALL);
            rule(&history, &[], expected);
        }
    }
}

#[test]
fn a_rebalance_of_that_key_excuses_what_happened_within_the_operation() {
    let rebalanced = |key: u32| {
        format!(
            "{{:process 1 :type :invoke :f :txn :value [[:poll] [:poll]]}}\n\
             {{:process 1 :type :ok :f :txn :value [[:poll {{1 [[0 10]]}}] [:poll {{1 [[2 12]]}}]] \
             :rebalance-log [{{:keys [{key}] :type :assign}}]}}\n"
        )
    };
    rule(&(sent_in_order(3) + &rebalanced(1) + &poll(2, ALL)), &[], "");
    rule(
        &(sent_in_order(3) + &rebalanced(2) + &poll(2, ALL)),
        &[],
        "int-poll-skip",
    );
}

#[test]
fn a_rebalance_excuses_nothing_between_operations() {
    let then = "{:process 1 :type :invoke :f :poll :value [[:poll]]}\n\
        {:process 1 :type :ok :f :poll :value [[:poll {1 [[2 12]]}]] :rebalance-log [{:keys [1]}]}\n";
    let history = sent_in_order(3) + &poll(1, "1 [[0 10]]") + then + &poll(2, ALL);
    rule(&history, &[], "poll-skip");
}

#[test]
fn a_poll_that_did_not_succeed_can_skip_and_is_forgotten() {
    for kind in ["fail", "info"] {
        let skips = poll(1, "1 [[0 10]]") + &poll_as(kind, 1, "1 [[2 12]]") + &poll(2, ALL);
        rule(&(sent_in_order(3) + &skips), &[], "poll-skip");
        between(
            "1 [[0 10]]",
            &poll_as(kind, 1, "1 [[1 11] [2 12]]"),
            "1 [[1 11] [2 12]]",
            "",
        );
    }
}

#[test]
fn to_read_one_record_again_is_to_go_back() {
    between("1 [[0 10]]", "", "1 [[0 10]]", "nonmonotonic-poll");
}

#[test]
fn an_assignment_keeps_the_place_in_keys_that_stay() {
    for f in ["assign", "subscribe"] {
        let stays = op(1, f, "[1 2]", "ok", "[1 2]");
        between("1 [[0 10]]", &stays, "1 [[2 12]]", "poll-skip");
        for kind in ["ok", "info"] {
            between("1 [[0 10]]", &op(1, f, "[2]", kind, "[2]"), "1 [[2 12]]", "");
        }
        between(
            "1 [[0 10]]",
            &op(1, f, "[2]", "fail", "[2]"),
            "1 [[2 12]]",
            "poll-skip",
        );
    }
}

#[test]
fn who_seeks_to_the_beginning_may_begin_there() {
    let seek = "{:process 1 :type :invoke :f :assign :value [1] :seek-to-beginning? true}\n\
        {:process 1 :type :ok :f :assign :value [1] :seek-to-beginning? true}\n";
    between(ALL, seek, ALL, "");
}

#[test]
fn a_crash_makes_a_new_client() {
    let crash = op(1, "crash", "nil", "info", "nil");
    rule(
        &(sent_in_order(3) + &poll(1, ALL) + &crash + &poll(4, ALL)),
        &[],
        "",
    );
}

#[test]
fn an_empty_list_moves_nobody() {
    between("1 [[0 10]]", &poll(1, "1 []"), "1 [[2 12]]", "poll-skip");
}

#[test]
fn a_subscription_excuses_nothing_within_an_operation() {
    let history = sent_in_order(3) + &poll(1, "1 [[0 10] [2 12]]") + &poll(2, ALL);
    rule(&history, &["--sub-via", "subscribe"], "int-poll-skip");
}

#[test]
fn sends_whose_order_shows_in_what_others_read_are_in_order_or_not() {
    let back = poll(1, "1 [[0 11] [1 10]]");
    let both = "[[:send 1 10] [:send 1 11]]";
    rule(&(txn(0, "ok", both) + &back), &[], "int-nonmonotonic-send");
    rule(&(txn(0, "fail", both) + &back), &[], "G1a int-nonmonotonic-send");
}

#[test]
fn a_send_of_unknown_outcome_has_its_place_in_a_producers_order_and_a_failed_one_has_none() {
    let back = poll(1, "1 [[0 11] [1 10]]");
    let first = send(0, "ok", 1, "1", 10);
    rule(
        &(first.clone() + &send(0, "info", 1, "", 11) + &back),
        &[],
        "nonmonotonic-send",
    );
    rule(&(first + &send(0, "fail", 1, "", 11) + &back), &[], "G1a");
}
