//! Copies of disks: as text, what the check of the replicas finds in them, and what it must not.
//!
//! ```text
//! node1 disk end 0 end=3 hw=2 0=5/e0 1=6/e0      # at the end: its log of key 0; `=VALUE/eEPOCH` by offset
//!                                                # also: heal3, start, power, wipe
//!   start=1 from=2 noted=0@0,1@2 hole=1-2 problem=log-0/0.log   # where other than the records say; `~` is a blank
//!   rules 7=1/e0v0t1[1,2,3] 9=none/e1v1t1[1]elr[2]  # the metadata log: offset, leader, epoch, partition epoch, term
//! ```

use checkers::Validity;
use history::{DiskCopy, DiskLog, Event, History, MetadataBatch, MetadataLog, Moment, Ruling, What};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::simulation::{simulate, steps};
use crate::{Rows, brief, dsl, table_in, told};

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn pair<'t>(text: &'t str, between: &str) -> (&'t str, &'t str) {
    text.split_once(between)
        .unwrap_or_else(|| panic!("`{text}` has no `{between}`"))
}

/// The copy that a line of a history describes.
pub fn copy(begun: u64, words: &[&str]) -> DiskCopy {
    let (node, incarnation) = words[0].split_once('#').unwrap_or((words[0], "0"));
    let rules = words
        .iter()
        .position(|word| *word == "rules")
        .unwrap_or(words.len());
    let mut log = DiskLog {
        key: number(words[3]),
        ..DiskLog::default()
    };
    let mut problems = Vec::new();
    let mut noted = None;
    for word in &words[4..rules] {
        let (name, text) = pair(word, "=");
        match name {
            "unread" => log.unread = text == "yes",
            "start" => log.start = number(text),
            "end" => log.end = number(text),
            "from" => log.from = number(text),
            "hw" => log.high_watermark = Some(number(text)),
            "noted" => noted = Some(text.split(',').map(|noted| epoch(pair(noted, "@"))).collect()),
            "hole" => {
                let (from, to) = pair(text, "-");
                log.holes.push((number(from), number(to)));
            }
            "problem" => problems.push(text.replace('~', " ")),
            offset => {
                let (value, epoch) = pair(text, "/e");
                log.records.push((number(offset), number(value), number(epoch)));
            }
        }
    }
    log.epochs = log.records.iter().map(|record| (record.2, record.0)).collect();
    log.epochs.dedup_by_key(|epoch| epoch.0);
    log.noted_epochs = noted.unwrap_or_else(|| log.epochs.clone());
    let rulings: Vec<Ruling> = words
        .iter()
        .skip(rules + 1)
        .map(|word| ruling(log.key, word))
        .collect();
    DiskCopy {
        node: number(node.trim_start_matches("node")),
        incarnation: number(incarnation),
        begun,
        moment: moment(words[2]),
        directory: None,
        logs: vec![log],
        metadata: (!rulings.is_empty()).then(|| metadata(rulings)),
        quorum: None,
        problems,
    }
}

fn epoch((epoch, offset): (&str, &str)) -> (i32, i64) {
    (number(epoch), number(offset))
}

fn moment(word: &str) -> Moment {
    match word {
        "end" => Moment::AtTheEnd,
        "start" => Moment::BeforeStart,
        "power" => Moment::BeforePowerLoss,
        "wipe" => Moment::BeforeWipe,
        heal => Moment::BeforeHeal(number(heal.trim_start_matches("heal"))),
    }
}

/// `9=none/e1v1t1[1]elr[2]`
fn ruling(key: u32, word: &str) -> Ruling {
    let (offset, rest) = pair(word, "=");
    let (leader, rest) = pair(rest, "/e");
    let (epoch, rest) = pair(rest, "v");
    let (partition_epoch, rest) = pair(rest, "t");
    let (term, rest) = pair(rest, "[");
    let (isr, rest) = pair(rest, "]");
    let nodes = |text: &str| {
        let nodes = text.split(',').filter(|node| !node.is_empty());
        nodes.map(number).collect()
    };
    Ruling {
        offset: number(offset),
        term: number(term),
        written_ms: 0,
        key,
        leader: (leader != "none").then(|| number(leader)),
        epoch: number(epoch),
        partition_epoch: number(partition_epoch),
        isr: nodes(isr),
        elr: nodes(rest.trim_start_matches("elr[").trim_end_matches(']')),
        last_known_elr: Vec::new(),
        recovering: false,
    }
}

