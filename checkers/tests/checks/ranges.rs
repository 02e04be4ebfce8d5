//! Findings that belong together, told as one story, with whatever evidence there is.

use std::fmt::Write as _;

use checkers::{Source, Story, Verdict, Why};
use history::{
    BrokerLine, DiskCopy, DiskLog, Event, History, MetadataLog, Moment, Observed, Probe, Ruling, Stand,
    Stands, What,
};

use crate::dsl;

const SECOND: u64 = 1_000_000_000;

/// The control of the plans: acks=1, the leader cut from its peers but not from its clients, healed.
const DEPOSED: &str = "
    topics log:1 rf=3 acks=1 at-least-once require=partition
    phase steady
    at 1
    node1 says 0=1/e0[1,2,3]
    node2 says 0=1/e0[1,2,3]
    p0 send 0:1 -> ok @0 by 1
    p1 assign 0 from-beginning -> ok
    p1 poll -> ok 0@0=1
    phase faults
    at 10
    fault 0 partition [1] leader of log-0 (node 1) cut from its peers, not from clients | injecting
    fault 0 partition [1] leader of log-0 (node 1) cut from its peers, not from clients | injected
    at 12.345
    p0 send 0:2 -> ok @1 by 1
    p0 send 0:3 -> ok @2 by 1
    at 14
    node2 says 0=2/e1[2,3]
    node1 says 0=1/e0[1,2,3]
    at 15
    p0 send 0:4 -> ok @3 by 1
    p2 send 0:5 -> ok @1 by 2
    at 20
    fault 0 partition | healed 1,204 frames dropped
    node1 says 0=2/e1[2,3]
    at 30
    finally 0@0=1 0@1=5
";

/// A log that an operator wants back: the ISR shrunk to its leader, which loses its power and leads again.
const LAST_REPLICA: &str = "
    topics log:1 rf=3 isr=2 require=power-loss
    phase steady
    at 1
    node1 says 0=3/e0[1,2,3]
    p0 send 0:1 -> ok @0 by 3
    p0 send 0:2 -> ok @1 by 3
    at 3
    node1 says 0=3/e0[3]
    phase faults
    at 4
    fault 0 power-loss [3] power loss of leader of log-0 (node 3) | injected
    node1 says 0=none/e1[3]
    at 8
    fault 0 power-loss | healed node 3 killed by signal 9
    node1 says 0=3/e2[3]
    at 10
    p1 send 0:3 -> ok @0 by 3
    at 30
    finally 0@0=3
";

/// Puts an event in at its time.
fn put(history: &mut History, time: u64, what: What) {
    let at = history.events.partition_point(|event| event.time <= time);
    history.events.insert(at, Event { time, what });
}

fn line(history: &mut History, node: u32, at: u64, text: &str) {
    let end = history.events.last().map_or(0, |event| event.time);
    let line = BrokerLine {
        node,
        at,
        key: Some(0),
        text: text.to_owned(),
    };
    put(history, end, What::Line(line));
}

/// A copy of a node's disk with these records, `(offset, value, epoch)`, all of them anew.
fn copy(
    history: &mut History,
    node: u32,
    time: u64,
    moment: Moment,
    records: &[(i64, u64, i32)],
    rulings: &[Ruling],
) {
    let mut epochs: Vec<(i32, i64)> = Vec::new();
    for (offset, _, epoch) in records {
        if epochs.last().is_none_or(|last| last.0 != *epoch) {
            epochs.push((*epoch, *offset));
        }
    }
    let log = DiskLog {
        end: records.last().map_or(0, |record| record.0 + 1),
        noted_epochs: epochs.clone(),
        epochs,
        records: records.to_vec(),
        ..DiskLog::default()
    };
    let metadata = (!rulings.is_empty()).then(|| MetadataLog {
        end: 100,
        high_watermark: Some(100),
        rulings: rulings.to_vec(),
        ..MetadataLog::default()
    });
    let copy = DiskCopy {
        node,
        incarnation: 0,
        begun: time,
        moment,
        directory: None,
        logs: vec![log],
        metadata,
        quorum: None,
        problems: Vec::new(),
    };
    put(history, time, What::Disk(Box::new(copy)));
}

fn ruling(
    offset: i64,
    leader: u32,
    epoch: i32,
    partition_epoch: i32,
    isr: &[u32],
    elr: &[u32],
    at_ms: i64,
) -> Ruling {
    Ruling {
        offset,
        term: 1,
        // The header's time, 2026-01-01T00:00:00Z.
        written_ms: 1_767_225_600_000 + at_ms,
        key: 0,
        leader: Some(leader),
        epoch,
        partition_epoch,
        isr: isr.to_vec(),
        elr: elr.to_vec(),
        last_known_elr: Vec::new(),
        recovering: false,
    }
}

