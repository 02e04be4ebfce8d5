//! Cycles of what operations sent and read, and of the order in which they did it.

use checkers::{Options, Rel};

use crate::{Rows, dsl, judge, table, table_by, told};

const BY_READING: Rows = &[
    (
        "none",
        "
            foreign
            p0 txn send 0:1 | poll -> ok send 0:1 @0 | poll
            p1 txn send 1:2 | poll -> ok send 1:2 @0 | poll 0@0=1
            p2 poll -> ok 0@0=1 1@0=2",
        "valid",
    ),
    (
        "two transactions that overlap read each other",
        "
            foreign
            p0 txn send 0:1 | poll
            p1 txn send 1:2 | poll
            p0 ok txn send 0:1 @0 | poll 1@0=2
            p1 ok txn send 1:2 @0 | poll 0@0=1",
        "invalid: G1c 1",
    ),
    (
        "through one that failed",
        "
            foreign
            p0 txn send 0:1 | poll
            p1 txn send 1:2 | poll
            p0 ok txn send 0:1 @0 | poll 1@0=2
            p1 fail txn send 1:2 | poll 0@0=1
            p2 poll -> ok 0@0=1",
        "invalid: G1a 1, G1c 1",
    ),
    (
        "through one that never ended there is nothing to read",
        "
            foreign
            p0 txn send 0:1 | poll
            p1 txn send 1:2 | poll
            p0 ok txn send 0:1 @0 | poll 1@0=2
            p2 poll -> ok 0@0=1",
        "valid",
    ),
    (
        "a client reads its own later write",
        "
            foreign
            p0 poll -> ok 0@0=1
            p0 send 0:1 -> ok @0",
        "invalid: G1c-process 1",
    ),
    (
        "another client's later write",
        "
            foreign
            p0 poll -> ok 0@0=1
            p1 send 0:1 -> ok @0",
        "invalid: G1c-realtime 1",
    ),
    (
        "one that overlapped is not later",
        "
            foreign
            p0 poll
            p1 send 0:1
            p0 ok poll 0@0=1
            p1 ok send 0:1 @0",
        "valid",
    ),
    (
        "nothing comes after a poll of unknown outcome",
        "
            foreign
            p0 poll -> info 0@0=1
            p1 send 0:1 -> ok @0
            p2 poll -> ok 0@0=1",
        "valid",
    ),
    (
        "in a ring of three, closed by time",
        "
            foreign
            p0 txn send 0:1 | poll
            p1 txn poll | send 1:2
            p1 ok txn poll 0@0=1 | send 1:2 @0
            p2 poll -> ok 1@0=2
            p3 send 2:3 -> ok @0
            p0 ok txn send 0:1 @0 | poll 2@0=3",
        "invalid: G1c-realtime 1",
    ),
    (
        "each counts that shares no operation with another",
        "
            foreign
            p0 poll -> ok 0@0=1 0@1=2
            p1 send 0:1 -> ok @0
            p1 send 0:2 -> ok @1
            p2 poll -> ok 1@0=3
            p3 send 1:3 -> ok @0",
        "invalid: G1c-realtime 2",
    ),
];

#[test]
fn by_reading() {
    table(BY_READING);
}

