//! The sample runs, told as who led when and what went wrong.

use history::{History, Key, NodeId, Phase};

use super::cluster::{Lead, Script, Term, Trouble, by_key, header, play};
use super::extras::{self, Readers};

/// The leader of log-0 is cut from its peers, not from its clients, with acks=1: 514 of 830 are lost.
pub fn acks1() -> History {
    // What the clients of log-0 saw: the new leader took nothing from them until the old one was back.
    let script = Script {
        header: header("acks1", 7, 3, "1"),
        phases: phases(&[0, 3_000, 5_200, 19_000, 19_400, 20_600, 22_500]),
        leads: by_key(acks1_leads()),
        terms: vec![
            term(1, 1, 1_900, 5_900),
            term(3, 2, 6_500, 13_000),
            term(2, 3, 13_900, 99_999),
        ],
        troubles: acks1_troubles(),
        cut: vec![(1, 5_300, 10_900)],
        silent: vec![(3, 13_000, 15_900, true), (3, 17_500, 19_000, false)],
        writes: vec![
            (0, 3_000, 5_300, 120),
            (0, 5_300, 10_900, 514),
            (0, 11_400, 19_000, 96),
            (1, 3_000, 19_000, 45),
            (2, 3_000, 12_800, 40),
            (2, 14_650, 18_000, 10),
            (2, 13_050, 13_150, 3),
            (2, 10_600, 10_650, 2),
        ],
        end: 22_400,
    };
    let mut history = play(&script);
    extras::read(&mut history, &readers(19_000));
    extras::probe(&mut history, 0, &[(5_350, 7_400, false)], "NOT_ENOUGH_REPLICAS");
    extras::probe(&mut history, 1, &[], "");
    extras::probe(&mut history, 2, &[(13_050, 14_650, true)], "no answer in 500 ms");
    extras::say(&mut history, &ACKS1_LINES);
    history
}

/// A kill, a partition and a pause under acks=all: nothing lost.
pub fn clean() -> History {
    let script = Script {
        header: header("quick", 1, 4, "all"),
        phases: phases(&[0, 3_000, 6_000, 36_000, 36_400, 38_000, 41_000]),
        leads: by_key(clean_leads()),
        terms: vec![term(1, 1, 1_900, 8_000), term(2, 2, 9_800, 99_999)],
        troubles: vec![
            trouble(
                "kill",
                &[1],
                "kill -9 of the leader of log-0 (node 1)",
                8_000,
                13_500,
                Some(true),
                "process of node 1 ended by SIGKILL",
            ),
            trouble(
                "partition",
                &[1],
                "node 1 cut from its peers and clients",
                18_500,
                25_000,
                Some(true),
                "3,911 frames dropped",
            ),
            trouble(
                "pause",
                &[3],
                "leader of log-2 (node 3) stopped",
                29_000,
                33_500,
                Some(true),
                "9 of 9 probes without an answer",
            ),
        ],
        cut: vec![(1, 18_500, 25_000)],
        silent: vec![(1, 8_000, 13_500, true), (3, 29_000, 33_500, false)],
        writes: (0..4).map(|key| (key, 3_000, 36_000, 2_400)).collect(),
        end: 41_000,
    };
    let mut history = play(&script);
    extras::read(&mut history, &readers(38_000));
    history
}

/// Two readers.
fn readers(until: u64) -> Readers {
    Readers {
        first: 100,
        count: 2,
        every: 90,
        batch: 40,
        from: 3_000,
        until,
    }
}

const ACKS1_LINES: [(NodeId, u64, &str); 4] = [
    (
        2,
        7_290,
        "INFO [Partition log-0 broker=2] Leader log-0 starts at leader epoch 1 from offset 120",
    ),
    (
        1,
        11_200,
        "INFO [UnifiedLog partition=log-0, dir=/data] Truncating to offset 120",
    ),
    (
        1,
        11_190,
        "WARN [ReplicaFetcher replicaId=1] Partition log-0 has an older epoch (0) than the current leader",
    ),
    (
        3,
        15_950,
        "ERROR [LogDirFailureHandler] Stopping serving logs in dir /data",
    ),
];

fn phases(starts: &[u64; 7]) -> Vec<(u64, Phase)> {
    let order = [
        Phase::Setup,
        Phase::Steady,
        Phase::Faults,
        Phase::Heal,
        Phase::Settle,
        Phase::FinalReads,
        Phase::Teardown,
    ];
    starts.iter().copied().zip(order).collect()
}

