//! Runs of ours on lists and registers: judged by what clients saw of them, and held to everything else that a run is held to.

use crate::{Rows, dsl, judge, table, told};

const LISTS: Rows = &[
    (
        "a run that is whole",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p1 txn read 0 -> ok read 0=[1]
            p0 txn append 2:2 -> ok
            objects-finally 0=[1] 2=[2]",
        "valid",
    ),
    (
        "an acknowledged append that is not there at the end",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 0:2 -> ok
            objects-finally 0=[1]",
        "invalid: G-single-item-realtime 1",
    ),
    (
        "the same, where nobody ever read the list",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 1:2 -> ok
            objects-finally 0=nil 1=[2]",
        "invalid: G-single-item-realtime 1",
    ),
    (
        "one whose fate nobody knows may be gone",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p1 txn append 0:2 -> info
            objects-finally 0=[1]",
        "valid",
    ),
    (
        "one that failed and is there",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p1 txn append 0:2 -> fail
            objects-finally 0=[1,2]",
        "invalid: G1a 1",
    ),
    (
        "two orders of one list",
        "
            phase steady
            p0 txn append 0:1
            p1 txn append 0:2
            p2 txn read 0 -> ok read 0=[1,2]
            p0 ok txn append 0:1
            p1 ok txn append 0:2
            objects-finally 0=[2,1]",
        "invalid: incompatible-order 1",
    ),
    (
        "one value twice",
        "
            phase steady
            p0 txn append 0:1 -> ok
            objects-finally 0=[1,1]",
        "invalid: duplicate-elements 1",
    ),
    (
        "a stale read",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p1 txn read 0 -> ok read 0=nil
            objects-finally 0=[1]",
        "invalid: G-single-item-realtime 1",
    ),
    (
        "a stale read, where only serializability is promised",
        "
            topics log:2 consistency=serializable
            phase steady
            p0 txn append 0:1 -> ok
            p1 txn read 0 -> ok read 0=nil
            objects-finally 0=[1]",
        "valid",
    ),
    (
        "an append that is lost, where reads may be stale",
        "
            topics log:2 consistency=serializable
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 0:2 -> ok
            objects-finally 0=[1]",
        "invalid: lost-write 1",
    ),
    (
        "and one of a list that is gone",
        "
            topics log:2 consistency=serializable
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 1:2 -> ok
            objects-finally 0=nil 1=[2]",
        "invalid: lost-write 1",
    ),
    (
        "one of which nobody knows, where reads may be stale",
        "
            topics log:2 consistency=serializable
            phase steady
            p0 txn append 0:1 -> ok
            p1 txn append 0:2 -> info
            objects-finally 0=[1]",
        "valid",
    ),
    (
        "a model that nobody knows",
        "
            topics log:2 consistency=perfect
            phase steady
            p0 txn append 0:1 -> ok
            objects-finally 0=[1]",
        "unknown: effect",
    ),
];

#[test]
fn lists_of_a_run_are_judged() {
    table(LISTS);
}

const REGISTERS: Rows = &[
    (
        "a value that is lost, where reads may be stale",
        "
            topics log:2 consistency=serializable
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            objects-finally 0=1",
        "invalid: lost-write 1",
    ),
    (
        "the later of two that were under way at one time",
        "
            topics log:2 consistency=serializable
            phase steady
            p0 txn set 0:1
            p1 txn set 0:2
            p0 ok txn set 0:1
            p1 ok txn set 0:2
            objects-finally 0=1",
        "valid",
    ),
    (
        "a run that is whole",
        "
            phase steady
            p0 txn set 0:1 -> ok
            p1 txn read 0 -> ok read 0=1
            p0 txn set 0:2 -> ok
            objects-finally 0=2 1=nil",
        "valid",
    ),
    (
        "the last acknowledged value is gone",
        "
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            objects-finally 0=1",
        "invalid: cyclic-versions 1",
    ),
    (
        "the only value is gone",
        "
            phase steady
            p0 txn set 0:1 -> ok
            p1 txn set 1:2 -> ok
            objects-finally 0=nil 1=2",
        "invalid: G-single-item-realtime 1, cyclic-versions 1",
    ),
];

