//! Leaders of partitions and of the controllers' quorum.

use crate::{Rows, dsl, table, told};

/// The rest of a run in which nothing was lost.
fn run(lines: &str) -> String {
    format!("phase steady\np0 send 0:1 -> ok @0\n{lines}\nfinally 0@0=1")
}

fn rows(rows: Rows) {
    let texts: Vec<String> = rows.iter().map(|row| run(row.1)).collect();
    let rows: Vec<_> = rows
        .iter()
        .zip(&texts)
        .map(|(row, text)| (row.0, text.as_str(), row.2))
        .collect();
    table(&rows);
}

const ONE_LEADER_AN_EPOCH: Rows = &[
    (
        "a change with a new epoch, one broker behind",
        "
            node1 says 0=1/e0[1,2,3]
            node2 says 0=2/e1[2,3]
            node1 says 0=1/e0[1,2,3]
            node1 says 0=2/e1[2,3]",
        "valid",
    ),
    (
        "two brokers, one epoch",
        "
            node1 says 0=1/e1[1,2,3]
            node2 says 0=2/e1[2,3]
            node2 says 0=2/e1[2,3]",
        "invalid: two-leaders-in-epoch 1",
    ),
    (
        "one broker, one epoch, two leaders",
        "
            node1 says 0=1/e1[1,2,3]
            node1 says 0=2/e1[2,3]",
        "invalid: leader-changed-in-epoch 1",
    ),
    (
        "no leader is no claim",
        "
            node1 says 0=1/e1[1,2,3]
            node2 says 0=none/e1[2,3]
            node1 says 0=none/e1[]",
        "valid",
    ),
    (
        "the same epoch of another partition is another epoch",
        "
            node1 says 0=1/e1[1,2,3] 1=2/e1[1,2,3]",
        "valid",
    ),
    (
        "an ISR may change within an epoch",
        "
            node1 says 0=1/e1[1,2,3]
            node1 says 0=1/e1[1]",
        "valid",
    ),
];

#[test]
fn one_leader_an_epoch() {
    rows(ONE_LEADER_AN_EPOCH);
}

const EPOCHS_GO_FORWARD: Rows = &[
    (
        "back",
        "
            node1 says 0=2/e3[2]
            node1 says 0=1/e2[1]",
        "invalid: epoch-went-back 1",
    ),
    (
        "another process may",
        "
            node1#0 says 0=2/e3[2]
            node1#1 says 0=1/e2[1]",
        "valid",
    ),
    (
        "another broker may",
        "
            node1 says 0=2/e3[2]
            node2 says 0=1/e2[1]",
        "valid",
    ),
    (
        "answers to requests that overlap may come in any order",
        "
            at 2.0
            node1 says 0=2/e3[2] asked 1.0
            at 2.5
            node1 says 0=1/e2[1] asked 1.9",
        "valid",
    ),
    (
        "asked when the answer had come, it may not",
        "
            at 2.0
            node1 says 0=2/e3[2] asked 1.0
            at 2.5
            node1 says 0=1/e2[1] asked 2.1",
        "invalid: epoch-went-back 1",
    ),
    (
        "a later overlapping answer hides no earlier height",
        "
            at 2.0
            node1 says 0=2/e3[2] asked 1.0
            at 2.4
            node1 says 0=3/e4[3] asked 2.1
            at 2.5
            node1 says 0=1/e2[1] asked 2.3",
        "invalid: epoch-went-back 1",
    ),
    (
        "without a leader it is no claim",
        "
            node1 says 0=2/e3[2]
            node1 says 0=none/e0[]",
        "valid",
    ),
];

#[test]
fn epochs_go_forward() {
    rows(EPOCHS_GO_FORWARD);
}

const CONTROLLERS: Rows = &[
    (
        "a new term, and the old one for a moment more",
        "
            node1 leads-quorum t1 as 1
            node2 leads-quorum t2 as 2
            node1 leads-quorum t1 as 1",
        "valid",
    ),
    (
        "two in one term",
        "
            node1 leads-quorum t2 as 1
            node2 leads-quorum t2 as 2
            node1 leads-quorum t2 as 1",
        "invalid: two-controllers-in-term 1",
    ),
    (
        "back",
        "
            node1 leads-quorum t2 as 1
            node1 leads-quorum t1 as 1",
        "invalid: term-went-back 1",
    ),
    (
        "another process may not know",
        "
            node1#0 leads-quorum t2 as 1
            node1#1 leads-quorum t1 as 1",
        "valid",
    ),
];

