//! The verdict in one sentence.

use history::NodeId;

use crate::anomaly::{Anomaly, LOST_WRITE};
use crate::context::Context;
use crate::text::{count, number, seconds};
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
    let faults = match verdict.stats.faults_bitten {
        0 => "no faults, as the plan declares".to_owned(),
        bitten => format!("{} that bit", count(bitten, "fault")),
    };
    let read = if context.index.final_reads.is_some() {
        "every record read back"
    } else {
        "all of them read"
    };
    format!(
        "nothing was lost: {}, {faults}, {read}",
        count(verdict.stats.acknowledged, "acknowledged write"),
    )
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
                "{} × {name}, the first at {}: {story}",
                number(findings.count),
                seconds(case.time)
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
    format!(
        "{} of {} acknowledged writes {} lost, the first at {} on {partition}{by}{}",
        number(findings.count),
        number(verdict.stats.acknowledged),
        if findings.count == 1 { "was" } else { "were" },
        seconds(first.time),
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