#[test]
fn registers_of_a_run_are_judged() {
    table(REGISTERS);
}

const HELD_TO: Rows = &[
    (
        "too few acknowledged",
        "
            topics log:2 min=3
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 0:2 -> ok
            objects-finally 0=[1,2]",
        "unknown: effect",
    ),
    (
        "enough acknowledged",
        "
            topics log:2 min=2
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 0:2 -> ok
            objects-finally 0=[1,2]",
        "valid",
    ),
    (
        "a required fault that never was",
        "
            topics log:2 require=kill
            phase steady
            p0 txn set 0:1 -> ok
            objects-finally 0=1",
        "unknown: effect",
    ),
    (
        "a fault that was in vain",
        "
            topics log:2 faults
            phase steady
            fault 0 kill [1] | injected
            p0 txn append 0:1 -> ok
            fault 0 kill [1] | in-vain nothing ended
            objects-finally 0=[1]",
        "unknown: effect",
    ),
    (
        "nothing acknowledged after the faults began",
        "
            topics log:2 faults
            phase steady
            p0 txn append 0:1 -> ok
            fault 0 kill [1] | injected
            fault 0 kill [1] | healed ended by SIGKILL
            objects-finally 0=[1]",
        "unknown: effect",
    ),
    (
        "the same, and then something",
        "
            topics log:2 faults
            phase steady
            p0 txn append 0:1 -> ok
            fault 0 kill [1] | injected
            fault 0 kill [1] | healed ended by SIGKILL
            p0 txn append 0:2 -> ok
            objects-finally 0=[1,2]",
        "valid",
    ),
    (
        "an interrupt",
        "
            phase steady
            p0 txn append 0:1 -> ok
            interrupted
            objects-finally 0=[1]",
        "unknown: effect",
    ),
    (
        "no final reads",
        "
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn read 0 -> ok read 0=[1]
            phase heal
            phase settle
            phase teardown",
        "unknown: effect",
    ),
    (
        "final reads that are not complete",
        "
            phase steady
            p0 txn append 0:1 -> ok
            phase heal
            phase settle
            phase final-reads
            p9 txn read 0 -> ok read 0=[1]
            final p9 incomplete 1,0
            phase teardown",
        "unknown: effect replicas",
    ),
    (
        "final reads that are called complete and read nothing",
        "
            phase steady
            p0 txn append 0:1 -> fail
            p0 txn append 0:2 -> ok
            objects-finally",
        "unknown: txn assumptions",
    ),
    (
        "two leaders in one epoch",
        "
            phase steady
            p0 txn append 0:1 -> ok
            node1 says 0=1/e4[1,2]
            node2 says 0=2/e4[1,2]
            objects-finally 0=[1]",
        "invalid: two-leaders-in-epoch 1",
    ),
    (
        "a partition without progress; the object with number 2 lives in it",
        "
            topics log:2 liveness=5s
            phase steady
            p0 txn append 2:1
            at 20
            p1 txn append 1:2 -> ok
            p0 info txn append 2:1
            objects-finally 1=[2]",
        "invalid: no-progress 1",
    ),
    (
        "a violation is one, whatever else is missing",
        "
            topics log:2 min=9
            phase steady
            p0 txn append 0:1 -> ok
            p0 txn append 0:2 -> ok
            objects-finally 0=[1]",
        "invalid: G-single-item-realtime 1",
    ),
];

#[test]
fn a_run_on_objects_is_held_to_what_its_header_says() {
    table(HELD_TO);
}

