//! What the parser cannot see: settings that are each well formed and together make no sense.

use std::collections::BTreeSet;

use super::{Plan, Shape, simulated};

/// A setting that is wrong: where it stands, and why.
pub struct Wrong {
    /// The keys that lead to it; a number for an item of a list.
    pub path: Vec<String>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl Wrong {
    /// The setting at these keys is wrong.
    pub fn new(path: &[&str], reason: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|&part| part.to_owned()).collect(),
            reason: reason.into(),
        }
    }

    /// A setting as its section names it.
    pub(super) fn in_section(section: &str, path: Vec<String>, reason: String) -> Self {
        Self {
            path: [section.to_owned()].into_iter().chain(path).collect(),
            reason,
        }
    }
}

/// As many nodes as the sandbox's shapes are made for.
const NODES_MAX: u32 = 9;
/// More partitions than this in one plan is a mistake: every one is asked for ten times a second.
const PARTITIONS_MAX: u32 = 1_000;

/// What a plan's nemesis comes to with a seed.
pub fn nemesis(plan: &Plan, seed: u64) -> Result<nemesis::NemesisConfig, nemesis::Invalid> {
    plan.nemesis.resolved(
        seed,
        plan.members(),
        plan.topics.iter().map(|topic| topic.partitions).sum(),
    )
}

/// Whether there is a broker of that name, and it can be run.
pub fn known_broker(broker: &str) -> Result<(), String> {
    let names: Vec<String> = cluster::BROKERS.iter().flat_map(cluster::Broker::names).collect();
    if names.iter().any(|name| name == broker) {
        return Ok(());
    }
    let known = names.join(", ");
    if broker.starts_with("kafka-") {
        return Err(format!(
            "`{broker}` is not known or cannot be run yet: {known}; `tribunal broker add` adds others"
        ));
    }
    Err(format!("there is no broker `{broker}`: {known}"))
}

/// Everything that is wrong with a plan, in the order of its text.
pub fn check(plan: &Plan) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    check_cluster(plan, &mut wrong);
    if !plan.is_simulated() {
        super::versions::check(plan, &mut wrong);
        super::tuning::check(plan, &mut wrong);
    }
    check_topics(plan, &mut wrong);
    for invalid in plan.workload.validate() {
        wrong.push(Wrong::in_section("workload", invalid.path, invalid.reason));
    }
    let partitions: Vec<u32> = plan.topics.iter().map(|topic| topic.partitions).collect();
    if let Some(reason) = plan.workload.validate_topics(&partitions) {
        wrong.push(Wrong::new(&["topics"], reason));
    }
    if let Err(invalid) = nemesis(plan, 0) {
        wrong.push(Wrong::in_section("nemesis", invalid.path, invalid.reason));
    }
    check_limits(plan, &mut wrong);
    check_properties(plan, &mut wrong);
    check_prober(plan, &mut wrong);
    super::client::check(plan, &mut wrong);
    simulated::check(plan, &mut wrong);
    wrong
}

/// Whether nothing is wrong with a plan.
pub fn makes_sense(plan: &Plan) -> bool {
    check(plan).is_empty()
}

/// Whether something may be called so: a plan, or a campaign.
pub fn check_name(name: &str) -> Result<(), Wrong> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && name.chars().all(legal) {
        return Ok(());
    }
    Err(Wrong::new(
        &["name"],
        "a name becomes part of a directory's: letters, digits, `-`, `_` and `.` only, a letter or digit first",
    ))
}

fn check_cluster(plan: &Plan, wrong: &mut Vec<Wrong>) {
    wrong.extend(check_name(&plan.name).err());
    if let Err(reason) = known_broker(&plan.broker) {
        wrong.push(Wrong::new(&["broker"], reason));
    }
    if !plan.is_attached() && !(1..=NODES_MAX).contains(&plan.nodes) {
        wrong.push(Wrong::new(
            &["nodes"],
            format!("{} nodes: give 1 to {NODES_MAX}", plan.nodes),
        ));
    }
    check_shape(plan, wrong);
}

/// More nodes of `ZooKeeper` than this are no ensemble that anybody runs.
const ZOOKEEPERS_MAX: u32 = 5;

