//! Foreign histories: where Jepsen's checker stops or accuses falsely, and where it is right.

use crate::{Rows, table};

const WHERE_THE_REFERENCE_STOPS: Rows = &[
    (
        "a value that nobody sent",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1 0@1=9",
        "invalid: phantom-read 1",
    ),
    (
        "a value that was sent to another key",
        "
            foreign
            p0 send 0:1 -> ok @0
            p0 send 1:2 -> ok @0
            p1 poll -> ok 0@0=1 0@1=2 1@0=2",
        "invalid: misplaced-record 1",
    ),
    (
        "a value that was sent to another key, where values come again under other keys",
        "
            foreign
            p0 send 0:1 -> ok @0
            p0 send 1:1 -> ok @0
            p0 send 1:2 -> ok @1
            p1 poll -> ok 0@0=1 0@1=2 1@0=1 1@1=2",
        "invalid: misplaced-record 1",
    ),
    (
        "a value whose operation never completed counts as info",
        "
            foreign
            p0 send 0:1 -> ok @0
            p2 send 0:2
            p1 poll -> ok 0@0=1 0@1=2",
        "valid",
    ),
    (
        "a key that was read without offsets only",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@-1=1",
        "valid",
    ),
    (
        "a key that nobody read",
        "
            foreign
            p0 send 0:1 -> info
            p1 poll -> ok",
        "valid",
    ),
    (
        "one operation that depends on nothing is no empty graph",
        "
            foreign
            p1 poll -> ok",
        "valid",
    ),
];

#[test]
fn where_the_reference_stops() {
    table(WHERE_THE_REFERENCE_STOPS);
}

const WHERE_IT_ACCUSES_FALSELY: Rows = &[
    (
        "the last operation is the first to poll a key without acknowledged sends",
        "
            foreign
            p0 send 0:1 -> ok @0
            p2 poll -> ok 0@0=1
            p0 send 1:2 -> info
            p1 poll -> ok 1@0=2",
        "valid",
    ),
    (
        "two values at an offset: each is held against the order",
        "
            foreign
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p4 send 0:3 -> info
            p1 poll -> ok 0@0=1 0@1=2
            p2 poll -> ok 0@0=3 0@1=2",
        "invalid: inconsistent-offsets 1",
    ),
];

#[test]
fn where_it_accuses_falsely() {
    table(WHERE_IT_ACCUSES_FALSELY);
}

const LOST: Rows = &[
    (
        "below what was read",
        "
            foreign
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@1=2",
        "invalid: lost-write 1",
    ),
    (
        "above what was read it is unseen",
        "
            foreign
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1",
        "invalid: unseen 1",
    ),
    (
        "what an operation that did not succeed read raises no bound and reads nothing",
        "
            foreign
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> info 0@0=1 0@1=2",
        "invalid: unseen 2",
    ),
    (
        "where a failed poll saw it counts as its place",
        "
            foreign
            p0 send 0:1 -> ok
            p0 send 0:2 -> ok @1
            p1 poll -> fail 0@0=1
            p2 poll -> ok 0@1=2",
        "invalid: lost-write 1",
    ),
    (
        "a value that stands twice bounds by its first place",
        "
            foreign
            p0 send 0:1 -> ok @3
            p4 send 0:2 -> ok @1
            p1 poll -> ok 0@1=2
            p1 poll -> ok 0@5=2",
        "invalid: duplicate 1, poll-skip 1, unseen 1",
    ),
    (
        "and one that is missing counts by its last",
        "
            foreign
            p0 send 0:1 -> ok @0
            p4 send 0:2 -> ok @1
            p5 poll -> fail 0@2=1
            p1 poll -> ok 0@1=2",
        "invalid: duplicate 1, unseen 1",
    ),
    (
        "a transaction of unknown outcome of which something was read",
        "
            foreign
            p0 txn send 0:1 | send 0:2 -> info send 0:1 @0 | send 0:2 @1
            p1 poll -> ok 0@1=2",
        "invalid: lost-write 1",
    ),
];

#[test]
fn lost() {
    table(LOST);
}

const NOTHING_TO_JUDGE: Rows = &[
    (
        "nothing succeeded",
        "
            foreign
            p0 send 0:1 -> info
            p1 poll -> fail",
        "unknown: effect",
    ),
    (
        "a value that was sent twice to one key",
        "
            foreign
            p0 send 0:1 -> ok @0
            p2 send 0:1 -> ok @1
            p1 poll -> ok 0@0=1 0@1=1",
        "unknown: assumptions",
    ),
];

#[test]
fn nothing_to_judge() {
    table(NOTHING_TO_JUDGE);
}
