//! The controllers' quorum: terms, deposed controllers that go on, and the metadata log on the nodes' disks.

use std::fmt::Write as _;

use checkers::{Verdict, check_history};
use proptest::prelude::*;

use crate::{Rows, dsl, table_in};

/// The rest of a run in which nothing was lost, and two controllers may be active for three seconds.
fn run(lines: &str) -> String {
    format!(
        "topics log:2 two-controllers=3s\nphase steady\np0 send 0:1 -> ok @0\n{lines}\nat 59\np0 send 0:2 -> ok @1\nat 60\nfinally 0@0=1 0@1=2"
    )
}

const SIDE_BY_SIDE: Rows = &[
    (
        "for as long as a leader that nobody fetches from may take",
        "
            node1 leads-quorum t3 as 1
            at 1
            node1 leads-quorum t3 as 1
            node2 leads-quorum t4 as 2
            at 2
            node1 leads-quorum t3 as 1
            at 3
            node1 leads-quorum t3 as 1
            node1 follows-quorum",
        "valid",
    ),
    (
        "for longer",
        "
            node1 leads-quorum t3 as 1
            at 1
            node1 leads-quorum t3 as 1
            node2 leads-quorum t4 as 2
            at 2
            node1 leads-quorum t3 as 1
            at 3
            node1 leads-quorum t3 as 1
            at 4
            node1 leads-quorum t3 as 1
            at 5
            node1 leads-quorum t3 as 1",
        "invalid: two-controllers 1",
    ),
    (
        "one that slept and says so once when it wakes up",
        "
            node1 leads-quorum t3 as 1
            at 1
            node2 leads-quorum t4 as 2
            node1 silent quorum
            at 9
            node1 leads-quorum t3 as 1
            node1 follows-quorum",
        "valid",
    ),
    (
        "nobody was heard in between",
        "
            node1 leads-quorum t3 as 1
            node2 leads-quorum t4 as 2
            at 9
            node1 leads-quorum t3 as 1",
        "valid",
    ),
    (
        "the silence of another question is none of this one",
        "
            node2 leads-quorum t4 as 2
            at 1
            node1 leads-quorum t3 as 1
            node1 silent metadata
            at 2
            node1 leads-quorum t3 as 1
            at 3
            node1 leads-quorum t3 as 1
            at 4
            node1 leads-quorum t3 as 1
            at 5
            node1 leads-quorum t3 as 1",
        "invalid: two-controllers 1",
    ),
    (
        "its clock was set back, by which it resigns",
        "
            fault 0 clock-jump [1] back | injecting
            fault 0 clock-jump [1] | injected
            node1 leads-quorum t3 as 1
            node2 leads-quorum t4 as 2
            at 1
            node1 leads-quorum t3 as 1
            at 2
            node1 leads-quorum t3 as 1
            at 3
            node1 leads-quorum t3 as 1
            at 4
            node1 leads-quorum t3 as 1
            fault 0 clock-jump [1] | healed seen",
        "valid (allowed two-controllers 1)",
    ),
    (
        "its clock may have been set back, though that went wrong half-way",
        "
            fault 0 clock-jump [1] back | injecting
            fault 0 clock-jump [1] | failed no answer
            node1 leads-quorum t3 as 1
            node2 leads-quorum t4 as 2
            at 1
            node1 leads-quorum t3 as 1
            at 2
            node1 leads-quorum t3 as 1
            at 3
            node1 leads-quorum t3 as 1
            at 4
            node1 leads-quorum t3 as 1",
        "valid (allowed two-controllers 1)",
    ),
    (
        "the same node in a later term",
        "
            node1 leads-quorum t3 as 1
            at 1
            node1 leads-quorum t4 as 1
            at 2
            node1 leads-quorum t4 as 1
            at 3
            node1 leads-quorum t4 as 1
            at 4
            node1 leads-quorum t4 as 1
            at 5
            node1 leads-quorum t4 as 1",
        "valid",
    ),
];

#[test]
fn two_active_controllers_side_by_side() {
    table_in(run, SIDE_BY_SIDE);
}

#[test]
fn where_nobody_gave_a_limit_nobody_asks() {
    let mut history = dsl::history(&run(SIDE_BY_SIDE[1].1));
    history.header.expect.two_controllers = None;
    let verdict = check_history(&history);
    assert!(verdict.anomalies.is_empty(), "{:?}", verdict.anomalies);
    let expected = "two controllers were active at one time 1 time, the longest for 3.998 s: node 1 still led term 3 at 4.999 s, \
                    while node 2 led term 4 from 1.001 s on";
    assert_eq!(reasons(&verdict)[0], expected);
}

fn reasons(verdict: &Verdict) -> &[String] {
    let check = verdict.checks.iter().find(|check| check.name == "controllers");
    &check.expect("it is in the list").reasons
}