#[test]
fn controllers() {
    rows(CONTROLLERS);
}

#[test]
fn stories() {
    let text = run("
        at 10
        node1 says 0=1/e4[1,2,3]
        at 12
        fault 3 partition [1] node 1 cut from its peers | injected
        at 13
        node2 says 0=2/e5[2,3]
        at 14.5
        node1 says 0=1/e4[1,2,3]
        at 15
        node2 says 0=1/e4[1,2,3]
        node3 says 0=3/e5[3]
        node1 leads-quorum t7 as 1
        node2 leads-quorum t7 as 2
        node2 leads-quorum t6 as 3
        at 16
        fault 3 partition | healed 12 frames dropped");
    insta::assert_snapshot!(told(&checkers::check_history(&dsl::history(&text))), @r##"
    1 × two-leaders-in-epoch, the first at 15.001 s: log-0 had two leaders in epoch 5: nodes 2 and 3; also 1 × two-controllers-in-term, 1 × epoch-went-back, 1 × term-went-back
    [effect] nothing was acknowledged after the faults began at 12.000 s; the last acknowledgement came at 0.003 s
    [leadership] two-leaders-in-epoch: 1 found; the first: log-0 had two leaders in epoch 5: nodes 2 and 3.
      epoch-went-back: 1 found; the first: Node 2 went back from epoch 5 to epoch 4 of log-0.
      node 1 still named itself leader of log-0 in epoch 4 1.499 s after another broker had first shown node 2 as leader in epoch 5 at 13.000 s
    [controllers] two-controllers-in-term: 1 found; the first: The controllers' quorum had two leaders in term 7: nodes 1 and 2.
      term-went-back: 1 found; the first: Controller 2 went back from term 7 to term 6.
    epoch-went-back:
      Node 2 went back from epoch 5 to epoch 4 of log-0.
      Its answer at 13.000 s named node 2 leader in epoch 5; asked again at 14.999 s, the same process (start 1) named node 1 leader in epoch 4 at 15.000 s.
      In force at that time: fault 3 (partition: node 1 cut from its peers) from 12.000 s to 16.000 s.
    term-went-back:
      Controller 2 went back from term 7 to term 6.
      Its answer at 15.003 s named node 2 leader of term 7; asked again at 15.003 s, the same process (start 1) named node 3 leader of term 6 at 15.004 s.
      In force at that time: fault 3 (partition: node 1 cut from its peers) from 12.000 s to 16.000 s.
    two-controllers-in-term:
      The controllers' quorum had two leaders in term 7: nodes 1 and 2.
      Node 1 named node 1 at 15.002 s; node 2 named node 2 at 15.003 s.
      In force at that time: fault 3 (partition: node 1 cut from its peers) from 12.000 s to 16.000 s.
    two-leaders-in-epoch:
      log-0 had two leaders in epoch 5: nodes 2 and 3.
      For this epoch node 2 named node 2 as leader, with ISR [2, 3], in its answer at 13.000 s; and node 3 named node 3 as leader, with ISR [3], in its answer at 15.001 s.
      In force at that time: fault 3 (partition: node 1 cut from its peers) from 12.000 s to 16.000 s.
    "##);
}

#[test]
fn deposed_leaders_are_told_and_counted() {
    let text = run("
        at 10
        node1 says 0=1/e4[1,2,3]
        at 13
        node2 says 0=2/e5[2,3]
        at 17
        node1 says 0=1/e4[1,2,3]
        node1 says 0=1/e4[1]
        node1 says 0=2/e5[2,3]");
    let verdict = checkers::check_history(&dsl::history(&text));
    assert_eq!(
        (verdict.stats.deposed_leaders, verdict.stats.leader_changes),
        (1, 1)
    );
    assert_eq!(verdict.stats.deposed_longest, 4_000_500_000);
    insta::assert_snapshot!(told(&verdict), @r##"
    nothing was lost: 1 acknowledged write, no faults, as the plan declares, every record read back
    [leadership] node 1 still named itself leader of log-0 in epoch 4 4.000 s after another broker had first shown node 2 as leader in epoch 5 at 13.000 s
    "##);
}
