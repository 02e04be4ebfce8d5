//! The verdict in one sentence.

use history::NodeId;

use crate::anomaly::{Anomaly, LOST_WRITE};
use crate::context::Context;
use crate::text::{count, number};
use crate::timeline::FaultInterval;
use crate::verdict::{Case, Findings, Validity, Verdict};

/// Says what was judged, and why in short.
pub(crate) fn sentence(context: &Context, verdict: &Verdict) -> String {
    match verdict.valid {
        Validity::Valid => valid(context, verdict),
        Validity::Unknown => unknown(verdict),
        Validity::Invalid => invalid(context, verdict),
    }
}

fn valid(context: &Context, verdict: &Verdict) -> String {
    let mut parts = vec![count(verdict.stats.acknowledged, "acknowledged write")];
    if context.index.phased {
        parts.push(match verdict.stats.faults_bitten {
            0 => "no faults, as the plan declares".to_owned(),
            bitten => format!("{} that bit", count(bitten, "fault")),
        });
    }
    parts.push(if context.index.final_reads.is_some() {
        "every record read back".to_owned()
    } else {
        "all of them read".to_owned()
    });
    parts.extend(allowed(verdict));
    format!("nothing was lost: {}", parts.join(", "))
}

/// What was found and breaks no promise.
fn allowed(verdict: &Verdict) -> Option<String> {
    let mut found: Vec<(&String, &Findings)> = verdict.allowed.iter().collect();
    found.sort_by_key(|(name, _)| Anomaly::gravity(name));
    let found = found
        .iter()
        .map(|(name, found)| format!("{} × {name}", number(found.count)));
    let found: Vec<String> = found.collect();
    (!found.is_empty()).then(|| format!("allowed: {}", found.join(", ")))
}

fn unknown(verdict: &Verdict) -> String {
    let mut unknown = verdict
        .checks
        .iter()
        .filter(|check| check.valid == Validity::Unknown);
    let reason = unknown.find_map(|check| check.reasons.first());
    format!(
        "nobody can say: {}",
        reason.map_or("no reason was given", String::as_str)
    )
}

fn invalid(context: &Context, verdict: &Verdict) -> String {
    let mut names: Vec<&str> = verdict.anomalies.keys().map(String::as_str).collect();
    names.sort_by_key(|name| Anomaly::gravity(name));
    let Some((first, rest)) = names.split_first() else {
        return "a promise was broken".to_owned();
    };
    let findings = &verdict.anomalies[*first];
    let mut text = match (*first, findings.cases.first()) {
        (LOST_WRITE, Some(case)) => lost(context, verdict, findings, case),
        (name, Some(case)) => {
            let story = case
                .story
                .first()
                .map_or("", |sentence| sentence.trim_end_matches('.'));
            format!(
                "{} × {name}, the first{}: {story}",
                number(findings.count),
                context.at(case.time)
            )
        }
        (name, None) => format!("{} × {name}", number(findings.count)),
    };
    if !rest.is_empty() {
        let rest = rest
            .iter()
            .map(|name| format!("{} × {name}", number(verdict.anomalies[*name].count)));
        text.push_str("; also ");
        text.push_str(&rest.collect::<Vec<_>>().join(", "));
    }
    text
}

fn lost(context: &Context, verdict: &Verdict, findings: &Findings, first: &Case) -> String {
    let partition = first.partition.as_deref().unwrap_or("an unknown partition");
    let by = first
        .nodes
        .first()
        .map_or_else(String::new, |node| format!(", acknowledged by node {node}"));
    let of = if context.tally.lost_in_doubt > 0 {
        format!("{} that had happened", count(findings.count, "write"))
    } else {
        let acknowledged = number(verdict.stats.acknowledged);
        format!("{} of {acknowledged} acknowledged writes", number(findings.count))
    };
    format!(
        "{of} {} lost, the first{} on {partition}{by}{}",
        if findings.count == 1 { "was" } else { "were" },
        context.at(first.time),
        during(context, first),
    )
}

/// The fault to name with the first loss: one aimed at the node that acknowledged, or else any in force.
fn during(context: &Context, case: &Case) -> String {
    let mut faults = context.timeline.faults_at(case.time);
    let by: Option<NodeId> = case.nodes.first().copied();
    let aimed = context
        .timeline
        .faults_at(case.time)
        .find(|fault| by.is_some_and(|by| fault.nodes.contains(&by)));
    let Some(fault) = aimed.or_else(|| faults.next()) else {
        return String::new();
    };
    let FaultInterval { id, kind, detail, .. } = fault;
    if detail.is_empty() {
        format!(" while fault {id} ({kind}) was in force")
    } else {
        format!(" during fault {id}, {kind}: {detail}")
    }
}
