//! Applications: groups, exactly-once processing, a bank, and the order of one producer's writes. Each promise with the bug that breaks it.

use crate::{Rows, table, table_in};

/// A group of one partition that two records were written to.
fn group(lines: &str) -> String {
    format!(
        "topics log:1 rf=1 group
         phase steady
         p0 send 0:1 -> ok @0
         p0 send 0:2 -> ok @1
         p1 subscribe 0 -> ok
         {lines}"
    )
}

const GROUPS: Rows = &[
    (
        "what is read is committed, and stays",
        "p1 rebalance given a.g1 0 -> ok
         p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@2 -> ok",
        "valid",
    ),
    (
        "a member that dies has its records read again by another",
        "p1 rebalance given a.g1 0 -> ok
         p1 poll -> ok 0@0=1
         p1 crash -> info
         p2 subscribe 0 -> ok
         p2 rebalance given b.g2 0 -> ok
         p2 poll -> ok 0@0=1 0@1=2
         p2 commit b.g2 0@2 -> ok
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "valid",
    ),
    (
        "who commits what it has not read skips it",
        "p1 poll -> ok 0@0=1
         p1 commit a.g1 0@2 -> ok
         p1 crash -> info
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "invalid: skipped-record 1",
    ),
    (
        "what a member held when it died was not read",
        "p1 poll
         p1 info poll
         p2 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "invalid: skipped-record 2",
    ),
    (
        "a commit that vanishes is lost",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@1 -> ok",
        "invalid: lost-commit 1",
    ),
    (
        "whether all of it vanishes or some",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@none -> ok",
        "invalid: lost-commit 1",
    ),
    (
        "unless one of unknown outcome came after it",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@1 -> info
         p1 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@1 -> ok",
        "valid",
    ),
    (
        "one of unknown outcome may have happened or not",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@1 -> ok
         p1 commit a.g1 0@2 -> info
         finally 0@0=1 0@1=2
         p1 committed 0@2 -> ok",
        "valid",
    ),
    (
        "a member that goes on from further back",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         p2 subscribe 0 -> ok
         p2 committed 0@none -> ok
         p2 poll -> ok 0@0=1
         p2 commit b.g2 0@1 -> ok
         p2 poll -> ok 0@1=2
         p2 commit b.g2 0@2 -> ok
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "invalid: commit-went-back 1 (allowed stale-committed 1)",
    ),
    (
        "one that is no member any more commits from further back while the group has none",
        "p1 rebalance given a.g1 0 -> ok
         p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         p1 commit a.g-1 0@1 -> ok
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "valid",
    ),
    (
        "commits under way at one time have no order",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2
         p2 commit b.g1 0@1
         p1 ok commit a.g1 0@2
         p2 ok commit b.g1 0@1
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "valid",
    ),
    (
        "a deposed coordinator may tell of less",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         p1 committed 0@none -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@2 -> ok",
        "valid (allowed stale-committed 1)",
    ),
    (
        "two members in one generation",
        "p1 rebalance given a.g1 0 -> ok
         p2 subscribe 0 -> ok
         p2 rebalance given b.g1 0 -> ok
         p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@2 -> ok",
        "invalid: two-owners 1",
    ),
    (
        "one that the group has given up goes on believing",
        "p1 rebalance given a.g1 0 -> ok
         p2 subscribe 0 -> ok
         p2 rebalance given b.g2 0 -> ok
         p1 poll -> ok 0@0=1
         p2 poll -> ok 0@0=1 0@1=2
         p1 rebalance lost a.g-1 0 -> ok
         p2 commit b.g2 0@2 -> ok
         finally 0@0=1 0@1=2
         p2 committed 0@2 -> ok",
        "valid",
    ),
    (
        "unless the group lets it commit in the other's generation",
        "p1 rebalance given a.g1 0 -> ok
         p2 subscribe 0 -> ok
         p2 rebalance given b.g2 0 -> ok
         p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g2 0@2 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@2 -> ok",
        "invalid: two-owners 1",
    ),
    (
        "what is handed over has one owner",
        "p1 rebalance given a.g1 0 -> ok
         p2 subscribe 0 -> ok
         p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         p1 rebalance revoked a.g2 0 -> ok
         p2 rebalance given b.g2 0 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@2 -> ok",
        "valid",
    ),
    (
        "a group that never got to the end proves nothing",
        "p1 poll -> ok 0@0=1
         p1 commit a.g1 0@1 -> ok
         finally 0@0=1 0@1=2
         p1 committed 0@1 -> ok",
        "unknown: groups",
    ),
    (
        "nor one that nobody asked at the end",
        "p1 poll -> ok 0@0=1 0@1=2
         p1 commit a.g1 0@2 -> ok
         finally 0@0=1 0@1=2",
        "unknown: groups",
    ),
];

