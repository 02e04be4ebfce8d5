//! What a plan sets of brokers and their JVMs over what Tribunal would.

use cluster::kafka::{wrong_option, wrong_property};

use super::check::Wrong;
use super::{Plan, node_number};

/// Everything that is wrong with it.
pub fn check(plan: &Plan, wrong: &mut Vec<Wrong>) {
    for name in plan.properties.keys() {
        let reason = wrong_property(name);
        wrong.extend(reason.map(|reason| Wrong::new(&["properties", name], reason)));
    }
    for (index, option) in plan.jvm.iter().enumerate() {
        let reason = wrong_option(option);
        wrong.extend(reason.map(|reason| Wrong::new(&["jvm", &index.to_string()], reason)));
    }
    for (node, own) in &plan.node {
        if !node_number(node).is_some_and(|number| (1..=plan.all_nodes()).contains(&number)) {
            let nodes = plan.all_nodes();
            let reason = format!("there is no node `{node}`: this cluster has n1 to n{nodes}");
            wrong.push(Wrong::new(&["node", node], reason));
        }
        for name in own.properties.keys() {
            let reason = wrong_property(name);
            wrong.extend(reason.map(|reason| Wrong::new(&["node", node, "properties", name], reason)));
        }
        for (index, option) in own.jvm.iter().enumerate() {
            let (index, reason) = (index.to_string(), wrong_option(option));
            wrong.extend(reason.map(|reason| Wrong::new(&["node", node, "jvm", &index], reason)));
        }
    }
}
