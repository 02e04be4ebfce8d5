//! How two campaigns, or two runs, were set up differently: versions, shapes, timeouts, and every other setting.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::format::list;
use crate::{CampaignRun, CampaignSummary};

/// What a run says of a setting that it does not have.
const NOT_SET: &str = "not set";
/// Of more values than this only their number is told.
const VALUES_MAX: usize = 6;
/// What comes first: what a cluster is, and how patient it is.
const FIRST: &[&str] = &[
    "broker",
    "client",
    "versions",
    "features",
    "shape",
    "nodes",
    "controllers",
    "zookeepers",
    "quorum",
    "timeouts",
    "properties",
    "jvm",
    "node",
    "faults",
];

/// A setting that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Its place in a plan: `timeouts`, `topics.log.partitions`.
    pub name: String,
    /// The values that the runs here have, …
    pub here: Vec<String>,
    /// … and those of the runs that they are compared with.
    pub before: Vec<String>,
}

impl Setting {
    /// The same in a line.
    pub fn line(&self) -> String {
        format!(
            "{}: {} here, {} before",
            self.name,
            shown(&self.here),
            shown(&self.before)
        )
    }
}

/// Some values of a setting, for people.
pub(super) fn shown(values: &[String]) -> String {
    if values.len() > VALUES_MAX {
        return format!("{} different values", values.len());
    }
    list(values)
}

/// All of them, what a cluster is first. Nothing is known where a side's runs tell no settings.
pub(super) fn settings(here: &CampaignSummary, before: &CampaignSummary) -> Vec<Setting> {
    let (these, others) = (told(here), told(before));
    if these.is_empty() || others.is_empty() {
        return Vec::new();
    }
    let all = || these.iter().chain(&others);
    let names: BTreeSet<&String> = all().flat_map(|run| run.settings.keys()).collect();
    let mut differ: Vec<Setting> = names
        .into_iter()
        .map(|name| Setting {
            name: name.clone(),
            here: values(&these, name),
            before: values(&others, name),
        })
        .filter(|setting| setting.here != setting.before)
        .collect();
    differ.sort_by_key(|setting| rank(&setting.name));
    differ
}

fn told(summary: &CampaignSummary) -> Vec<&CampaignRun> {
    let runs = summary.runs.iter();
    runs.filter(|run| !run.settings.is_empty()).collect()
}

/// The values of a setting in these runs, each once.
fn values(runs: &[&CampaignRun], name: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for run in runs {
        match run.settings.get(name) {
            Some(values) => found.extend(values.iter().cloned()),
            None => _ = found.insert(unsaid(name).to_owned()),
        }
    }
    found.into_iter().collect()
}

/// What a run has where its plan does not say.
fn unsaid(name: &str) -> &'static str {
    match name {
        "client" => "librdkafka",
        _ => NOT_SET,
    }
}

fn rank(name: &str) -> usize {
    let first = name.split('.').next().unwrap_or_default();
    let place = FIRST.iter().position(|known| *known == first);
    place.unwrap_or(FIRST.len())
}

/// What a run was set up with: the values by their places in its plan. Most have one; the kinds of its faults are several.
pub type Settings = BTreeMap<String, BTreeSet<String>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(runs: &[&[(&str, &str)]]) -> CampaignSummary {
        let run = |settings: &&[(&str, &str)]| CampaignRun {
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), BTreeSet::from([(*value).to_owned()])))
                .collect(),
            ..CampaignRun::default()
        };
        let runs = runs.iter().map(run).collect();
        CampaignSummary::new("x".to_owned(), String::new(), 1, String::new(), runs)
    }

    #[test]
    fn only_what_differs_is_told_and_what_a_cluster_is_comes_first() {
        let here = campaign(&[
            &[("broker", "kafka-4.4.0"), ("nodes", "3"), ("acks", "all")],
            &[("broker", "kafka-4.4.0"), ("nodes", "5"), ("acks", "all")],
        ]);
        let before = campaign(&[&[
            ("broker", "kafka-3.9.2"),
            ("nodes", "3"),
            ("versions.n1", "4.0.1"),
        ]]);
        let lines: Vec<String> = settings(&here, &before).iter().map(Setting::line).collect();
        assert_eq!(
            lines,
            [
                "broker: kafka-4.4.0 here, kafka-3.9.2 before",
                "versions.n1: not set here, 4.0.1 before",
                "nodes: 3 and 5 here, 3 before",
                "acks: all here, not set before",
            ]
        );
        assert_eq!(settings(&here, &here), []);
        assert_eq!(
            settings(&here, &campaign(&[&[]])),
            [],
            "nothing is known of the other"
        );
    }

    #[test]
    fn clients_are_librdkafkas_where_no_plan_says_other() {
        let (here, before) = (
            campaign(&[&[("client", "java:4.4.0"), ("nodes", "3")]]),
            campaign(&[&[("nodes", "3")]]),
        );
        let lines: Vec<String> = settings(&here, &before).iter().map(Setting::line).collect();
        assert_eq!(lines, ["client: java:4.4.0 here, librdkafka before"]);
    }

    #[test]
    fn many_values_are_counted() {
        let many: Vec<String> = (0..9).map(|value| value.to_string()).collect();
        assert_eq!(shown(&many), "9 different values");
    }
}