#[test]
fn groups() {
    table_in(group, GROUPS);
}

/// Two records of the first topic, and what became of them.
fn exactly_once(lines: &str) -> String {
    format!(
        "topics in:1 then=out:1 rf=1 exactly-once
         phase steady
         p0 send 0:1 -> ok @0
         p0 send 0:2 -> ok @1
         p1 subscribe 0 -> ok
         {lines}"
    )
}

const EXACTLY_ONCE: Rows = &[
    (
        "each has become one, in order",
        "p1 txn poll | send 1:10 | send 1:11 -> ok poll 0@0=1 0@1=2 | send 1:10 @0 | send 1:11 @1
         finally 0@0=1 0@1=2 1@0=10 1@1=11
         p1 committed 0@2 -> ok",
        "valid",
    ),
    (
        "what was aborted is done again",
        "p1 txn poll | send 1:10 -> fail poll 0@0=1 | send 1:10 @0
         p1 txn poll | send 1:11 | send 1:12 -> ok poll 0@0=1 0@1=2 | send 1:11 @2 | send 1:12 @3
         finally 0@0=1 0@1=2 1@2=11 1@3=12
         p1 committed 0@2 -> ok",
        "valid",
    ),
    (
        "one of unknown outcome may have happened",
        "p1 txn poll | send 1:10 -> info poll 0@0=1 | send 1:10
         p2 txn poll | send 1:12 -> ok poll 0@1=2 | send 1:12 @1
         finally 0@0=1 0@1=2 1@0=10 1@1=12
         p1 committed 0@2 -> ok",
        "valid",
    ),
    (
        "who was done twice is found, whoever knows of it",
        "p1 txn poll | send 1:10 -> info poll 0@0=1 | send 1:10
         p2 txn poll | send 1:11 | send 1:12 -> ok poll 0@0=1 0@1=2 | send 1:11 @1 | send 1:12 @2
         finally 0@0=1 0@1=2 1@0=10 1@1=11 1@2=12
         p1 committed 0@2 -> ok",
        "invalid: processed-twice 1",
    ),
    (
        "who was passed over is found",
        "p1 txn poll | send 1:11 -> ok poll 0@1=2 | send 1:11 @0
         finally 0@0=1 0@1=2 1@0=11
         p1 committed 0@2 -> ok",
        "invalid: never-processed 1",
    ),
    (
        "who was not done yet proves nothing",
        "p1 txn poll | send 1:11 -> ok poll 0@0=1 | send 1:11 @0
         finally 0@0=1 0@1=2 1@0=11
         p1 committed 0@1 -> ok",
        "unknown: eos",
    ),
    (
        "the order is kept",
        "p1 txn poll | send 1:11 -> ok poll 0@1=2 | send 1:11 @0
         p1 txn poll | send 1:12 -> ok poll 0@0=1 | send 1:12 @1
         finally 0@0=1 0@1=2 1@0=11 1@1=12
         p1 committed 0@2 -> ok",
        "invalid: processed-out-of-order 1 (allowed nonmonotonic-poll 1)",
    ),
];

#[test]
fn each_record_becomes_one() {
    table_in(exactly_once, EXACTLY_ONCE);
}

/// Two accounts.
fn bank(lines: &str) -> String {
    format!(
        "topics accounts:2 rf=1 bank=100
         phase steady
         {lines}"
    )
}

const BANK: Rows = &[
    (
        "a transfer is both or none",
        "p0 txn send 0:2 | send 1:3 -> ok send 0:2 @0 | send 1:3 @0
         p0 txn send 1:4 | send 0:5 -> fail send 1:4 @2 | send 0:5 @2
         p0 txn send 1:6 | send 0:7 -> info
         finally 0@0=2 1@0=3",
        "valid",
    ),
    (
        "half of one changes the total",
        "p0 txn send 0:2 | send 1:3 -> ok send 0:2 @0 | send 1:3 @0
         p0 txn send 0:6 | send 1:7 -> info
         finally 0@0=2 0@1=6 1@0=3",
        "invalid: lost-write 1, torn-transfer 1, total-changed 1",
    ),
];

#[test]
fn the_total_stays() {
    table_in(bank, BANK);
}

