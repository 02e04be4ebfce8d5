//! Verdicts of histories from elsewhere, with cycles, made by hand.

use std::collections::BTreeMap;

use checkers::{Case, Cycle, CycleOperation, Edge, Rel, Stats, Validity, Verdict};
use history::{Expectation, FORMAT, Format, Header, Scanned, VERSION};
use report::VerdictInput;

use super::verdicts::{check, findings};

const MS: u64 = 1_000_000;

/// A header as a reader of foreign histories makes it: nothing is known.
pub fn foreign_header() -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: String::new(),
        seed: 0,
        broker: String::new(),
        client: None,
        started: String::new(),
        nodes: Vec::new(),
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: Vec::new(),
        expect: Expectation {
            acks: String::new(),
            ..Expectation::default()
        },
    }
}

/// The page of a foreign history's verdict.
pub fn page(verdict: &Verdict) -> String {
    page_with(
        &foreign_header(),
        verdict,
        "history.edn",
        "tribunal check history.edn",
    )
}

/// The same with these texts.
pub fn page_with(header: &Header, verdict: &Verdict, name: &str, again: &str) -> String {
    report::verdict_page(&VerdictInput {
        header,
        verdict,
        name,
        format: Format::JepsenEdn,
        scanned: Scanned {
            events: 2_408,
            skipped: 3,
            truncated: false,
        },
        again,
    })
}

/// An operation: its number, process, text, and times in milliseconds.
pub fn operation(op: u64, process: u32, text: &str, times: (u64, Option<u64>)) -> CycleOperation {
    CycleOperation {
        op,
        process,
        outcome: if times.1.is_some() { "ok" } else { "info" }.to_owned(),
        text: text.to_owned(),
        invoked: times.0 * MS,
        completed: times.1.map(|completed| completed * MS),
    }
}

/// A cycle of these operations; each edge leads from one of them to the next.
pub fn cycle(operations: Vec<CycleOperation>, edges: &[(Rel, &str, &str)]) -> Cycle {
    let ends = operations.iter().zip(operations.iter().cycle().skip(1));
    let edges = ends.zip(edges).map(|((from, to), (rel, key, because))| Edge {
        from: from.op,
        to: to.op,
        rel: *rel,
        key: (!key.is_empty()).then(|| (*key).to_owned()),
        because: (*because).to_owned(),
    });
    Cycle {
        edges: edges.collect(),
        operations,
    }
}

/// Two transactions that each read what the other then changed.
fn write_skew() -> Cycle {
    let operations = vec![
        operation(12, 3, "r x [1 2], append y 7", (100, Some(240))),
        operation(14, 5, "r y [], append x 3", (130, Some(205))),
    ];
    let edges = [
        (
            Rel::Rw,
            "x",
            "Op 12 read x as [1 2], and op 14 appended 3 right after 2.",
        ),
        (
            Rel::Rw,
            "y",
            "Op 14 read y as [], and op 12 appended 7 as its first element.",
        ),
    ];
    cycle(operations, &edges)
}

/// One transaction came after another by the clock and before it by its data.
fn stale_read() -> Cycle {
    let operations = vec![
        operation(31, 0, "append x 9, append z 4", (1_204, Some(1_340))),
        operation(
            44,
            2,
            "r x [1 2 3], append q 17, r z [1], append long-key-of-an-order-4711 99812",
            (9_020, Some(9_071)),
        ),
        operation(40, 1, "r q [17], append x 8", (9_060, Some(9_100))),
    ];
    let edges = [
        (
            Rel::Realtime,
            "",
            "Op 31 had completed at 1.340 s, and op 44 was invoked at 9.020 s.",
        ),
        (Rel::Wr, "q", "Op 44 appended 17 to q, and op 40 read it there."),
        (Rel::Ww, "x", "Op 40 appended 8 to x right before the 9 of op 31."),
    ];
    cycle(operations, &edges)
}

/// Seven operations of three processes, one of which never completed.
fn long_way() -> Cycle {
    let operation = |place: u64, process| {
        let from = 2_000 + place * 13;
        operation(
            50 + place,
            process,
            &format!("r k{place} [{place}], append k{} 1", place + 1),
            (from, (place != 4).then_some(from + 40)),
        )
    };
    let processes = [0, 1, 0, 2, 1, 0, 2];
    let operations = (0..)
        .zip(processes)
        .map(|(place, process)| operation(place, process))
        .collect();
    let edges = [
        (Rel::Wr, "k1", "The second read the first's append to k1."),
        (
            Rel::Rw,
            "k2",
            "The second appended to k2 after what the first had read.",
        ),
        (Rel::Ww, "k3", "The second appended to k3 right after the first."),
        (Rel::Wr, "k4", "The second read the first's append to k4."),
        (Rel::Wr, "k5", "The second read the first's append to k5."),
        (
            Rel::Realtime,
            "",
            "The first had completed before the second was invoked.",
        ),
        (
            Rel::Rw,
            "k0",
            "The second appended to k0 after what the first had read.",
        ),
    ];
    cycle(operations, &edges)
}

