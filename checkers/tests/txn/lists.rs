//! Each anomaly of lists, with what looks like it and is none.

use checkers::{Model, Validity};

use crate::dsl::{judge, lists, parse};

#[test]
fn what_one_order_explains_is_not_accused() {
    for text in [
        "ax1 > rx1",
        "ax1 / rx / rx1",
        "ax1 ay1 / rx1 ry1 / rx ry",
        "ax1 > ax2 > rx12",
        "ax1? > rx1",
        "ax1~ / rx1 > rx1",
        "ax1? > rx",
        "ax1! > rx > ax2 > rx2",
        "rx ax1 rx1 > rx1 ax2 ax3 rx123",
        "ax1 > rx1 ay1 / rx1 ry > ry1",
    ] {
        lists(text, "strict-serializable", "");
    }
}

#[test]
fn nothing_inferred_is_nothing_judged() {
    for (text, valid) in [
        ("ax1", Validity::Unknown),
        ("rx", Validity::Unknown),
        ("ax1 / ay1", Validity::Unknown),
        ("ax1! > rx", Validity::Unknown),
        ("ax1 > rx1", Validity::Valid),
        ("ax1 > ay1", Validity::Valid),
    ] {
        let verdict = judge(
            &parse(text, Model::ListAppend),
            Model::ListAppend,
            "strict-serializable",
        );
        assert_eq!(verdict.valid, valid, "{text}");
        let empty = verdict.anomalies.contains_key("empty-transaction-graph");
        assert_eq!(empty, valid == Validity::Unknown, "{text}");
    }
    lists("ax1 > ay1", "serializable", "");
}

#[test]
fn g0_write_cycles() {
    lists("ax1 ay1 / ax2 ay2 / rx12 ry21", "read-uncommitted", "G0");
    lists("ax1 ay1 / ax2 ay2 / rx12 ry12", "read-uncommitted", "");
}

#[test]
fn g1a_aborted_read() {
    lists("ax1! / rx1", "read-committed", "G1a");
    lists("ax1! / rx1", "read-uncommitted", "(G1a)");
    lists("ax1! / rx1!", "read-committed", "");
    lists("ax1? / rx1", "read-committed", "");
    lists("ax1 > ax2! > rx12 / rx1", "read-committed", "G1a");
}

#[test]
fn g1b_intermediate_read() {
    lists("ax1 ax2 / rx1 / rx12", "read-committed", "G1b (G-single-item)");
    lists("ax1 ax2 / rx12", "read-committed", "");
    lists("ax1 rx1 ax2 / rx12", "read-committed", "");
    lists("ax1 ax2? / rx1", "read-committed", "G1b (G-single-item)");
    // Where own appends may be shown last, the state of others is the one before them.
    lists("ax1 ax2 / ax3 rx13", "read-committed", "G1b (G-single-item)");
    lists("ax1 ax2 / ax3 rx123", "read-committed", "");
}

#[test]
fn g1c_circular_information_flow() {
    lists("ax1 ry1 / ay1 rx1", "read-committed", "G1c");
    lists("ax1 ry / ay1 rx1", "read-committed", "");
    lists("ax1 ry1 / ay1 rx1", "read-uncommitted", "(G1c)");
    // Through a write: x was overwritten by one that depends on it.
    lists("ax1 ry1 / ax2 ay1 / rx12", "read-committed", "G1c");
    lists("ax2 ry1 / ax1 ay1 / rx12", "read-committed", "");
}

#[test]
fn g_single_one_anti_dependency() {
    lists("ax1 ay1 / rx ry1", "snapshot-isolation", "G-single-item");
    lists("ax1 ay1 / rx ry1", "read-committed", "(G-single-item)");
    lists("ax1 ay1 / rx ry1", "repeatable-read", "G-single-item");
    lists("ax1 ay1 / rx1 ry1 / rx ry", "serializable", "");
}

#[test]
fn g_nonadjacent_long_fork() {
    let text = "ax1 / ay1 / rx1 ry / rx ry1";
    lists(text, "snapshot-isolation", "G-nonadjacent-item");
    lists(text, "consistent-view", "(G-nonadjacent-item)");
}

#[test]
fn g2_write_skew() {
    lists("rx ry ax1 / rx ry ay1", "serializable", "G2-item");
    lists("rx ry ax1 / rx ry ay1", "repeatable-read", "G2-item");
    lists("rx ry ax1 / rx ry ay1", "snapshot-isolation", "(G2-item)");
    lists("rx ry ax1 / rx1 ry ay1", "serializable", "");
}

