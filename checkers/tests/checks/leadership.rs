//! Leaders of partitions and of the controllers' quorum.

use crate::{Rows, dsl, table_in, told};

/// The rest of a run in which nothing was lost.
fn run(lines: &str) -> String {
    format!("phase steady\np0 send 0:1 -> ok @0\n{lines}\nfinally 0@0=1")
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
        "ZooKeeper and a broker, one epoch",
        "
            node4 holds c1 t1 0=1/e1[1,2,3]
            node2 says 0=2/e1[2,3]",
        "invalid: two-leaders-in-epoch 1",
    ),
    (
        "a node of ZooKeeper that lags",
        "
            node4 holds c1 t1 0=1/e1[1,2,3]
            node5 holds c2 t2 0=2/e2[2,3]
            node4 holds c1 t1 0=1/e1[1,2,3]",
        "valid",
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
    table_in(run, ONE_LEADER_AN_EPOCH);
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
    table_in(run, EPOCHS_GO_FORWARD);
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
    table_in(run, CONTROLLERS);
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
      the quorum's term grew from 6 to 7 by 1 election: 1 while a fault was in force
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

#[test]
fn nobody_is_deposed_by_a_newer_epoch_of_its_own() {
    let own = "
        at 10
        node1 says 0=1/e4[1,2,3]
        node1 stands 0/e4=1:1
        at 13
        node2 says 0=1/e5[1,2,3]
        at 17
        node1 says 0=1/e4[1,2,3]
        node1 stands 0/e4=1:1";
    let verdict = checkers::check_history(&dsl::history(&run(own)));
    assert_eq!(
        (verdict.stats.deposed_leaders, verdict.depositions.leaders),
        (0, vec![])
    );
    // Who came after that deposed it.
    let another = own.replace("at 17", "at 15\nnode2 says 0=2/e6[2,3]\nat 17");
    let verdict = checkers::check_history(&dsl::history(&run(&another)));
    let leader = &verdict.depositions.leaders[0];
    assert_eq!(
        (leader.epoch, leader.newer_epoch, leader.newer_leader),
        (4, 6, Some(2))
    );
    assert_eq!((verdict.stats.deposed_leaders, leader.since), (1, 15_000_000_000));
}

const STANDS: Rows = &[
    (
        "a deposed leader that still answers, in its own epoch",
        "
            node1 says 0=1/e4[1,2,3]
            node1 stands 0/e4=1:1
            node2 says 0=2/e5[2,3]
            node2 stands 0/e5=1:1
            node1 stands 0/e4=1:3
            node1 stands 0/e4=FENCED_LEADER_EPOCH",
        "valid",
    ),
    (
        "two answer as leader in one epoch",
        "
            node1 stands 0/e5=1:1
            node2 stands 0/e5=1:1",
        "invalid: two-leaders-in-epoch 1",
    ),
    (
        "one answers as leader where all caches name another",
        "
            node2 says 0=2/e5[2,3]
            node1 stands 0/e5=1:1",
        "invalid: two-leaders-in-epoch 1",
    ),
    (
        "who refuses is no leader",
        "
            node2 says 0=2/e5[2,3]
            node1 stands 0/e5=NOT_LEADER_OR_FOLLOWER",
        "valid",
    ),
    (
        "the replica may be behind the cache beside it",
        "
            node1 says 0=2/e5[2,3]
            node1 stands 0/e4=1:1",
        "valid",
    ),
    (
        "a replica that answered in an epoch does not in an earlier one",
        "
            node1 stands 0/e5=1:1
            node1 stands 0/e4=1:1",
        "invalid: epoch-went-back 1",
    ),
    (
        "another process may",
        "
            node1#0 stands 0/e5=1:1
            node1#1 stands 0/e4=1:1",
        "valid",
    ),
];

#[test]
fn who_answers_as_leader_claims_to_lead() {
    table_in(run, STANDS);
}

const PARTITIONS: Rows = &[
    (
        "as Metadata",
        "
            node1 tells 0=1/e4[1,2]elr[3]
            node2 tells 0=2/e5[2,3]",
        "valid",
    ),
    (
        "two leaders",
        "
            node1 tells 0=1/e5[1,2]
            node2 tells 0=2/e5[2,3]",
        "invalid: two-leaders-in-epoch 1",
    ),
    (
        "one cache, two questions",
        "
            node1 says 0=2/e5[2,3]
            node1 tells 0=1/e4[1,2,3]",
        "invalid: epoch-went-back 1",
    ),
    (
        "one cache, two leaders",
        "
            node1 says 0=2/e5[2,3]
            node1 tells 0=1/e5[1,2,3]",
        "invalid: leader-changed-in-epoch 1",
    ),
];

#[test]
fn who_may_lead_is_held_against_metadata() {
    table_in(run, PARTITIONS);
}

/// Node 1 is deposed at 13 s and goes on until 17 s.
const GOES_ON: &str = "
    phase steady
    at 10
    node1 says 0=1/e4[1,2,3]
    node1 stands 0/e4=1:1
    node1 serves 0/e4=w5,r5
    p1 send 0:4 -> ok @1 by 1
    at 13
    node2 says 0=2/e5[2,3]
    node2 stands 0/e5=1:1
    node2 serves 0/e6=w6,r6
    node1 serves 0/e4=w7,r5
    at 14
    p0 send 0:1 -> ok @7 by 1
    p0 send 0:2 -> ok @8 by 1
    at 15
    node1 says 0=1/e4[1,2,3]
    node1 stands 0/e4=1:3
    at 16
    node1 serves 0/e4=wNO,r5
    at 17
    node1 stands 0/e4=FENCED_LEADER_EPOCH
    node1 silent metadata
    node1 serves 0/e4=wNO,rNO
    at 18
    p2 send 0:3 -> ok @2 by 2
    finally 0@1=4 0@2=3";

#[test]
fn what_a_deposed_leader_acknowledged_and_lost_is_a_split_brain() {
    let verdict = checkers::check_history(&dsl::history(&format!("topics acks=1\n{GOES_ON}")));
    assert_eq!(
        crate::brief(&verdict),
        "invalid: lost-write 2 (allowed split-brain-loss 1)"
    );
    let of_all = checkers::check_history(&dsl::history(GOES_ON));
    assert_eq!(crate::brief(&of_all), "invalid: lost-write 2, split-brain-loss 1");
    let leader = &verdict.depositions.leaders[0];
    assert_eq!((leader.node, leader.epoch, leader.newer_epoch), (1, 4, 5));
    assert_eq!(leader.since, 13_000_000_000);
    assert_eq!(
        leader.named_until,
        Some(17_000_500_000),
        "until it was asked and silent"
    );
    assert_eq!(leader.answered_until, Some(16_999_500_000));
    assert_eq!((leader.lost, verdict.depositions.leaders.len()), (2, 1));
    let service = &verdict.depositions.services[0];
    assert_eq!((service.node, service.newer_leader), (1, 2));
    assert_eq!(service.acknowledged_until, Some(15_999_500_000));
    assert_eq!(service.read_until, Some(17_001_500_000));
    let reasons = &verdict.checks.iter().find(|check| check.name == "leadership");
    insta::assert_snapshot!(reasons.expect("it ran").reasons.join("\n"), @r"
    node 1 still named itself leader of log-0 in epoch 4 1.999 s after another broker had first shown node 2 as leader in epoch 5 at 13.000 s
    node 1 went on answering as leader of log-0 in epoch 4 for 3.999 s after epoch 5 had first been shown at 13.000 s
    on the probe topic node 1 went on, as leader of partition 0 in epoch 4, acknowledging writes with acks=1 for 2.997 s and serving reads for 3.999 s after node 2 had first served in epoch 6 at 13.002 s
    ");
    let story = &verdict.allowed["split-brain-loss"].cases[0].story;
    insta::assert_snapshot!(story.join("\n"), @r"
    Node 1, deposed, acknowledged 2 writes to log-0, at offsets 7 to 8, between 14.001 s and 14.003 s, and the log does not hold them any more.
    Epoch 5, led by node 2, had first been shown at 13.000 s; each of these writes was begun after that.
    Node 1 named itself leader in epoch 4 until 17.000 s.
    Asked in epoch 4, node 1 answered as leader until 16.999 s.
    No fault had been in force up to that time.
    ");
}

#[test]
fn what_was_begun_before_or_acknowledged_by_a_leader_again_is_no_split_brain() {
    let begun_before = GOES_ON
        .replace("p0 send 0:1 -> ok @7 by 1", "")
        .replace("p0 send 0:2 -> ok @8 by 1", "p0 ok send 0:2 @8 by 1")
        .replace("at 13\n", "p0 send 0:2\n    at 13\n");
    let led_again = GOES_ON
        .replace(
            "at 14\n",
            "node1 silent metadata\n    node1 silent stands\n    at 13.5\n    node3 says 0=1/e7[1,3]\n    at 14\n",
        )
        .replace("at 15\n    node1 says 0=1/e4[1,2,3]\n    node1 stands 0/e4=1:3\n", "");
    for (text, lost) in [(begun_before, 1), (led_again, 2)] {
        let verdict = checkers::check_history(&dsl::history(&text));
        assert_eq!(
            crate::brief(&verdict),
            format!("invalid: lost-write {lost}"),
            "{text}"
        );
    }
}

#[test]
fn a_split_brain_is_found_behind_any_number_of_other_losses() {
    let others: Vec<String> = (0..1_000)
        .map(|number| format!("p3 send 0:{} -> ok @{} by 1", 100 + number, 100 + number))
        .collect();
    let others = format!("    at 5\n{}\n    at 10\n", others.join("\n"));
    let verdict = checkers::check_history(&dsl::history(&GOES_ON.replacen("    at 10\n", &others, 1)));
    assert_eq!(
        crate::brief(&verdict),
        "invalid: lost-write 1002, split-brain-loss 1"
    );
    assert_eq!(verdict.depositions.leaders[0].lost, 2);
}

/// A state of partition 0 in the metadata log.
fn ruling(leader: Option<u32>, epoch: i32, isr: &[u32]) -> history::Ruling {
    history::Ruling {
        offset: 0,
        term: 1,
        written_ms: 0,
        key: 0,
        leader,
        epoch,
        partition_epoch: 0,
        isr: isr.to_vec(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        recovering: false,
    }
}

/// Judges a run whose nodes all hold these rulings, one after the other.
fn ruled(header: &str, rulings: &[history::Ruling]) -> String {
    let mut history = dsl::history(&format!("{header}\n{}", run("")));
    let time = history.events.last().map_or(0, |event| event.time);
    let end = rulings.len() as i64;
    let numbered = (0..).zip(rulings).map(|(number, ruling)| history::Ruling {
        offset: number,
        partition_epoch: number as i32,
        ..ruling.clone()
    });
    let rulings: Vec<history::Ruling> = numbered.collect();
    for node in 1..=3 {
        let metadata = history::MetadataLog {
            start: 0,
            end,
            high_watermark: Some(end),
            batches: (0..end)
                .map(|at| history::MetadataBatch::from((at, at, 1, 7)))
                .collect(),
            rulings: rulings.clone(),
        };
        let copy = history::DiskCopy {
            node,
            incarnation: 0,
            begun: time,
            moment: history::Moment::AtTheEnd,
            directory: None,
            logs: Vec::new(),
            metadata: Some(metadata),
            quorum: None,
            problems: Vec::new(),
        };
        history.events.push(history::Event {
            time,
            what: history::What::Disk(Box::new(copy)),
        });
    }
    crate::brief(&checkers::check_history(&history))
}

#[test]
fn who_is_elected_is_in_sync_or_eligible() {
    let whole = ruling(Some(1), 0, &[1, 2]);
    let marked = |leader| history::Ruling {
        recovering: true,
        ..ruling(Some(leader), 2, &[leader])
    };
    assert_eq!(ruled("", &[whole.clone(), ruling(Some(2), 1, &[2])]), "valid");
    let eligible = history::Ruling {
        elr: vec![3],
        ..ruling(None, 1, &[])
    };
    assert_eq!(ruled("", &[eligible.clone(), ruling(Some(3), 2, &[3])]), "valid");
    let outside = [ruling(None, 1, &[1]), marked(3)];
    assert_eq!(ruled("", &outside), "invalid: unclean-election 1");
    assert_eq!(
        ruled("topics unclean", &outside),
        "valid (allowed unclean-election 1)"
    );
    let asked = "topics faults\nfault 0 elect-unclean | injecting\nfault 0 elect-unclean | healed";
    assert!(ruled(asked, &outside).contains("(allowed unclean-election 1)"));
    let unmarked = [ruling(None, 1, &[1]), ruling(Some(3), 2, &[3])];
    assert_eq!(ruled("", &unmarked), "invalid: unclean-election 1");
    // The leader's own word may have brought it in.
    assert_eq!(ruled("", &[whole, ruling(Some(3), 1, &[3])]), "valid");
    let last_known = history::Ruling {
        last_known_elr: vec![3],
        ..ruling(None, 1, &[])
    };
    assert_eq!(
        ruled("", &[last_known.clone(), marked(3)]),
        "valid (allowed unclean-election 1)"
    );
    assert_eq!(ruled("", &[last_known, marked(2)]), "invalid: unclean-election 1");
}