fn judged(history: &History) -> Verdict {
    let verdict = checkers::check_history(history);
    let told: u64 = lost(&verdict).map(|story| story.records).sum();
    assert_eq!(told, verdict.stats.lost, "each lost write is told of once");
    verdict
}

fn lost(verdict: &Verdict) -> impl Iterator<Item = &Story> {
    verdict
        .stories
        .iter()
        .filter(|story| story.anomaly == "lost-write")
}

fn sentences(story: &Story) -> String {
    story.sentences.join("\n")
}

/// The run of a deposed leader with everything that a run records today.
fn deposed_with_evidence() -> History {
    let mut history = dsl::history(DEPOSED);
    let stood = Stand {
        key: 0,
        epoch: 0,
        high_watermark: Some(1),
        end: Some(4),
        refused: None,
    };
    let answer = Probe::Stands(Stands { stands: vec![stood] });
    let observed = Observed {
        node: 1,
        incarnation: 0,
        asked: 18 * SECOND,
        answer,
    };
    put(&mut history, 18 * SECOND, What::Observed(observed));
    let before = [(0, 1, 0), (1, 2, 0), (2, 3, 0), (3, 4, 0)];
    let after = [(0, 1, 0), (1, 5, 1)];
    let rulings = [
        ruling(10, 1, 0, 0, &[1, 2, 3], &[], 500),
        ruling(20, 2, 1, 1, &[2, 3], &[], 13_500),
    ];
    copy(&mut history, 1, 19 * SECOND, Moment::BeforeHeal(0), &before, &[]);
    let end = 31 * SECOND;
    copy(&mut history, 1, end, Moment::AtTheEnd, &after, &rulings);
    copy(&mut history, 2, end + 1, Moment::AtTheEnd, &after, &rulings);
    line(
        &mut history,
        2,
        13_550_000_000,
        "INFO [Broker id=2] Leader log-0 starts at leader epoch 1 from offset 1 with partition epoch 1 (state.change.logger)",
    );
    line(
        &mut history,
        1,
        21 * SECOND,
        "INFO [UnifiedLog partition=log-0, dir=/d] Truncating to offset 1 (kafka.log.UnifiedLog)",
    );
    history
}

#[test]
fn a_deposed_leader_with_all_evidence() {
    let verdict = judged(&deposed_with_evidence());
    let story = lost(&verdict).next().expect("it is lost");
    insta::assert_snapshot!(sentences(story), @r##"
    3 acknowledged writes are lost: offsets 1 to 3 of log-0.
    Node 1 acknowledged them to client 0 from 12.346 s to 15.001 s, as leader of epoch 0 (the epoch of their batches on disk).
    By the metadata log the ISR was [1, 2, 3] and the ELR empty all that time.
    On the disks, node 1 had all of them in the copy made before fault 0 was healed, at 19.000 s, and not in that made at the end of the run, at 31.000 s; no copy of node 2 holds any.
    What was wrong: fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients) from 10.000 s to 20.000 s (1,204 frames dropped).
    Node 1 was deposed by node 2 in epoch 1 at 13.500 s, and went on acknowledging for 1.501 s: 1 of these 3 writes came after; it named itself leader until 14.000 s and answered as leader until 18.000 s, at least.
    After that node 2 was elected, in epoch 1, no later than 13.500 s: it was in the ISR (by the metadata log: ISR [1, 2, 3] and the ELR empty).
    Its own log ended at offset 1 then, so it had none of them: `[Broker id=2] Leader log-0 starts at leader epoch 1 from offset 1 with partition epoch 1` at 13.550 s.
    Then they were thrown away by node 1, at 21.000 s: `[UnifiedLog partition=log-0] Truncating to offset 1`.
    No client ever read any of them.
    The proof: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 2, and none of these values was there.
    "##);
    assert_eq!((story.first, story.last, story.records), (Some(1), Some(3), 3));
    assert_eq!(
        (story.broker, story.epoch, story.epoch_inferred),
        (Some(1), Some(0), false)
    );
    let deposed = story.deposed.as_ref().expect("it was deposed");
    assert_eq!(
        (deposed.node, deposed.newer_leader, deposed.acknowledged),
        (1, Some(2), 1)
    );
    assert_eq!(deposed.answered_until, Some(18 * SECOND));
    let state = story.state.as_ref().expect("it is known");
    assert_eq!(
        (state.source, &state.isr[..]),
        (Source::MetadataLog, &[1, 2, 3][..])
    );
    let election = story.election.as_ref().expect("there was one");
    assert_eq!(
        (election.leader, election.epoch, election.why, election.begins_at),
        (2, 1, Why::InIsr, Some(1))
    );
    assert_eq!(story.truncations.len(), 1);
    assert_eq!(story.missing, Vec::<String>::new());
}

