//! Transactions: several records that are written together or not at all, subscriptions, rebalances.

use checkers::{Options, SubVia};

use crate::{Rows, table, table_by};

const TOGETHER_OR_NOT_AT_ALL: Rows = &[
    (
        "committed, with the marker's gap",
        "
            phase steady
            p0 txn send 0:1 | send 1:2 -> ok send 0:1 @0 | send 1:2 @0
            p0 txn send 0:3 | send 0:4 -> ok send 0:3 @2 | send 0:4 @3
            p1 poll -> ok 0@0=1 0@2=3 0@3=4 1@0=2
            finally 0@0=1 0@2=3 0@3=4 1@0=2",
        "valid",
    ),
    (
        "aborted, and nobody reads it",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> fail
            finally 0@0=9",
        "valid",
    ),
    (
        "aborted, and read",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> fail
            finally 0@0=9 1@0=2",
        "invalid: G1a 1",
    ),
    (
        "of unknown outcome, and one of it read: it happened as a whole",
        "
            topics log:2
            phase steady
            p0 send 0:9 -> ok @0
            p1 txn send 0:1 | send 1:2 -> info
            p2 poll -> ok 0@0=9 0@1=1
            finally 0@0=9 0@1=1",
        "invalid: lost-write 1",
    ),
    (
        "the same, read uncommitted: that shows nothing",
        "
            topics log:2 read-uncommitted
            phase steady
            p0 send 0:9 -> ok @0
            p1 txn send 0:1 | send 1:2 -> info
            p2 poll -> ok 0@0=9 0@1=1
            finally 0@0=9",
        "invalid: vanished-read 1",
    ),
    (
        "given up on the way: only what was done is told of",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn poll | send 0:1 | send 1:2 -> info poll | send 0:1 @1
            p1 txn send 0:3 | send 1:4 -> fail send 1:4
            finally 0@0=9 0@1=1 1@0=2",
        "valid",
    ),
    (
        "what was never begun cannot be done",
        "
            phase steady
            p3 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> ok send 0:1 @1 | send 1:3 @0
            finally 0@0=9",
        "unknown: assumptions",
    ),
    (
        "nor may anything be missing from one that succeeded",
        "
            phase steady
            p3 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> ok send 0:1 @1
            finally 0@0=9",
        "unknown: assumptions",
    ),
    (
        "acknowledged, and one half is lost",
        "
            phase steady
            p0 txn send 0:1 | send 1:2 -> ok
            finally 1@0=2",
        "invalid: lost-write 1",
    ),
    (
        "of unknown outcome, and nothing of it is there",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> info
            finally 0@0=9",
        "valid",
    ),
    (
        "of unknown outcome, and one half is there",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> info
            finally 0@0=9 1@0=2",
        "invalid: lost-write 1",
    ),
    (
        "of unknown outcome, one half read and then gone, as is the other",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2 -> info
            p1 poll -> ok 1@0=2
            finally 0@0=9",
        "invalid: lost-write 1, vanished-read 1",
    ),
    (
        "never over, so it may be over at any time",
        "
            phase steady
            p0 send 0:9 -> ok @0
            p0 txn send 0:1 | send 1:2
            finally 0@0=9 1@0=2",
        "valid",
    ),
    (
        "the offsets of one that is not known to have happened prove nothing",
        "
            phase steady
            p0 txn send 0:1 | send 1:2 -> info send 0:1 @0 | send 1:2 @0
            p3 send 0:3 -> ok @0
            finally 0@0=3",
        "valid",
    ),
    (
        "but those of one that did happen do",
        "
            foreign
            p0 txn send 0:1 | send 1:2 -> info send 0:1 @0 | send 1:2 @0
            p3 send 0:3 -> ok @0
            p1 poll -> ok 0@0=3 1@0=2",
        "invalid: inconsistent-offsets 1, lost-write 1",
    ),
];

#[test]
fn together_or_not_at_all() {
    table(TOGETHER_OR_NOT_AT_ALL);
}