#[test]
fn whichever_says_the_worse_says_the_sentence() {
    let summary = |text: &str| judge(&dsl::history(text), &checkers::Options::default()).summary;
    let whole = "phase steady
        p0 txn append 0:1 -> ok
        p1 txn read 0 -> ok read 0=[1]
        objects-finally 0=[1]";
    assert_eq!(
        summary(whole),
        "strict-serializable: nothing in 3 transactions contradicts it; no faults, as the plan declares, and all objects were read back"
    );
    let few = format!("topics log:2 min=2\n{whole}");
    let few = judge(&dsl::history(&few), &checkers::Options::default());
    assert_eq!(
        few.summary,
        "nobody can say: 1 write was acknowledged, where the plan asks for at least 2: too little was put to the test"
    );
    assert!(told(&few).contains("[effect]"), "{}", told(&few));
    let lost = "phase steady
        p0 txn append 0:1 -> ok
        p0 txn append 0:2 -> ok
        interrupted
        objects-finally 0=[1]";
    assert!(
        summary(lost).starts_with("not strict-serializable: 1 G-single-item-realtime"),
        "{}",
        summary(lost)
    );
}

const COMPACTED: Rows = &[
    (
        "what was overwritten is gone",
        "
            topics log:2 config=cleanup.policy:compact
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            objects-finally 0=2 0@1=2",
        "valid",
    ),
    (
        "nothing was removed",
        "
            topics log:2 config=cleanup.policy:compact
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            objects-finally 0=2 0@0=1 0@1=2",
        "unknown: effect",
    ),
    (
        "the same, where nothing is compacted",
        "
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            objects-finally 0=2 0@0=1 0@1=2",
        "valid",
    ),
    (
        "one replica has cleaned, the other has not",
        "
            topics log:2 rf=2 config=cleanup.policy:compact
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            p0 txn set 0:3 -> ok
            phase heal
            phase settle
            phase final-reads
            p9 txn read 0 -> ok read 0=3
            node1 log 0 hw=3 2=3/e0 last
            node2 log 0 hw=3 1=2/e0 2=3/e0 last
            node1 log 1 hw=0 last
            node2 log 1 hw=0 last
            final p9 complete 3,0
            phase teardown",
        "valid",
    ),
    (
        "the same, where nothing is compacted",
        "
            topics log:2 rf=2
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            p0 txn set 0:3 -> ok
            phase heal
            phase settle
            phase final-reads
            p9 txn read 0 -> ok read 0=3
            node1 log 0 hw=3 2=3/e0 last
            node2 log 0 hw=3 1=2/e0 2=3/e0 last
            node1 log 1 hw=0 last
            node2 log 1 hw=0 last
            final p9 complete 3,0
            phase teardown",
        "invalid: replica-divergence 1",
    ),
    (
        "compacted replicas hold different values at one offset",
        "
            topics log:2 rf=2 config=cleanup.policy:compact
            phase steady
            p0 txn set 0:1 -> ok
            p0 txn set 0:2 -> ok
            p0 txn set 0:3 -> ok
            phase heal
            phase settle
            phase final-reads
            p9 txn read 0 -> ok read 0=3
            node1 log 0 hw=3 1=1/e0 2=3/e0 last
            node2 log 0 hw=3 1=2/e0 2=3/e0 last
            node1 log 1 hw=0 last
            node2 log 1 hw=0 last
            final p9 complete 3,0
            phase teardown",
        "invalid: replica-divergence 1",
    ),
];

#[test]
fn registers_in_compacted_topics_lose_what_was_overwritten_and_no_more() {
    table(COMPACTED);
}

#[test]
fn what_is_found_of_an_object_is_told_with_its_partition_and_the_faults() {
    let history = dsl::history(
        "topics log:2 faults
        phase steady
        p0 txn append 3:1 -> ok
        p0 txn append 3:2 -> ok
        fault 0 kill [1] | injected
        p1 txn read 3 -> ok read 3=[1]
        p0 txn append 3:4 -> ok
        fault 0 kill [1] | healed ended by SIGKILL
        p2 txn append 3:9 -> fail
        objects-finally 3=[1,2,4,9]",
    );
    let verdict = judge(&history, &checkers::Options::default());
    let stale = &verdict.anomalies["G-single-item-realtime"].cases[0];
    assert_eq!(stale.faults, [0]);
    let aborted = &verdict.anomalies["G1a"].cases[0];
    assert_eq!(
        (aborted.key, aborted.partition.as_deref()),
        (Some(1), Some("log-1"))
    );
    assert_eq!(aborted.faults, [0_u32; 0]);
}
