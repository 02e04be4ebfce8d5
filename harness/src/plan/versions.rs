//! What a plan says of the broker's versions and their features.

use super::check::Wrong;
use super::{Plan, node_number};

/// Everything that is wrong with versions and features. A broker that is not known is said elsewhere.
pub fn check(plan: &Plan, wrong: &mut Vec<Wrong>) {
    for (name, version) in &plan.versions {
        let mut say = |reason: String| wrong.push(Wrong::new(&["versions", name], reason));
        if !node_number(name).is_some_and(|node| (1..=plan.nodes).contains(&node)) {
            say(format!(
                "there is no node `{name}`: this cluster has n1 to n{}",
                plan.nodes
            ));
        }
        if !cluster::kafka::RUNNABLE.contains(&version.as_str()) {
            let known = cluster::kafka::RUNNABLE.join(", ");
            say(format!(
                "Kafka {version} is not known or cannot be run yet: {known}"
            ));
        }
    }
    for (feature, reason) in plan.kafka().wrong_features() {
        wrong.push(Wrong::new(&["features", feature], reason));
    }
}
