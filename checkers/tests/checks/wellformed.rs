//! Histories that are not well formed: unknown, by name of what is wrong, and nobody accused on their account.

use std::fmt::Write as _;

use crate::{brief, dsl, told};

/// What is said first of a history in which one thing is wrong.
fn reason(lines: &str) -> String {
    let text = format!("phase steady\np5 send 1:90 -> ok @0\n{lines}\nfinally 0@0=1 1@0=90");
    let verdict = checkers::check_history(&dsl::history(&text));
    assert_eq!(brief(&verdict), "unknown: assumptions", "{}", told(&verdict));
    verdict.checks[0].reasons[0].clone()
}

#[test]
fn each_flaw_is_named() {
    let flaws = [
        "p0 send 0:1 \n p0 send 0:2 -> ok @7",
        "p0 ok send 0:1 @0 op=44",
        "p0 send 0:1 -> ok @0 \n p0 ok send 0:1 @0 op=1",
        "p0 send 0:1 \n p0 ok send 0:2 @0",
        "p0 send 0:1 \n p0 ok poll 0@0=1",
        "p0 send 0:1 \n p1 ok send 0:1 @0 op=1",
        "p0 send 0:1 -> ok @0 \n p1 send 0:1 -> ok @5",
        "p0 send 0:1 op=0 -> ok @0",
        "p0 send 0:1 -> ok @0 \n p0 send 7:2 -> ok @0",
        "p0 send 0:1 -> ok @0 \n p0 poll -> ok 7@0=1",
        "p0 send 0:1 -> ok @0 \n p0 poll -> ok 0@-3=1",
        "p0 send 0:1 -> ok @0 \n p0 assign 7 -> ok",
        "p0 send 0:1 -> ok @0 \n node1 says 7=1/e0[1]",
        "p0 send 0:1 -> ok @0 \n node1 says 0=1/e0[1] asked 99",
        "p0 send 0:1 -> ok @0 \n node1 log 7 hw=0 last",
        "p0 send 0:1 -> ok @0 \n node1 log 0 hw=9 4=1/e0 3=1/e0 last",
        "p0 send 0:1 -> ok @0 \n phase setup",
        "p1 poll -> ok 0@0=1 \n p0 send 0:1 -> ok @0",
        "at 2 \n p0 send 0:1 -> ok @0 \n at 1",
        "final p99 complete 1,1 \n p0 send 0:1 -> ok @0",
    ];
    let reasons: Vec<String> = flaws.iter().map(|lines| reason(lines)).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r##"
    the history is not well formed at 0.005 s: process 0 begins op 2 while its op 1 is open
    the history is not well formed at 0.004 s: process 0 completes op 44, which it has not open
    the history is not well formed at 0.006 s: process 0 completes op 1, which it has not open
    the history is not well formed at 0.005 s: op 1 completes as another operation than it began as
    the history is not well formed at 0.005 s: op 1 completes as another operation than it began as
    the history is not well formed at 0.005 s: process 1 completes op 1, which it has not open
    the history is not well formed at 0.006 s: op 2 sends value 1, which was sent before
    the history is not well formed at 0.004 s: process 0 begins op 0, a number used before
    the history is not well formed at 0.006 s: the send of op 2 names key 7, and the header has 2 keys
    the history is not well formed at 0.007 s: the poll of op 2 names key 7, and the header has 2 keys
    the history is not well formed at 0.007 s: the poll of op 2 names offset -3
    the history is not well formed at 0.006 s: the assignment of op 2 names key 7, and the header has 2 keys
    the history is not well formed at 0.006 s: a claim of node 1 names key 7, and the header has 2 keys
    the history is not well formed at 0.006 s: node 1 answers before it was asked
    the history is not well formed at 0.006 s: a piece of the log of node 1 names key 7, and the header has 2 keys
    the history is not well formed at 0.006 s: a piece of the log of node 1 is out of order
    the history is not well formed at 0.006 s: phase Setup comes after phase Steady
    the history is not well formed at 0.006 s: op 2 sends value 1, which was read before
    the history is not well formed at 1.000 s: time goes back from 2001000000 ns to 1000000000 ns
    the history is not well formed at 0.004 s: the final reads end in no phase of final reads
    "##);
}

#[test]
fn numbers_beyond_all_bounds_cost_nothing() {
    let verdict = checkers::check_history(&dsl::history(
        "
        phase steady
        p4294967295 send 0:18446744073709551615 -> ok @9223372036854775807 op=18446744073709551614
        p1 send 0:18446744073709551614 -> ok @9223372036854775806
        p2 send 4294967295:7 -> ok @0
        finally 0@9223372036854775805=18446744073709551614",
    ));
    assert_eq!(verdict.stats.lost, 1, "{}", told(&verdict));
    let mut history = dsl::history("p0 send 0:1 -> ok @0");
    history.header.topics[0].partitions = u32::MAX;
    history.header.topics.push(history.header.topics[0].clone());
    let verdict = checkers::check_history(&history);
    assert!(
        told(&verdict).contains("the header has more than 1048576 keys"),
        "{}",
        verdict.summary
    );
}

#[test]
fn many_flaws_are_counted_not_kept() {
    let mut text = "phase steady\n".to_owned();
    for op in 0..500 {
        writeln!(text, "p0 ok send 0:{op} op={op}").expect("a string takes all");
    }
    let verdict = checkers::check_history(&dsl::history(&text));
    assert!(verdict.checks[0].reasons.len() < 60);
    assert!(
        told(&verdict).contains("not well formed in 450 more places"),
        "{}",
        told(&verdict)
    );
}