const WITHIN_AN_OPERATION: Rows = &[
    (
        "reads what it writes",
        "
            phase steady
            p0 txn send 0:1 | poll -> ok send 0:1 @0 | poll 0@0=1
            finally 0@0=1",
        "invalid: precommitted-read 1",
    ),
    (
        "reads both, before it sends them, and fails",
        "
            phase steady
            p3 send 1:7 -> ok @0
            p0 txn poll | send 0:1 | send 0:2 -> fail poll 0@0=1 0@1=2 | send 0:1 | send 0:2
            finally 1@0=7",
        "invalid: precommitted-read 1",
    ),
    (
        "reads what it writes under another key: that is another value",
        "
            foreign
            p0 txn send 0:1 | poll -> ok send 0:1 @0 | poll 1@0=1
            p3 send 1:1 -> ok @0
            p4 poll -> ok 0@0=1 1@0=1",
        "invalid: G1c-realtime 1",
    ),
    (
        "sends in order",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 -> ok send 0:1 @4 | send 0:2 @5
            finally 0@4=1 0@5=2",
        "valid",
    ),
    (
        "sends with a marker between",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 -> ok send 0:1 @4 | send 0:2 @6
            finally 0@4=1 0@6=2",
        "valid",
    ),
    (
        "sends with another's record between, which nobody forbids",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 -> ok send 0:1 @4 | send 0:2 @6
            p3 send 0:3 -> ok @5
            finally 0@4=1 0@5=3 0@6=2",
        "valid (allowed int-send-skip 1)",
    ),
    (
        "sends that stand in the wrong order",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 -> ok send 0:1 @6 | send 0:2 @5
            finally 0@5=2 0@6=1",
        "invalid: int-nonmonotonic-send 1",
    ),
    (
        "sends whose order only a reader shows",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 -> ok
            finally 0@5=2 0@6=1",
        "invalid: int-nonmonotonic-send 1",
    ),
    (
        "an aborted one that was read in the wrong order",
        "
            phase steady
            p3 send 0:9 -> ok @0
            p0 txn send 0:1 | send 0:2 -> fail
            finally 0@0=9 0@5=2 0@6=1",
        "invalid: G1a 2, int-nonmonotonic-send 1",
    ),
    (
        "polls back within an operation",
        "
            phase steady
            p3 txn send 0:1 | send 0:2 -> ok send 0:1 @0 | send 0:2 @1
            p0 txn poll | poll -> ok poll 0@1=2 | poll 0@0=1
            finally 0@0=1 0@1=2",
        "invalid: int-nonmonotonic-poll 1",
    ),
];

#[test]
fn within_an_operation() {
    table(WITHIN_AN_OPERATION);
}

const SENT_IN_ORDER: Rows = &[
    (
        "on and on",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @5
            finally 0@0=1 0@5=2",
        "valid",
    ),
    (
        "back",
        "
            phase steady
            p0 send 0:1 -> ok @5
            p0 send 0:2 -> ok @0
            finally 0@0=2 0@5=1",
        "invalid: nonmonotonic-send 1",
    ),
    (
        "only a reader shows it",
        "
            phase steady
            p0 send 0:1 -> ok
            p0 send 0:2 -> ok
            finally 0@0=2 0@5=1",
        "invalid: nonmonotonic-send 1",
    ),
    (
        "an info write that came later than what was sent after it",
        "
            phase steady
            p0 send 0:1 -> info
            p0 send 0:2 -> ok @0
            finally 0@0=2 0@5=1",
        "invalid: nonmonotonic-send 1",
    ),
    (
        "an info write that nobody saw hides what was sent before it, as with Jepsen",
        "
            phase steady
            p0 send 0:1 -> ok @5
            p0 send 0:3 -> info
            p0 send 0:2 -> ok @0
            finally 0@0=2 0@5=1",
        "valid",
    ),
    (
        "a failed write hides nothing",
        "
            phase steady
            p0 send 0:1 -> ok @5
            p0 send 0:3 -> fail
            p0 send 0:2 -> ok @0
            finally 0@0=2 0@5=1",
        "invalid: nonmonotonic-send 1",
    ),
    (
        "two clients",
        "
            phase steady
            p0 send 0:1 -> ok @5
            p1 send 0:2 -> ok @0
            finally 0@0=2 0@5=1",
        "valid",
    ),
    (
        "a repeated record stands where it stood first",
        "
            topics log:2 at-least-once
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            finally 0@0=1 0@1=2 0@2=1",
        "valid (allowed duplicate 1)",
    ),
];

