//! What a plan says of the broker's versions and their features.

use cluster::kafka::{KafkaConfig, RUNNABLE, can_run, is_older, release};
use nemesis::VersionChange;

use super::Plan;
use super::check::Wrong;

/// Everything that is wrong with versions and features. A broker that is not known is said elsewhere.
pub fn check(plan: &Plan, wrong: &mut Vec<Wrong>) {
    for (name, version) in &plan.versions {
        let mut say = |reason: String| wrong.push(Wrong::new(&["versions", name], reason));
        if let Some(reason) = plan.no_such_node(name) {
            say(reason);
        }
        if !can_run(version) {
            let known = RUNNABLE.join(", ");
            say(format!(
                "Kafka {version} is not known or cannot be run yet: {known}"
            ));
        }
    }
    if let Some(reason) = plan.kafka().wrong_shape() {
        wrong.push(Wrong::new(&["shape"], reason));
    }
    if let Some(reason) = plan.kafka().wrong_quorum() {
        wrong.push(Wrong::new(&["quorum"], reason));
    }
    for (feature, reason) in plan.kafka().wrong_features() {
        wrong.push(Wrong::new(&["features", feature], reason));
    }
    let (kafka, changes) = (plan.kafka(), plan.nemesis.version_changes());
    for (path, change) in &changes {
        let others = changes.iter().map(|(_, other)| other.to.as_str());
        if let Some(reason) = wrong_change(&kafka, change, others) {
            wrong.push(Wrong::in_section("nemesis", path.clone(), reason));
        }
    }
    check_workload(plan, wrong);
}

fn check_workload(plan: &Plan, wrong: &mut Vec<Wrong>) {
    let Some(least) = plan.workload.least_version() else {
        return;
    };
    let kafka = plan.kafka();
    let old = kafka.all_versions();
    let mut old = old.iter().filter(|version| is_older(version, least.version));
    if let Some(old) = old.next() {
        let reason = format!(
            "Kafka {old} does not know this, {} and newer do: {}",
            least.version, least.instead
        );
        let path: Vec<&str> = ["workload", plan.workload.name()]
            .into_iter()
            .chain(least.field)
            .collect();
        wrong.push(Wrong::new(&path, reason));
    }
}

/// Why nodes that begin as the plan says, and are changed to those other versions before, can never be changed so.
fn wrong_change<'a>(
    kafka: &'a KafkaConfig,
    change: &VersionChange,
    others: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let to = change.to.as_str();
    let Some(release) = release(to).filter(|_| can_run(to)) else {
        let known = RUNNABLE.join(", ");
        return Some(format!("Kafka {to} is not known or cannot be run yet: {known}"));
    };
    let begins = kafka.all_versions();
    let mut from = begins.iter().copied().chain(others);
    let possible = from.any(|from| {
        if change.back {
            is_older(to, from)
        } else {
            is_older(from, to)
        }
    });
    if !possible {
        let (age, begins) = (
            if change.back { "older" } else { "newer" },
            Vec::from_iter(begins).join(", "),
        );
        return Some(format!(
            "Kafka {to} is not {age} than what the nodes begin with: {begins}"
        ));
    }
    let why = release.cannot_join(&kafka.finalised())?;
    Some(format!(
        "there is no way to Kafka {to}: {why}; begin with [features] that it knows, such as \"metadata.version\" = \"{}\"",
        to.rsplit_once('.').map_or(to, |(release, _)| release)
    ))
}

#[cfg(test)]
mod tests {
    use cluster::kafka::Level;

    use super::*;

    fn check(version: &str, metadata: Option<i16>, to: &str, back: bool, expected: Option<&str>) {
        let kafka = KafkaConfig {
            version: version.to_owned(),
            features: metadata
                .into_iter()
                .map(|level| ("metadata.version".to_owned(), Level(level)))
                .collect(),
            ..KafkaConfig::default()
        };
        let to = to.to_owned();
        let found = wrong_change(&kafka, &VersionChange { to, back }, std::iter::empty());
        match expected {
            None => assert_eq!(found, None),
            Some(text) => assert!(
                found.as_ref().is_some_and(|found| found.contains(text)),
                "{found:?}"
            ),
        }
    }

    #[test]
    fn versions_change_in_one_direction_as_long_as_what_is_finalised_is_known() {
        check("3.9.2", None, "4.4.0", false, None);
        check("4.4.0", None, "3.9.2", false, Some("3.9.2 is not newer than"));
        check("4.4.0", Some(21), "3.9.2", true, None);
        check("3.9.2", None, "4.4.0", true, Some("4.4.0 is not older than"));
        let no_way = "there is no way to Kafka 3.9.2: eligible.leader.replicas.version is finalised at 1";
        check("4.4.0", None, "3.9.2", true, Some(no_way));
        check("4.4.0", None, "9.9.9", true, Some("not known"));
        check("4.0.1", None, "4.4.0", false, None);
    }
}
