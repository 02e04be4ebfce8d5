//! Verdicts of the sample runs, made from their histories by hand: this crate's tests judge pages, not checks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use checkers::{CASES_MAX, Case, CheckResult, Findings, Stats, Validity, Verdict};
use history::{Event, F, FaultStep, History, Op, What};

use super::cluster::MS;

/// Acknowledged by node 1 while it was cut off: lost.
pub fn acks1(history: &History) -> Verdict {
    let lost: Vec<Case> = acknowledged(history)
        .filter(|(time, _, _, broker, _)| *broker == 1 && (5_300 * MS..10_910 * MS).contains(time))
        .filter(|(_, key, ..)| *key == 0)
        .map(|(time, _, offset, _, op)| lost_write(time, offset, op))
        .collect();
    let stats = stats(history, lost.len() as u64);
    let summary = format!(
        "{} of {} acknowledged writes are lost.",
        lost.len(),
        stats.acknowledged
    );
    Verdict {
        valid: Validity::Invalid,
        model: "kafka".to_owned(),
        summary,
        anomalies: BTreeMap::from([("lost-write".to_owned(), findings(lost))]),
        allowed: BTreeMap::from([("duplicate".to_owned(), findings(vec![duplicate()]))]),
        checks: vec![
            check("assumptions", Validity::Valid, &[]),
            check("faults", Validity::Valid, &[]),
            check(
                "log",
                Validity::Invalid,
                &["514 acknowledged writes of log-0 are not in the complete final reads"],
            ),
            check("leadership", Validity::Valid, &[]),
        ],
        stats,
    }
}

/// All is well.
pub fn clean(history: &History) -> Verdict {
    let stats = stats(history, 0);
    Verdict {
        valid: Validity::Valid,
        model: "kafka".to_owned(),
        summary: format!(
            "No acknowledged write of {} was lost under 3 faults.",
            stats.acknowledged
        ),
        anomalies: BTreeMap::new(),
        allowed: BTreeMap::new(),
        checks: ["assumptions", "faults", "log", "leadership"]
            .map(|name| check(name, Validity::Valid, &[]))
            .into(),
        stats,
    }
}

/// A required fault never bit and the final reads stopped early.
pub fn unknown(history: &History) -> Verdict {
    let mut verdict = clean(history);
    verdict.valid = Validity::Unknown;
    verdict.summary =
        "Nobody knows: a required fault never bit, and the final reads are not complete.".to_owned();
    verdict.checks = vec![
        check("assumptions", Validity::Valid, &[]),
        check(
            "faults",
            Validity::Unknown,
            &["the plan requires `pause` to bite, and it never did"],
        ),
        check(
            "log",
            Validity::Unknown,
            &["the final reads are not complete: replica 3 of log-0 never came back into the ISR"],
        ),
        check("leadership", Validity::Valid, &[]),
    ];
    verdict
}

pub fn findings(cases: Vec<Case>) -> Findings {
    Findings {
        count: cases.len() as u64,
        cases: cases.into_iter().take(CASES_MAX).collect(),
    }
}

pub fn check(name: &str, valid: Validity, reasons: &[&str]) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        valid,
        reasons: reasons.iter().map(ToString::to_string).collect(),
    }
}

fn lost_write(time: u64, offset: i64, op: u64) -> Case {
    let seconds = time as f64 / 1e9;
    Case {
        time,
        key: Some(0),
        partition: Some("log-0".to_owned()),
        offset: Some(offset),
        values: vec![op],
        nodes: vec![1],
        epoch: Some(0),
        ops: vec![op],
        faults: vec![0],
        story: vec![
            format!("At {seconds:.3} s node 1 acknowledged value {op} at offset {offset} of log-0, as leader of epoch 0 (inferred), with the ISR 1, 2 and 3."),
            "Fault 0 was in force since 5.300 s: leader of log-0 (node 1) cut from its peers, not from clients.".to_owned(),
            "At 7.334 s node 2 was first seen as leader of epoch 1; node 1 went on as leader of epoch 0 until 10.817 s.".to_owned(),
            format!("After healing, node 1 followed epoch 1 and cut its log back to offset 120; offset {offset} went with it."),
            format!("The final reads of log-0 passed its end and did not meet value {op}; no replica holds it."),
        ],
    }
}

fn duplicate() -> Case {
    Case {
        time: 12_480 * MS,
        key: Some(1),
        partition: Some("log-1".to_owned()),
        values: vec![702],
        ops: vec![702],
        story: vec!["Value 702 stands at the offsets 29 and 30 of log-1. The producers promised at-least-once: allowed.".to_owned()],
        ..Case::default()
    }
}

/// Time, key, offset, broker and operation of each acknowledged write.
fn acknowledged(history: &History) -> impl Iterator<Item = (u64, u32, i64, u32, u64)> {
    history.events.iter().filter_map(|event| match &event.what {
        What::Ok(Op {
            f: F::Send(send), op, ..
        }) => Some((event.time, send.key, send.offset?, send.broker?, *op)),
        _ => None,
    })
}

pub fn stats(history: &History, lost: u64) -> Stats {
    let mut stats = Stats {
        lost,
        ..Stats::default()
    };
    let (mut leaders, mut injected, mut bitten, mut skipped) = (HashMap::new(), BTreeSet::new(), 0, 0);
    for Event { time, what } in &history.events {
        stats.duration = *time;
        match what {
            What::Invoke(_) => stats.operations += 1,
            What::Ok(_) => stats.acknowledged += 1,
            What::Fail(_) => stats.failed += 1,
            What::Info(_) => stats.unknown += 1,
            What::Fault(fault) => match &fault.step {
                FaultStep::Injected => _ = injected.insert(fault.id),
                FaultStep::Healed { bit, .. } => bitten += u64::from(*bit),
                FaultStep::Skipped { .. } => skipped += 1,
                _ => {}
            },
            What::Observed(observed) => {
                if let history::Probe::Metadata(metadata) = &observed.answer {
                    for claim in &metadata.claims {
                        let before = leaders
                            .insert(claim.key, claim.epoch.max(*leaders.get(&claim.key).unwrap_or(&0)));
                        stats.leader_changes += u64::from(before.is_some_and(|epoch| epoch < claim.epoch));
                    }
                }
            }
            _ => {}
        }
    }
    stats.writes = stats.operations;
    stats.read = stats.acknowledged - lost;
    (stats.faults_injected, stats.faults_bitten, stats.faults_skipped) =
        (injected.len() as u64, bitten, skipped);
    stats
}