const ORDER: Rows = &[
    (
        "as it was begun, whoever was in between",
        "topics log:1 rf=1
         phase steady
         p0 send 0:1 -> ok @0 prod=0
         p0 send 0:2 -> ok @1 prod=1
         p0 send 0:3 -> ok @2 prod=0
         finally 0@0=1 0@1=2 0@2=3",
        "valid",
    ),
    (
        "an older one behind a newer",
        "topics log:1 rf=1
         phase steady
         p0 send 0:1 -> info prod=0
         p1 send 0:2 -> ok @0 prod=0
         finally 0@0=2 0@1=1",
        "invalid: reordered-write 1",
    ),
    (
        "another producer's has no order with it",
        "topics log:1 rf=1
         phase steady
         p0 send 0:1 -> info prod=0
         p1 send 0:2 -> ok @0 prod=1
         finally 0@0=2 0@1=1",
        "valid",
    ),
    (
        "a producer that tries again may overtake itself where it promises nothing",
        "topics log:1 rf=1 at-least-once
         phase steady
         p0 send 0:1 -> info prod=0
         p1 send 0:2 -> ok @0 prod=0
         finally 0@0=2 0@1=1",
        "valid (allowed reordered-write 1)",
    ),
];

#[test]
fn the_order_of_one_producer() {
    table(ORDER);
}

/// A topic whose brokers' clocks may be a second off. The wall clock shows 100 s when the run's own is at its start, and each line is a
/// millisecond.
fn times(lines: &str) -> String {
    format!(
        "topics log:1 rf=1 skew=1s
         p8 clock -> ok 100001
         phase steady
         at 10
         p0 send 0:1 -> ok @0
         at 20
         p0 send 0:2 -> ok @1
         at 30
         {lines}"
    )
}

const TIMES: Rows = &[
    (
        "times are those of the writing, as far as clocks may differ",
        "p1 times -> ok 0@0=1/110000 0@1=2/119200
         p1 look-up 0:110000 -> ok @0
         p1 look-up 0:110001 -> ok @1
         finally 0@0=1 0@1=2",
        "valid",
    ),
    (
        "a time before the write",
        "p1 times -> ok 0@0=1/108000 0@1=2/120000
         p1 look-up 0:1 -> ok @0
         finally 0@0=1 0@1=2",
        "invalid: wrong-time 1",
    ),
    (
        "a time after it was over",
        "p1 times -> ok 0@0=1/110000 0@1=2/121500
         p1 look-up 0:1 -> ok @0
         finally 0@0=1 0@1=2",
        "invalid: wrong-time 1",
    ),
    (
        "a time that changes",
        "p1 times -> ok 0@0=1/110000 0@1=2/120000
         p1 times -> ok 0@0=1/110001
         p1 look-up 0:1 -> ok @0
         finally 0@0=1 0@1=2",
        "invalid: time-changed 1",
    ),
    (
        "a look-up that finds what is older",
        "p1 times -> ok 0@0=1/110000 0@1=2/120000
         p1 look-up 0:115000 -> ok @0
         finally 0@0=1 0@1=2",
        "invalid: wrong-look-up 1",
    ),
    (
        "a look-up that passes over one",
        "p1 times -> ok 0@0=1/110000 0@1=2/120000
         p1 look-up 0:109000 -> ok @1
         finally 0@0=1 0@1=2",
        "invalid: wrong-look-up 1",
    ),
    (
        "clocks that went back make no order: the first that is not older counts",
        "p1 times -> ok 0@0=1/110500 0@1=2/119500
         p1 look-up 0:119500 -> ok @1
         p1 look-up 0:119501 -> ok
         finally 0@0=1 0@1=2",
        "valid",
    ),
    (
        "a deposed leader may find nothing",
        "p1 times -> ok 0@0=1/110000 0@1=2/120000
         p1 look-up 0:115000 -> ok
         finally 0@0=1 0@1=2",
        "valid (allowed stale-look-up 1)",
    ),
    (
        "but not when all is whole",
        "p1 times -> ok 0@0=1/110000 0@1=2/120000
         phase settle
         p1 look-up 0:115000 -> ok
         finally 0@0=1 0@1=2",
        "invalid: wrong-look-up 1",
    ),
    (
        "nothing looked up proves nothing",
        "p1 times -> ok 0@0=1/110000 0@1=2/120000
         finally 0@0=1 0@1=2",
        "unknown: timestamps",
    ),
];

#[test]
fn times_that_brokers_give() {
    table_in(times, TIMES);
}
