//! The names of nodes and partitions in a step, in a plan that has fewer of them.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use crate::plan::TopicPlan;

/// The keys whose values are what steps are called.
const CALLED: [&str; 2] = ["name", "step"];

/// The same step where only `nodes` nodes are left: a node that is gone is one of those that are there. `None` where
/// it makes no sense then.
pub fn nodes<T: Serialize + DeserializeOwned>(step: &T, nodes: u32) -> Option<T> {
    through_toml(step, &mut |name, value| {
        if name.is_some_and(|name| CALLED.contains(&name)) {
            return;
        }
        let Value::String(text) = value else { return };
        let number = text
            .strip_prefix('n')
            .and_then(|number| number.parse::<u32>().ok());
        if let Some(number) = number.filter(|number| *number > nodes) {
            *text = format!("n{}", (number - 1) % nodes.max(1) + 1);
        }
    })
}

/// The same step where these topics are left of those: a partition that is gone is one that is there, of the same topic
/// where that is left.
pub fn keys<T: Serialize + DeserializeOwned>(
    step: &T,
    before: &[TopicPlan],
    after: &[TopicPlan],
) -> Option<T> {
    through_toml(step, &mut |name, value| {
        if let (Some("key" | "keys"), Value::Integer(key)) = (name, value) {
            *key = i64::from(key_in(u32::try_from(*key).unwrap_or(0), before, after));
        }
    })
}

/// Where a partition of these topics lies in those.
fn key_in(key: u32, before: &[TopicPlan], after: &[TopicPlan]) -> u32 {
    let mut rest = key;
    for topic in before {
        if rest < topic.partitions {
            let mut first = 0;
            for left in after {
                if left.name == topic.name {
                    return first + rest % left.partitions.max(1);
                }
                first += left.partitions;
            }
            return 0;
        }
        rest -= topic.partitions;
    }
    0
}

/// Changes what a step says by the names under which it says it. Every fault has the form of its plan, so that none has
/// to be known here.
fn through_toml<T: Serialize + DeserializeOwned>(
    step: &T,
    change: &mut dyn FnMut(Option<&str>, &mut Value),
) -> Option<T> {
    let mut value = Value::try_from(step).ok()?;
    walk(None, &mut value, change);
    value.try_into().ok()
}

fn walk(name: Option<&str>, value: &mut Value, change: &mut dyn FnMut(Option<&str>, &mut Value)) {
    match value {
        Value::Table(table) => {
            for (name, inner) in table.iter_mut() {
                walk(Some(name), inner, change);
            }
        }
        Value::Array(list) => {
            for inner in list.iter_mut() {
                walk(name, inner, change);
            }
            // Two that have become the same are one.
            let mut seen = BTreeSet::new();
            list.retain(|inner| !inner.is_str() || seen.insert(inner.to_string()));
        }
        other => change(name, other),
    }
}

#[cfg(test)]
mod tests {
    use super::{keys, nodes};
    use crate::plan::TopicPlan;
    use nemesis::{FaultSpec, Step};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Written {
        fault: FaultSpec,
    }

    fn fault(text: &str) -> FaultSpec {
        let written: Written = toml::from_str(&format!("fault = {text}")).expect("a fault");
        written.fault
    }

    fn topics(counts: &[(&str, u32)]) -> Vec<TopicPlan> {
        let topic = |(name, partitions): &(&str, u32)| {
            toml::from_str(&format!("name = \"{name}\"\npartitions = {partitions}")).expect("a topic")
        };
        counts.iter().map(topic).collect()
    }

    #[test]
    fn nodes_that_are_gone_are_others_and_each_is_named_once() {
        let five = fault("{ kill = { target = [\"n1\", \"n2\", \"n4\"] } }");
        assert_eq!(
            nodes(&five, 3),
            Some(fault("{ kill = { target = [\"n1\", \"n2\"] } }"))
        );
        assert_eq!(nodes(&five, 4), Some(five));
        let leader = fault("{ kill = { target = \"leader\", key = 3 } }");
        assert_eq!(nodes(&leader, 1), Some(leader));
    }

    #[test]
    fn partitions_keep_their_topic_where_it_is_left() {
        let (before, after) = (topics(&[("a", 2), ("b", 4)]), topics(&[("b", 2)]));
        let at = |key: u32| fault(&format!("{{ shrink-isr = {{ key = {key} }} }}"));
        for (key, expected) in [(0, 0), (1, 0), (2, 0), (3, 1), (4, 0), (5, 1)] {
            assert_eq!(keys(&at(key), &before, &after), Some(at(expected)), "{key}");
        }
    }

    #[test]
    fn what_a_step_waits_for_is_of_the_same_partition_and_what_it_is_called_stays() {
        let text = |name: &str, key: u32, node: u32| -> Step {
            let fault = format!("{{ kill = {{ target = [\"n{node}\"] }} }}");
            let text = format!(
                "name = \"{name}\"\nwhen = {{ isr-of = {{ key = {key}, at-most = 1 }} }}\nlasts = \"1s\"\nfault = {fault}"
            );
            toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"))
        };
        let (before, after) = (topics(&[("a", 4)]), topics(&[("a", 1)]));
        assert_eq!(keys(&text("n5", 3, 4), &before, &after), Some(text("n5", 0, 4)));
        assert_eq!(nodes(&text("n5", 3, 4), 3), Some(text("n5", 3, 1)));
    }
}
