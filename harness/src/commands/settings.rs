//! What a run was set up with, out of its resolved plan: for putting two side by side.

use std::collections::BTreeSet;
use std::fs;

use report::Settings;
use toml::{Table, Value};

use crate::directory::RunDirectory;

/// What differs from run to run and says nothing of how it was set up.
const PASSED_OVER: &[&str] = &["about", "name", "nemesis", "seed"];

/// The settings of a run; none where its plan is not there or cannot be read.
pub fn settings(directory: &RunDirectory) -> Settings {
    let text = fs::read_to_string(directory.plan()).unwrap_or_default();
    of_plan(&text)
}

fn of_plan(text: &str) -> Settings {
    let mut settings = Settings::new();
    let Ok(plan) = text.parse::<Table>() else {
        return settings;
    };
    for (name, value) in plan
        .iter()
        .filter(|(name, _)| !PASSED_OVER.contains(&name.as_str()))
    {
        add(&mut settings, name, value);
    }
    let faults = plan.get("nemesis").map(faults).unwrap_or_default();
    if !faults.is_empty() {
        settings.insert("faults".to_owned(), faults);
    }
    settings
}

/// Adds a value at this place, and of a table or a list of tables each below it.
fn add(settings: &mut Settings, place: &str, value: &Value) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                add(settings, &format!("{place}.{name}"), value);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_table) => {
            for (number, value) in values.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let name = name.map_or_else(|| (number + 1).to_string(), str::to_owned);
                add(settings, &format!("{place}.{name}"), value);
            }
        }
        _ => {
            let values = settings.entry(place.to_owned()).or_default();
            values.insert(word(value));
        }
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The kinds of the faults in a schedule, however deep they lie in it: when each comes is drawn, and no setting.
fn faults(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Table(table) => {
            let named = table.get("fault").and_then(Value::as_table);
            let named = named.into_iter().flat_map(|fault| fault.keys().cloned());
            let word = table.get("fault").and_then(Value::as_str).map(str::to_owned);
            named.chain(word).chain(table.values().flat_map(faults)).collect()
        }
        Value::Array(values) => values.iter().flat_map(faults).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_becomes_places_and_values() {
        let settings = of_plan(
            "seed = 7\nbroker = \"kafka-4.4.0\"\nnodes = 3\n[limits]\nsteady = \"2s\"\nrequired-faults = [\"kill\", \"pause\"]\n\
             [[topics]]\nname = \"log\"\npartitions = 2\n[[nemesis.steps]]\nat = \"1s\"\n[nemesis.steps.fault.kill]\ntarget = [\"n1\"]\n\
             [[nemesis.steps]]\nat = \"2s\"\nfault = \"pause\"\n",
        );
        let lines: Vec<String> = settings
            .iter()
            .map(|(name, values)| {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                format!("{name} = {}", values.join(" | "))
            })
            .collect();
        assert_eq!(
            lines,
            [
                "broker = kafka-4.4.0",
                "faults = kill | pause",
                "limits.required-faults = kill, pause",
                "limits.steady = 2s",
                "nodes = 3",
                "topics.log.name = log",
                "topics.log.partitions = 2",
            ]
        );
        assert!(of_plan("= no plan").is_empty());
    }
}
