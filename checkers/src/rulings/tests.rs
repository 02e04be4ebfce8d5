//! Metadata logs merged: what stands, what was never committed, when it was.

use history::{
    Claim, DiskCopy, Event, Expectation, Header, Metadata, MetadataBatch, MetadataLog, Moment, NodeId,
    Observed, Offset, Probe, Ruling, Topic, What,
};

use super::{Builder, Clock, Rulings, Standing};
use crate::timeline;

const MILLISECOND: u64 = 1_000_000;

fn header() -> Header {
    Header {
        format: history::FORMAT.to_owned(),
        version: history::VERSION,
        plan: String::new(),
        seed: 0,
        broker: String::new(),
        client: None,
        started: "1970-01-01T00:00:10Z".to_owned(),
        nodes: vec![1, 2, 3],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: vec![Topic {
            name: "log".to_owned(),
            partitions: 1,
            replication_factor: 3,
            min_insync_replicas: 1,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        }],
        expect: Expectation::default(),
    }
}

/// A ruling: offset and term, partition epoch, leader and epoch, ISR. It was written as many milliseconds after the
/// start as its offset says.
fn ruling(
    (offset, term): (Offset, i32),
    partition_epoch: i32,
    (leader, epoch): (NodeId, i32),
    isr: &[NodeId],
) -> Ruling {
    Ruling {
        offset,
        term,
        written_ms: 10_000 + offset,
        key: 0,
        leader: (leader > 0).then_some(leader),
        epoch,
        partition_epoch,
        isr: isr.to_vec(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        recovering: false,
    }
}

fn copy(node: NodeId, high_watermark: Option<Offset>, rulings: &[Ruling]) -> DiskCopy {
    let batches = rulings.iter().map(|ruling| MetadataBatch {
        first: ruling.offset,
        last: ruling.offset,
        term: ruling.term,
        crc: ruling.term as u32,
    });
    DiskCopy {
        node,
        incarnation: 0,
        begun: 0,
        moment: Moment::AtTheEnd,
        directory: None,
        logs: Vec::new(),
        metadata: Some(MetadataLog {
            start: 0,
            end: rulings.last().map_or(0, |ruling| ruling.offset + 1),
            high_watermark,
            batches: batches.collect(),
            rulings: rulings.to_vec(),
        }),
        quorum: None,
        problems: Vec::new(),
    }
}

fn merged(copies: &[DiskCopy], claims: &[(u64, Claim)]) -> Rulings {
    let header = header();
    let mut seen = timeline::Builder::new(&header);
    for (time, claim) in claims {
        let answer = Probe::Metadata(Metadata {
            claims: vec![claim.clone()],
        });
        let what = What::Observed(Observed {
            node: 1,
            incarnation: 0,
            asked: *time,
            answer,
        });
        seen.event(&Event { time: *time, what });
    }
    let mut builder = Builder::default();
    for copy in copies {
        builder.push(90_000 * MILLISECOND, copy);
    }
    builder.finish(&header, &seen.finish())
}

/// The leaders with their epochs.
fn leaders(rulings: &Rulings) -> Vec<(Option<NodeId>, i32)> {
    let all = rulings.of(0).iter();
    all.map(|ruled| (ruled.ruling.leader, ruled.ruling.epoch))
        .collect()
}

#[test]
fn what_a_later_term_cut_off_was_never_decided() {
    let (made, shrunk) = (
        ruling((5, 1), 0, (1, 0), &[1, 2, 3]),
        ruling((7, 1), 1, (1, 0), &[1]),
    );
    let alone = ruling((9, 1), 2, (1, 0), &[1, 2]);
    let elected = ruling((8, 2), 2, (2, 1), &[2, 3]);
    let all = merged(
        &[
            copy(1, Some(8), &[made.clone(), shrunk.clone(), alone]),
            copy(2, None, &[made.clone(), shrunk.clone(), elected.clone()]),
            copy(3, None, &[made, shrunk, elected]),
        ],
        &[],
    );
    assert_eq!(leaders(&all), [(Some(1), 0), (Some(1), 0), (Some(2), 1)]);
    assert_eq!(all.of(0)[0].nodes, [1, 2, 3]);
    assert_eq!(all.of(0)[2].nodes, [2, 3]);
    assert!(
        all.of(0).iter().all(|ruled| ruled.committed),
        "most nodes hold it"
    );
    assert_eq!(all.of_epoch(0, 0).len(), 2);
    assert_eq!(all.of_epoch(0, 3).len(), 0);
    assert_eq!(all.logs().count(), 3);
    assert!(all.conflicts().is_empty(), "nothing else begins at that offset");
}

#[test]
fn a_leader_was_in_the_isr_eligible_or_outside() {
    let mut eligible = ruling((6, 1), 1, (0, 1), &[]);
    eligible.elr = vec![2];
    let all = merged(
        &[copy(
            1,
            None,
            &[
                ruling((5, 1), 0, (1, 0), &[1, 2, 3]),
                eligible,
                ruling((7, 1), 2, (2, 2), &[2]),
                ruling((8, 1), 3, (2, 2), &[2, 3]),
                ruling((9, 1), 4, (3, 3), &[3, 2]),
                ruling((10, 1), 5, (1, 4), &[1]),
                ruling((11, 1), 7, (2, 5), &[2]),
            ],
        )],
        &[],
    );
    let standings: Vec<_> = all
        .elections(0)
        .map(|election| (election.after.ruling.epoch, election.standing()))
        .collect();
    let expected = [
        (1, Standing::Nobody),
        (2, Standing::Eligible),
        (3, Standing::InSync),
        (4, Standing::Outside),
        (5, Standing::Unknown),
    ];
    assert_eq!(standings, expected);
    let next = all.next_leader(0, 0).expect("there is one");
    assert_eq!((next.leader(), next.changes_leader()), (Some(2), true));
    assert!(all.election(0, 9).is_none());
}

#[test]
fn times_are_the_controllers_unless_somebody_saw_it_before() {
    let claim = |leader, epoch, isr: &[NodeId]| Claim {
        key: 0,
        leader: Some(leader),
        epoch,
        isr: isr.to_vec(),
    };
    let rulings = [
        ruling((5, 1), 0, (1, 0), &[1, 2, 3]),
        ruling((900, 1), 1, (2, 1), &[2, 3]),
        ruling((950, 1), 2, (2, 1), &[3, 2, 1]),
    ];
    let all = merged(
        &[copy(1, None, &rulings)],
        &[
            (20 * MILLISECOND, claim(1, 0, &[1, 2, 3])),
            (700 * MILLISECOND, claim(2, 1, &[2, 3])),
        ],
    );
    let times: Vec<_> = all
        .of(0)
        .iter()
        .map(|ruled| (ruled.at / MILLISECOND, ruled.clock))
        .collect();
    let expected = [
        (5, Clock::Controller),
        (700, Clock::Observation),
        (950, Clock::Controller),
    ];
    assert_eq!(times, expected);
    let at = |time| all.at(0, time * MILLISECOND).map(|ruled| ruled.ruling.epoch);
    assert_eq!([at(4), at(5), at(800)], [None, Some(0), Some(1)]);
}

#[test]
fn a_state_that_comes_back_was_not_made_when_it_was_first_seen() {
    let claim = |isr: &[NodeId]| Claim {
        key: 0,
        leader: Some(1),
        epoch: 0,
        isr: isr.to_vec(),
    };
    let whole = [1, 2, 3];
    let rulings = [
        ruling((5, 1), 0, (1, 0), &whole),
        ruling((400, 1), 1, (1, 0), &[1]),
        ruling((600, 1), 2, (1, 0), &whole),
        ruling((800, 1), 3, (1, 0), &[1, 2]),
    ];
    let times = |claims: &[(u64, Claim)]| -> Vec<_> {
        let all = merged(&[copy(1, None, &rulings)], claims);
        let times = all.of(0).iter();
        times.map(|ruled| (ruled.at / MILLISECOND, ruled.clock)).collect()
    };
    let by_controllers = [5, 400, 600, 800].map(|at| (at, Clock::Controller));
    assert_eq!(
        times(&[
            (20 * MILLISECOND, claim(&whole)),
            (410 * MILLISECOND, claim(&[1])),
            (610 * MILLISECOND, claim(&whole)),
        ]),
        by_controllers
    );
    // One that nobody saw had been made before a later one was seen.
    let mut by_answers = by_controllers;
    by_answers[1..].fill((300, Clock::Observation));
    assert_eq!(
        times(&[
            (20 * MILLISECOND, claim(&whole)),
            (300 * MILLISECOND, claim(&[1, 2])),
        ]),
        by_answers
    );
    assert_eq!(times(&[(20 * MILLISECOND, claim(&whole))]), by_controllers);
}

#[test]
fn what_few_nodes_hold_is_not_certain_however_few_were_copied() {
    let made = [ruling((5, 1), 0, (1, 0), &[1, 2, 3])];
    let committed = |copies: &[DiskCopy]| merged(copies, &[]).of(0)[0].committed;
    let (noted, unnoted) = (copy(1, Some(6), &made), copy(1, None, &made));
    let other = copy(2, None, &made);
    assert!(committed(&[noted]), "a node had noted it");
    assert!(!committed(std::slice::from_ref(&unnoted)), "one of three");
    assert!(committed(&[unnoted, other]), "two of three");
}

#[test]
fn a_snapshot_says_again_what_held() {
    let mut again = ruling((20, 1), 1, (2, 1), &[2]);
    again.written_ms = 0;
    let first = ruling((7, 1), 1, (2, 1), &[2]);
    let all = merged(&[copy(1, None, &[first]), copy(2, None, &[again])], &[]);
    assert_eq!(leaders(&all), [(Some(2), 1)]);
}
