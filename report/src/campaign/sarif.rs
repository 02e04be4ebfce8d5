//! A campaign in SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for tools that keep findings over time.
//!
//! A result is a finding in a cell, in however many runs it came: its fingerprint is of these two alone, so that it is the same one in the next campaign,
//! with other seeds, on another machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use checkers::Anomaly;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{CampaignRun, CampaignSummary, RunState};
use crate::compare::{Change, Comparison};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// What the fingerprints are called: another way to make them would be another name.
const FINGERPRINT: &str = "tribunalFinding/v1";
/// A control that was not caught.
const MISSED: &str = "missed-control";
/// What the plans' paths are relative to.
const BASE: &str = "CAMPAIGN";

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    automation_details: Id,
    original_uri_base_ids: BTreeMap<&'static str, Described>,
    invocations: [Invocation; 1],
    results: Vec<Found>,
    column_kind: &'static str,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<RuleOf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOf {
    id: String,
    short_description: Text,
    full_description: Text,
    help: Text,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Id {
    id: String,
}

#[derive(Serialize)]
struct Described {
    description: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
}

#[derive(Clone, Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

/// A finding in a cell, before it is written down.
struct Finding {
    anomaly: String,
    cell: String,
    message: String,
    dir: String,
    state: Option<&'static str>,
}

/// The campaign as a document; where it was compared with an earlier one, with what is new, unchanged or absent.
pub fn campaign_sarif(summary: &CampaignSummary, comparison: Option<&Comparison>) -> String {
    let mut found = findings(summary, comparison);
    found.extend(missed(summary));
    let ids: BTreeSet<&str> = found.iter().map(|finding| finding.anomaly.as_str()).collect();
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_by_key(|id| (Anomaly::gravity(id), *id));
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "Tribunal",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: ids.iter().map(|id| rule(id)).collect(),
                },
            },
            automation_details: Id {
                id: format!("tribunal/{}/", summary.name),
            },
            original_uri_base_ids: BTreeMap::from([(
                BASE,
                Described {
                    description: text("The campaign's directory"),
                },
            )]),
            invocations: [invocation(summary)],
            results: found.iter().map(|finding| result(finding, &ids)).collect(),
            column_kind: "unicodeCodePoints",
        }],
    };
    serde_json::to_string_pretty(&log).expect("texts always have a form in JSON") + "\n"
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

/// What was found in each cell, the gravest first.
fn findings(summary: &CampaignSummary, comparison: Option<&Comparison>) -> Vec<Finding> {
    let mut all: BTreeMap<(usize, String, String), Finding> = BTreeMap::new();
    let mut runs: BTreeMap<String, u32> = BTreeMap::new();
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for run in summary.runs.iter().filter(|run| run.counts()) {
        *runs.entry(run.cell()).or_default() += 1;
        for anomaly in run.anomalies.keys() {
            *counts.entry((run.cell(), anomaly.clone())).or_default() += 1;
            let key = (Anomaly::gravity(anomaly), anomaly.clone(), run.cell());
            all.entry(key).or_insert_with(|| first(run, anomaly, comparison));
        }
    }
    for finding in all.values_mut() {
        let (count, runs) = (
            counts[&(finding.cell.clone(), finding.anomaly.clone())],
            runs[&finding.cell],
        );
        finding.message = format!(
            "{count} of {runs} runs found it{}: {}",
            of(&finding.cell),
            finding.message
        );
    }
    let gone = comparison.into_iter().flat_map(|comparison| &comparison.findings);
    let gone = gone.filter(|finding| matches!(finding.change, Change::Resolved | Change::NotSeen));
    all.into_values()
        .chain(gone.map(|finding| Finding {
            anomaly: finding.anomaly.clone(),
            cell: finding.cell.clone(),
            message: finding.line(),
            dir: finding.run.clone().unwrap_or_default(),
            state: Some("absent"),
        }))
        .collect()
}

/// A finding as the first run tells it that has it.
fn first(run: &CampaignRun, anomaly: &str, comparison: Option<&Comparison>) -> Finding {
    let cell = run.cell();
    let known = |comparison: &Comparison| {
        let mut found = comparison.findings.iter();
        let found = found.find(|finding| finding.cell == cell && finding.anomaly == anomaly);
        match found.map(|finding| finding.change) {
            Some(Change::Still | Change::Better) => "unchanged",
            Some(Change::Worse) => "updated",
            _ => "new",
        }
    };
    Finding {
        anomaly: anomaly.to_owned(),
        message: run.summary.clone(),
        dir: run.dir.clone(),
        state: comparison.map(known),
        cell,
    }
}

/// Controls in which nothing was found.
fn missed(summary: &CampaignSummary) -> impl Iterator<Item = Finding> + '_ {
    let mut seen = BTreeSet::new();
    let missed = summary.runs.iter().filter(|run| run.state == RunState::Missed);
    missed
        .filter(move |run| seen.insert(run.cell()))
        .map(|run| Finding {
            anomaly: MISSED.to_owned(),
            cell: run.cell(),
            message: format!(
                "no violation{} where one was expected: {}",
                of(&run.cell()),
                run.summary
            ),
            dir: run.dir.clone(),
            state: None,
        })
}

