//! Each anomaly of registers, with what looks like it and is none.

use crate::dsl::registers;

#[test]
fn what_one_order_explains_is_not_accused() {
    for text in [
        "wx1 > rx1",
        "wx1 / rx / rx1",
        "wx1 > wx2 > rx2",
        "wx1 / wx2 > rx1 > rx1",
        "wx1? > rx1",
        "wx1? > rx > rx",
        "wx1? > rx > rx1",
        "wx1~ > rx > rx1",
        "rx wx1 rx1 > rx1 wx2 wx3 rx3",
        "wx1! > rx",
        "wx1 > wx2? > rx1 > rx2",
        "wx1 > wx2? > rx1 / rx2",
    ] {
        registers(text, "strict-serializable", "");
    }
}

#[test]
fn g0_write_cycles() {
    // x=1 before x=2 by who read the one and wrote the other; y the other way round.
    registers("rx1 wx2 wy1 / ry1 wy2 wx1", "read-committed", "G0");
    registers("wx1 wy1 / wx2 wy2", "read-committed", "");
    registers(
        "wx1 > wx2 > rx1",
        "strong-read-uncommitted",
        "(G-single-item-realtime)",
    );
}

#[test]
fn g1a_aborted_read() {
    registers("wx1! / rx1", "read-committed", "G1a");
    registers("wx1? / rx1", "read-committed", "");
    registers("wx1! / rx1", "read-uncommitted", "(G1a)");
}

#[test]
fn g1b_intermediate_read() {
    registers("wx1 wx2 / rx1", "read-committed", "G1b");
    registers("wx1 wx2 / rx2", "read-committed", "");
}

#[test]
fn g1c_circular_information_flow() {
    registers("wx1 ry1 / wy1 rx1", "read-committed", "G1c");
    registers("wx1 ry / wy1 rx1", "serializable", "");
    // The writer of what was read is in doubt, and happened.
    registers("wx1 ry1? / wy1 rx1", "read-committed", "G1c");
    registers("wx1 ry1? / wy1 rx", "read-committed", "");
    registers("wx1 ry_? / wy1 rx1", "read-committed", "");
}

#[test]
fn g_single_one_anti_dependency() {
    registers("wx1 wy1 / rx ry1", "snapshot-isolation", "G-single-item");
    registers("wx1 wy1? / rx ry1", "snapshot-isolation", "G-single-item");
    registers("wx1 wy1 / rx ry1", "read-committed", "(G-single-item)");
    registers(
        "wx1 wy1 / rx1 wx2 wy2 / rx1 ry2",
        "snapshot-isolation",
        "G-single-item",
    );
}

#[test]
fn g_nonadjacent_long_fork() {
    registers(
        "wx1 / wy1 / rx1 ry / rx ry1",
        "snapshot-isolation",
        "G-nonadjacent-item",
    );
}

#[test]
fn g2_write_skew() {
    registers("rx ry wx1 / rx ry wy1", "serializable", "G2-item");
    registers("rx ry wx1 / rx ry wy1", "snapshot-isolation", "(G2-item)");
}

#[test]
fn realtime_forms() {
    registers(
        "wx1 > rx",
        "strict-serializable",
        "G-single-item-realtime cyclic-versions",
    );
    registers("wx1 > rx", "serializable", "");
    registers(
        "rx1 > wx1",
        "strict-serializable",
        "G1c-realtime unobservable-read",
    );
    registers("wx1 > wx2 > rx1", "strict-serializable", "cyclic-versions");
    registers(
        "wx1 > rx1 wx2 > rx1",
        "strict-serializable",
        "cyclic-versions G-single-item-realtime",
    );
}

#[test]
fn process_forms() {
    registers(
        "1: wx1 > 1: rx",
        "strong-session-serializable",
        "G-single-item-process cyclic-versions",
    );
    registers("1: wx1 > 2: rx", "strong-session-serializable", "");
    registers(
        "1: wx1 > 2: rx1 > 2: wx2 > 3: rx2 > 3: rx1",
        "strong-session-serializable",
        "cyclic-versions",
    );
    registers("1: wx1 > 2: rx1 > 2: wx2 > 3: rx2 > 3: rx1", "serializable", "");
}

#[test]
fn internal() {
    registers("wx1 rx2 / wx2", "serializable", "internal");
    registers("wx1 rx", "serializable", "internal");
    registers("rx1 rx2 / wx1 / wx2", "serializable", "internal");
    registers("rx rx1 / wx1", "serializable", "internal");
    registers("wx1 rx1 wx2 rx2", "serializable", "");
}

#[test]
fn future_read() {
    registers("rx1 wx1", "read-committed", "future-read");
}

#[test]
fn lost_update() {
    registers("rx wx1 / rx wx2", "cursor-stability", "lost-update (G2-item)");
    registers(
        "wx3 > rx3 wx1 / rx3 wx2",
        "snapshot-isolation",
        "lost-update (G2-item)",
    );
    registers("rx wx1 / rx1 wx2", "serializable", "");
    registers("rx wx1 / rx wx2", "read-committed", "(lost-update) (G2-item)");
}

#[test]
fn cyclic_versions() {
    registers("rx1 wx2 / rx2 wx1", "read-committed", "cyclic-versions G1c");
    registers(
        "rx1 wx2 / rx2 wx3 / rx3 wx1",
        "read-committed",
        "cyclic-versions G1c",
    );
}

#[test]
fn values_of_nobody_or_of_several() {
    registers("rx9 / wx1 / rx1", "read-uncommitted", "garbage-read");
    registers("wy9 / rx9", "read-uncommitted", "garbage-read");
    registers("wx1 / wx1 / rx1", "serializable", "duplicate-appends");
}