fn metadata(rulings: Vec<Ruling>) -> MetadataLog {
    let batch = |ruling: &Ruling| MetadataBatch {
        first: ruling.offset,
        last: ruling.offset,
        term: ruling.term,
        crc: ruling.epoch as u32,
    };
    let end = rulings.last().map_or(0, |last| last.offset + 1);
    MetadataLog {
        start: 0,
        end,
        high_watermark: Some(end),
        batches: rulings.iter().map(batch).collect(),
        rulings,
    }
}

/// A sound run of three replicas, with these copies of their disks at the end.
fn run(copies: &str) -> String {
    format!(
        "
        topics log:1 rf=3
        phase steady
        node1 says 0=1/e0[1,2,3]
        p0 send 0:1 -> ok @0
        p0 send 0:2 -> ok @1
        p0 send 0:3 -> ok @2
        p3 send 0:4 -> info
        finally 0@0=1 0@1=2 0@2=3
        {copies}"
    )
}

const AT_THE_END: Rows = &[
    (
        "the same",
        "
        node1 disk end 0 end=4 hw=3 0=1/e0 1=2/e1 2=3/e1 3=4/e1 noted=0@0,1@1,3@4
        node2 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node3 disk end 0 end=3 hw=1 0=1/e0 1=2/e1 2=3/e1",
        "valid",
    ),
    (
        "another value",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=3 hw=3 0=1/e0 1=4/e1 2=3/e1",
        "invalid: replica-divergence 1",
    ),
    (
        "the end is missing, and it had noted so",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1",
        "invalid: replica-divergence 1",
    ),
    (
        "the end could not be read",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 problem=evidence/log-0/00.log:bad-sum",
        "valid",
    ),
    (
        "the end was being written",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 unread=yes",
        "valid",
    ),
    (
        "what could not be read in the middle",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=3 hw=2 0=1/e0 2=3/e1 problem=evidence/log-0/00.log:codec",
        "valid",
    ),
    (
        "the end of another log could not be read",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 problem=evidence/log-01/00.log:bad-sum",
        "invalid: replica-divergence 1",
    ),
    (
        "the end of a log whose name ends alike could not be read",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 problem=evidence/catalog-0/00.log:bad-sum",
        "invalid: replica-divergence 1",
    ),
    (
        "the end could not be copied",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 problem=copy~log-0:~no~such~file",
        "valid",
    ),
    (
        "a file of it could not be copied",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 problem=copy~log-0/00.log:~no~such~file",
        "valid",
    ),
    (
        "another log could not be copied",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=2 hw=2 0=1/e0 1=2/e1 problem=copy~log-01:~no~such~file",
        "invalid: replica-divergence 1",
    ),
    (
        "beyond what is committed nobody has to hold the same",
        "
        node1 disk end 0 end=4 hw=3 0=1/e0 1=2/e1 2=3/e1 3=4/e1
        node2 disk end 0 end=4 hw=3 0=1/e0 1=2/e1 2=3/e1 3=9/e2",
        "valid",
    ),
    (
        "another epoch of the same record",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e1",
        "invalid: lineage-divergence 1",
    ),
    (
        "it had noted another beginning than its batches have",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1 noted=0@0,1@2",
        "invalid: lineage-divergence 1",
    ),
    (
        "it had noted an epoch without batches, or had not noted one",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e2 2=3/e2 noted=0@0,1@1,2@1
        node2 disk end 0 end=3 hw=3 0=1/e0 1=2/e2 2=3/e2 noted=0@0",
        "valid",
    ),
    (
        "a hole in one log",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0
        node2 disk end 0 end=3 hw=3 0=1/e0 2=3/e0 hole=1-2",
        "invalid: replica-hole 1",
    ),
    (
        "a hole in all logs is none of the replicas' doing",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 2=3/e0 hole=1-2
        node2 disk end 0 end=3 hw=3 0=1/e0 2=3/e0 hole=1-2",
        "valid",
    ),
    (
        "what was not copied is not missing",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0
        node2 disk end 0 start=2 from=2 end=3 hw=3 2=3/e0",
        "valid",
    ),
    (
        "who was no longer in sync may hold anything",
        "
        node1 says 0=1/e0[1,2]
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0
        node3 disk end 0 end=1 hw=1 0=1/e0",
        "valid",
    ),
    (
        "the rulings say who is in sync",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0 rules 5=1/e0v0t1[1,2]
        node3 disk end 0 end=1 hw=1 0=1/e0",
        "valid",
    ),
    (
        "a copy that is not the end's",
        "
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0
        node2 disk heal0 0 end=2 hw=2 0=1/e0 1=9/e0",
        "valid",
    ),
];