#[test]
fn sent_in_order() {
    table(SENT_IN_ORDER);
}

const SUBSCRIBED: Rows = &[
    (
        "a group may give partitions back anywhere",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 | send 0:3 -> ok send 0:1 @0 | send 0:2 @1 | send 0:3 @2
            p1 subscribe 0 1 -> ok
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3
            p1 poll -> ok 0@0=1
            finally 0@0=1 0@1=2 0@2=3",
        "valid (allowed nonmonotonic-poll 1, poll-skip 1)",
    ),
    (
        "but not within an operation",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 | send 0:3 -> ok send 0:1 @0 | send 0:2 @1 | send 0:3 @2
            p1 subscribe 0 1 -> ok
            p1 poll -> ok 0@0=1 0@2=3 0@1=2
            finally 0@0=1 0@1=2 0@2=3",
        "invalid: int-nonmonotonic-poll 1, int-poll-skip 1",
    ),
    (
        "unless the group moved them meanwhile",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 | send 0:3 -> ok send 0:1 @0 | send 0:2 @1 | send 0:3 @2
            p1 subscribe 0 1 -> ok
            p1 poll -> ok 0@0=1 0@2=3 0@1=2 rebalanced=1,0
            finally 0@0=1 0@1=2 0@2=3",
        "valid",
    ),
    (
        "and only these",
        "
            phase steady
            p0 txn send 0:1 | send 0:2 | send 0:3 -> ok send 0:1 @0 | send 0:2 @1 | send 0:3 @2
            p1 subscribe 0 1 -> ok
            p1 poll -> ok 0@0=1 0@2=3 0@1=2 rebalanced=1
            finally 0@0=1 0@1=2 0@2=3",
        "invalid: int-nonmonotonic-poll 1, int-poll-skip 1",
    ),
    (
        "who assigns again is held to it again",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 subscribe 0 -> ok
            p1 assign 0 -> ok
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@0=1
            finally 0@0=1",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "what was read before a subscription counts no more",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 subscribe 0 -> ok
            p1 poll -> ok 0@0=1
            finally 0@0=1",
        "valid",
    ),
];

#[test]
fn subscribed() {
    table(SUBSCRIBED);
}

const FOREIGN_SUBSCRIPTIONS: Rows = &[
    (
        "of a foreign history only the options say whether groups count",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 subscribe 0 -> ok
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@0=1",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "a client stays where it was in what it had before",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 subscribe 0 1 -> ok
            p1 poll -> ok 0@0=1",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "so it does in an assignment",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 assign 0 1 -> info
            p1 poll -> ok 0@0=1",
        "invalid: nonmonotonic-poll 1",
    ),
    (
        "unless that was from the beginning",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 assign 0 1 from-beginning -> ok
            p1 poll -> ok 0@0=1",
        "valid",
    ),
    (
        "or without the partition",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p1 assign 1 -> ok
            p1 assign 0 -> ok
            p1 poll -> ok 0@0=1",
        "valid",
    ),
];

#[test]
fn foreign_subscriptions() {
    table(FOREIGN_SUBSCRIPTIONS);
    let options = Options {
        sub_via: SubVia::Subscribe,
        ..Options::default()
    };
    let lenient = (
        FOREIGN_SUBSCRIPTIONS[0].0,
        FOREIGN_SUBSCRIPTIONS[0].1,
        "valid (allowed nonmonotonic-poll 1)",
    );
    table_by(&options, &[lenient]);
}
