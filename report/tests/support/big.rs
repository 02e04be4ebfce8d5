//! A run of a million operations, to see that the page stays small.

use history::{History, Phase};

use super::cluster::{Lead, Script, Term, Trouble, header, play};
use super::extras::{self, Readers};

const PARTITIONS: u32 = 60;
const FAULTS: u64 = 90;
const ROUND_MS: u64 = 10_000;

/// Fifteen minutes, sixty partitions, ninety kills, a million writes, and readers that read them twice: as they come, and in
/// the end.
pub fn big() -> History {
    let end = ROUND_MS * (FAULTS + 2);
    let mut script = Script {
        header: header("big", 42, PARTITIONS, "all"),
        phases: vec![
            (0, Phase::Setup),
            (3_000, Phase::Steady),
            (ROUND_MS, Phase::Faults),
            (end - 1_000, Phase::Heal),
        ],
        leads: vec![Vec::new(); PARTITIONS as usize],
        terms: Vec::new(),
        troubles: Vec::new(),
        cut: Vec::new(),
        silent: Vec::new(),
        writes: (0..PARTITIONS)
            .map(|key| (key, 3_000, end - 2_000, 1_000_000 / u64::from(PARTITIONS)))
            .collect(),
        end,
    };
    for round in 0..=FAULTS {
        add_round(&mut script, round);
    }
    let mut history = play(&script);
    let readers = |first, every, batch, from, until| Readers {
        first,
        count: 12,
        every,
        batch,
        from,
        until,
    };
    extras::read(&mut history, &readers(1_000, 100, 25, 3_000, end - 1_000));
    extras::read(&mut history, &readers(2_000, 2, 500, end - 1_000, end - 100));
    for key in 0..PARTITIONS {
        let outages: Vec<_> = (1..FAULTS)
            .filter(|round| (round + u64::from(key)) % 3 == 0)
            .map(|round| (round * ROUND_MS + 50, round * ROUND_MS + 900, key % 2 == 0))
            .collect();
        extras::probe(&mut history, key, &outages, "no answer in 500 ms");
    }
    let said: Vec<_> = (0..2_000)
        .map(|number| {
            (
                number % 3 + 1,
                u64::from(number) * 450,
                "INFO [Partition log-7 broker=1] Shrinking ISR from 1,2,3 to 1,2",
            )
        })
        .collect();
    extras::say(&mut history, &said);
    history
}

fn add_round(script: &mut Script, round: u64) {
    let (from, until) = (round * ROUND_MS, (round + 1) * ROUND_MS + 900);
    let (node, next) = ((round % 3) as u32 + 1, ((round + 1) % 3) as u32 + 1);
    for key in 0..PARTITIONS {
        script.leads[key as usize].push(Lead {
            key,
            epoch: round as i32,
            leader: node,
            from: from + 900,
            serves_until: until - 900,
            isr: vec![(from, vec![node, next]), (from + 5_000, vec![1, 2, 3])],
        });
    }
    script.terms.push(Term {
        node,
        number: round as i32,
        from: from + 600,
        until: until - 900,
    });
    if round > 0 {
        let killed = ((round + 2) % 3) as u32 + 1;
        script.silent.push((killed, from, from + 4_000, true));
        script.troubles.push(Trouble {
            kind: "kill",
            nodes: vec![killed],
            detail: format!("kill -9 of node {killed}"),
            from,
            until: from + 4_000,
            bit: Some(true),
            evidence: format!("process of node {killed} ended by SIGKILL"),
        });
    }
}