fn of(cell: &str) -> String {
    if cell.is_empty() {
        String::new()
    } else {
        format!(" in {cell}")
    }
}

fn rule(id: &str) -> RuleOf {
    let anomaly = Anomaly::named(id);
    let meaning = anomaly.map_or_else(
        || match id {
            MISSED => {
                "A run that had to find a violation found none: the harness may have become blind.".to_owned()
            }
            _ => format!("A violation that is called {id}."),
        },
        Anomaly::meaning,
    );
    let source = anomaly.map(Anomaly::source).filter(|source| !source.is_empty());
    let help = source.map_or_else(|| meaning.clone(), |source| format!("{meaning} {source}"));
    RuleOf {
        id: id.to_owned(),
        short_description: text(meaning.clone()),
        full_description: text(meaning),
        help: text(help),
        default_configuration: Configuration { level: "error" },
    }
}

fn result(finding: &Finding, ids: &[&str]) -> Found {
    let rule_index = ids.iter().position(|id| *id == finding.anomaly);
    Found {
        rule_id: finding.anomaly.clone(),
        rule_index: rule_index.unwrap_or_default(),
        level: if finding.state == Some("absent") {
            "note"
        } else {
            "error"
        },
        message: text(finding.message.clone()),
        locations: locations(&finding.dir),
        partial_fingerprints: BTreeMap::from([(FINGERPRINT, fingerprint(&finding.cell, &finding.anomaly))]),
        baseline_state: finding.state,
    }
}

/// Of what it is and where in the matrix: nothing else of a campaign is in it.
fn fingerprint(cell: &str, anomaly: &str) -> String {
    let mut digest = Sha256::new();
    for part in [FINGERPRINT, cell, anomaly] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn locations(dir: &str) -> Vec<Location> {
    let location = |dir: &str| Location {
        physical_location: Physical {
            artifact_location: Artifact {
                uri: uri(&format!("{dir}.toml")),
                uri_base_id: BASE,
            },
        },
    };
    (!dir.is_empty()).then(|| location(dir)).into_iter().collect()
}

/// A relative path as a URI (RFC 3986): what is not unreserved is written by its bytes.
fn uri(path: &str) -> String {
    path.bytes().fold(String::new(), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}

/// What could not be judged is no result: it says something of the machine.
fn invocation(summary: &CampaignSummary) -> Invocation {
    let failed = |run: &&CampaignRun| matches!(run.state, RunState::Unknown | RunState::Infrastructure);
    let notifications = summary.runs.iter().filter(failed).map(|run| Notification {
        level: "warning",
        message: text(format!("{}: {}: {}", run.state.word(), run.name, run.summary)),
        locations: locations(&run.dir),
    });
    Invocation {
        execution_successful: summary.totals.infrastructure == 0,
        tool_execution_notifications: notifications.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{campaign_sarif, uri};
    use crate::campaign::tests::summary;
    use crate::{CampaignSummary, compare};

    fn fingerprints(summary: &CampaignSummary) -> Vec<String> {
        let sarif = campaign_sarif(summary, None);
        let lines = sarif.lines().filter(|line| line.contains("tribunalFinding"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn a_finding_has_a_rule_a_place_and_a_fingerprint() {
        insta::assert_snapshot!(campaign_sarif(&summary(), None));
    }

    #[test]
    fn a_finding_is_the_same_one_in_the_next_campaign() {
        let mut next = summary();
        next.runs.reverse();
        for run in &mut next.runs {
            run.seed += 1;
            run.name.push('x');
            run.dir = format!("runs/{}", run.name);
            "other words".clone_into(&mut run.summary);
        }
        assert_eq!(fingerprints(&summary()).len(), 2);
        assert_eq!(fingerprints(&summary()), fingerprints(&next));
        for run in &mut next.runs {
            run.axes.insert("broker".to_owned(), "other".to_owned());
        }
        assert_ne!(fingerprints(&summary()), fingerprints(&next));
    }

    #[test]
    fn what_was_compared_says_what_is_new_and_what_is_gone() {
        let with = |name: &str| {
            let mut summary = summary();
            summary.runs[1].anomalies = [(name.to_owned(), 1)].into();
            summary
        };
        let (here, before) = (with("duplicate"), with("lost-write"));
        let states = |here: &CampaignSummary, before: &CampaignSummary| {
            let sarif = campaign_sarif(here, Some(&compare(("a", here), ("b", before))));
            ["new", "unchanged", "absent"]
                .map(|state| sarif.matches(&format!("\"baselineState\": \"{state}\"")).count())
        };
        assert_eq!(states(&here, &before), [1, 0, 1]);
        assert_eq!(states(&here, &here), [0, 1, 0]);
    }

    #[test]
    fn a_path_is_a_uri() {
        assert_eq!(uri("runs/a b~2.toml"), "runs/a%20b~2.toml");
    }
}
