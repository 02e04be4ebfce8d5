//! The verdict: which of the findings break the consistency model, and what they say of the others.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Finding, Found, Kept};
use super::registers::Clients;
use super::tell::Teller;
use super::walk::Walk;
use super::{CHECK, History, Question};
use crate::anomaly::{self, Anomaly};
use crate::checks::leadership::Depositions;
use crate::consistency::{Boundary, Consistency, boundary};
use crate::cycles::{Base, Form, Kind, Naming};
use crate::options::Model;
use crate::text;
use crate::verdict::{CheckResult, Findings, Stats, Validity, Verdict};

/// What says that something could not be judged, and nothing of the history.
const UNKNOWN: [&str; 3] = [
    anomaly::DUPLICATE_APPENDS,
    anomaly::CYCLE_SEARCH_TIMEOUT,
    anomaly::EMPTY_TRANSACTION_GRAPH,
];

/// Puts together what was found.
pub(super) fn verdict(
    question: &Question,
    history: &impl History,
    walk: &Walk,
    dependencies: u64,
    found: &Found,
    teller: &Teller<'_>,
) -> Verdict {
    let (mut anomalies, mut allowed) = (BTreeMap::new(), BTreeMap::new());
    let mut broken = false;
    for (name, kept) in &found.names {
        let forbidden = question.consistency.forbids(name);
        broken |= forbidden;
        let into = if forbidden || UNKNOWN.contains(name) {
            &mut anomalies
        } else {
            &mut allowed
        };
        into.insert((*name).to_owned(), findings(kept, teller));
    }
    let doubts = doubts(question, found);
    let valid = match (broken, doubts.is_empty()) {
        (true, _) => Validity::Invalid,
        (false, false) => Validity::Unknown,
        (false, true) => Validity::Valid,
    };
    let line = line(question, found, teller);
    let summary = summary(question, walk, valid, &anomalies, &doubts, &line);
    let reasons = reasons(&anomalies, doubts);
    let checks = vec![CheckResult {
        name: CHECK.to_owned(),
        valid,
        asked: true,
        reasons,
    }];
    Verdict {
        stories: Vec::new(),
        valid,
        model: question.model.name().to_owned(),
        summary,
        anomalies,
        allowed,
        checks,
        depositions: Depositions::default(),
        availability: None,
        stats: stats(history, walk, dependencies, &line),
    }
}

fn findings(kept: &Kept, teller: &Teller<'_>) -> Findings {
    let mut cases: Vec<_> = kept.first.iter().map(|finding| teller.case(finding)).collect();
    cases.sort_by_key(|case| case.time);
    Findings {
        count: kept.count,
        cases,
    }
}

/// Why nobody knows, where nothing was found that breaks the model.
fn doubts(question: &Question, found: &Found) -> Vec<String> {
    let mut doubts = Vec::new();
    for name in UNKNOWN.iter().filter(|name| found.names.contains_key(*name)) {
        let anomaly = Anomaly::named(name).map(Anomaly::meaning);
        doubts.push(anomaly.unwrap_or_default());
    }
    if question.misfits > 0 {
        let are = if question.misfits == 1 {
            "is no step"
        } else {
            "are no steps"
        };
        let steps = text::count(question.misfits, "step");
        doubts.push(format!(
            "{steps} of the history {are} on {}.",
            things(question.model)
        ));
    }
    if found.left_out > 0 {
        doubts.push(format!(
            "So many operations overlap or read one version that {} dependencies were not gone through.",
            text::number(found.left_out)
        ));
    }
    doubts
}

fn things(model: Model) -> &'static str {
    match model {
        Model::RwRegister => "registers",
        Model::Kafka | Model::ListAppend => "lists",
    }
}

/// What the findings say of all models. What rests on an assumption only refutes models that make it.
fn line(question: &Question, found: &Found, teller: &Teller<'_>) -> Boundary {
    let names: BTreeSet<&str> = found
        .names
        .iter()
        .flat_map(|(name, kept)| {
            kept.first
                .iter()
                .map(move |finding| proven(question, name, finding, teller))
        })
        .collect();
    boundary(question.consistency, &names)
}

