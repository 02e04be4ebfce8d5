//! What a plan sets of brokers and their JVMs over what Tribunal would.

use std::collections::BTreeMap;

use cluster::kafka::{wrong_option, wrong_property};

use super::Plan;
use super::check::Wrong;

/// Everything that is wrong with it.
pub fn check(plan: &Plan, wrong: &mut Vec<Wrong>) {
    check_given(&[], &plan.properties, &plan.jvm, wrong);
    for (node, own) in &plan.node {
        let reason = plan.no_such_node(node);
        wrong.extend(reason.map(|reason| Wrong::new(&["node", node], reason)));
        check_given(&["node", node], &own.properties, &own.jvm, wrong);
    }
}

/// What is given below this place: to all nodes, or to one.
fn check_given(
    below: &[&str],
    properties: &BTreeMap<String, String>,
    options: &[String],
    wrong: &mut Vec<Wrong>,
) {
    let mut say = |setting: &str, name: &str, reason: Option<String>| {
        let path = [below, &[setting, name]].concat();
        wrong.extend(reason.map(|reason| Wrong::new(&path, reason)));
    };
    for name in properties.keys() {
        say("properties", name, wrong_property(name));
    }
    for (index, option) in options.iter().enumerate() {
        say("jvm", &index.to_string(), wrong_option(option));
    }
}