#[test]
fn what_lies_on_the_disks_at_the_end() {
    table_in(run, AT_THE_END);
}

const CUT: Rows = &[
    (
        "what was acknowledged, and came back",
        "
        node1 disk heal0 0 end=3 hw=2 0=1/e0 1=2/e0 2=3/e0
        node1 disk start 0 from=2 end=2 hw=2
        node1 disk end 0 from=2 end=3 hw=3 2=3/e0",
        "valid (allowed truncated-write 1)",
    ),
    (
        "what was sent again and acknowledged in a later epoch",
        "
        node1 disk heal0 0 end=3 hw=2 0=1/e0 1=2/e0 2=3/e0
        node1 disk start 0 from=2 end=2 hw=2
        node1 disk end 0 from=2 end=3 hw=3 2=3/e1",
        "valid",
    ),
    (
        "what nobody had been told of",
        "
        node1 disk heal0 0 end=4 hw=2 0=1/e0 1=2/e0 2=3/e0 3=4/e0
        node1 disk end 0 from=3 end=3 hw=3",
        "valid",
    ),
    (
        "what stands elsewhere",
        "
        node1 disk heal0 0 end=4 hw=2 0=1/e0 1=2/e0 2=3/e0 3=3/e0
        node1 disk end 0 from=3 end=3 hw=3",
        "valid",
    ),
    (
        "what was not synced",
        "
        node1 disk power 0 end=3 hw=2 0=1/e0 1=2/e0 2=3/e0
        node1 disk start 0 from=2 end=2 hw=2
        node1 disk end 0 from=2 end=3 hw=3 2=3/e1",
        "valid",
    ),
    (
        "what was removed",
        "
        node1 disk wipe 0 end=3 hw=2 0=1/e0 1=2/e0 2=3/e0
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0",
        "valid",
    ),
    (
        "what a damaged file hides",
        "
        node1 disk heal0 0 end=3 hw=2 0=1/e0 1=2/e0 2=3/e0
        node1 disk start 0 from=2 end=2 hw=2 problem=log-0/00.log",
        "valid",
    ),
];

#[test]
fn logs_that_were_cut_off() {
    table_in(run, CUT);
}

