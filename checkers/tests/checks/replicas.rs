//! Each replica's own copy.

use crate::{Rows, dsl, table_in, told};

/// A run of two replicas of one partition, whose copies are these.
fn run(copies: &str) -> String {
    format!(
        "
        topics log:1 rf=2
        phase steady
        p0 send 0:1 -> ok @0
        p0 send 0:2 -> ok @1
        p3 send 0:3 -> info
        phase heal
        phase final-reads
        p9 assign 0 from-beginning -> ok
        p9 poll -> ok 0@0=1 0@1=2
        {copies}
        final p9 complete 2"
    )
}

const DIVERGENCE: Rows = &[
    (
        "the same",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=2 0=1/e0 1=2/e0 last",
        "valid",
    ),
    (
        "in pieces",
        "
            node1 log 0 hw=2 0=1/e0
            node1 log 0 hw=2 1=2/e0 last
            node2 log 0 hw=2 0=1/e0 1=2/e0
            node2 log 0 hw=2 last",
        "valid",
    ),
    (
        "one lacks a record in the middle",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=2 1=2/e0 last",
        "invalid: replica-divergence 1",
    ),
    (
        "one lacks the last record below both high watermarks",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=2 0=1/e0 last",
        "invalid: replica-divergence 1",
    ),
    (
        "one is behind",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=1 0=1/e0 last",
        "valid",
    ),
    (
        "one holds another value",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=2 0=1/e0 1=3/e1 last",
        "invalid: inconsistent-offsets 1, replica-divergence 1",
    ),
    (
        "another value beyond the lower high watermark",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=1 0=1/e0 1=3/e1 last",
        "valid",
    ),
    (
        "a copy that was not read to its end says nothing of the rest",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=2 0=1/e0",
        "unknown: replicas",
    ),
    (
        "a copy is missing",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last",
        "unknown: replicas",
    ),
    ("all copies are missing", "", "unknown: replicas"),
    (
        "a copy read again replaces the first",
        "
            node1 log 0 hw=2 0=1/e0 1=2/e0 last
            node2 log 0 hw=1 0=1/e0 last
            node2 log 0 hw=2 0=1/e0 1=2/e0 last",
        "valid",
    ),
];

#[test]
fn divergence() {
    table_in(run, DIVERGENCE);
}

#[test]
fn story() {
    let text = run("
        node1 log 0 hw=2 0=1/e0 1=2/e0 last
        node2 log 0 hw=2 0=1/e0 1=3/e1 last
        node3 log 0 hw=2 1=2/e0 last");
    insta::assert_snapshot!(told(&checkers::check_history(&dsl::history(&text))), @r##"
    2 × replica-divergence, the first at 0.016 s: Offset 0 of log-0 is not the same in all replicas: value 1 in the copies of nodes 1 and 2; no record in the copy of node 3; also 1 × inconsistent-offsets
    [log] inconsistent-offsets: 1 found; the first: Offset 1 of log-0 held 2 different values: 2 and 3.
    [replicas] replica-divergence: 2 found; the first: Offset 0 of log-0 is not the same in all replicas: value 1 in the copies of nodes 1 and 2; no record in the copy of node 3.
    inconsistent-offsets:
      Offset 1 of log-0 held 2 different values: 2 and 3.
      Value 2 there: acknowledged to client 0 at 0.005 s (op 1), read by client 9 at 0.013 s (op 4) and in the copies of nodes 1 and 3.
      Value 3 there: in the copy of node 2.
      No fault had been in force up to that time.
    replica-divergence:
      Offset 0 of log-0 is not the same in all replicas: value 1 in the copies of nodes 1 and 2; no record in the copy of node 3.
      3 copies compared, each read from its replica alone after the run; all of them are committed up to offset 2.
    replica-divergence:
      Offset 1 of log-0 is not the same in all replicas: value 2 in the copies of nodes 1 and 3 and value 3 in the copy of node 2.
      3 copies compared, each read from its replica alone after the run; all of them are committed up to offset 2.
    "##);
}