fn lead(
    key: Key,
    epoch: i32,
    leader: NodeId,
    from: u64,
    serves_until: u64,
    isr: &[(u64, &[NodeId])],
) -> Lead {
    let isr = isr.iter().map(|(from, nodes)| (*from, nodes.to_vec())).collect();
    Lead {
        key,
        epoch,
        leader,
        from,
        serves_until,
        isr,
    }
}

fn term(node: NodeId, number: i32, from: u64, until: u64) -> Term {
    Term {
        node,
        number,
        from,
        until,
    }
}

fn trouble(
    kind: &'static str,
    nodes: &[NodeId],
    detail: &str,
    from: u64,
    until: u64,
    bit: Option<bool>,
    evidence: &str,
) -> Trouble {
    let (detail, evidence) = (detail.to_owned(), evidence.to_owned());
    Trouble {
        kind,
        nodes: nodes.to_vec(),
        detail,
        from,
        until,
        bit,
        evidence,
    }
}

fn acks1_leads() -> Vec<Lead> {
    let mut leads = vec![
        lead(0, 0, 1, 0, 10_900, &[(0, &[1, 2, 3])]),
        lead(
            1,
            0,
            2,
            0,
            99_999,
            &[(0, &[1, 2, 3]), (7_100, &[2, 3]), (11_600, &[1, 2, 3])],
        ),
        lead(
            2,
            0,
            3,
            0,
            13_000,
            &[(0, &[1, 2, 3]), (7_150, &[2, 3]), (11_700, &[1, 2, 3])],
        ),
    ];
    leads.push(lead(
        0,
        1,
        2,
        7_300,
        99_999,
        &[
            (7_300, &[2, 3]),
            (11_900, &[1, 2, 3]),
            (14_700, &[1, 2]),
            (17_200, &[1, 2, 3]),
        ],
    ));
    leads.push(lead(
        2,
        1,
        1,
        14_600,
        99_999,
        &[(14_600, &[1, 2]), (17_300, &[1, 2, 3])],
    ));
    leads
}

fn acks1_troubles() -> Vec<Trouble> {
    vec![
        trouble(
            "partition",
            &[1],
            "leader of log-0 (node 1) cut from its peers, not from clients",
            5_300,
            10_900,
            Some(true),
            "1,204 frames dropped",
        ),
        trouble(
            "kill",
            &[3],
            "kill -9 of the controller (node 3)",
            13_000,
            15_900,
            Some(true),
            "process of node 3 ended by SIGKILL",
        ),
        trouble(
            "clock-jump",
            &[2],
            "wall clock of node 2 moved by 1 h",
            16_000,
            16_000,
            None,
            "no machine has the power `clock`",
        ),
        trouble(
            "pause",
            &[3],
            "node 3 stopped for 1.5 s",
            17_500,
            19_000,
            Some(false),
            "all its probes were answered",
        ),
    ]
}

fn clean_leads() -> Vec<Lead> {
    vec![
        lead(0, 0, 1, 0, 8_000, &[(0, &[1, 2, 3])]),
        lead(
            0,
            1,
            2,
            11_100,
            99_999,
            &[
                (11_100, &[2, 3]),
                (15_500, &[1, 2, 3]),
                (20_900, &[2, 3]),
                (26_200, &[1, 2, 3]),
            ],
        ),
        lead(
            1,
            0,
            2,
            0,
            99_999,
            &[
                (0, &[1, 2, 3]),
                (10_900, &[2, 3]),
                (15_600, &[1, 2, 3]),
                (20_800, &[2, 3]),
                (26_400, &[1, 2, 3]),
            ],
        ),
        lead(
            2,
            0,
            3,
            0,
            29_000,
            &[
                (0, &[1, 2, 3]),
                (10_950, &[2, 3]),
                (15_500, &[1, 2, 3]),
                (20_950, &[2, 3]),
                (26_300, &[1, 2, 3]),
            ],
        ),
        lead(
            2,
            1,
            1,
            31_200,
            99_999,
            &[(31_200, &[1, 2]), (34_500, &[1, 2, 3])],
        ),
        lead(3, 0, 1, 0, 8_000, &[(0, &[1, 2, 3])]),
        lead(
            3,
            1,
            3,
            11_000,
            29_000,
            &[
                (11_000, &[2, 3]),
                (15_500, &[1, 2, 3]),
                (20_700, &[2, 3]),
                (26_300, &[1, 2, 3]),
            ],
        ),
        lead(
            3,
            2,
            2,
            31_100,
            99_999,
            &[(31_100, &[1, 2]), (34_600, &[1, 2, 3])],
        ),
    ]
}