/// Hundreds of operations, as a strongly connected component may give.
pub fn hundreds(count: u64) -> Cycle {
    let operations: Vec<CycleOperation> = (0..count)
        .map(|op| {
            operation(
                op,
                (op % 10) as u32,
                &format!("append {op} {op}"),
                (op, Some(op + 5)),
            )
        })
        .collect();
    let edge = (Rel::Ww, "x", "The second appended right after the first.");
    cycle(operations, &vec![edge; count as usize])
}

/// The same cycle in a history without a clock.
pub fn without_clock(mut cycle: Cycle) -> Cycle {
    for operation in &mut cycle.operations {
        (operation.invoked, operation.completed) = (0, operation.completed.map(|_| 0));
    }
    cycle
}

pub fn case(cycle: Cycle) -> Case {
    Case {
        time: cycle.operations[0].invoked,
        ops: cycle.operations.iter().map(|operation| operation.op).collect(),
        story: cycle.edges.iter().map(|edge| edge.because.clone()).collect(),
        cycle: Some(cycle),
        ..Case::default()
    }
}

/// A list-append history that is not serializable.
pub fn list_append() -> Verdict {
    let read = Case {
        time: 3_020 * MS,
        ops: vec![71, 68],
        story: vec!["Op 71 read 5 in x, which op 68 had appended before it failed.".to_owned()],
        ..Case::default()
    };
    let anomalies = [
        ("G0", vec![case(long_way())]),
        ("G1a", vec![read]),
        ("G1c", vec![case(hundreds(300)), case(without_clock(long_way()))]),
        ("G2-item", vec![case(write_skew())]),
        (
            "G-single-item-realtime",
            vec![case(stale_read()), case(long_way())],
        ),
    ];
    let named = anomalies.map(|(name, cases)| (name.to_owned(), findings(cases)));
    Verdict {
        valid: Validity::Invalid,
        model: "list-append".to_owned(),
        summary: "the history is not strict-serializable: 1 × G2-item, the first: two transactions that each missed the other's append".to_owned(),
        anomalies: BTreeMap::from(named),
        stories: Vec::new(),
        allowed: BTreeMap::from([("lost-update".to_owned(), findings(vec![case(write_skew())]))]),
        checks: vec![check("transactions", Validity::Invalid, &["G2-item: 1 found", "G1c: 2 found"])],
        depositions: checkers::Depositions::default(),
        availability: None,
        stats: Stats {
            operations: 1_204,
            writes: 900,
            acknowledged: 880,
            failed: 12,
            unknown: 8,
            read: 1_800,
            duration: 12_400 * MS,
            ..Stats::default()
        },
    }
}

/// A Kafka history from elsewhere: findings of the log, and cycles that are allowed.
pub fn kafka() -> Verdict {
    let lost = Case {
        time: 2_304 * MS,
        key: Some(1),
        partition: Some("1".to_owned()),
        offset: Some(17),
        values: vec![412],
        ops: vec![300],
        story: vec![
            "Op 300 sent 412 to 1, and it was acknowledged at offset 17.".to_owned(),
            "Readers got to offset 40 of 1, and none of them read it.".to_owned(),
        ],
        ..Case::default()
    };
    let mut verdict = list_append();
    "kafka".clone_into(&mut verdict.model);
    "1 of 880 acknowledged writes was lost, the first at 2.304 s on 1".clone_into(&mut verdict.summary);
    verdict.anomalies = BTreeMap::from([("lost-write".to_owned(), findings(vec![lost]))]);
    let skip = Case {
        time: 5 * MS,
        ops: vec![9],
        values: vec![4, 6],
        story: vec!["Op 9 sent 4 and 6 to 1, and 5 of another stands between them.".to_owned()],
        ..Case::default()
    };
    verdict.allowed = BTreeMap::from([
        ("int-send-skip".to_owned(), findings(vec![skip])),
        ("G0".to_owned(), findings(vec![case(long_way())])),
    ]);
    verdict.checks = vec![check("log", Validity::Invalid, &["lost-write: 1 found"])];
    verdict
}

/// Nothing was found, in a history without a clock.
pub fn serializable() -> Verdict {
    let mut verdict = list_append();
    verdict.valid = Validity::Valid;
    "1,204 transactions have an order in which every one of them makes sense"
        .clone_into(&mut verdict.summary);
    verdict.anomalies.clear();
    verdict.allowed.clear();
    verdict.checks = vec![check("transactions", Validity::Valid, &[])];
    verdict.stats.duration = 2_408;
    verdict
}
