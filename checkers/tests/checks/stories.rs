//! What is told of each finding, word for word.

use std::fmt::Write as _;

use crate::{dsl, told};

fn tell(text: &str) -> String {
    told(&checkers::check_history(&dsl::history(text)))
}

/// The control of the plans: acks=1, the leader cut from its peers but not from its clients, healed.
const DEPOSED_LEADER: &str = "
    topics log:1 rf=3 acks=1 at-least-once require=partition
    phase steady
    at 1
    node1 says 0=1/e0[1,2,3]
    node2 says 0=1/e0[1,2,3]
    node3 says 0=1/e0[1,2,3]
    p0 send 0:1 -> ok @0 by 1
    p1 assign 0 from-beginning -> ok
    p1 poll -> ok 0@0=1
    phase faults
    at 10
    fault 0 partition [1] leader of log-0 (node 1) cut from its peers, not from clients | injecting
    fault 0 partition [1] leader of log-0 (node 1) cut from its peers, not from clients | injected
    at 12.345
    p0 send 0:2 -> ok @1 by 1
    at 14
    node2 says 0=2/e1[2,3]
    node3 says 0=2/e1[2,3]
    node1 says 0=1/e0[1,2,3]
    at 15
    p0 send 0:3 -> ok @2 by 1
    p2 send 0:4 -> ok @1 by 2
    at 20
    fault 0 partition | healed 1,204 frames dropped
    node1 says 0=2/e1[2,3]
    at 21
    node2 says 0=2/e1[1,2,3]
    at 30
    finally 0@0=1 0@1=4
";

#[test]
fn a_deposed_leader_acknowledged() {
    insta::assert_snapshot!(tell(DEPOSED_LEADER), @r##"
    2 of 4 acknowledged writes were lost, the first at 12.346 s on log-0, acknowledged by node 1 during fault 0, partition: leader of log-0 (node 1) cut from its peers, not from clients; also 1 × inconsistent-offsets
    [log] lost-write: 2 found; the first: Client 0 wrote value 2 to log-0 (op 3); node 1 acknowledged it at offset 1 at 12.346 s.
      inconsistent-offsets: 1 found; the first: Offset 1 of log-0 held 2 different values: 2 and 4.
    [leadership] node 1 still named itself leader of log-0 in epoch 0 0.001 s after another broker had first shown node 2 as leader in epoch 1 at 14.000 s
    inconsistent-offsets:
      Offset 1 of log-0 held 2 different values: 2 and 4.
      Value 2 there: acknowledged by node 1 to client 0 at 12.346 s (op 3).
      Value 4 there: acknowledged by node 2 to client 2 at 15.003 s (op 5), read by client 99 at 30.006 s (op 7) and in the copies of nodes 1, 2 and 3.
      In force at that time: fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients) from 10.000 s to 20.000 s.
    lost-write:
      Client 0 wrote value 2 to log-0 (op 3); node 1 acknowledged it at offset 1 at 12.346 s.
      Node 1 itself showed node 1 as leader in epoch 0 with ISR [1, 2, 3] at that time (inferred from its metadata, last asked for at 12.346 s: an acknowledgement does not name its epoch).
      By their metadata at that time, nodes 2 and 3 showed node 1 as leader in epoch 0 with ISR [1, 2, 3].
      In force at that time: fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients) from 10.000 s to 20.000 s.
      The next leader came after it: node 2 as leader in epoch 1 with ISR [2, 3], first shown by node 2 at 14.000 s.
      No client ever read it.
      Of the replicas' own copies after the run, those of nodes 1, 2 and 3 hold value 4 at offset 1 (written in epoch 0) and end before offset 2.
      The final reads were complete: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 2, and value 2 was not there.
    lost-write:
      Client 0 wrote value 3 to log-0 (op 4); node 1 acknowledged it at offset 2 at 15.001 s.
      Node 1 itself showed node 1 as leader in epoch 0 with ISR [1, 2, 3] at that time (inferred from its metadata, last asked for at 14.001 s: an acknowledgement does not name its epoch).
      By their metadata at that time, nodes 2 and 3 showed node 2 as leader in epoch 1 with ISR [2, 3].
      In force at that time: fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients) from 10.000 s to 20.000 s.
      Node 1 had been deposed by then: node 2 as leader in epoch 1 with ISR [2, 3], first shown by node 2 at 14.000 s.
      No client ever read it.
      Of the replicas' own copies after the run, those of nodes 1, 2 and 3 end before offset 2.
      The final reads were complete: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 2, and value 3 was not there.
    "##);
}