const BY_OFFSETS: Rows = &[
    (
        "in order",
        "
            foreign
            p0 send 0:1 -> ok @0
            p1 send 0:2 -> ok @1
            p2 poll -> ok 0@0=1 0@1=2",
        "valid",
    ),
    (
        "written after what stands behind it was over",
        "
            foreign
            p0 send 0:1 -> ok @1
            p1 send 0:2 -> ok @0
            p2 poll -> ok 0@0=2 0@1=1",
        "valid (allowed G0-realtime 1)",
    ),
    (
        "those that overlapped stand in any order",
        "
            foreign
            p0 send 0:1
            p1 send 0:2
            p0 ok send 0:1 @1
            p1 ok send 0:2 @0
            p2 poll -> ok 0@0=2 0@1=1",
        "valid",
    ),
    (
        "two transactions interleave across partitions",
        "
            foreign
            p0 txn send 0:1 | send 1:3
            p1 txn send 0:2 | send 1:4
            p0 ok txn send 0:1 @0 | send 1:3 @1
            p1 ok txn send 0:2 @1 | send 1:4 @0
            p2 poll -> ok 0@0=1 0@1=2 1@0=4 1@1=3",
        "valid (allowed G0 1)",
    ),
    (
        "one reads the other and stands before it",
        "
            foreign
            p0 txn send 0:1 | poll
            p1 txn send 0:2 | send 1:3
            p0 ok txn send 0:1 @0 | poll 1@0=3
            p1 ok txn send 0:2 @1 | send 1:3 @0
            p2 poll -> ok 0@0=1 0@1=2 1@0=3",
        "valid (allowed G1c 1)",
    ),
    (
        "a transaction misses a write of one that it reads",
        "
            foreign
            p3 send 0:9 -> ok @0
            p0 txn poll | send 2:1
            p1 txn send 0:2 | send 1:3
            p1 ok txn send 0:2 @1 | send 1:3 @0
            p0 ok txn poll 0@0=9 1@0=3 | send 2:1 @0
            p2 poll -> ok 0@0=9 0@1=2 1@0=3 2@0=1",
        "valid (allowed G-single 1)",
    ),
    (
        "who only polls may lag behind",
        "
            foreign
            p3 send 0:9 -> ok @0
            p0 poll
            p1 txn send 0:2 | send 1:3
            p1 ok txn send 0:2 @1 | send 1:3 @0
            p0 ok poll 0@0=9 1@0=3
            p2 poll -> ok 0@0=9 0@1=2 1@0=3",
        "valid",
    ),
    (
        "two transactions miss each other's writes",
        "
            foreign
            p3 send 0:9 -> ok @0
            p3 send 1:8 -> ok @0
            p0 txn poll | send 0:1
            p1 txn poll | send 1:2
            p0 ok txn poll 1@0=8 | send 0:1 @1
            p1 ok txn poll 0@0=9 | send 1:2 @1
            p2 poll -> ok 0@0=9 0@1=1 1@0=8 1@1=2",
        "valid (allowed G2 1)",
    ),
];

#[test]
fn by_offsets() {
    let options = Options {
        ww_deps: true,
        ..Options::default()
    };
    table_by(&options, BY_OFFSETS);
}

#[test]
fn a_cycle_is_told_with_its_reasons() {
    let history = dsl::history(
        "
        topics log:2
        p0 txn send 0:1 | poll
        p1 txn poll | send 1:2
        p0 ok txn send 0:1 @0 | poll 1@0=2
        p1 ok txn poll 0@0=1 | send 1:2 @0
        p2 poll -> ok 0@1=3
        p2 send 0:3 -> ok @1",
    );
    let verdict = judge(&history, &Options::default());
    insta::assert_snapshot!(told(&verdict), @r##"
    1 × G1c, the first at 0.004 s: T1 (op 0) and T2 (op 1) each came before the other; also 1 × G1c-process
    [txn] G1c: 1 found; the first: T1 (op 0) and T2 (op 1) each came before the other.
      G1c-process: 1 found; the first: T1 (op 3) and T2 (op 2) each came before the other.
    G1c:
      T1 (op 0) and T2 (op 1) each came before the other.
      T2 read value 1 of log-0 at offset 0, which T1 sent.
      T1 read value 2 of log-1 at offset 0, which T2 sent.
    G1c-process:
      T1 (op 3) and T2 (op 2) each came before the other.
      T2 read value 3 of log-0 at offset 1, which T1 sent.
      Client 2 did T2 before T1.
    "##);
    let cycle = verdict.anomalies["G1c"].cases[0]
        .cycle
        .as_ref()
        .expect("its cycle");
    let rels: Vec<Rel> = cycle.edges.iter().map(|edge| edge.rel).collect();
    assert_eq!(rels, [Rel::Wr, Rel::Wr]);
    let operations: Vec<&str> = cycle
        .operations
        .iter()
        .map(|operation| operation.text.as_str())
        .collect();
    assert_eq!(
        operations,
        ["send log-0 1, poll log-1 2", "send log-1 2, poll log-0 1"]
    );
}

#[test]
fn a_cycle_by_offsets_is_told_with_its_reasons() {
    let text = BY_OFFSETS
        .iter()
        .find(|row| row.2.contains("G-single"))
        .expect("there is one")
        .1;
    let mut history = dsl::history(&text.replace("foreign", ""));
    history.header.topics[0].partitions = 3;
    let options = Options {
        ww_deps: true,
        ..Options::default()
    };
    let verdict = judge(&history, &options);
    let case = &verdict.allowed["G-single"].cases[0];
    insta::assert_snapshot!(case.story.join("\n"), @r##"
    T1 (op 1) and T2 (op 2) each came before the other.
    T1 read log-0 up to offset 0, without T2's value 2, which is the next.
    T1 read value 3 of log-1 at offset 0, which T2 sent.
    "##);
}
