//! What goes with the simulated broker alone, and what it lacks.

use cluster::kafka::{Quorum, Timeouts};
use cluster::sim::{Bug, Dice, MILLISECOND, Need, Network, Settings, Timing};
use history::Topic;
use workloads::WorkloadConfig;

use super::check::Wrong;
use super::{MetricsChoice, Plan, Resolved};

/// The stream of the seed that the bugs' times are drawn from.
const BUG_STREAM: u64 = 3;

/// Everything that contradicts the choice between a simulated broker and a real one.
pub fn check(plan: &Plan, wrong: &mut Vec<Wrong>) {
    if !plan.is_simulated() {
        if let Some(bug) = plan.bugs.first() {
            let broker = &plan.broker;
            let reason = format!(
                "`{bug}` is a bug of the simulated broker, and this one is {broker}: set broker = \"sim\""
            );
            wrong.push(Wrong::new(&["bugs"], reason));
        }
        if matches!(plan.workload, WorkloadConfig::Sim(_)) {
            let reason = "these are clients of the simulated broker: set broker = \"sim\"";
            wrong.push(Wrong::new(&["workload", "sim"], reason));
        }
        return;
    }
    if plan.workload.simulated().is_none() {
        let name = plan.workload.name();
        let reason =
            format!("the simulated broker has no clients of the workload `{name}`: choose a real one");
        wrong.push(Wrong::new(&["workload", name], reason));
        return;
    }
    if !plan.properties.is_empty() {
        let reason = "the simulated broker has no properties: they are for real ones";
        wrong.push(Wrong::new(&["properties"], reason));
    }
    for (setting, given) in [("jvm", !plan.jvm.is_empty()), ("node", !plan.node.is_empty())] {
        if given {
            let reason = "the simulated broker has no JVM and no properties: they are for real ones";
            wrong.push(Wrong::new(&[setting], reason));
        }
    }
    if !plan.features.is_empty() || !plan.versions.is_empty() {
        let setting = if plan.features.is_empty() {
            "versions"
        } else {
            "features"
        };
        let reason = "the simulated broker has no versions and no features: they are for real ones";
        wrong.push(Wrong::new(&[setting], reason));
    }
    if plan.metrics != MetricsChoice::default() {
        let reason = "the simulated broker has no metrics of its own";
        wrong.push(Wrong::new(&["metrics"], reason));
    }
    if plan.quorum != Quorum::default() {
        let reason = "the voters of the simulated controllers do not change";
        wrong.push(Wrong::new(&["quorum"], reason));
    }
    if plan.timeouts != Timeouts::default() {
        let reason = "the simulated broker knows `tuned` timeouts alone";
        wrong.push(Wrong::new(&["timeouts"], reason));
    }
    for (index, bug) in plan.bugs.iter().enumerate() {
        if let Some(need) = bug.needs().iter().find(|need| lacks(plan, **need)) {
            let reason = format!("`{bug}` cannot show itself here: it needs {}", need.text());
            wrong.push(Wrong::new(&["bugs", &index.to_string()], reason));
        }
    }
}

fn lacks(plan: &Plan, need: Need) -> bool {
    let clients = plan.workload.simulated().unwrap_or_default();
    let all = clients.producers + clients.mixed;
    let partitions: u32 = plan.topics.iter().map(|topic| topic.partitions).sum();
    match need {
        Need::Transactions => !clients.transactions,
        Need::Aborts => clients.transactions && clients.abort_per_mille == 0,
        Need::Steps => clients.steps_max < 2,
        Need::Contention => all < 2,
        Need::PlainWrites => clients.transactions,
        Need::Idempotence => !clients.idempotence && !clients.transactions,
        Need::Acks => clients.acks == workloads::Acks::None,
        Need::Replicas => plan.topics.iter().any(|topic| topic.replication_factor < 2),
        Need::Partitions => partitions < 2,
        Need::Nodes => plan.nodes < 2,
        Need::Assign => clients.subscribe,
        Need::Ends => clients.silent_per_mille > 0,
        Need::Time => plan
            .limits
            .liveness
            .is_none_or(|limit| limit.is_zero() || limit > plan.limits.recover),
    }
}

impl Resolved {
    /// The simulated cluster of this plan.
    pub fn simulated(&self) -> Settings {
        let topics: Vec<Topic> = self.topics();
        let acks = self.plan.workload.simulated().unwrap_or_default().acks;
        // What is sent without an acknowledgement is gone where the network loses it.
        let network = if acks == workloads::Acks::None {
            Network::CALM
        } else {
            Network {
                slow_per_mille: 1,
                slow: (50 * MILLISECOND, 2_500 * MILLISECOND),
                lost_per_mille: 1,
                ..Network::CALM
            }
        };
        Settings {
            seed: self.seed,
            nodes: self.plan.nodes,
            topics,
            timing: Timing::TUNED,
            network,
            bugs: self.bugs(),
        }
    }

    /// Each bug with the time from which on it waits for its occasion: while the faults go on, or without faults
    /// while the clients work.
    fn bugs(&self) -> Vec<(Bug, u64)> {
        let limits = &self.plan.limits;
        let work = nemesis::length(&self.steps).max(limits.recover.duration());
        let (steady, work) = (limits.steady.as_millis(), work.as_millis() as u64);
        let mut dice = Dice::new(self.seed, BUG_STREAM);
        let bugs = self.plan.bugs.iter();
        bugs.map(|bug| (*bug, (steady + dice.between(work / 10, work / 2)) * MILLISECOND))
            .collect()
    }
}