const ON_DISK: Rows = &[
    (
        "the same everywhere",
        "
            node1 leads-quorum t1 as 1 hw=4
            node1 metadata-log end=4 0-1/t1:7 2-3/t1:8
            node2 metadata-log end=4 0-1/t1:7 2-3/t1:8
            node3 metadata-log end=2 0-1/t1:7",
        "valid",
    ),
    (
        "in one term two batches at one offset",
        "
            node1 metadata-log end=4 0-1/t1:7 2-3/t1:8
            node2 metadata-log end=4 0-1/t1:7 2-3/t1:9",
        "invalid: metadata-divergence 1",
    ),
    (
        "a deposed leader's tail that was never committed",
        "
            node1 leads-quorum t1 as 1 hw=2
            node2 leads-quorum t2 as 2 hw=4
            node1 metadata-log end=4 0-1/t1:7 2-3/t1:8
            node2 metadata-log end=4 0-1/t1:7 2-3/t2:9",
        "valid",
    ),
    (
        "what a leader had committed was written over",
        "
            node1 leads-quorum t1 as 1 hw=4
            node2 leads-quorum t2 as 2 hw=4
            node1 metadata-log end=4 0-1/t1:7 2-3/t1:8
            node2 metadata-log end=4 0-1/t1:7 2-3/t2:9",
        "invalid: metadata-divergence 1",
    ),
    (
        "both had noted what differs as committed",
        "
            node1 metadata-log end=4 hw=4 0-1/t1:7 2-3/t1:8
            node2 metadata-log end=4 hw=4 0-1/t1:7 2-3/t2:9",
        "invalid: metadata-divergence 1",
    ),
    (
        "a node forgot what it had",
        "
            fault 0 wipe [1] | injecting
            fault 0 wipe [1] | injected
            fault 0 wipe [1] | healed gone
            node1 leads-quorum t1 as 1 hw=4
            node2 metadata-log end=4 0-1/t1:7 2-3/t2:9",
        "valid (allowed metadata-divergence 1)",
    ),
    (
        "a node may have forgotten what it had, though its wiping went wrong half-way",
        "
            fault 0 wipe [1] | injecting
            fault 0 wipe [1] | failed no room
            node1 leads-quorum t1 as 1 hw=4
            node2 metadata-log end=4 0-1/t1:7 2-3/t2:9",
        "valid (allowed metadata-divergence 1)",
    ),
];

#[test]
fn the_metadata_log_is_one() {
    table_in(run, ON_DISK);
}

#[test]
fn terms_are_told() {
    let verdict = check_history(&dsl::history(&run("
        node1 leads-quorum t3 as 1
        fault 0 kill [1] | injecting
        fault 0 kill [1] | injected
        node2 leads-quorum t4 as 2
        fault 0 kill [1] | healed gone
        node2 leads-quorum t7 as 2
    ")));
    assert_eq!(
        reasons(&verdict),
        [
            "the quorum's term grew from 3 to 7 by 2 elections: 1 while a fault was in force, 1 after healing, with the quorum \
             whole, 1 of the same node again; 2 terms passed without a leader that was seen"
        ]
    );
}

proptest! {
    /// Raft as it should be: one leader a term, which all copies agree with up to where each has got.
    #[test]
    fn a_sound_quorum_raises_nothing(
        reigns in prop::collection::vec((1..4_u32, 1..5_u32, 0..3_u32, 0..2_u32), 1..12),
        behind in prop::collection::vec(0..6_usize, 3),
    ) {
        let mut lines = String::new();
        let (mut at, mut term, mut end) = (1.0, 1, 0_u32);
        let mut batches: Vec<(u32, String)> = Vec::new();
        for (leader, seconds, raised, tail) in reigns {
            term += 1 + raised;
            for _ in 0..seconds {
                batches.push((end, format!("{end}-{end}/t{term}:{}", end * 7 + term)));
                end += 1;
                writeln!(lines, "at {at}\nnode{leader} leads-quorum t{term} as {leader} hw={end}").expect("a string takes all");
                at += 1.0;
            }
            // Deposed, it goes on for less than the limit while the next one begins.
            if tail > 0 {
                writeln!(lines, "at {at}\nnode{leader} leads-quorum t{term} as {leader} hw={end}").expect("a string takes all");
            }
        }
        for (node, behind) in (1..).zip(behind) {
            let held = &batches[..batches.len().saturating_sub(behind)];
            let words: Vec<&str> = held.iter().map(|(_, word)| word.as_str()).collect();
            writeln!(lines, "at 61\nnode{node} metadata-log end={} {}", held.len(), words.join(" ")).expect("a string takes all");
        }
        let text = run(&lines).replace("\nat 59\n", "\nat 62\n").replace("\nat 60\n", "\nat 63\n");
        let verdict = check_history(&dsl::history(&text));
        prop_assert!(verdict.anomalies.is_empty() && verdict.allowed.is_empty(), "{:?}", verdict.anomalies);
    }
}