#[test]
fn realtime_forms() {
    lists("ax1 > ax2 > rx21", "strict-serializable", "G0-realtime");
    lists("ax1 > ax2 > rx21", "serializable", "");
    lists(
        "rx1 > ax1",
        "strict-serializable",
        "G1c-realtime unobservable-read",
    );
    lists("rx1 > ax1", "serializable", "(unobservable-read)");
    lists("ax1 > rx", "strict-serializable", "G-single-item-realtime");
    lists("ax1 > rx", "strong-snapshot-isolation", "G-single-item-realtime");
    lists("ax1 > rx", "serializable", "");
    lists("ax1? > rx", "strict-serializable", "");
    // Two that are each too late for the other's write, with others between.
    lists(
        "ax1 > rx az1 / ry1 rz > ay1",
        "strict-serializable",
        "G1c-realtime G-single-item-realtime unobservable-read",
    );
    lists(
        "rx ay1 / ax1 > ry",
        "strict-serializable",
        "G-single-item-realtime",
    );
}

#[test]
fn process_forms() {
    lists(
        "1: ax1 > 1: rx",
        "strong-session-serializable",
        "G-single-item-process",
    );
    lists("1: ax1 > 2: rx", "strong-session-serializable", "");
    lists(
        "1: ax1 > 1: ax2 > 2: rx21",
        "strong-session-read-uncommitted",
        "G0-process",
    );
    lists(
        "1: rx1 > 1: ax1",
        "strong-session-read-committed",
        "G1c-process (unobservable-read)",
    );
    lists(
        "1: ax1 > 1: rx",
        "strong-session-read-committed",
        "(G-single-item-process)",
    );
    lists("1: ax1 > 1: rx", "serializable", "");
    lists(
        "1: rx ay1 > 1: ry1 / ax1 > 1: rx",
        "strong-session-snapshot-isolation",
        "",
    );
}

#[test]
fn internal() {
    lists("ax1 rx / rx1", "serializable", "internal");
    lists("rx1 rx / ax1", "serializable", "internal G-single-item");
    lists("rx rx1 / ax1", "serializable", "internal G-single-item");
    lists(
        "rx ax1 rx21 / ax2",
        "snapshot-isolation",
        "internal G-single-item",
    );
    lists("ax1 rx21 / ax2", "serializable", "");
    lists("ax1 ax2 rx312 rx312 / ax3", "serializable", "");
    lists("ax1 ax2 rx321 / ax3", "serializable", "internal cyclic-versions");
    lists("ax1 rx / rx1", "repeatable-read", "(internal)");
    lists("ax1 rx! / rx", "serializable", "");
}

#[test]
fn future_read() {
    lists("rx1 ax1 / rx1", "read-committed", "future-read");
    lists("rx1 ry ax1 / ay1", "read-atomic", "future-read");
    lists("rx ax1 rx1 / rx1", "serializable", "");
    lists("rx1 ax1 / rx1", "read-uncommitted", "(future-read)");
}

#[test]
fn dirty_update() {
    lists("ax1! > ax2 > rx12", "read-committed", "dirty-update G1a");
    lists("ax1! > ax2? > ax3 > rx123", "read-committed", "dirty-update G1a");
    lists("ax1! > ax2? > rx12", "read-committed", "G1a");
    lists("ax1! > ax2 > rx2", "read-committed", "");
    lists("ax1! > ax2 > rx12", "read-uncommitted", "(dirty-update) (G1a)");
}

#[test]
fn lost_update() {
    lists("rx ax1 / rx ax2", "cursor-stability", "lost-update (G2-item)");
    lists(
        "rx ax1 / rx ax2 / rx12",
        "snapshot-isolation",
        "lost-update G-single-item",
    );
    lists("rx ax1 / rx ax2", "read-committed", "(lost-update) (G2-item)");
    lists("rx ax1 / rx1 ax2", "serializable", "");
    lists("rx ax1 / ax2 rx2", "serializable", "G-single-item");
    lists("rx ax1 / rx ax2?", "serializable", "");
    lists(
        "ax3 > rx3 ax1 / rx3 ax2",
        "repeatable-read",
        "lost-update G2-item",
    );
}

#[test]
fn incompatible_order() {
    lists("ax1 / ax2 / rx12 / rx21", "read-committed", "incompatible-order");
    lists(
        "ax1 / ax2 / ax3 / rx12 / rx13",
        "read-committed",
        "incompatible-order",
    );
    lists("ax1 / ax2 / rx1 / rx12", "read-committed", "");
    lists("ax1 / ax2 / rx2 / rx12", "read-committed", "incompatible-order");
    lists("ax1 / ax2 / rx12 / rx21!", "read-committed", "");
    lists(
        "ax1 / ax2 / rx12 / rx21",
        "read-uncommitted",
        "(incompatible-order)",
    );
}

#[test]
fn a_transaction_s_own_order() {
    lists("ax1 ax2 / rx21", "read-uncommitted", "cyclic-versions (G1b)");
    lists(
        "ax1 ax2 ax3 / rx13",
        "read-uncommitted",
        "cyclic-versions (G-single-item)",
    );
    lists(
        "ax1 ax2 ax3 / rx1 / rx123",
        "read-uncommitted",
        "(G1b) (G-single-item)",
    );
    lists("ax1 ax2? / rx1", "read-uncommitted", "(G1b)");
    lists("ax1 ax2 / ax3 / rx132", "read-uncommitted", "G0");
}

