//! What stands in the log and should not: repetitions, two values at one offset, values of nobody or of elsewhere.

use crate::{Rows, table};

const DUPLICATE: Rows = &[
    (
        "twice in the log, idempotent",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=1",
        "invalid: duplicate 1",
    ),
    (
        "twice in the log, at least once",
        "
            topics log:2 at-least-once
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=1",
        "valid (allowed duplicate 1)",
    ),
    (
        "acknowledged at one offset, read at another",
        "
            phase steady
            p0 send 0:1 -> ok @4
            finally 0@0=1",
        "invalid: duplicate 1",
    ),
    (
        "read twice by two clients at one offset is none",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p2 poll -> ok 0@0=1
            finally 0@0=1",
        "valid",
    ),
    (
        "in three places it is still one value",
        "
            phase steady
            p0 send 0:1 -> info
            p1 send 1:7 -> ok @0
            finally 0@0=1 0@1=1 0@2=1 1@0=7",
        "invalid: duplicate 1",
    ),
];

#[test]
fn duplicate() {
    table(DUPLICATE);
}

const INCONSISTENT_OFFSETS: Rows = &[
    (
        "two clients read different values at one offset",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            p1 poll -> ok 0@0=2
            finally 0@0=1",
        "invalid: inconsistent-offsets 1, vanished-read 1",
    ),
    (
        "two acknowledgements name one offset",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @0
            finally 0@0=1 0@1=2",
        "invalid: duplicate 1, inconsistent-offsets 1, nonmonotonic-send 1",
    ),
    (
        "the same offset of two partitions is another place",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 1:2 -> ok @0
            finally 0@0=1 1@0=2",
        "valid",
    ),
    (
        "even a poll that failed must not show another value",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            p1 poll -> fail 0@0=2
            finally 0@0=1",
        "invalid: inconsistent-offsets 1",
    ),
    (
        "an info write's offset proves nothing",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info @0
            finally 0@0=1",
        "valid",
    ),
    (
        "a replica's own copy below its high watermark",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            node2 log 0 hw=1 0=2/e0 last
            finally 0@0=1",
        "invalid: inconsistent-offsets 1, replica-divergence 1",
    ),
    (
        "above its high watermark it is not committed",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            node2 log 0 hw=0 0=2/e0 last
            finally 0@0=1",
        "valid",
    ),
];

#[test]
fn inconsistent_offsets() {
    table(INCONSISTENT_OFFSETS);
}

#[test]
fn a_write_that_was_taken_for_a_repetition_says_so() {
    let repeated = |topics: &str, last: &str| {
        let text = format!(
            "
            topics log:2 {topics}
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            {last}
            finally 0@0=1 0@1=2 0@2=3"
        );
        let verdict = crate::judge(&crate::dsl::history(&text), &checkers::Options::default());
        let story = verdict.anomalies["lost-write"].cases[0].story.join("\n");
        story.contains("Offset 1 is that of value 2, which client 0 had written before (op ")
    };
    assert!(repeated("", "p0 send 0:4 -> ok @1"));
    assert!(!repeated("", "p1 send 0:4 -> ok @1"), "it is another client's");
    assert!(
        !repeated("at-least-once", "p0 send 0:4 -> ok @1"),
        "nobody numbers them"
    );
}

const RECORDS_THAT_SHOULD_NOT_BE_THERE: Rows = &[
    (
        "a value that nobody sent",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=77",
        "invalid: phantom-read 1",
    ),
    (
        "a huge value that nobody sent",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=18446744073709551615",
        "invalid: phantom-read 1",
    ),
    (
        "in a replica's copy alone",
        "
            phase steady
            p0 send 0:1 -> ok @0
            node1 log 0 hw=2 0=1/e0 1=9/e0 last
            finally 0@0=1",
        "invalid: phantom-read 1",
    ),
    (
        "an aborted read",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            p1 poll -> ok 0@0=1 0@1=2
            finally 0@0=1 0@1=2",
        "invalid: G1a 1",
    ),
    (
        "only the final reads show it",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            finally 0@0=1 0@1=2",
        "invalid: G1a 1",
    ),
    (
        "read before its failure was known is aborted as well",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2
            p1 poll -> ok 0@0=1 0@1=2
            p0 fail send 0:2
            finally 0@0=1",
        "invalid: G1a 1",
    ),
    (
        "a poll that did not succeed reads nothing aborted",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            p1 poll -> info 0@1=2
            finally 0@0=1",
        "valid",
    ),
    (
        "read where it was not sent to",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 1@0=1
            finally 0@0=1",
        "invalid: misplaced-record 1",
    ),
    (
        "and not where it was",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 1:2 -> ok @0
            finally 1@0=2 1@1=1",
        "invalid: lost-write 1, misplaced-record 1",
    ),
];

#[test]
fn records_that_should_not_be_there() {
    table(RECORDS_THAT_SHOULD_NOT_BE_THERE);
}
