//! `tribunal list`: what a plan can name. Every entry is read from the list that makes it work.

use std::fmt::Write;

use anyhow::Context;
use cluster::sim::Bug;
use serde::Serialize;

use crate::cli::{ListName, ListOptions};
use crate::exit::{Exit, Failure};
use crate::plan::{Plan, SHIPPED};
use crate::print;

/// One thing that can be named.
#[derive(Debug, Serialize)]
struct Item {
    name: String,
    about: String,
}

impl Item {
    fn new(name: &str, about: &str) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
        }
    }
}

/// A list and its name.
#[derive(Debug, Serialize)]
struct List {
    list: &'static str,
    items: Vec<Item>,
}

/// Prints the lists.
pub fn list(options: &ListOptions) -> Result<Exit, Failure> {
    let all = [
        ListName::Plans,
        ListName::Brokers,
        ListName::Workloads,
        ListName::Faults,
        ListName::Bugs,
        ListName::Checks,
        ListName::Anomalies,
        ListName::Consistency,
    ];
    let lists: Vec<List> = all
        .into_iter()
        .filter(|name| options.what.is_none_or(|only| only == *name))
        .map(make)
        .collect();
    let text = if options.json {
        serde_json::to_string_pretty(&lists)
            .context("a list always has a form in JSON")
            .map_err(Failure::infrastructure)?
    } else {
        lists.iter().map(render).collect::<Vec<_>>().join("\n")
    };
    print::data(text.trim_end()).map_err(Failure::infrastructure)?;
    Ok(Exit::Valid)
}

fn make(name: ListName) -> List {
    match name {
        ListName::Plans => List {
            list: "plans",
            items: SHIPPED
                .iter()
                .map(|plan| Item::new(plan.name, &about(plan.text)))
                .collect(),
        },
        ListName::Brokers => List {
            list: "brokers",
            items: brokers(),
        },
        ListName::Workloads => List {
            list: "workloads",
            items: workloads::WORKLOADS
                .iter()
                .map(|workload| Item::new(workload.name, &workload.about()))
                .collect(),
        },
        ListName::Faults => List {
            list: "faults",
            items: nemesis::FAULTS
                .iter()
                .map(|fault| Item::new(fault.name, &fault.about()))
                .collect(),
        },
        ListName::Bugs => List {
            list: "bugs",
            items: Bug::ALL
                .iter()
                .map(|bug| Item::new(bug.word(), &bug.about()))
                .collect(),
        },
        ListName::Checks => List {
            list: "checks",
            items: checkers::LIST
                .iter()
                .map(|check| Item::new(check.name, &check.doc()))
                .collect(),
        },
        ListName::Anomalies => List {
            list: "anomalies",
            items: checkers::ANOMALIES
                .iter()
                .map(|anomaly| Item::new(anomaly.name, &anomaly.meaning()))
                .collect(),
        },
        ListName::Consistency => List {
            list: "consistency",
            items: checkers::Consistency::all()
                .map(|model| Item::new(model.name(), model.meaning()))
                .collect(),
        },
    }
}

/// Each broker's versions by the name that a plan gives them.
fn brokers() -> Vec<Item> {
    let mut items = Vec::new();
    for broker in cluster::BROKERS {
        let default = format!("{}-{}", broker.name, broker.default_version);
        for name in broker.names() {
            let default = if name == default { " The default." } else { "" };
            items.push(Item::new(&name, &format!("{}{default}", broker.about)));
        }
    }
    items
}

fn about(text: &str) -> String {
    toml::from_str::<Plan>(text)
        .map(|plan| plan.about)
        .unwrap_or_default()
}

fn render(list: &List) -> String {
    let width = list.items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let mut text = format!("{}\n", list.list);
    for item in &list.items {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:width$}  {}", item.name, item.about);
    }
    text
}