fn proven<'n>(question: &Question, name: &'n str, finding: &Finding, teller: &Teller<'_>) -> &'n str {
    if question.model != Model::RwRegister {
        return name;
    }
    let form = match question.assumptions.clients() {
        Some(Clients::Realtime) => Form::Realtime,
        Some(Clients::Process) => Form::Process,
        None => Form::Data,
    };
    let kind = match finding {
        Finding::Cycle(ring) => Kind {
            // Who wrote last may be known from who read before it wrote.
            base: if ring.kind.base == Base::G0 {
                Base::G1c
            } else {
                ring.kind.base
            },
            form: if teller.rests_on_clients(ring) {
                ring.kind.form.max(form)
            } else {
                ring.kind.form
            },
        },
        Finding::CyclicVersions { .. } if form == Form::Data => Kind {
            base: Base::G1c,
            form,
        },
        Finding::CyclicVersions { .. } => Kind {
            base: Base::Single,
            form,
        },
        _ => return name,
    };
    kind.name(Naming::Item)
}

fn reasons(anomalies: &BTreeMap<String, Findings>, doubts: Vec<String>) -> Vec<String> {
    let mut found: Vec<(&String, &Findings)> = anomalies.iter().collect();
    found.sort_by_key(|(name, _)| Anomaly::gravity(name));
    let found = found
        .into_iter()
        .filter(|(name, _)| !UNKNOWN.contains(&name.as_str()));
    let counts = found.map(|(name, found)| {
        let first = found.cases.first().and_then(|case| case.story.first());
        let first = first.map_or_else(String::new, |sentence| format!("; the first: {sentence}"));
        format!("{name}: {} found{first}", text::number(found.count))
    });
    counts.chain(doubts).collect()
}

fn summary(
    question: &Question,
    walk: &Walk,
    valid: Validity,
    anomalies: &BTreeMap<String, Findings>,
    doubts: &[String],
    line: &Boundary,
) -> String {
    let consistency = question.consistency;
    let txns = text::count(walk.txns.len() as u64, "transaction");
    match valid {
        Validity::Valid => format!("{consistency}: nothing in {txns} contradicts it"),
        Validity::Unknown => {
            let reason = doubts
                .first()
                .map_or("nothing was put to the test", String::as_str);
            format!(
                "nobody can say whether {txns} {} {consistency}: {}",
                if walk.txns.len() == 1 { "was" } else { "were" },
                text::uncapitalised(reason.trim_end_matches('.'))
            )
        }
        Validity::Invalid => {
            let mut found: Vec<(&String, &Findings)> = anomalies.iter().collect();
            found.sort_by_key(|(name, _)| Anomaly::gravity(name));
            let found: Vec<String> = found
                .iter()
                .filter(|(name, _)| !UNKNOWN.contains(&name.as_str()))
                .map(|(name, found)| format!("{} {name}", text::number(found.count)))
                .collect();
            format!(
                "not {consistency}: {} in {txns}, which rules out {}",
                text::list(&found),
                text::list(&line.refuted)
            )
        }
    }
}

fn stats(history: &impl History, walk: &Walk, dependencies: u64, line: &Boundary) -> Stats {
    let counts = history.counts(&walk.txns);
    let names = |models: &[Consistency]| models.iter().map(|model| model.name().to_owned()).collect();
    Stats {
        operations: walk.txns.len() as u64,
        transactions: walk.txns.len() as u64,
        writes: counts.writes,
        acknowledged: counts.acknowledged,
        failed: counts.failed,
        unknown: counts.unknown,
        read: counts.read,
        duration: walk.end,
        dependencies,
        not: names(&line.refuted),
        possible: names(&line.possible),
        ..Stats::default()
    }
}