fn check_shape(plan: &Plan, wrong: &mut Vec<Wrong>) {
    let mut say = |setting: &str, reason: String| wrong.push(Wrong::new(&[setting], reason));
    let may_have_controllers = match plan.shape {
        Shape::Combined => false,
        Shape::Separate => true,
        Shape::ZooKeeper => plan.moves(),
    };
    if plan.controllers.is_some() && !may_have_controllers {
        say(
            "controllers",
            "this shape has no controllers of their own: this goes with shape = \"separate\", or with shape = \"zookeeper\" and the fault `migrate`".to_owned(),
        );
    }
    if plan.shape == Shape::ZooKeeper && plan.moves() && plan.own_controllers() == 0 {
        say(
            "controllers",
            "`migrate` moves the cluster to controllers: give 1 or more".to_owned(),
        );
    }
    if plan.zookeepers.is_some() && plan.shape != Shape::ZooKeeper {
        say(
            "zookeepers",
            "this shape has no ZooKeeper: this goes with shape = \"zookeeper\"".to_owned(),
        );
    }
    if plan.is_simulated() {
        if plan.shape != Shape::Combined {
            say(
                "shape",
                "the simulated brokers have no controllers of their own, and no ZooKeeper".to_owned(),
            );
        }
        return;
    }
    let (setting, given, others, count) = match plan.shape {
        Shape::Combined => return,
        Shape::Separate => (
            "controllers",
            plan.controllers,
            "controllers",
            plan.own_controllers(),
        ),
        Shape::ZooKeeper => (
            "zookeepers",
            plan.zookeepers,
            "nodes of ZooKeeper",
            plan.own_zookeepers(),
        ),
    };
    let setting = if given.is_some() { setting } else { "shape" };
    if plan.shape == Shape::ZooKeeper && (count % 2 == 0 || count > ZOOKEEPERS_MAX) {
        let reason = format!(
            "{count} nodes of ZooKeeper: give 1, 3 or {ZOOKEEPERS_MAX}, of which a majority must be left"
        );
        say(setting, reason);
    } else if count == 0 || plan.all_nodes() > NODES_MAX {
        let reason = format!(
            "{count} {others} beside {}: give 1 or more, and at most {NODES_MAX} nodes in all",
            beside(plan)
        );
        say(setting, reason);
    }
}

/// `3 brokers`, or `3 brokers and 3 controllers`.
fn beside(plan: &Plan) -> String {
    match plan.own_controllers() {
        controllers @ 1.. if plan.shape == Shape::ZooKeeper => {
            format!("{} brokers and {controllers} controllers", plan.nodes)
        }
        _ => format!("{} brokers", plan.nodes),
    }
}

fn check_topics(plan: &Plan, wrong: &mut Vec<Wrong>) {
    if plan.topics.is_empty() {
        wrong.push(Wrong::new(
            &["topics"],
            "no topic: the workload needs at least one",
        ));
    }
    let mut names = BTreeSet::new();
    for (index, topic) in plan.topics.iter().enumerate() {
        let index = index.to_string();
        let mut say =
            |setting: &str, reason: String| wrong.push(Wrong::new(&["topics", &index, setting], reason));
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if topic.name.is_empty()
            || topic.name.len() > 249
            || !topic.name.chars().all(legal)
            || topic.name.starts_with("__")
        {
            say(
                "name",
                "a topic's name has 1 to 249 letters, digits, `.`, `_` and `-`, and no `__` before it"
                    .to_owned(),
            );
        }
        if !names.insert(&topic.name) {
            say("name", format!("a second topic named `{}`", topic.name));
        }
        if !(1..=PARTITIONS_MAX).contains(&topic.partitions) {
            say(
                "partitions",
                format!("{} partitions: give 1 to {PARTITIONS_MAX}", topic.partitions),
            );
        }
        if !(1..=plan.nodes).contains(&topic.replication_factor) {
            let (asked, nodes) = (topic.replication_factor, plan.nodes);
            say(
                "replication-factor",
                format!("{asked} replicas on {nodes} nodes: give 1 to {nodes}"),
            );
        }
        if !(1..=topic.replication_factor).contains(&topic.min_insync_replicas) {
            let (asked, replicas) = (topic.min_insync_replicas, topic.replication_factor);
            say(
                "min-insync-replicas",
                format!("{asked} of {replicas} replicas must be in sync: give 1 to {replicas}"),
            );
        }
        for (setting, instead) in OWN_SETTINGS {
            if topic.config.contains_key(setting) {
                say(
                    "config",
                    format!("`{setting}` has a word of its own: `{instead}`"),
                );
            }
        }
    }
}