#[test]
fn the_story_of_a_cut_names_the_election() {
    let text = run(
        "
        fault 0 partition [1] node 1 cut off | healed 12 frames dropped
        node1 disk heal0 0 end=4 hw=1 0=1/e0 1=2/e0 2=3/e0 3=4/e0
        node1 disk end 0 from=1 end=3 hw=3 1=7/e1 2=8/e1
        node2 disk end 0 end=3 hw=3 0=1/e0 1=7/e1 2=8/e1 rules 5=1/e0v0t1[1,2,3] 6=1/e0v1t1[1] 9=2/e1v2t2[2]",
    );
    let verdict = checkers::check_history(&dsl::history(&text));
    let stories = verdict.allowed["truncated-write"].cases.iter();
    let story: Vec<String> = stories.flat_map(|case| case.story.clone()).collect();
    insta::assert_snapshot!(story.join("\n"), @r##"
    Node 1 held 2 acknowledged writes at offsets 1 to 2 of log-0, written in epoch 0, on its disk at 0.023 s (before fault 0 was healed); its copy at 0.024 s (at the end) lacks them, its log being cut off at offset 1.
    The controller of term 2 made node 2 leader in epoch 1 no later than 0.026 s, which was neither in the ISR [1] nor eligible ([]): an unclean election.
    At the end the first of them is on none of the disks of nodes 1 and 2.
    No fault was in force at that time: fault 0 (partition: node 1 cut off) had ended at 0.023 s.
    "##);
}

#[test]
fn the_stories_of_what_differs() {
    let text = run("
        node1 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1
        node2 disk end 0 end=3 hw=3 0=1/e1 2=4/e1 hole=1-2 noted=1@0
        node3 disk end 0 end=3 hw=3 0=1/e0 1=2/e1 2=3/e1 noted=0@0,1@2");
    let verdict = checkers::check_history(&dsl::history(&text));
    insta::assert_snapshot!(told(&verdict), @r##"
    1 × replica-divergence, the first at 0.025 s: Offset 2 of log-0 is not the same on all disks: value 3 in the copies of nodes 1 and 3 and value 4 in the copy of node 2; also 1 × replica-hole, 2 × lineage-divergence
    [replicas] replica-divergence: 1 found; the first: Offset 2 of log-0 is not the same on all disks: value 3 in the copies of nodes 1 and 3 and value 4 in the copy of node 2.
      replica-hole: 1 found; the first: Offset 1 of log-0 lies in no batch of the log of node 2, which goes on behind; the logs of nodes 1 and 3 have no such hole.
      lineage-divergence: 2 found; the first: The record at offset 0 of log-0 is the same on all disks, but is of another leader's epoch: epoch 0 on node 1, epoch 1 on node 2 and epoch 0 on node 3.
      no copy of a disk says what the controllers decided
    lineage-divergence:
      The record at offset 0 of log-0 is the same on all disks, but is of another leader's epoch: epoch 0 on node 1, epoch 1 on node 2 and epoch 0 on node 3.
      The disks of nodes 1, 2 and 3 were copied at the end; what they hold is committed up to offset 3.
    lineage-divergence:
      Node 3 had noted that epoch 1 of log-0 began at offset 2, and in its log the first batch of that epoch is at offset 1.
    replica-divergence:
      Offset 2 of log-0 is not the same on all disks: value 3 in the copies of nodes 1 and 3 and value 4 in the copy of node 2.
      The disks of nodes 1, 2 and 3 were copied at the end; what they hold is committed up to offset 3.
    replica-hole:
      Offset 1 of log-0 lies in no batch of the log of node 2, which goes on behind; the logs of nodes 1 and 3 have no such hole.
      The disks of nodes 1, 2 and 3 were copied at the end; what they hold is committed up to offset 3.
    "##);
}

/// A sound history with a copy of every disk at the end.
fn with_disks(mut history: History) -> History {
    let logs: Vec<Vec<(i64, u64, i32)>> = copied(&history);
    let ends = history.events.iter().find_map(|event| match &event.what {
        What::FinalReads(reads) => Some(reads.ends.clone()),
        _ => None,
    });
    let ends = ends.expect("the history is whole");
    for node in 1..=3 {
        let log = |(key, records): (u32, &Vec<(i64, u64, i32)>)| DiskLog {
            key,
            end: ends[key as usize],
            high_watermark: Some(ends[key as usize]),
            noted_epochs: vec![(0, 0)],
            epochs: vec![(0, 0)],
            records: records.clone(),
            ..DiskLog::default()
        };
        let time = history.events.last().map_or(0, |event| event.time) + 1;
        let copy = DiskCopy {
            node,
            incarnation: 0,
            begun: time,
            moment: Moment::AtTheEnd,
            directory: None,
            logs: (0..).zip(&logs).map(log).collect(),
            metadata: None,
            quorum: None,
            problems: Vec::new(),
        };
        history.events.push(Event {
            time,
            what: What::Disk(Box::new(copy)),
        });
    }
    // Somebody has to have said who is in sync.
    let ask = history
        .events
        .iter()
        .position(|event| matches!(event.what, What::Phase(_)));
    let at = ask.expect("it has phases");
    let claims = (0..logs.len() as u32).map(|key| history::Claim {
        key,
        leader: Some(1),
        epoch: 0,
        isr: vec![1, 2, 3],
    });
    let answer = history::Probe::Metadata(history::Metadata {
        claims: claims.collect(),
    });
    let time = history.events[at].time;
    let what = What::Observed(history::Observed {
        node: 2,
        incarnation: 0,
        asked: time,
        answer,
    });
    history.events.insert(at + 1, Event { time, what });
    history
}

/// By key the records that the first replica served in the end.
fn copied(history: &History) -> Vec<Vec<(i64, u64, i32)>> {
    let mut logs = vec![Vec::new(); history.header.keys() as usize];
    for event in &history.events {
        if let What::Observed(observed) = &event.what
            && let history::Probe::Log(chunk) = &observed.answer
            && observed.node == 1
        {
            logs[chunk.key as usize].extend_from_slice(&chunk.records);
        }
    }
    logs
}

/// The log of one node that holds anything, and the place of a record in it.
fn some_log(history: &mut History, node: Index, which: Index) -> (&mut DiskLog, usize) {
    let copies = history
        .events
        .iter_mut()
        .filter_map(|event| match &mut event.what {
            What::Disk(copy) => Some(copy),
            _ => None,
        });
    let mut copies: Vec<_> = copies.collect();
    let copy = copies.swap_remove(node.index(3));
    let log = copy.logs.iter_mut().find(|log| !log.records.is_empty());
    let log = log.expect("something was acknowledged");
    let place = which.index(log.records.len());
    (log, place)
}

proptest! {
    #[test]
    fn sound_disks_are_valid(steps in steps()) {
        let verdict = checkers::check_history(&with_disks(simulate(&steps)));
        prop_assert_eq!(verdict.valid, Validity::Valid, "{}", told(&verdict));
        prop_assert!(!verdict.allowed.contains_key("truncated-write"));
    }

    #[test]
    fn a_disk_that_differs_is_caught(steps in steps(), node: Index, which: Index, how in 0..5_u8) {
        let mut history = with_disks(simulate(&steps));
        let (log, place) = some_log(&mut history, node, which);
        let offset = log.records[place].0;
        let expected = match how {
            0 => {
                log.records[place].1 += 100_000;
                "invalid: replica-divergence 1"
            }
            1 => {
                log.records.remove(place);
                "invalid: replica-divergence 1"
            }
            2 => {
                log.records[place].2 += 1;
                "invalid: lineage-divergence 1"
            }
            3 => {
                log.records.remove(place);
                log.holes.push((offset, offset + 1));
                "invalid: replica-hole 1"
            }
            _ => {
                log.records.truncate(place);
                log.end = offset;
                log.high_watermark = Some(offset);
                "invalid: replica-divergence"
            }
        };
        let found = brief(&checkers::check_history(&history));
        prop_assert!(found.starts_with(expected), "{} is not {}", found, expected);
    }
}

#[test]
fn a_story_tells_what_went_from_the_beginning_from_what_was_cut_off() {
    let of = |logs: &str| {
        let text = format!(
            "
            topics log:1 rf=3
            phase steady
            p0 send 0:1 -> ok @0 by 1
            p0 send 0:2 -> ok @1 by 1
            p0 send 0:3 -> ok @2 by 1
            finally 0@2=3
            {logs}"
        );
        let verdict = checkers::check_history(&dsl::history(&text));
        verdict.stories[0].sentences.join("\n")
    };
    let removed = of("node1 disk end 0 start=2 from=2 end=3 hw=3 2=3/e0
            node2 disk end 0 start=2 from=2 end=3 hw=3 2=3/e0");
    assert!(
        removed.contains("On the disks of nodes 1 and 2 log-0 begins at offset 2 or later by now: what is gone went from its beginning"),
        "{removed}"
    );
    assert!(!removed.contains("an election after it"), "{removed}");
    let not_everywhere = of("node1 disk end 0 start=2 from=2 end=3 hw=3 2=3/e0
            node2 disk end 0 end=3 hw=3 0=1/e0 2=3/e0 hole=1-2");
    assert!(!not_everywhere.contains("from its beginning"), "{not_everywhere}");
    let cut_before = of("node1 disk start 0 end=3 hw=3 0=1/e0 1=2/e0 2=3/e0
            node1 disk wipe 0 end=0 hw=0
            node1 disk end 0 start=2 from=2 end=3 hw=3 2=3/e0");
    assert!(!cut_before.contains("from its beginning"), "{cut_before}");
}