/// A store may put a transaction's appends behind what was committed after it looked.
#[test]
fn own_appends_need_not_stay_where_their_transaction_saw_them() {
    // 2 is read by its own transaction alone: it may come before or after 1.
    let text = "ax1 ay1 / ax2 rx2 ry1";
    lists(text, "read-committed", "(G-single-item)");
    lists(text, "cursor-stability", "G1c (G-single-item)");
    lists(
        "ax1 / ax2 rx2 / ax3 rx23 / rx1",
        "read-committed",
        "incompatible-order",
    );
}

#[test]
fn duplicate_elements() {
    lists("ax1 / rx11", "read-uncommitted", "duplicate-elements");
    lists("ax1 / ax2 / rx121", "read-uncommitted", "duplicate-elements");
    lists("ax1 / rx1 / rx1", "read-uncommitted", "");
}

#[test]
fn duplicate_appends_are_the_workload_s_fault() {
    lists("ax1 / ax1 / rx11", "serializable", "duplicate-appends");
    lists("ax1 ax1 / rx11", "serializable", "duplicate-appends");
    // What has one writer is judged all the same.
    lists(
        "ax1 / ax1 / ay1! / rx1 ry1",
        "serializable",
        "duplicate-appends G1a",
    );
    lists("rx1 ax1 / ax1", "serializable", "duplicate-appends");
    let verdict = judge(
        &parse("ax1 / ax1 > rx11", Model::ListAppend),
        Model::ListAppend,
        "strict-serializable",
    );
    assert_eq!(verdict.valid, Validity::Unknown);
}

#[test]
fn garbage_reads() {
    lists("ax1 / rx19", "read-uncommitted", "garbage-read");
    lists("ay9 / ax1 / rx19", "read-uncommitted", "garbage-read");
    lists("ax1 / rx91 / rx9", "read-uncommitted", "garbage-read");
    // The rest is still judged: element 2 comes after element 1 though 9 stands between them.
    lists(
        "ax1 ay1 / ax2 ay2 / rx192 ry21",
        "read-uncommitted",
        "garbage-read G0",
    );
    lists("rx9! / ax1 / rx1", "read-uncommitted", "");
}

#[test]
fn what_was_in_doubt_happened_where_it_was_seen() {
    lists("ax1? / rx1 ry / ay1 rx", "serializable", "G2-item");
    lists("ax1 ay1? / rx1 ry", "serializable", "G-single-item");
    lists("ax1 ay1~ / rx1 ry", "serializable", "G-single-item");
    // Not where anybody may read what was aborted.
    lists(
        "ax1 ay1~ / ax2 ay2~ / rx1 ry2",
        "read-committed",
        "G0 (G-single-item)",
    );
    lists("ax1 ay1~ / ax2 ay2~ / rx1 ry2", "read-uncommitted", "");
    // It is held to what it read itself.
    lists("ax1! / rx1 ay1? / ry1", "read-committed", "G1a");
    lists("ax1! / rx1 ay1? / ry", "read-committed", "");
    lists(
        "ay1 rx1 rx? / ax1 / ry1",
        "serializable",
        "internal G-single-item",
    );
    lists("ay1 rx1 rx_? / ax1 / ry1", "serializable", "");
    // One that may not have happened has no say: it read x and missed y, and nobody saw its write.
    lists("ax1 ay1 / rx1 ry az1?", "serializable", "");
    lists("ax1 ay1 / rx1 ry az1? / rz1", "serializable", "G-single-item");
    lists("ax1 > rx?", "strict-serializable", "");
}

#[test]
fn an_append_that_nobody_read_comes_after_all_that_were() {
    lists("ax1 ay1 / rx / ry1 rx", "serializable", "G-single-item");
    lists("ax1 > ax2 > rx1", "strict-serializable", "G-single-item-realtime");
    lists("ax1 > ax2? > rx1", "strict-serializable", "");
    lists("ax1 / ax2 ay1 / rx1 ry1", "serializable", "G-single-item");
}

#[test]
fn steps_of_another_model_leave_a_doubt() {
    let history = parse("ax1 wy1 > rx1", Model::ListAppend);
    let verdict = judge(&history, Model::ListAppend, "serializable");
    assert_eq!(verdict.valid, Validity::Unknown);
    assert_eq!(
        verdict.checks[0].reasons,
        ["1 step of the history is no step on lists."]
    );
    let history = parse("ax1! wy1 > rx1", Model::ListAppend);
    assert_eq!(
        judge(&history, Model::ListAppend, "serializable").valid,
        Validity::Unknown
    );
}
