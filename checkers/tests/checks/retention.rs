//! What brokers remove by themselves: what may go, and what must stay.

use crate::{Rows, table, table_in};

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

// Sixteen records are left out for those of the nemesis: of 4,000 bytes in records of 200 the last four certainly stay.
const BY_SIZE: Rows = &[
    (
        "as much follows what is gone as was to stay",
        "
            topics log:2 keeps=4000/200
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p0 send 0:5 -> ok @4
            p0 send 0:6 -> ok @5
            finally 0@2=3 0@3=4 0@4=5 0@5=6",
        "valid",
    ),
    (
        "less does",
        "
            topics log:2 keeps=4000/200
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p0 send 0:5 -> ok @4
            p0 send 0:6 -> ok @5
            finally 0@3=4 0@4=5 0@5=6",
        "invalid: lost-write 1",
    ),
    (
        "a write of which nobody knows may have followed",
        "
            topics log:2 keeps=4000/200
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p0 send 0:5 -> ok @4
            p2 send 0:7 -> info
            p0 send 0:6 -> ok @5
            finally 0@3=4 0@4=5 0@5=6",
        "valid",
    ),
    (
        "one of another partition does not",
        "
            topics log:2 keeps=4000/200
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p0 send 0:5 -> ok @4
            p2 send 1:7 -> ok @0
            finally 0@2=3 0@3=4 0@4=5 1@0=7",
        "invalid: lost-write 1",
    ),
    (
        "a client passes over what too little followed by then",
        "
            topics log:2 keeps=4000/200
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=1 0@2=3 0@3=4
            p0 send 0:5 -> ok @4
            p0 send 0:6 -> ok @5
            finally 0@2=3 0@3=4 0@4=5 0@5=6",
        "invalid: int-poll-skip 1",
    ),
    (
        "an older one is still there",
        "
            topics log:2 keeps=4000/200
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p0 send 0:5 -> ok @4
            p0 send 0:6 -> ok @5
            finally 0@0=1 0@2=3 0@3=4 0@4=5 0@5=6",
        "invalid: removed-out-of-order 1",
    ),
];

#[test]
fn what_enough_follows_may_go_and_the_newest_bytes_must_stay() {
    table(BY_SIZE);
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

/// A run in which what lies below offset 2 was deleted on request, and a client reads.
fn deleted(lines: &str) -> String {
    let (before, after) = lines
        .split_once("DELETED")
        .expect("what comes before the deletion, and after it");
    format!(
        "
            topics log:2 rf=2
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            {before}
            deletion 0 below=2 asking
            deletion 0 below=2 done=2
            {after}
            finally 0@2=3"
    )
}

const BACK: Rows = &[
    (
        "a deleted record is read by who began after that",
        "node1 says 0=1/e1[1,2]
        DELETED
        node1 says 0=1/e1[1,2]
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3",
        "invalid: resurrected 1",
    ),
    (
        "one that was not deleted is",
        "node1 says 0=1/e1[1,2]
        DELETED
        node1 says 0=1/e1[1,2]
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@2=3",
        "valid",
    ),
    (
        "who had begun before may have fetched it before",
        "node1 says 0=1/e1[1,2]
        p1 assign 0 from-beginning -> ok
        DELETED
        node1 says 0=1/e1[1,2]
        p1 poll -> ok 0@1=2 0@2=3",
        "valid",
    ),
    (
        "a replica that was not in sync knew nothing of it",
        "node1 says 0=1/e1[1]
        DELETED
        node1 says 0=1/e1[1,2]
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3",
        "valid (allowed resurrected 1)",
    ),
    (
        "one that was no more right after it may not have known",
        "node1 says 0=1/e1[1,2]
        DELETED
        node1 says 0=1/e1[1,2]
        node2 says 0=1/e1[1]
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3",
        "valid (allowed resurrected 1)",
    ),
    (
        "nobody said who was in sync",
        "DELETED
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3",
        "valid (allowed resurrected 1)",
    ),
    (
        "a replica ended since, and the other did not",
        "node1 says 0=1/e1[1,2]
        DELETED
        node1 says 0=1/e1[1,2]
        node2 ended
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3",
        "invalid: resurrected 1",
    ),
    (
        "all replicas ended since",
        "node1 says 0=1/e1[1,2]
        DELETED
        node1 says 0=1/e1[1,2]
        node1 ended
        node2 ended
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3",
        "valid (allowed resurrected 1)",
    ),
    (
        "an unclean election was asked for",
        "node1 says 0=1/e1[1,2]
        DELETED
        node1 says 0=1/e1[1,2]
        fault 0 elect-unclean | injecting
        p1 assign 0 from-beginning -> ok
        p1 poll -> ok 0@1=2 0@2=3
        fault 0 elect-unclean | injected
        fault 0 elect-unclean | healed it did",
        "unknown: effect (allowed resurrected 1)",
    ),
];

#[test]
fn what_was_deleted_on_request_is_not_read_again() {
    table_in(deleted, BACK);
}

#[test]
fn what_went_by_age_may_come_back_with_another_leader() {
    table(&[(
        "the log begins further on, and then not",
        "
            topics log:2 keep=10s rf=2
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            at 20
            p0 send 0:3 -> ok @2
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@2=3
            node1 says 0=2/e2[1,2]
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@1=2 0@2=3
            at 40
            finally 0@2=3",
        "valid",
    )]);
}

// Every second record of a key is a tombstone: value 11 deletes value 1.
const KEYS_BACK: Rows = &[
    (
        "the tombstone is gone, and what it deleted is not",
        "
            topics log:2 rf=2 names=10 tombstones=2 stay=1s
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:2 -> ok @2
            at 20
            finally 0@0=1 0@2=2",
        "invalid: resurrected-key 1",
    ),
    (
        "both are gone",
        "
            topics log:2 rf=2 names=10 tombstones=2 stay=1s
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:2 -> ok @2
            at 20
            finally 0@2=2",
        "valid",
    ),
    (
        "a newer one of its key is there",
        "
            topics log:2 rf=2 names=10 tombstones=2 stay=1s
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:21 -> ok @2
            at 20
            finally 0@0=1 0@2=21",
        "valid",
    ),
    (
        "one of which nobody knows may have followed",
        "
            topics log:2 rf=2 names=10 tombstones=2 stay=1s
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p2 send 0:21 -> info
            at 20
            finally 0@0=1",
        "valid",
    ),
    (
        "a replica was away since the tombstone was written",
        "
            topics log:2 rf=2 names=10 tombstones=2 stay=1s
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            node1 says 0=1/e1[1]
            p0 send 0:2 -> ok @2
            at 20
            node1 says 0=1/e1[1,2]
            finally 0@0=1 0@2=2",
        "valid (allowed resurrected-key 1)",
    ),
    (
        "the final reads took longer than tombstones stay",
        "
            topics log:2 rf=2 names=10 tombstones=2
            phase steady
            node1 says 0=1/e1[1,2]
            p0 send 0:1 -> ok @0
            p0 send 0:11 -> ok @1
            p0 send 0:2 -> ok @2
            at 20
            finally 0@0=1 0@2=2",
        "valid",
    ),
];

#[test]
fn a_deleted_key_stays_deleted() {
    table(KEYS_BACK);
}
