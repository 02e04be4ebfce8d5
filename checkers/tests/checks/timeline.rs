//! Lanes, faults and terms.

use checkers::timeline;

use crate::dsl;

#[test]
fn lanes_merge_what_brokers_say() {
    let history = dsl::history(
        "
        at 1
        node1 says 0=1/e0[1,2,3]
        node2 says 0=1/e0[1,2,3]
        node1 says 0=1/e0[1,2]
        node1 says 0=1/e0[1]
        node2 says 0=1/e0[1,2]
        node2 says 0=1/e0[1]
        node2 says 0=none/e1[1]
        node3 says 0=1/e0[1,2,3]
        node3 says 0=2/e2[2]
        node2 says 0=2/e2[2]
        node2 says 0=2/e2[1,2]
        node2 says 0=2/e2[2]",
    );
    let lane = &timeline(&history).lanes[0];
    let states: Vec<String> = lane
        .changes
        .iter()
        .map(|change| {
            format!(
                "{:?}/e{}{:?} by {}",
                change.leader.unwrap_or(0),
                change.epoch,
                change.isr,
                change.node
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            "1/e0[1, 2, 3] by 1",
            "1/e0[1, 2] by 1",
            "1/e0[1] by 1",
            "0/e1[1] by 2",
            "2/e2[2] by 3",
            "2/e2[1, 2] by 2",
            "2/e2[2] by 2",
        ]
    );
    assert_eq!(lane.leader_changes(), 1);
    assert_eq!(lane.at(0), None);
    assert_eq!(lane.at(u64::MAX).map(|change| change.epoch), Some(2));
    assert_eq!(lane.next_leader(0, 0).map(|change| change.leader), Some(Some(2)));
}

#[test]
fn faults_are_intervals() {
    let history = dsl::history(
        "
        at 1
        fault 1 kill [2] node 2 by SIGKILL | injecting
        fault 1 kill [2] node 2 by SIGKILL | injected
        fault 0 pause [1] node 1 | skipped no power
        at 5
        fault 1 kill | healing
        fault 1 kill | healed gone
        fault 2 pause [3] node 3 | injected",
    );
    let faults = timeline(&history).faults;
    assert_eq!(faults.iter().map(|fault| fault.id).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(faults[0].gone_wrong() && faults[0].from.is_none());
    assert!(faults[1].bit() && faults[1].detail == "node 2 by SIGKILL" && faults[1].nodes == [2]);
    assert_eq!(faults[1].to.map(|to| to / 1_000_000), Some(5_001));
    assert!(faults[2].in_force(u64::MAX) && !faults[2].bit());
    assert!(!faults[1].in_force(0) && !faults[1].in_force(u64::MAX));
}

#[test]
fn terms_in_order() {
    let history = dsl::history(
        "
        node2 leads-quorum t1 as 2
        node2 leads-quorum t1 as 2
        node1 leads-quorum t2 as 1
        node2 leads-quorum t1 as 2",
    );
    let terms = timeline(&history).controllers;
    let terms: Vec<_> = terms
        .iter()
        .map(|term| (term.epoch, term.leader, term.until / 1_000_000))
        .collect();
    assert_eq!(terms, [(1, 2, 4), (2, 1, 3)]);
}

#[test]
fn terms_that_zookeeper_holds() {
    let history = dsl::history("node4 holds c2 t1\nnode5 holds c3 t2\nnode4 holds c2 t1");
    let terms = timeline(&history).controllers;
    let terms: Vec<_> = terms.iter().map(|term| (term.epoch, term.leader)).collect();
    assert_eq!(terms, [(1, 2), (2, 3)]);
}
