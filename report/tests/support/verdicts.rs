//! Verdicts of the sample runs, made from their histories by hand: this crate's tests judge pages, not checks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use checkers::{
    CASES_MAX, Case, CheckResult, Deposition, Findings, Stats, Story, Truncation, Validity, Verdict,
};
use history::{BrokerLine, Event, F, FaultStep, History, Op, What};

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
        "{} of {} acknowledged writes were lost, the first at 5.301 s on log-0, acknowledged by node 1 during fault 0, \
         partition: leader of log-0 (node 1) cut from its peers, not from clients",
        lost.len(),
        stats.acknowledged
    );
    Verdict {
        valid: Validity::Invalid,
        model: "kafka".to_owned(),
        summary,
        stories: vec![story(&lost)],
        anomalies: BTreeMap::from([("lost-write".to_owned(), findings(lost))]),
        allowed: BTreeMap::from([("duplicate".to_owned(), findings(vec![duplicate()]))]),
        checks: vec![
            check("assumptions", Validity::Valid, &[]),
            check("effect", Validity::Valid, &[]),
            check(
                "log",
                Validity::Invalid,
                &[
                    "lost-write: 514 found; the first: Client 0 wrote value 120 to log-0 (op 120); node 1 acknowledged it at offset 120 at 5.301 s.",
                ],
            ),
            check(
                "leadership",
                Validity::Valid,
                &[
                    "node 1 went on as leader of log-0 in epoch 0 for 3.4 s after epoch 1 had begun: deposed, and no violation by itself",
                ],
            ),
            check("controllers", Validity::Valid, &[]),
        ],
        depositions: checkers::Depositions {
            leaders: vec![Deposition {
                partition: "log-0".to_owned(),
                node: 1,
                newer_epoch: 1,
                newer_leader: Some(2),
                since: 7_500 * MS,
                named_until: Some(10_900 * MS),
                lost: 340,
                ..Deposition::default()
            }],
            services: Vec::new(),
        },
        availability: None,
        stats,
    }
}

/// The lost writes as one range.
fn story(cases: &[Case]) -> Story {
    let (first, last) = (cases.first(), cases.last());
    let time = |case: Option<&Case>| case.map_or(0, |case| case.time);
    let truncating =
        "INFO [UnifiedLog partition=log-0, dir=/d] Truncating to offset 120 (kafka.log.UnifiedLog)";
    Story {
        anomaly: "lost-write".to_owned(),
        partition: "log-0".to_owned(),
        first: first.and_then(|case| case.offset),
        last: last.and_then(|case| case.offset),
        records: cases.len() as u64,
        broker: Some(1),
        epoch: Some(0),
        from: time(first),
        until: time(last),
        faults: vec![0],
        truncations: vec![Truncation {
            node: 1,
            at: 11_200 * MS,
            to: 120,
        }],
        lines: vec![BrokerLine {
            node: 1,
            at: 11_200 * MS,
            key: Some(0),
            text: truncating.to_owned(),
        }],
        sentences: vec![
            "514 acknowledged writes are lost: offsets 120 to 633 of log-0.".to_owned(),
            "Then they were thrown away by node 1, at 11.200 s: `Truncating to offset 120`.".to_owned(),
        ],
        ..Story::default()
    }
}

/// All is well.
pub fn clean(history: &History) -> Verdict {
    let stats = stats(history, 0);
    Verdict {
        valid: Validity::Valid,
        model: "kafka".to_owned(),
        summary: format!(
            "nothing was lost: {} acknowledged writes, 3 faults that bit, every record read back",
            stats.acknowledged
        ),
        anomalies: BTreeMap::new(),
        stories: Vec::new(),
        allowed: BTreeMap::new(),
        checks: [
            "assumptions",
            "effect",
            "log",
            "replicas",
            "leadership",
            "controllers",
        ]
        .map(|name| check(name, Validity::Valid, &[]))
        .into(),
        depositions: checkers::Depositions::default(),
        availability: None,
        stats,
    }
}

/// A required fault never bit and the final reads stopped early.
pub fn unknown(history: &History) -> Verdict {
    let mut verdict = clean(history);
    verdict.valid = Validity::Unknown;
    "nobody can say: the plan requires `pause` to bite, and it never did".clone_into(&mut verdict.summary);
    verdict.checks = vec![
        check("assumptions", Validity::Valid, &[]),
        check(
            "effect",
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
        asked: true,
        reasons: reasons.iter().map(ToString::to_string).collect(),
    }
}

fn lost_write(time: u64, offset: i64, op: u64) -> Case {
    let seconds = (time / MS) as f64 / 1e3;
    Case {
        cycle: None,
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
            format!("Client 0 wrote value {op} to log-0 (op {op}); node 1 acknowledged it at offset {offset} at {seconds:.3} s."),
            "Node 1 itself showed node 1 as leader in epoch 0 with ISR [1, 2, 3] at that time (inferred from its metadata: an acknowledgement does not name its epoch).".to_owned(),
            "In force was fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients), since 5.300 s.".to_owned(),
            "The next leader was node 2 in epoch 1, first shown by node 2 at 7.434 s with ISR [2, 3].".to_owned(),
            "No client ever read it.".to_owned(),
            "The final reads of log-0 passed its end and did not hold it: what was acknowledged is lost.".to_owned(),
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
            What::Ok(Op { f: F::Send(_), .. }) => stats.acknowledged += 1,
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
