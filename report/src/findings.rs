//! Findings in the order in which a reader should hear of them, and what is to say of a name as a whole.

use std::collections::BTreeMap;

use checkers::{Anomaly, Findings, Verdict};

/// The model whose keys are partitions.
pub(crate) const KAFKA: &str = "kafka";
/// Clocks that tell less than this apart are none: every time would read the same.
const CLOCK_NANOS_MIN: u64 = 1_000_000;
/// Nobody does an operation in less time than this. A history without times counts its lines instead.
const OPERATION_NANOS_MIN: u64 = 16;

/// Whether a verdict's history had a clock: those from elsewhere need not.
pub(crate) fn timed(verdict: &Verdict) -> bool {
    let stats = &verdict.stats;
    stats.duration >= CLOCK_NANOS_MIN.max(stats.operations.saturating_mul(OPERATION_NANOS_MIN))
}

/// All findings, the gravest first; names that the checks' list lacks come last.
pub(crate) fn by_gravity(findings: &BTreeMap<String, Findings>) -> Vec<(&str, &Findings)> {
    let mut sorted: Vec<_> = findings
        .iter()
        .map(|(name, found)| (name.as_str(), found))
        .collect();
    sorted.sort_by_key(|(name, _)| Anomaly::gravity(name));
    sorted
}

/// What is among the findings, and yet nothing that the history did but a limit of the judgement.
const DOUBTS: [&str; 3] = [
    "duplicate-appends",
    "cycle-search-timeout",
    "empty-transaction-graph",
];

/// Whether a name says that something could not be judged.
fn is_doubt(name: &str) -> bool {
    DOUBTS.contains(&name)
}

/// The broken promises of a verdict, the gravest first.
pub(crate) fn violations(verdict: &Verdict) -> Vec<(&str, &Findings)> {
    let mut found = by_gravity(&verdict.anomalies);
    found.retain(|(name, _)| !is_doubt(name));
    found
}

/// What could not be judged.
pub(crate) fn doubts(verdict: &Verdict) -> Vec<(&str, &Findings)> {
    let mut found = by_gravity(&verdict.anomalies);
    found.retain(|(name, _)| is_doubt(name));
    found
}

/// Whether a check is the one that finds this. What no check of the verdict lays claim to is shown with every one
/// that failed.
pub(crate) fn belongs_to(name: &str, check: &str, verdict: &Verdict) -> bool {
    let finder = Anomaly::named(name).map(|anomaly| anomaly.check);
    let claimed = finder.filter(|finder| verdict.checks.iter().any(|check| check.name == *finder));
    claimed.is_none_or(|finder| finder == check)
}

/// Why findings of this name break no promise, where the verdict lists them as allowed.
pub(crate) fn why_allowed(name: &str, model: &str) -> &'static str {
    if model != KAFKA {
        return "The consistency model that this history was held to does not forbid it.";
    }
    let without_form = name.trim_end_matches("-process").trim_end_matches("-realtime");
    match without_form {
        "int-send-skip" | "G0" => {
            "Kafka isolates no writes: those of several producers, in transactions or not, may stand between each other."
        }
        "G1c" => {
            "Writes were ordered by their offsets too, and Kafka isolates no writes: such cycles are to be expected of it."
        }
        "poll-skip" | "nonmonotonic-poll" => {
            "The consumers had their partitions from a group, and a rebalance may make them pass over records or read them again."
        }
        "duplicate" => {
            "The producers promised to write at least once, so that one write may stand in the log several times."
        }
        _ => "No promise that this history is held to is broken by it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, model: &str, expected: &str) {
        let why = why_allowed(name, model);
        assert!(why.contains(expected), "{name} in {model}: {why}");
    }

    #[test]
    fn each_allowed_name_has_its_reason() {
        check("G0", "kafka", "isolates no writes");
        check("G0-realtime", "kafka", "isolates no writes");
        check("int-send-skip", "kafka", "isolates no writes");
        check("G1c-process", "kafka", "ordered by their offsets");
        check("poll-skip", "kafka", "rebalance");
        check("duplicate", "kafka", "at least once");
        check("unseen", "kafka", "No promise");
        check("G2-item", "list-append", "consistency model");
    }
}
