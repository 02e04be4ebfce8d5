//! Which consistency model forbids what.

use crate::{concurrent, rule, serial};

/// Judges by each model: those that forbid the anomaly, then those that allow it.
#[track_caller]
fn levels(history: &str, anomaly: &str, forbid: &[&str], allow: &[&str]) {
    for model in forbid {
        rule(history, &["--consistency", model], anomaly);
    }
    for model in allow {
        rule(history, &["--consistency", model], &format!("({anomaly})"));
    }
}

#[test]
fn writes_that_interleave_break_every_model() {
    let history = concurrent(&[
        "[[:append 1 1] [:append 2 1]]",
        "[[:append 1 2] [:append 2 2]]",
        "[[:r 1 [1 2]]]",
        "[[:r 2 [2 1]]]",
    ]);
    levels(
        &history,
        "G0",
        &["read-uncommitted", "read-committed", "strict-serializable"],
        &[],
    );
}

#[test]
fn information_in_a_circle_breaks_read_committed() {
    let history = concurrent(&["[[:append 1 1] [:r 2 [1]]]", "[[:append 2 1] [:r 1 [1]]]"]);
    levels(
        &history,
        "G1c",
        &["read-committed", "snapshot-isolation"],
        &["read-uncommitted"],
    );
}

#[test]
fn read_skew_breaks_what_shows_a_consistent_state() {
    let history = concurrent(&[
        "[[:append 1 1] [:append 2 1]]",
        "[[:r 1 []] [:r 2 [1]]]",
        "[[:r 1 [1]]]",
    ]);
    levels(
        &history,
        "G-single-item",
        &[
            "consistent-view",
            "snapshot-isolation",
            "repeatable-read",
            "serializable",
        ],
        &["read-committed", "cursor-stability", "monotonic-atomic-view"],
    );
}

#[test]
fn a_lost_update_breaks_cursor_stability() {
    let history = concurrent(&["[[:r 1 []] [:append 1 2]]", "[[:r 1 []] [:append 1 3]]"]);
    rule(
        &history,
        &["--consistency", "cursor-stability"],
        "lost-update (G2-item)",
    );
    rule(
        &history,
        &["--consistency", "read-committed"],
        "(G2-item) (lost-update)",
    );
}

#[test]
fn a_long_fork_breaks_snapshot_isolation() {
    let history = concurrent(&[
        "[[:append 1 1]]",
        "[[:append 2 1]]",
        "[[:r 1 [1]] [:r 2 []]]",
        "[[:r 1 []] [:r 2 [1]]]",
        "[[:r 1 [1]] [:r 2 [1]]]",
    ]);
    levels(
        &history,
        "G-nonadjacent-item",
        &["snapshot-isolation", "repeatable-read", "serializable"],
        &["parallel-snapshot-isolation", "consistent-view", "read-committed"],
    );
}

#[test]
fn write_skew_breaks_repeatable_read() {
    let history = concurrent(&[
        "[[:r 1 []] [:append 2 1]]",
        "[[:r 2 []] [:append 1 1]]",
        "[[:r 1 [1]] [:r 2 [1]]]",
    ]);
    levels(
        &history,
        "G2-item",
        &[
            "repeatable-read",
            "PL-2.99",
            "serializable",
            "strong-session-serializable",
        ],
        &[
            "snapshot-isolation",
            "strong-snapshot-isolation",
            "update-serializable",
            "PL-2",
        ],
    );
}

#[test]
fn orders_of_clients_are_looked_at_where_the_model_speaks_of_them() {
    let own = serial(&["0 [[:append 1 1]]", "0 [[:r 1 []]]", "1 [[:r 1 [1]]]"]);
    rule(
        &own,
        &["--consistency", "strong-session-serializable"],
        "G-single-item-process",
    );
    rule(
        &own,
        &["--consistency", "strong-session-snapshot-isolation"],
        "G-single-item-process",
    );
    rule(
        &own,
        &["--consistency", "strict-serializable"],
        "G-single-item-realtime",
    );
    rule(&own, &["--consistency", "serializable"], "");
    let others = serial(&["0 [[:append 1 1]]", "5 [[:r 1 []]]", "1 [[:r 1 [1]]]"]);
    rule(&others, &["--consistency", "strong-session-serializable"], "");
    rule(
        &others,
        &["--consistency", "strong-snapshot-isolation"],
        "G-single-item-realtime",
    );
}
