//! From what the user wrote to what will be done: every default filled in, every random choice drawn.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use cluster::kafka::Timeouts;
use cluster::sim::Bug;
use history::{Expectation, Span, Topic, TransactionLimits};
use nemesis::{Power, Schedule, Step};

use super::check::{check, nemesis};
use super::spread::spread;
use super::{ClientName, DiskChoice, MetricsChoice, Plan, Shape, Whereabouts, place};

/// The first line of a resolved plan.
const REPLAY: &str = "# Everything this run was made of: `tribunal run` with this file runs it again.";

/// How often coordinators look for transactions whose time is over.
const ABORT_INTERVAL: &str = "transaction.abort.timed.out.transaction.cleanup.interval.ms";

/// How long a partition may go without an acknowledged write, where the plan does not say: several times what an
/// election and the clients' next try take with the brokers' timeouts tuned, …
const LIVENESS_TUNED: Span = Span::from_secs(30);
/// … and as the brokers ship.
const LIVENESS_UNTUNED: Span = Span::from_secs(90);

/// What the command line says over the plan.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--broker`.
    pub broker: Option<String>,
    /// `--client`.
    pub client: Option<ClientName>,
    /// `--nodes`.
    pub nodes: Option<u32>,
    /// `--shape`.
    pub shape: Option<Shape>,
    /// `--disk`.
    pub disk: Option<DiskChoice>,
    /// `--time-limit`.
    pub time_limit: Option<Span>,
    /// `--rest`.
    pub rest: Option<Span>,
    /// `--env`, as far as it matters to a plan.
    pub whereabouts: Whereabouts,
    /// `--bug`, each beside the plan's.
    pub bugs: Vec<Bug>,
}

/// A plan in which nothing is left to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The plan itself, its seed set, its nemesis a list of steps.
    pub plan: Plan,
    /// The seed.
    pub seed: u64,
    /// The steps of its nemesis.
    pub steps: Vec<Step>,
}

/// Reads a plan's text, applies the command line, checks it, and draws what is left to chance.
///
/// `file` is the name that errors carry.
pub fn resolve(file: &str, text: &str, overrides: &Overrides) -> Result<Resolved> {
    let mut plan: Plan = toml::from_str(text)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("plan {file}"))?;
    apply(file, &mut plan, overrides)?;
    report_wrong(file, text, &plan)?;
    let seed = overrides.seed.or(plan.seed).unwrap_or_else(draw_seed);
    plan.seed = Some(seed);
    if plan.client == ClientName::Java(None) {
        plan.client = ClientName::Java(Some(plan.kafka().version));
    }
    plan.prefix_topics(seed);
    let kinds = plan.nemesis.kinds();
    plan.nemesis =
        nemesis(&plan, seed).map_err(|invalid| anyhow!("plan {file}: nemesis: {}", invalid.reason))?;
    if let (Some(rest), Schedule::Steps(steps)) = (overrides.rest, &mut plan.nemesis.schedule) {
        spread(steps, rest);
    }
    // What swarm testing switched off in this run cannot be asked for.
    let required = plan.limits.required_faults.get_or_insert(kinds);
    required.retain(|kind| !plan.nemesis.off.contains(kind));
    let liveness = if plan.timeouts == Timeouts::default() {
        LIVENESS_TUNED
    } else {
        LIVENESS_UNTUNED
    };
    plan.limits.liveness.get_or_insert(liveness);
    if !plan.is_simulated() {
        let limit = plan.kafka().two_controllers();
        plan.limits.two_controllers.get_or_insert(limit);
    }
    let steps = match &plan.nemesis.schedule {
        Schedule::Steps(steps) => steps.clone(),
        _ => Vec::new(),
    };
    Ok(Resolved { plan, seed, steps })
}

/// What the command line says over the plan, with its own reasons where it cannot be.
fn apply(file: &str, plan: &mut Plan, overrides: &Overrides) -> Result<()> {
    if let Some(broker) = &overrides.broker {
        plan.broker.clone_from(broker);
        super::check::known_broker(broker).map_err(|reason| anyhow!("--broker: {reason}"))?;
    }
    if let Some(client) = &overrides.client {
        plan.client.clone_from(client);
    }
    if let Some(nodes) = overrides.nodes {
        room_for_replicas(file, plan, nodes)?;
        plan.nodes = nodes;
    }
    plan.shape = overrides.shape.unwrap_or(plan.shape);
    // What belongs to another shape goes with it.
    if overrides.shape.is_some_and(|shape| shape != Shape::Separate) {
        plan.controllers = None;
    }
    if overrides.shape.is_some_and(|shape| shape != Shape::ZooKeeper) {
        plan.zookeepers = None;
    }
    plan.disk = overrides.disk.unwrap_or(plan.disk);
    plan.put(&overrides.whereabouts);
    for bug in &overrides.bugs {
        if !plan.bugs.contains(bug) {
            plan.bugs.push(*bug);
        }
    }
    if let Some(limit) = overrides.time_limit {
        if !plan.nemesis.is_drawn() {
            return Err(anyhow!(
                "--time-limit: plan {file} has no random schedule whose length could be set"
            ));
        }
        plan.nemesis.set_duration(limit);
    }
    Ok(())
}

/// Fewer replicas than a plan asks for would be another plan: what it promises hangs on them.
fn room_for_replicas(file: &str, plan: &Plan, nodes: u32) -> Result<()> {
    let Some(topic) = plan.topics.iter().find(|topic| topic.replication_factor > nodes) else {
        return Ok(());
    };
    Err(anyhow!(
        "--nodes: topic `{}` of plan {file} has {} replicas, and {nodes} {} not room for them\n\
         hint: set its replication-factor to at most {nodes}, and min-insync-replicas to at most that, in a copy of the plan",
        topic.name,
        topic.replication_factor,
        if nodes == 1 { "node has" } else { "nodes have" },
    ))
}