/// What a topic's own words set.
const OWN_SETTINGS: [(&str, &str); 2] = [
    ("min.insync.replicas", "min-insync-replicas"),
    ("unclean.leader.election.enable", "unclean-election"),
];

/// What a workload is judged by and only the brokers do has to be the same to both.
fn check_properties(plan: &Plan, wrong: &mut Vec<Wrong>) {
    for (name, value) in plan.workload.properties() {
        if plan.properties.get(name) != Some(&value) && !plan.is_simulated() {
            let reason = format!(
                "the run is judged by it, so the brokers must have it: set \"{name}\" = \"{value}\" in [properties]"
            );
            wrong.push(Wrong::new(&["workload", plan.workload.name()], reason));
        }
    }
}

fn check_limits(plan: &Plan, wrong: &mut Vec<Wrong>) {
    if let Some(percent) = plan.limits.load {
        if !(1..=100).contains(&percent) {
            let reason = format!("{percent} of a hundred writes are to begin in time: give 1 to 100");
            wrong.push(Wrong::new(&["limits", "load"], reason));
        } else if !plan.workload.counts_load() || plan.is_simulated() {
            let reason = format!(
                "whether the load is what is asked for is counted by the workload `log` on real brokers alone, and this is `{}`",
                if plan.is_simulated() {
                    "sim"
                } else {
                    plan.workload.name()
                }
            );
            wrong.push(Wrong::new(&["limits", "load"], reason));
        }
    }
    let known: Vec<&str> = nemesis::FAULTS.iter().map(|fault| fault.name).collect();
    let planned = plan.nemesis.kinds();
    let names = plan.nemesis.names();
    for (index, name) in plan.limits.required_steps.iter().enumerate() {
        if !names.contains(name) {
            let known = if names.is_empty() {
                "none has a name".to_owned()
            } else {
                names.join(", ")
            };
            wrong.push(Wrong::new(
                &["limits", "required-steps", &index.to_string()],
                format!("the plan's nemesis has no step `{name}`: {known}"),
            ));
        }
    }
    for (index, kind) in plan.limits.required_faults.iter().flatten().enumerate() {
        let reason = if !known.contains(&kind.as_str()) {
            format!("there is no fault `{kind}`: {}", known.join(", "))
        } else if !planned.contains(kind) {
            format!("`{kind}` is required, and the plan's nemesis never injects it")
        } else {
            continue;
        };
        wrong.push(Wrong::new(
            &["limits", "required-faults", &index.to_string()],
            reason,
        ));
    }
}

/// More partitions than this would make the prober a load of its own.
const PROBED_MAX: u32 = 64;

fn check_prober(plan: &Plan, wrong: &mut Vec<Wrong>) {
    if !(1..=PROBED_MAX).contains(&plan.prober.partitions) {
        let asked = plan.prober.partitions;
        let reason = format!(
            "{asked} partitions are probed: give 1 to {PROBED_MAX}, or `enabled = false` where none is to be"
        );
        wrong.push(Wrong::new(&["prober", "partitions"], reason));
    }
    let limits = &plan.limits.availability;
    if plan.is_simulated() && !limits.is_empty() {
        let reason = "availability is measured on real brokers alone: the simulated one is not probed";
        wrong.push(Wrong::new(&["limits", "availability"], reason));
    }
    for (name, _) in limits
        .spans()
        .filter(|(name, span)| span.is_zero() && *name != "lost-time")
    {
        let reason = "no outage takes no time at all: give the longest that is allowed, such as `10s`";
        wrong.push(Wrong::new(&["limits", "availability", name], reason));
    }
    if !plan.prober.enabled {
        for name in limits.probed() {
            let reason = format!("`{name}` is measured by the prober, which the plan switches off");
            wrong.push(Wrong::new(&["limits", "availability", name], reason));
        }
    }
}
