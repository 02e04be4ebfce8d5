//! Histories of logs: every check of the list, the heaviest judgement, and one sentence.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use history::{History, ReadError, Source};

use crate::context::Context;
use crate::index::WriteOutcome;
use crate::judge::nothing_judged;
use crate::list::{LIST, guarded};
use crate::options::{Model, Options};
use crate::outcome::Outcome;
use crate::summary;
use crate::verdict::{CheckResult, Findings, Stats, Validity, Verdict};

/// Judges a history of logs.
pub(crate) fn judge(source: &mut dyn Source, _options: &Options) -> Result<Verdict, ReadError> {
    let mut history = History {
        header: source.header().clone(),
        events: Vec::new(),
        truncated: false,
    };
    let scanned = source.scan(&mut |events| {
        history.events.extend_from_slice(events);
        ControlFlow::Continue(())
    })?;
    history.truncated = scanned.truncated;
    let judged = guarded("passes", || {
        let context = Context::of(&history);
        by_the_list(&context)
    });
    Ok(judged.unwrap_or_else(|reason| nothing_judged(Model::Kafka.name(), &reason)))
}

fn by_the_list(context: &Context) -> Verdict {
    let outcomes: Vec<(&str, Outcome)> = LIST
        .iter()
        .map(|check| (check.name, check.run(context)))
        .collect();
    let mut verdict = Verdict {
        valid: Validity::Valid,
        model: Model::Kafka.name().to_owned(),
        summary: String::new(),
        anomalies: BTreeMap::new(),
        allowed: BTreeMap::new(),
        checks: Vec::new(),
        stats: Stats::default(),
    };
    let mut unseen = 0;
    for (name, mut outcome) in outcomes {
        outcome.sort();
        unseen += outcome.unseen;
        verdict.valid = verdict.valid.max(outcome.valid());
        verdict.checks.push(CheckResult {
            name: name.to_owned(),
            valid: outcome.valid(),
            reasons: outcome.reasons(),
        });
        take(&mut verdict.anomalies, outcome.anomalies);
        take(&mut verdict.allowed, outcome.allowed);
    }
    verdict.stats = stats(context, &verdict.anomalies, unseen);
    verdict.summary = summary::sentence(context, &verdict);
    verdict
}

fn take(into: &mut BTreeMap<String, Findings>, from: BTreeMap<&'static str, Findings>) {
    into.extend(
        from.into_iter()
            .map(|(name, findings)| (name.to_owned(), findings)),
    );
}

fn stats(context: &Context, anomalies: &BTreeMap<String, Findings>, unseen: u64) -> Stats {
    let (index, timeline) = (&context.index, &context.timeline);
    let mut outcomes = [0; 3];
    for write in index.writes.iter() {
        outcomes[write.outcome as usize] += 1;
    }
    let deposed = timeline.deposed();
    let faults =
        |test: fn(&crate::FaultInterval) -> bool| timeline.faults.iter().filter(|fault| test(fault)).count();
    Stats {
        operations: index.operations,
        writes: index.writes.len(),
        acknowledged: outcomes[WriteOutcome::Ok as usize],
        failed: outcomes[WriteOutcome::Fail as usize],
        unknown: outcomes[WriteOutcome::Info as usize],
        read: index.records,
        unseen,
        lost: anomalies.get("lost-write").map_or(0, |lost| lost.count),
        faults_injected: faults(|fault| fault.from.is_some()) as u64,
        faults_bitten: faults(crate::FaultInterval::bit) as u64,
        faults_skipped: faults(crate::FaultInterval::gone_wrong) as u64,
        leader_changes: timeline.leader_changes(),
        deposed_leaders: deposed.len() as u64,
        deposed_longest: deposed
            .iter()
            .map(|belief| belief.until - belief.since)
            .max()
            .unwrap_or(0),
        duration: timeline.end,
    }
}
