//! Transactions that hang, and those that only seem to.

use crate::{Rows, judge, table_in, told};

/// A run that ends at 40 s with these lines. A transaction may take 6 s, so that one hangs after 16 s.
fn run(lines: &str) -> String {
    let (begins, watched) = lines.split_once("watched").unwrap_or(("", lines));
    format!(
        "
        topics log:2 transactions=5s,1s
        phase steady
        p0 txn send 0:1 -> ok send 0:1 @0
        p1 txn send 0:2 -> info send 0:2 @2
        {begins}
        at 20
        phase heal
        phase settle
        phase final-reads
        {watched}
        at 45
        p9 assign 0 1 from-beginning -> ok
        p9 poll -> ok 0@0=1
        node1 log 0 hw=4 0=1/e0 2=2/e0 last
        node1 log 1 hw=4 last
        final p9 complete 1,0
        phase teardown"
    )
}

/// The same, where the final reader did not get to the end.
fn unread(lines: &str) -> String {
    run(lines).replace("complete 1,0", "incomplete 4,0")
}

const HELD: Rows = &[
    (
        "it stood for long, and the coordinator is done with it",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "invalid: hanging-transaction 1",
    ),
    (
        "no coordinator knows it",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2
            at 38
            node1 undecided 0 2:4 told 7/e0@2",
        "invalid: hanging-transaction 1",
    ),
    (
        "brokers that cannot tell: by the time alone",
        "
            at 21
            node1 undecided 0 2:4 cannot-tell
            at 38
            node1 undecided 0 2:4 cannot-tell",
        "invalid: hanging-transaction 1",
    ),
    (
        "of two that are open the one that holds it back counts",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:Empty 8/e3@3=other:Ongoing
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:Empty 8/e3@3=other:Ongoing",
        "invalid: hanging-transaction 1",
    ),
    (
        "in two partitions",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteAbort
            node2 undecided 1 0:4 told 7/e0@0=late:CompleteAbort
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteAbort
            node2 undecided 1 0:4 told 7/e0@0=late:CompleteAbort",
        "invalid: hanging-transaction 2",
    ),
    (
        "a fault that was healed in time",
        "fault 0 pause [1] | injected
            fault 0 pause | healed as it was
            watched
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "invalid: hanging-transaction 1",
    ),
];

const MAY_END: Rows = &[
    (
        "for less than a transaction may take",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 25
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: log transactions",
    ),
    (
        "for longer, but not by far",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 36.9
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: log transactions",
    ),
    (
        "asked once",
        "
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: log transactions",
    ),
    (
        "it moved: one ended, and another one holds it back",
        "
            at 21
            node1 undecided 0 2:5 told 7/e0@2=late:CompleteCommit
            at 30
            node1 undecided 0 3:5 told 8/e0@3=other:CompleteCommit
            at 38
            node1 undecided 0 3:5 told 8/e0@3=other:CompleteCommit",
        "unknown: log transactions",
    ),
    (
        "its coordinator is at it still",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:PrepareAbort
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:PrepareAbort",
        "unknown: log transactions",
    ),
    (
        "no coordinator was heard",
        "
            at 21
            node1 undecided 0 2:4 silent 7/e0@2
            at 38
            node1 undecided 0 2:4 silent 7/e0@2",
        "unknown: log transactions",
    ),
    (
        "its leader names nobody who holds it back",
        "
            at 21
            node1 undecided 0 2:4 told
            at 38
            node1 undecided 0 2:4 told",
        "unknown: log transactions",
    ),
    (
        "a client is at it still",
        "p3 txn send 0:3
            watched
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: log transactions",
    ),
    (
        "a client ended late",
        "
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 30
            p3 txn send 1:3 -> fail
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: log transactions",
    ),
    (
        "a fault is in force still",
        "fault 0 pause [1] | injected
            watched
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: effect log transactions",
    ),
    (
        "a fault was healed late",
        "fault 0 pause [1] | injected
            watched
            at 21
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit
            at 30
            fault 0 pause | healed as it was
            at 38
            node1 undecided 0 2:4 told 7/e0@2=late:CompleteCommit",
        "unknown: effect log transactions",
    ),
];

#[test]
fn what_stays_open_for_too_long_hangs() {
    table_in(unread, HELD);
}

#[test]
fn what_somebody_may_still_end_is_unknown() {
    table_in(unread, MAY_END);
}

#[test]
fn what_ended_while_it_was_watched_is_fine() {
    table_in(
        run,
        &[(
            "the coordinator was slow",
            "
            at 21
            node1 undecided 0 0:4 told 7/e0@0=late:Ongoing
            at 39
            node1 undecided 0 4:4 told",
            "valid",
        )],
    );
}

#[test]
fn without_limits_nobody_says_that_it_hangs() {
    let rows = [(HELD[0].0, HELD[0].1, "unknown: log transactions")];
    table_in(|lines| unread(lines).replace(" transactions=5s,1s", ""), &rows);
}

#[test]
fn the_finding_says_which_partition_since_when_and_who() {
    let verdict = judge(
        &crate::dsl::history(&unread(HELD[0].1)),
        &checkers::Options::default(),
    );
    insta::assert_snapshot!(told(&verdict));
}