fn report_wrong(file: &str, text: &str, plan: &Plan) -> Result<()> {
    let wrong = check(plan);
    let Some(first) = wrong.first() else { return Ok(()) };
    let path: Vec<&str> = first.path.iter().map(String::as_str).collect();
    let more = match wrong.len() - 1 {
        0 => String::new(),
        1 => "(and 1 more)\n".to_owned(),
        more => format!("(and {more} more)\n"),
    };
    Err(anyhow!(
        "plan {file}: {}{more}",
        place::at(text, &path, &first.reason)
    ))
}

/// Seeds below this are short enough to be read aloud.
pub const SEEDS: u64 = 1_000_000;

/// A seed that nobody gave.
pub fn draw_seed() -> u64 {
    u64::from(rand::random::<u32>()) % SEEDS
}

impl Resolved {
    /// The plan as text: what `resolved.toml` holds. Its first lines say how to run it again.
    pub fn to_toml(&self) -> Result<String> {
        let body = toml::to_string(&self.plan).context("a plan always has a form in TOML")?;
        if self.plan.is_simulated() {
            return Ok(format!("{REPLAY}\n\n{body}"));
        }
        let kafka = self.kafka();
        let common = cluster::kafka::KafkaConfig {
            tuning: BTreeMap::new(),
            ..kafka.clone()
        };
        let given = common.properties(1);
        let given: Vec<String> = given
            .iter()
            .map(|(name, value)| format!("#   {name}={value}"))
            .collect();
        let finalised = kafka.finalised();
        let finalised: Vec<String> = finalised
            .iter()
            .map(|(name, level)| format!("#   {name}={level}"))
            .collect();
        Ok(format!(
            "{REPLAY}\n\n{body}\n\
             # What each node's broker was given beside its own numbers, addresses and what is under `node`:\n{}\n\
             # The features that the cluster began with, every other at 0:\n{}\n",
            given.join("\n"),
            finalised.join("\n")
        ))
    }

    /// Whether the brokers' own metrics are asked for.
    pub fn has_metrics(&self) -> bool {
        self.plan.metrics != MetricsChoice::Off
    }

    /// Whether each node's data lies on a disk that can fail.
    pub fn has_disks(&self) -> bool {
        let needs = |step: &Step| step.fault.kind().needs().contains(&Power::Disk);
        match self.plan.disk {
            DiskChoice::WhenNeeded => self.steps.iter().any(needs),
            DiskChoice::Always => true,
            DiskChoice::Never => false,
        }
    }

    /// The topics as the history names them.
    pub fn topics(&self) -> Vec<Topic> {
        self.plan.topics.iter().map(Topic::from).collect()
    }

    /// The broker's configuration.
    pub fn kafka(&self) -> cluster::kafka::KafkaConfig {
        self.plan.kafka()
    }

    /// The versions of the broker that its nodes run at one time or another, each once.
    pub fn versions(&self) -> BTreeSet<String> {
        let (kafka, changes) = (self.kafka(), self.plan.nemesis.version_changes());
        let begun = kafka.all_versions().into_iter().map(str::to_owned);
        begun
            .chain(changes.into_iter().map(|(_, change)| change.to))
            .collect()
    }

    /// The fault of each step that must bite: faults are numbered as their steps stand.
    fn required_steps(&self) -> BTreeMap<String, u32> {
        let numbered = (0..).zip(&self.steps);
        let required = numbered.filter_map(|(id, step)| Some((step.name.clone()?, id)));
        required
            .filter(|(name, _)| self.plan.limits.required_steps.contains(name))
            .collect()
    }

    /// What the checks hold the run to.
    pub fn expectation(&self) -> Expectation {
        let promises = self.plan.workload.promises();
        let mut expect = Expectation {
            minimum_acknowledged: self.plan.limits.minimum_acknowledged,
            required_faults: self.plan.limits.required_faults.clone().unwrap_or_default(),
            required_steps: self.required_steps(),
            without_faults: self.plan.nemesis.is_none(),
            producers: promises.producers,
            acks: promises.acks,
            read_uncommitted: promises.read_uncommitted,
            application: promises.application,
            liveness: self.plan.limits.liveness.filter(|limit| !limit.is_zero()),
            availability: self.plan.limits.availability.clone(),
            load: self.plan.limits.load,
            two_controllers: self.plan.limits.two_controllers.filter(|limit| !limit.is_zero()),
            strict_metrics: self.plan.metrics == MetricsChoice::Strict,
            ..Expectation::default()
        };
        self.plan.workload.expect(&mut expect);
        if self.plan.is_simulated() {
            // Simulated clients have no requests that could be counted.
            (expect.in_flight, expect.expired) = (None, None);
        }
        expect.transactions = self.transactions();
        expect
    }

    /// How long a transaction of the clients may stay open; `None` where they have none.
    pub fn transactions(&self) -> Option<TransactionLimits> {
        let timeout = self.plan.workload.transaction_timeout()?;
        if self.plan.is_simulated() {
            return Some(workloads::sim::transaction_limits());
        }
        let interval = self.plan.properties.get(ABORT_INTERVAL);
        let interval = interval.and_then(|interval| interval.trim().parse().ok());
        Some(TransactionLimits {
            timeout,
            abort_interval: interval.map_or(TransactionLimits::ABORT_INTERVAL, Span::from_millis),
        })
    }
}
