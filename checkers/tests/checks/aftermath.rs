//! What each fault did, and when all was whole again.

use checkers::{Aftermath, LeaderMove, Recovery, aftermaths, timeline};

use crate::dsl;

const SECOND: u64 = 1_000_000_000;
const TICK: u64 = 1_000_000;

fn of(text: &str) -> Vec<Aftermath> {
    let history = dsl::history(&format!("topics log:2 rf=3 faults\n{text}"));
    aftermaths(&history, &timeline(&history))
}

/// Three replicas, and a kill of node 1, which led key 0.
const KILL: &str = "
    node1 says 0=1/e0[1,2,3] 1=2/e0[1,2,3]
    node1 leads-quorum t1 as 1
    p0 send 0:1 -> ok @0 by 1
    p1 send 1:2 -> ok @0 by 2
    at 10
    fault 0 kill [1] SIGKILL to node 1 | injecting
    fault 0 kill [1] SIGKILL to node 1 | injected
    at 11
    node2 says 0=none/e1[2,3] 1=2/e0[2,3]
    node2 leads-quorum t2 as 2
    at 12
    node2 says 0=3/e2[2,3]
    at 13
    p0 send 0:3 -> ok @1 by 3
    p1 send 1:4 -> ok @1 by 2
    at 15
    fault 0 kill [1] | healing
    fault 0 kill [1] | healed gone
    at 16
    p0 send 0:5 -> ok @2 by 3
    p1 send 1:6 -> ok @2 by 2
";

/// And all is whole again.
const WHOLE: &str = "
    at 18
    node2 says 0=3/e2[1,2,3]
    p0 send 0:7 -> ok @3 by 3
    p1 send 1:8 -> ok @3 by 2
    at 19
    node2 says 1=2/e0[1,2,3]
    at 20
    p0 send 0:9 -> ok @4 by 3
    p1 send 1:10 -> ok @4 by 2
";

#[test]
fn a_kill_moves_a_leader_and_the_controller_and_is_over_when_all_are_in_sync() {
    let found = of(&format!("{KILL}{WHOLE} at 30\n phase settle"));
    let [kill] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        kill.leaders,
        [LeaderMove {
            key: 0,
            from: 1,
            to: 3,
            epoch: 2,
            time: 12 * SECOND
        }]
    );
    assert_eq!(kill.leaderless, Some((0, SECOND)));
    assert_eq!(kill.shrunk, [(0, 2), (1, 2)]);
    assert_eq!(kill.controllers, [1, 2]);
    let (key, silent) = kill.silent.expect("clients waited");
    assert_eq!((key, silent / SECOND), (1, 3));
    let Recovery::After(after) = kill.recovery else {
        panic!("{kill:?}")
    };
    assert_eq!(after / TICK, 5_002);
    assert!(kill.beside.is_empty());
}

#[test]
fn what_the_next_fault_interrupts_is_not_seen_and_what_it_did_is_its_own() {
    let next = "
        at 17
        fault 1 pause [2] node 2 | injecting
        fault 1 pause [2] node 2 | injected
        at 25
        fault 1 pause [2] | healed asleep
        at 26
        node2 says 0=2/e3[1,2,3] 1=2/e0[1,2,3]
        p0 send 0:7 -> ok @3 by 2
        p1 send 1:8 -> ok @3 by 2
        at 30
        phase settle";
    let found = of(&format!("{KILL}{next}"));
    assert_eq!(found[0].recovery, Recovery::NotSeen(Some(1)));
    assert_eq!(found[0].leaders.len(), 1);
    assert_eq!(
        found[1]
            .leaders
            .iter()
            .map(|moved| (moved.from, moved.to))
            .collect::<Vec<_>>(),
        [(3, 2)]
    );
    let Recovery::After(after) = found[1].recovery else {
        panic!("{found:?}")
    };
    assert_eq!(after / SECOND, 1);
}

#[test]
fn a_fault_without_an_effect_is_over_with_the_next_acknowledgement() {
    let found = of("node1 says 0=1/e0[1,2,3] 1=2/e0[1,2,3]
        at 9.99
        p0 send 0:1 -> ok @0 by 1
        at 10
        fault 0 pause [1] node 1 | injected
        at 10.1
        fault 0 pause [1] | healed asleep
        at 10.2
        p0 send 0:2 -> ok @1 by 1
        at 20
        phase settle");
    assert_eq!((&found[0].leaders[..], &found[0].shrunk[..]), (&[][..], &[][..]));
    assert_eq!((found[0].leaderless, &found[0].controllers[..]), (None, &[][..]));
    let Recovery::After(after) = found[0].recovery else {
        panic!("{found:?}")
    };
    // Key 1 was never written to, and is not waited for.
    assert_eq!(after / (100 * TICK), 1);
}

#[test]
fn a_fault_that_was_skipped_or_never_healed_has_no_recovery() {
    let found = of("at 1
        fault 0 kill [1] node 1 | skipped no power
        fault 1 kill [1] node 1 | injected
        node2 says 0=2/e1[2,3]");
    assert_eq!(
        found[0],
        Aftermath {
            id: 0,
            ..Aftermath::default()
        }
    );
    assert_eq!(found[1].recovery, Recovery::None);
}

#[test]
fn faults_in_force_together_are_named() {
    let found = of("at 1
        fault 0 kill [1] node 1 | injected
        at 2
        fault 1 pause [2] node 2 | injected
        at 3
        fault 1 pause [2] | healed asleep
        at 4
        fault 0 kill [1] | healed gone
        at 5
        fault 2 pause [2] node 2 | injected
        fault 2 pause [2] | healed asleep");
    let beside: Vec<_> = found.iter().map(|fault| fault.beside.clone()).collect();
    assert_eq!(beside, [vec![1], vec![0], vec![]]);
}

/// Followers leave an ISR a while after they stopped to fetch: it may be that nothing is wrong any more by then.
#[test]
fn replicas_that_leave_the_isr_after_the_fault_are_waited_for() {
    let found = of("node1 says 0=1/e0[1,2,3] 1=2/e0[1,2,3]
        at 10
        fault 0 pause [3] node 3 | injected
        at 11
        fault 0 pause [3] | healed asleep
        at 11.5
        node1 says 0=1/e0[1,2]
        at 13
        node1 says 0=1/e0[1,2,3]
        at 20
        phase settle");
    assert_eq!(found[0].shrunk, [(0, 2)]);
    assert_eq!(found[0].recovery, Recovery::After(2 * SECOND));
}

/// The replicas come back when no client writes any more.
#[test]
fn a_recovery_after_the_clients_have_ended_counts() {
    let found = of("node1 says 0=1/e0[1,2] 1=2/e0[1,2,3]
        at 10
        fault 0 pause [3] node 3 | injected
        at 11
        fault 0 pause [3] | healed asleep
        at 11.2
        p0 send 0:1 -> ok @0 by 1
        at 12
        phase settle
        at 13
        node1 says 0=1/e0[1,2,3]
        at 20
        phase teardown
        node1 says 0=1/e0[1]");
    assert_eq!(found[0].recovery, Recovery::After(2 * SECOND));
}