#[test]
fn without_the_new_evidence_what_is_missing_is_said_once() {
    let verdict = judged(&dsl::history(DEPOSED));
    let story = lost(&verdict).next().expect("it is lost");
    insta::assert_snapshot!(sentences(story), @r##"
    3 acknowledged writes are lost: offsets 1 to 3 of log-0.
    Node 1 acknowledged them to client 0 from 12.346 s to 15.001 s, as leader of epoch 0 (inferred from what it showed then: an acknowledgement names none).
    By the brokers' metadata the ISR was [1, 2, 3] all that time.
    What was wrong: fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients) from 10.000 s to 20.000 s (1,204 frames dropped).
    Node 1 was deposed by node 2 in epoch 1 at 14.000 s, and went on acknowledging for 1.001 s: 1 of these 3 writes came after; it named itself leader until 14.000 s, at least.
    After that node 2 was elected, in epoch 1, no later than 14.000 s: it was in the ISR (by the brokers' metadata: ISR [1, 2, 3]).
    No client ever read any of them.
    The proof: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 2, and none of these values was there.
    Nothing recorded shows who was in the ELR then, what lay on the disks (no copies), what the controllers' log says, what the brokers' own logs say and whether the deposed leader answered other requests.
    "##);
    assert!(story.epoch_inferred);
}

#[test]
fn the_last_replica_is_elected_whatever_it_has_left() {
    let mut history = dsl::history(LAST_REPLICA);
    let all = [(0, 1, 0), (1, 2, 0)];
    copy(
        &mut history,
        3,
        4 * SECOND - 1,
        Moment::BeforePowerLoss,
        &all,
        &[],
    );
    copy(&mut history, 3, 7 * SECOND, Moment::BeforeStart, &[], &[]);
    copy(&mut history, 1, 7 * SECOND + 1, Moment::BeforeHeal(0), &all, &[]);
    copy(&mut history, 1, 31 * SECOND, Moment::AtTheEnd, &[(0, 3, 2)], &[]);
    line(
        &mut history,
        3,
        8 * SECOND,
        "INFO [Broker id=3] Leader log-0 starts at leader epoch 2 from offset 0 with partition epoch 3 (state.change.logger)",
    );
    line(
        &mut history,
        1,
        9 * SECOND,
        "INFO [UnifiedLog partition=log-0, dir=/d] Truncating to offset 0 (kafka.log.UnifiedLog)",
    );
    let verdict = judged(&history);
    let story = lost(&verdict).next().expect("it is lost");
    insta::assert_snapshot!(sentences(story), @r##"
    2 acknowledged writes are lost: offsets 0 to 1 of log-0.
    Node 3 acknowledged them to client 0 from 1.002 s to 1.004 s, as leader of epoch 0 (the epoch of their batches on disk).
    By the brokers' metadata the ISR was [1, 2, 3] all that time.
    On the disks, node 1 had all of them in the copy made before fault 0 was healed, at 7.000 s, and not in that made at the end of the run, at 31.000 s; node 3 had all of them in the copy made before it lost its power, at 3.999 s, and not in that made before its process was started, at 7.000 s.
    What was wrong: fault 0 (power-loss: power loss of leader of log-0 (node 3)) from 4.000 s to 8.000 s (node 3 killed by signal 9).
    After that node 3 was elected, in epoch 2, no later than 8.001 s: it was all that was left of the ISR, so by the rules it might lead, whatever it had (by the brokers' metadata: ISR [3]).
    Its own log ended at offset 0 then, so it had none of them: `[Broker id=3] Leader log-0 starts at leader epoch 2 from offset 0 with partition epoch 3` at 8.000 s.
    Then they were thrown away by node 1, at 9.000 s: `[UnifiedLog partition=log-0] Truncating to offset 0`.
    No client ever read any of them.
    The proof: with every producer closed and every replica back in the ISR, client 99 read log-0 from its start through its end offset 1, and none of these values was there.
    Nothing recorded shows who was in the ELR then and what the controllers' log says.
    "##);
    let election = story.election.as_ref().expect("there was one");
    assert_eq!(
        (election.leader, election.epoch, election.why, election.only_one),
        (3, 2, Why::InIsr, true)
    );
    let held: Vec<_> = story
        .holders
        .iter()
        .map(|holder| (holder.node, holder.records))
        .collect();
    assert_eq!(held, [(1, 2), (3, 2)]);
    assert_eq!(story.deposed, None);
    let diverged = verdict
        .stories
        .iter()
        .find(|story| story.anomaly == "inconsistent-offsets");
    assert!(
        sentences(diverged.expect("one offset held two"))
            .contains("see the story of offsets 0 to 1 of log-0")
    );
}

#[test]
fn what_a_copy_could_not_read_is_not_gone() {
    let holder = |history: &History| {
        let verdict = judged(history);
        let story = lost(&verdict).next().expect("it is lost");
        let holder = &story.holders[0];
        let said = sentences(story).contains("and not in that made at the end of the run");
        assert_eq!(said, holder.gone_by.is_some());
        (holder.node, holder.records, holder.gone_by)
    };
    let mut history = deposed_with_evidence();
    assert_eq!(holder(&history), (1, 3, Some(31 * SECOND)));
    let end = history.events.iter_mut().find_map(|event| match &mut event.what {
        What::Disk(copy) if copy.node == 1 && copy.moment == Moment::AtTheEnd => Some(copy),
        _ => None,
    });
    let end = end.expect("it was copied");
    end.logs[0].records.pop();
    end.problems.push("evidence/log-0/0.log: damaged".to_owned());
    assert_eq!(holder(&history), (1, 3, None));
}

#[test]
fn of_a_long_range_all_is_looked_for_on_disk() {
    let last = 20_002;
    let mut text = "topics log:1 rf=1 require=kill\nphase steady\nnode1 says 0=1/e0[1]\n".to_owned();
    for value in 0..=last {
        writeln!(text, "p0 send 0:{value} -> ok @{value} by 1").expect("a string takes all");
    }
    text.push_str("phase faults\nfault 0 kill [1] x | injected\nfault 0 kill | healed y\nfinally 0@0=0");
    let mut history = dsl::history(&text);
    let records: Vec<(i64, u64, i32)> = (0..=last).map(|value| (value, value as u64, 0)).collect();
    copy(&mut history, 1, 100, Moment::BeforeHeal(0), &records, &[]);
    let verdict = judged(&history);
    let story = lost(&verdict).next().expect("they are lost");
    assert_eq!((story.records, story.holders[0].records), (20_002, 20_002));
    assert!(
        sentences(story).contains("node 1 had all of them"),
        "{}",
        sentences(story)
    );
}

#[test]
fn ranges_end_where_something_survived_and_where_another_acknowledged() {
    let mut text = String::from("topics log:1 rf=1 require=kill\nphase steady\nnode1 says 0=1/e0[1]\n");
    for value in 0..9_u32 {
        text += &[
            "p0 send 0:",
            &value.to_string(),
            " -> ok @",
            &value.to_string(),
            " by 1\n",
        ]
        .concat();
    }
    text.push_str("node2 says 0=2/e1[2]\np1 send 0:9 -> ok @9 by 2\n");
    text.push_str("phase faults\nfault 0 kill [1] x | injected\nfault 0 kill | healed y\nfinally 0@0=0 0@4=4 0@5=5 0@10=77");
    let verdict = judged(&dsl::history(&text));
    let ranges: Vec<_> = lost(&verdict)
        .map(|story| (story.first, story.last, story.broker))
        .collect();
    assert_eq!(
        ranges,
        [
            (Some(1), Some(3), Some(1)),
            (Some(6), Some(8), Some(1)),
            (Some(9), Some(9), Some(2))
        ]
    );
}

#[test]
fn a_clock_that_was_made_wrong_is_said() {
    let mut history = deposed_with_evidence();
    let fault = dsl::history("fault 7 clock-jump [1] node 1 an hour ahead | injected")
        .events
        .remove(0);
    put(&mut history, 11 * SECOND, fault.what);
    let verdict = judged(&history);
    let story = lost(&verdict).next().expect("it is lost");
    assert!(
        sentences(story).contains("The clock of node 1 by fault 7 was made wrong"),
        "{}",
        sentences(story)
    );
}

#[test]
fn a_sound_run_has_no_story() {
    let verdict = judged(&dsl::history(
        "phase steady\n p0 send 0:1 -> ok @0 \n finally 0@0=1",
    ));
    assert!(verdict.stories.is_empty());
}

/// The second sentence of the story of a torn transaction, with another write.
fn who_heard(another: &str) -> String {
    let verdict = checkers::check_history(&dsl::history(&format!(
        "
        topics log:2
        phase steady
        p0 send 0:9 -> ok @0
        {another}
        p1 txn send 0:1 | send 1:2 -> info
        p2 poll -> ok 0@0=9 0@1=1
        finally 0@0=9 0@1=1"
    )));
    verdict.stories[0].sentences[1].clone()
}

#[test]
fn a_write_of_which_nobody_heard_is_not_told_as_acknowledged() {
    assert_eq!(
        who_heard(""),
        "It was written by client 1 at 0.005 s, and nobody heard what became of it; another record of the same transaction was read, so all of it happened."
    );
    assert_eq!(
        who_heard("p1 send 1:3 -> ok"),
        "The cluster acknowledged 1 of them to client 1 from 0.005 s to 0.007 s. Of the other nobody heard, but another record of the same transaction was read, so all of it happened."
    );
}
