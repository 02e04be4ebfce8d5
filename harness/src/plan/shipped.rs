//! The plans that ship inside the binary. One file and one line to add one.

use std::path::Path;

use anyhow::{Context, Result, anyhow};

/// A plan that ships.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name on the command line: its path below `plans/`, without the ending.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// All of them, in the order in which `tribunal list` shows them.
        pub const SHIPPED: &[Shipped] = &[
            $(Shipped { name: $name, text: include_str!(concat!("../../../plans/", $name, ".toml")) },)+
        ];
    };
}

shipped![
    "quick",
    "subscribe",
    "sim",
    "rotation",
    "triggers",
    "upgrade",
    "migration",
    "txn",
    "list-append",
    "register",
    "group",
    "group-consumer",
    "eos",
    "bank",
    "idempotence",
    "idempotence-java",
    "retention",
    "retention-bytes",
    "compaction",
    "queue",
    "timestamps",
    "controls/acks1",
    "controls/acks-all",
    "controls/unclean",
    "controls/txn-uncommitted",
    "controls/hanging-transaction",
    "controls/list-append-acks1",
    "controls/register-acks1",
    "controls/group-commit-first",
    "controls/eos-offsets-apart",
    "controls/bank-no-transactions",
    "controls/idempotence-off",
    "controls/retention-short",
    "controls/retention-bytes-short",
    "controls/compaction-tombstones",
    "controls/queue-power-loss",
    "controls/timestamps-skew",
    "faults/clock",
    "faults/network",
    "faults/versions",
    "faults/process",
    "faults/kafka",
    "faults/voters",
    "faults/disk",
    "faults/zookeeper",
    "faults/controllers",
    "shrink/twenty",
    "regressions/unclean-on",
    "regressions/unclean-off",
    "regressions/elect-unclean",
    "regressions/min-isr-1-acks1",
    "regressions/min-isr-1-acks-all",
    "regressions/min-isr-2-acks-all",
    "regressions/last-replica-3.9.2",
    "regressions/last-replica-4.3.1-elr-off",
    "regressions/last-replica-4.3.1",
    "regressions/last-replica-4.4.0-elr-off",
    "regressions/last-replica-4.4.0",
    "regressions/min-isr-1",
    "regressions/min-isr-1-flushed",
    "regressions/power-loss-of-all",
    "regressions/power-loss-of-all-flushed",
];

/// The plan of that name, which may carry its folder (`plans/`) and its ending, as a path would.
fn shipped(name: &str) -> Option<&'static Shipped> {
    let name = name.strip_prefix("plans/").unwrap_or(name);
    let name = name.strip_suffix(".toml").unwrap_or(name);
    SHIPPED.iter().find(|plan| plan.name == name)
}

/// A plan's text: a file's, named from where one is or from a folder, or that of a plan that ships. The name is the one that errors carry.
pub fn load(plan: &str, beside: Option<&Path>) -> Result<(String, String)> {
    let places = beside
        .map(|folder| folder.join(plan))
        .into_iter()
        .chain([plan.into()]);
    for path in places {
        if path.is_file() {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("read plan {}", path.display()))?;
            return Ok((path.display().to_string(), text));
        }
    }
    if let Some(shipped) = shipped(plan) {
        return Ok((format!("{plan} (built in)"), shipped.text.to_owned()));
    }
    let names: Vec<&str> = SHIPPED.iter().map(|plan| plan.name).collect();
    Err(anyhow!(
        "there is no plan {plan}: it is no file, and the plans that ship are {}",
        names.join(", ")
    ))
}
