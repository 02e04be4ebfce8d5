//! The order in which clients read.

use crate::{Rows, table};

const BETWEEN_POLLS: Rows = &[
    (
        "on and on",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok
            p1 poll -> ok 0@1=2 0@2=3
            finally 0@0=1 0@1=2 0@2=3",
        "valid",
    ),
    (
        "back",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1 0@1=2
            p1 poll -> ok 0@0=1
            finally 0@0=1 0@1=2",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "the same again",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@0=1
            finally 0@0=1",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "back after a new assignment",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 assign 0 -> ok
            p1 poll -> ok 0@0=1
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=1
            finally 0@0=1",
        "valid",
    ),
    (
        "back after one that certainly did not happen",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 assign 0 from-beginning -> fail
            p1 poll -> ok 0@0=1
            finally 0@0=1",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "back after a crash",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 crash -> info
            p1 poll -> ok 0@0=1
            finally 0@0=1",
        "valid",
    ),
    (
        "another partition is another order",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 1:3 -> ok @0
            p1 poll -> ok 0@0=1 0@1=2
            p1 poll -> ok 1@0=3
            finally 0@0=1 0@1=2 1@0=3",
        "valid",
    ),
    (
        "passed over",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3
            finally 0@0=1 0@1=2 0@2=3",
        "invalid: poll-skip 1",
    ),
    (
        "passed over what is only known later",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3
            p3 send 0:2 -> info
            finally 0@0=1 0@1=2 0@2=3",
        "invalid: poll-skip 1",
    ),
    (
        "a gap in a log that was cut off later, filled only in the new one",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3
            p3 send 0:4 -> ok @1
            p3 send 0:5 -> ok @2
            finally 0@0=1 0@1=4 0@2=5",
        "invalid: inconsistent-offsets 1, lost-write 1",
    ),
    (
        "a gap in a log that was cut off later, filled before that",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3
            p3 send 0:4 -> ok @1
            p3 send 0:5 -> ok @2
            finally 0@0=1 0@1=4 0@2=5",
        "invalid: inconsistent-offsets 2, lost-write 2, poll-skip 1",
    ),
    (
        "a gap in which nothing is known",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3
            finally 0@0=1 0@2=3",
        "valid",
    ),
    (
        "what a poll that did not succeed showed is not held against the next",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1
            p1 poll -> info 0@1=2
            p1 poll -> ok 0@1=2
            finally 0@0=1 0@1=2",
        "valid",
    ),
    (
        "but it must not go back itself",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1 0@1=2
            p1 poll -> info 0@0=1
            finally 0@0=1 0@1=2",
        "invalid: nonmonotonic-poll 1",
    ),
];

#[test]
fn between_polls() {
    table(BETWEEN_POLLS);
}

const WITHIN_A_POLL: Rows = &[
    (
        "back",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@1=2 0@0=1
            finally 0@0=1 0@1=2",
        "invalid: int-nonmonotonic-poll 1",
    ),
    (
        "passed over",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1 0@2=3
            finally 0@0=1 0@1=2 0@2=3",
        "invalid: int-poll-skip 1",
    ),
    (
        "partitions interleaved",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 1:3 -> ok @0
            p0 send 1:4 -> ok @1
            p1 poll -> ok 0@0=1 1@0=3 0@1=2 1@1=4
            finally 0@0=1 0@1=2 1@0=3 1@1=4",
        "valid",
    ),
];

#[test]
fn within_a_poll() {
    table(WITHIN_A_POLL);
}