/// The control of the plans: the ISR shrunk to the leader, which is killed, and a replica from outside elected.
const UNCLEAN: &str = "
    topics log:1 rf=3 unclean require=kill
    phase steady
    at 1
    node2 says 0=1/e0[1]
    phase faults
    fault 0 shrink-isr [1] followers of log-0 cut from node 1 | injected
    p0 send 0:1 -> ok @0 by 1
    at 5
    fault 1 kill [1] SIGKILL to node 1 | injecting
    fault 1 kill [1] SIGKILL to node 1 | injected
    at 7
    node2 says 0=2/e1[2]
    fault 1 kill | healed killed by signal 9
    at 9
    p1 send 0:2 -> ok @0 by 2
    at 12
    finally 0@0=2
";

#[test]
fn an_unclean_election_is_told_with_the_kill_that_led_to_it() {
    let told = tell(UNCLEAN);
    let story: Vec<&str> = told.lines().filter(|line| line.contains("election")).collect();
    insta::assert_snapshot!(story.join("\n"), @r"
    Between the write and that election began fault 1 (kill: SIGKILL to node 1) at 5.000 s.
    Node 2 was not in the ISR that had been shown last before that, [1]: the topic allows unclean elections.
    ");
    let clean = tell(&UNCLEAN.replace(" unclean", ""));
    assert!(clean.contains("the topic allows no unclean election"), "{clean}");
}

#[test]
fn lost_after_it_was_read() {
    insta::assert_snapshot!(tell("
        topics log:1 rf=2 require=kill
        phase steady
        p0 send 0:1 -> ok @0 by 1
        p0 send 0:2 -> ok @1 by 1
        p3 send 0:3 -> info
        p1 poll -> ok 0@0=1 0@1=2 0@2=3
        phase faults
        fault 0 kill [1] node 1 by SIGKILL | injected
        at 7.5
        fault 0 kill | healed process 311 ended by signal 9
        p4 send 0:4 -> ok @1 by 2
        at 9
        finally 0@0=1 0@1=4"), @r##"
    1 of 3 acknowledged writes was lost, the first at 0.005 s on log-0, acknowledged by node 1; also 1 × vanished-read, 1 × inconsistent-offsets
    [log] lost-write: 1 found; the first: Client 0 wrote value 2 to log-0 (op 1); node 1 acknowledged it at offset 1 at 0.005 s.
      vanished-read: 1 found; the first: Client 3 wrote value 3 to log-0 (op 2, begun at 0.006 s) and never heard what became of it; client 1 read it at offset 2 at 0.009 s (op 3), so it had been written.
      inconsistent-offsets: 1 found; the first: Offset 1 of log-0 held 2 different values: 2 and 4.
    inconsistent-offsets:
      Offset 1 of log-0 held 2 different values: 2 and 4.
      Value 2 there: acknowledged by node 1 to client 0 at 0.005 s (op 1) and read by client 1 at 0.009 s (op 3).
      Value 4 there: acknowledged by node 2 to client 4 at 7.502 s (op 4), read by client 99 at 9.006 s (op 6) and in the copies of nodes 1 and 2.
      No fault was in force at that time: fault 0 (kill: node 1 by SIGKILL) had ended at 7.500 s.
    lost-write:
      Client 0 wrote value 2 to log-0 (op 1); node 1 acknowledged it at offset 1 at 0.005 s.
      No broker's metadata from before that time is known.
      No fault had been in force up to that time; the next, fault 0 (kill: node 1 by SIGKILL), began at 0.011 s.
      Client 1 had read it, at offset 1 at 0.009 s (op 3): it was there, and then it was gone.
      Of the replicas' own copies after the run, those of nodes 1 and 2 hold value 4 at offset 1 (written in epoch 0) and end before offset 2.
      The final reads were complete: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 2, and value 2 was not there.
    vanished-read:
      Client 3 wrote value 3 to log-0 (op 2, begun at 0.006 s) and never heard what became of it; client 1 read it at offset 2 at 0.009 s (op 3), so it had been written.
      No fault had been in force up to that time; the next, fault 0 (kill: node 1 by SIGKILL), began at 0.011 s.
      Of the replicas' own copies after the run, those of nodes 1 and 2 end before offset 2.
      The final reads were complete: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 2, and value 3 was not there.
    "##);
}

#[test]
fn lost_before_the_end() {
    insta::assert_snapshot!(tell("
        p0 send 0:1 -> ok @0 by 1
        p0 send 0:2 -> ok @1 by 1
        p0 send 0:3 -> ok @2 by 1
        p0 send 0:4 -> ok by 2
        p1 poll -> ok 0@0=1
        p1 poll -> ok 0@2=3"), @r##"
    1 of 4 acknowledged writes was lost, the first at 0.004 s on log-0, acknowledged by node 1; also 1 × unseen, 1 × poll-skip
    [log] lost-write: 1 found; the first: Client 0 wrote value 2 to log-0 (op 1); node 1 acknowledged it at offset 1 at 0.004 s.
      unseen: 1 found; the first: Client 0 wrote value 4 to log-0 (op 3); node 2 acknowledged it without naming an offset at 0.008 s.
      poll-skip: 1 found; the first: Client 1 passed over records of log-0: offset 0 (value 1, op 4) at 0.010 s, then offset 2 (value 3, op 5) at 0.012 s.
    lost-write:
      Client 0 wrote value 2 to log-0 (op 1); node 1 acknowledged it at offset 1 at 0.004 s.
      No client ever read it.
      Client 1 read log-0 from offset 0 to offset 2, which it reached at 0.012 s, and value 2 was not among what it got.
    poll-skip:
      Client 1 passed over records of log-0: offset 0 (value 1, op 4) at 0.010 s, then offset 2 (value 3, op 5) at 0.012 s.
      Between them stood 1 record: value 2 at offset 1.
    unseen:
      Client 0 wrote value 4 to log-0 (op 3); node 2 acknowledged it without naming an offset at 0.008 s.
      No client read it by the end of the history at 0.012 s.
    "##);
}

#[test]
fn records_in_the_wrong_place() {
    insta::assert_snapshot!(tell("
        phase steady
        p0 send 0:1 -> ok @0 by 1
        p0 send 0:2 -> fail
        p2 send 1:3 -> ok @0 by 2
        p1 poll -> ok 0@0=1 0@1=2
        p1 poll -> ok 0@2=3 0@1=2
        finally 0@0=1 0@1=1 1@0=3 1@1=77"), @r##"
    1 × inconsistent-offsets, the first at 0.018 s: Offset 1 of log-0 held 2 different values: 2 and 1; also 1 × G1a, 1 × phantom-read, 1 × misplaced-record, 1 × duplicate, 1 × int-nonmonotonic-poll
    [log] inconsistent-offsets: 1 found; the first: Offset 1 of log-0 held 2 different values: 2 and 1.
      G1a: 1 found; the first: Client 0 wrote value 2 to log-0 (op 1), and that failed for certain at 0.005 s; yet a client read it.
      phantom-read: 1 found; the first: Value 77 stood at offset 1 of log-1, and no client ever sent it.
      misplaced-record: 1 found; the first: Value 3 stood at offset 2 of log-0, to which it was never sent: read at 0.011 s (op 4).
      duplicate: 1 found; the first: Value 1 stood at 2 offsets of log-0: 0 and 1.
      int-nonmonotonic-poll: 1 found; the first: Client 1 went back in log-0: offset 2 (value 3, op 4) at 0.011 s, then offset 1 (value 2, op 4) at 0.011 s.
    G1a:
      Client 0 wrote value 2 to log-0 (op 1), and that failed for certain at 0.005 s; yet a client read it.
      At offset 1 of log-0: read by client 1 at 0.009 s (op 3).
      No fault had been in force up to that time.
    duplicate:
      Value 1 stood at 2 offsets of log-0: 0 and 1.
      Client 0 sent it to log-0 at 0.002 s (op 0).
      At offset 0: acknowledged by node 1 to client 0 at 0.003 s (op 0), read by client 1 at 0.009 s (op 3) and in the copy of node 1.
      At offset 1: read by client 99 at 0.018 s (op 6) and in the copy of node 1.
      Its producer was to be idempotent, so no retry may write it twice.
    inconsistent-offsets:
      Offset 1 of log-0 held 2 different values: 2 and 1.
      Value 2 there: read by client 1 at 0.009 s (op 3).
      Value 1 there: read by client 99 at 0.018 s (op 6) and in the copy of node 1.
      No fault had been in force up to that time.
    int-nonmonotonic-poll:
      Client 1 went back in log-0: offset 2 (value 3, op 4) at 0.011 s, then offset 1 (value 2, op 4) at 0.011 s.
      No assignment in between took the partition from it, and it did not crash.
    misplaced-record:
      Value 3 stood at offset 2 of log-0, to which it was never sent: read at 0.011 s (op 4).
      Client 2 sent it to log-1 at 0.006 s (op 2).
    phantom-read:
      Value 77 stood at offset 1 of log-1, and no client ever sent it.
      At offset 1 of log-1: read by client 99 at 0.018 s (op 6) and in the copy of node 1.
    "##);
}

#[test]
fn nothing_wrong() {
    let mut text = "
        topics log:1 rf=1 require=kill
        phase steady
        p0 send 0:0 -> ok @0
        phase faults
        fault 0 kill [1] node 1 by SIGKILL | injected
        fault 0 kill | healed process 311 ended by signal 9
    "
    .to_owned();
    let mut records = "0@0=0".to_owned();
    for value in 1..1_234 {
        writeln!(text, "p0 send 0:{value} -> ok @{value}").expect("a string takes all");
        write!(records, " 0@{value}={value}").expect("a string takes all");
    }
    insta::assert_snapshot!(tell(&format!("{text}\nfinally {records}")), @r##"nothing was lost: 1,234 acknowledged writes, 1 fault that bit, every record read back"##);
    insta::assert_snapshot!(tell("phase steady\n p0 send 0:1 -> ok @0 \n finally 0@0=1"), @r##"nothing was lost: 1 acknowledged write, no faults, as the plan declares, every record read back"##);
}

#[test]
fn a_verdict_survives_its_file() {
    let verdict = checkers::check_history(&dsl::history(DEPOSED_LEADER));
    let file = serde_json::to_string(&verdict).expect("a verdict has only string keys");
    let read: checkers::Verdict = serde_json::from_str(&file).expect("what was written reads back");
    assert_eq!(read, verdict);
    let lost = &verdict.anomalies["lost-write"].cases[0];
    assert_eq!((lost.key, lost.offset, lost.epoch), (Some(0), Some(1), Some(0)));
    assert_eq!(
        (&lost.values[..], &lost.nodes[..], &lost.faults[..]),
        (&[2][..], &[1][..], &[0][..])
    );
    assert_eq!(
        (
            verdict.stats.lost,
            verdict.stats.acknowledged,
            verdict.stats.leader_changes
        ),
        (2, 4, 1)
    );
}
