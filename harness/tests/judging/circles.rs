//! Operations on logs that come before each other in a circle.

use crate::{concurrent, edn, poll, poll_as, rule, send};

const BY_OFFSETS: &[&str] = &["--ww-deps"];
const ONE: &str = "[[:send 1 [0 10]] [:poll {2 [[0 20]]}]]";
const OTHER: &str = "[[:send 2 [0 20]] [:poll {1 [[0 10]]}]]";

#[test]
fn a_circle_may_run_through_what_failed_and_what_may_have_happened() {
    let seen = poll(7, "1 [[0 10]]");
    let through = |kind: &str| concurrent(&[ONE, &format!("{kind} {OTHER}")]) + &seen;
    rule(&through("info"), &[], "G1c");
    rule(&through("fail"), &[], "G1a G1c");
    rule(&through("fail"), BY_OFFSETS, "G1a (G1c)");
}

#[test]
fn each_record_that_was_read_counts_and_not_the_last_alone() {
    let further = "[[:send 2 [0 20]] [:poll {1 [[0 10] [1 11]]}]]";
    rule(&concurrent(&[ONE, further, "[[:send 1 [1 11]]]"]), &[], "G1c");
}

#[test]
fn only_the_order_by_offsets_shows_writes_that_interleave() {
    let history = concurrent(&[
        "[[:send 1 [0 10]] [:send 2 [1 20]]]",
        "[[:send 1 [1 11]] [:send 2 [0 21]]]",
    ]) + &poll(7, "1 [[0 10] [1 11]], 2 [[0 21] [1 20]]");
    rule(&history, &[], "");
    rule(&history, BY_OFFSETS, "(G0)");
    let mixed = concurrent(&[
        "[[:send 1 [1 10]] [:send 2 [0 20]]]",
        "[[:send 1 [0 11]] [:poll {2 [[0 20]]}]]",
    ]) + &poll(7, "1 [[0 11] [1 10]]");
    rule(&mixed, &[], "");
    rule(&mixed, BY_OFFSETS, "(G1c)");
}

#[test]
fn writes_against_real_time_are_told_and_allowed() {
    let seen = poll(7, "1 [[0 11] [1 10]]");
    let others = send(0, "ok", 1, "1", 10) + &send(3, "ok", 1, "0", 11) + &seen;
    rule(&others, &[], "");
    rule(&others, BY_OFFSETS, "(G0-realtime)");
    let own = send(0, "ok", 1, "1", 10) + &send(0, "ok", 1, "0", 11) + &seen;
    rule(&own, BY_OFFSETS, "nonmonotonic-send (G0-process)");
}

#[test]
fn nobody_reads_what_is_begun_later() {
    let read = poll(7, "1 [[0 11]]");
    for (kind, expected) in [
        ("ok", "G1c-realtime"),
        ("info", "G1c-realtime"),
        ("fail", "G1a G1c-realtime"),
    ] {
        rule(&(read.clone() + &send(3, kind, 1, "0", 11)), &[], expected);
    }
    let begun = "{:process 3 :type :invoke :f :send :value [[:send 1 11]]}\n";
    rule(&(read.clone() + begun), &[], "G1c-realtime");
    rule(&(read + &send(7, "ok", 1, "0", 11)), &[], "G1c-process");
}

#[test]
fn real_time_begins_at_what_succeeded_alone() {
    for kind in ["info", "fail"] {
        let history = poll_as(kind, 7, "1 [[0 11]]") + &send(3, "ok", 1, "0", 11) + &poll(8, "1 [[0 11]]");
        rule(&history, &[], "");
    }
}

#[test]
fn circles_are_counted_and_a_long_one_is_told_in_short() {
    let circle =
        |key: usize, next: usize| format!("[[:send {key} [0 {key}]] [:poll {{{next} [[0 {next}]]}}]]");
    let long: Vec<String> = (0..300).map(|key| circle(key, (key + 1) % 300)).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let said = edn(&concurrent(&long), &[]);
    let found = &said.json["anomalies"]["G1c"];
    assert_eq!(found["count"], 1);
    assert_eq!(
        found["cases"][0]["cycle"]["edges"].as_array().map(Vec::len),
        Some(300)
    );
    let opening = found["cases"][0]["story"][0].as_str().expect("a sentence");
    assert!(
        opening.ends_with("and 292 more operations came before each other in a circle."),
        "{opening}"
    );
    let pairs: Vec<String> = (0..10).map(|key| circle(key, key ^ 1)).collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    assert_eq!(edn(&concurrent(&pairs), &[]).json["anomalies"]["G1c"]["count"], 5);
}

#[test]
fn a_history_without_a_clock_is_told_without_times_and_faults() {
    let history = send(0, "ok", 1, "0", 10) + &send(0, "ok", 1, "1", 11) + &poll(1, "1 [[1 11]]");
    let said = edn(
        &(history + &poll(7, "2 [[0 9]]") + &send(3, "fail", 2, "", 9)),
        &[],
    );
    let text = said.json.to_string() + &said.err;
    for word in [".000 s", "fault had been", "metadata", "plan"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let valid = edn(&(send(0, "ok", 1, "0", 10) + &poll(1, "1 [[0 10]]")), &[]);
    assert!(
        valid
            .err
            .ends_with("VALID      nothing was lost: 1 acknowledged write, all of them read\n")
    );
}
