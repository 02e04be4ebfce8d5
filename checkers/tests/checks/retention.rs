//! What brokers remove by themselves: what may go, and what must stay.

use crate::{Rows, table};

const BY_AGE: Rows = &[
    (
        "old records are gone, from the start on",
        "
            topics log:2 keep=10s
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            at 20
            p0 send 0:3 -> ok @2
            finally 0@2=3",
        "valid",
    ),
    (
        "a young one is gone",
        "
            topics log:2 keep=10s
            phase steady
            p0 send 0:1 -> ok @0
            at 15
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            at 20
            finally 0@2=3",
        "invalid: lost-write 1",
    ),
    (
        "an old one is gone, and an older one is not",
        "
            topics log:2 keep=10s
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            at 20
            p0 send 0:3 -> ok @2
            finally 0@0=1 0@2=3",
        "invalid: removed-out-of-order 1",
    ),
    (
        "nothing is gone",
        "
            topics log:2 keep=10s
            phase steady
            p0 send 0:1 -> ok @0
            at 20
            p0 send 0:3 -> ok @1
            finally 0@0=1 0@1=3",
        "unknown: retention",
    ),
    (
        "a client passes over what was old by then",
        "
            topics log:2 keep=10s
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=1
            at 20
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@2=3
            finally 0@2=3",
        "valid",
    ),
    (
        "a client passes over what was young",
        "
            topics log:2 keep=10s
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@2=3
            at 20
            p0 send 0:4 -> ok @3
            finally 0@3=4",
        "invalid: poll-skip 1",
    ),
];

#[test]
fn what_is_old_may_go_and_what_is_young_must_stay() {
    table(BY_AGE);
}

// The key of a record is its value modulo ten.
const COMPACTED: Rows = &[
    (
        "newer ones of its key follow",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:2 -> ok @2
            finally 0@1=11 0@2=2",
        "valid",
    ),
    (
        "the last of its key is gone",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:2 -> ok @2
            finally 0@0=1 0@2=2",
        "invalid: int-poll-skip 1, lost-write 1",
    ),
    (
        "a write of the key that failed excuses nothing",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> fail
            p0 send 0:2 -> ok @2
            finally 0@2=2",
        "invalid: lost-write 1",
    ),
    (
        "one of which nobody knows does: it may have followed",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> info
            p0 send 0:2 -> ok @2
            finally 0@2=2",
        "valid",
    ),
    (
        "a tombstone and what it deletes are gone",
        "
            topics log:2 names=10 tombstones=2
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:2 -> ok @2
            finally 0@2=2",
        "valid",
    ),
    (
        "one of another key excuses nothing",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:12 -> ok @1
            p0 send 0:2 -> ok @2
            finally 0@2=2",
        "invalid: lost-write 1",
    ),
    (
        "a client passes over what was followed",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:0 -> ok @0
            p0 send 0:1 -> ok @1
            p0 send 0:11 -> ok @2
            p0 send 0:2 -> ok @3
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=0 0@2=11 0@3=2
            finally 0@0=0 0@2=11 0@3=2",
        "valid",
    ),
    (
        "a client passes over what is the last of its key",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:0 -> ok @0
            p0 send 0:1 -> ok @1
            p0 send 0:10 -> ok @2
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=0 0@2=10
            finally 0@1=1 0@2=10",
        "invalid: int-poll-skip 1",
    ),
    (
        "nothing was cleaned",
        "
            topics log:2 names=10
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            finally 0@0=1 0@1=11",
        "unknown: retention",
    ),
];

#[test]
fn what_is_followed_may_go_and_the_last_of_a_key_must_stay() {
    table(COMPACTED);
}
