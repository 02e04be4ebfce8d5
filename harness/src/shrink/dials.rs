//! What a plan has less of: times, clients, partitions, nodes, each a number that can be turned down.

use history::Span;
use nemesis::Step;
use workloads::WorkloadConfig;

use super::remap;
use super::search::{Clue, steps_of, with_steps};
use crate::plan::Plan;

/// Shorter than this a phase, a rest or a fault is hardly one, and nothing is gained.
const TIME_LEAST: u64 = 500;
/// With fewer writes a second a fault may come and go between two of them.
const RATE_LEAST: u64 = 10;
/// How far a number is turned down at once, where one is no sensible value.
const AT_ONCE: u64 = 4;

/// A number of a plan, and how far it can be turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    kind: Kind,
    /// Where it stands.
    pub from: u64,
    /// The least that is worth a try.
    pub least: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Steady,
    Recover,
    Rests,
    /// How long the step of this number lasts.
    Lasts(usize),
    Producers,
    Consumers,
    Clients,
    Rate,
    Crashes,
    Topics,
    Partitions,
    Nodes,
}

/// Everything in a plan that can be turned down, what belongs together side by side.
pub fn dials(plan: &Plan) -> Vec<Dial> {
    let lasts = (0..steps_of(plan).len()).map(Kind::Lasts);
    let before = [Kind::Steady, Kind::Recover, Kind::Rests];
    let after = [
        Kind::Producers,
        Kind::Consumers,
        Kind::Clients,
        Kind::Rate,
        Kind::Crashes,
        Kind::Topics,
        Kind::Partitions,
        Kind::Nodes,
    ];
    let all = before.into_iter().chain(lasts).chain(after);
    let dials = all.filter_map(|kind| {
        let from = kind.value(plan)?;
        let least = kind.least(plan, from);
        Some(Dial { kind, from, least })
    });
    dials.filter(|dial| dial.least < dial.from).collect()
}

impl Dial {
    /// The plan with the number turned to this; `None` where it makes no sense then.
    pub fn turned(&self, plan: &Plan, to: u64, clue: &Clue) -> Option<Plan> {
        self.kind.set(plan, to, clue)
    }

    /// What is turned from where to where, for people, who know the faults that are left by these numbers.
    pub fn tell(&self, to: u64, faults: &[usize]) -> String {
        let (from, to) = (self.kind.show(self.from), self.kind.show(to));
        match self.kind {
            Kind::Crashes => "no crashes of clients".to_owned(),
            kind => format!("{} {from} → {to}", kind.name(faults)),
        }
    }
}

impl Kind {
    fn name(self, faults: &[usize]) -> String {
        match self {
            Self::Steady => "steady".to_owned(),
            Self::Recover => "recover".to_owned(),
            Self::Rests => "rests".to_owned(),
            Self::Lasts(step) => format!("fault {} lasts", faults.get(step).unwrap_or(&step)),
            Self::Producers => "producers".to_owned(),
            Self::Consumers => "consumers".to_owned(),
            Self::Clients => "clients".to_owned(),
            Self::Rate => "rate".to_owned(),
            Self::Crashes => "crashes".to_owned(),
            Self::Topics => "topics".to_owned(),
            Self::Partitions => "partitions".to_owned(),
            Self::Nodes => "nodes".to_owned(),
        }
    }

    fn show(self, value: u64) -> String {
        match self {
            Self::Steady | Self::Recover | Self::Rests | Self::Lasts(_) => {
                Span::from_millis(value).to_string()
            }
            _ => value.to_string(),
        }
    }

    /// Where it stands; `None` where the plan has no such thing.
    fn value(self, plan: &Plan) -> Option<u64> {
        Some(match self {
            Self::Steady => plan.limits.steady.as_millis(),
            Self::Recover => plan.limits.recover.as_millis(),
            Self::Rests => rest_max(&steps_of(plan)),
            Self::Lasts(step) => steps_of(plan).get(step)?.lasts?.as_millis(),
            Self::Topics => plan.topics.len() as u64,
            Self::Partitions => u64::from(plan.topics.iter().map(|topic| topic.partitions).max()?),
            Self::Nodes => u64::from(plan.nodes),
            Self::Producers | Self::Consumers | Self::Clients | Self::Rate | Self::Crashes => {
                return self.of_clients(plan);
            }
        })
    }

    fn of_clients(self, plan: &Plan) -> Option<u64> {
        let settings = Settings::of(&plan.workload)?;
        match self {
            Self::Crashes => Some(settings.0.contains_key(CRASHES).into()),
            _ => settings
                .0
                .get(settings.name(self)?)?
                .as_integer()?
                .try_into()
                .ok(),
        }
    }

    fn least(self, plan: &Plan, value: u64) -> u64 {
        match self {
            Self::Steady | Self::Recover | Self::Rests => TIME_LEAST,
            Self::Lasts(_) => TIME_LEAST.max(value / AT_ONCE),
            Self::Rate => RATE_LEAST.max(value / AT_ONCE),
            Self::Consumers | Self::Crashes => 0,
            Self::Producers | Self::Clients | Self::Topics | Self::Partitions => 1,
            // Each partition keeps its replicas.
            Self::Nodes => {
                let replicas = plan.topics.iter().map(|topic| topic.replication_factor);
                replicas.max().unwrap_or(1).into()
            }
        }
    }

    fn set(self, plan: &Plan, to: u64, clue: &Clue) -> Option<Plan> {
        let mut turned = plan.clone();
        match self {
            Self::Steady => turned.limits.steady = Span::from_millis(to),
            Self::Recover => turned.limits.recover = Span::from_millis(to),
            Self::Rests => turned = with_steps(plan, closed_up(steps_of(plan), to)),
            Self::Lasts(step) => turned = with_steps(plan, shortened(steps_of(plan), step, to)),
            Self::Topics => return fewer_topics(plan, to as usize, clue),
            Self::Partitions => return fewer_partitions(plan, to as u32),
            Self::Nodes => return fewer_nodes(plan, to as u32),
            Self::Producers | Self::Consumers | Self::Clients | Self::Rate | Self::Crashes => {
                self.set_clients(&mut turned.workload, to as u32);
            }
        }
        Some(turned)
    }

    fn set_clients(self, workload: &mut WorkloadConfig, to: u32) {
        let Some(mut settings) = Settings::of(workload) else {
            return;
        };
        if self == Self::Crashes {
            settings.0.remove(CRASHES);
        } else if let Some(name) = settings.name(self) {
            settings.0.insert(name.to_owned(), to.into());
        }
        let whole = toml::Table::from_iter([(workload.name().to_owned(), settings.0.into())]);
        // What it cannot be it stays.
        if let Ok(turned) = whole.try_into() {
            *workload = turned;
        }
    }
}

/// The setting of every workload whose clients crash.
const CRASHES: &str = "crash-every";

/// A workload's settings, as a plan has them: whichever workload it is, what its clients are many of and how fast they are goes by
/// the same few names.
struct Settings(toml::Table);

impl Settings {
    fn of(workload: &WorkloadConfig) -> Option<Self> {
        let mut whole = toml::Table::try_from(workload).ok()?;
        match whole.remove(workload.name())? {
            toml::Value::Table(settings) => Some(Self(settings)),
            _ => None,
        }
    }

    /// The name of what a dial turns.
    fn name(&self, kind: Kind) -> Option<&'static str> {
        let names: &[&str] = match kind {
            Kind::Producers => &["producers", "writers"],
            Kind::Consumers => &["consumers", "readers"],
            Kind::Clients => &["clients", "members", "workers"],
            Kind::Rate => &["rate"],
            _ => &[],
        };
        names.iter().copied().find(|name| self.0.contains_key(*name))
    }
}

/// The topic that the finding was in, and then the first ones.
fn fewer_topics(plan: &Plan, count: usize, clue: &Clue) -> Option<Plan> {
    let mut first = 0;
    let found_in = plan.topics.iter().position(|topic| {
        first += topic.partitions;
        clue.key.is_some_and(|key| key < first)
    });
    let mut left: Vec<usize> = (0..plan.topics.len()).collect();
    left.sort_by_key(|topic| Some(*topic) != found_in);
    left.truncate(count);
    left.sort_unstable();
    let topics = left.into_iter().map(|topic| plan.topics[topic].clone()).collect();
    with_topics(plan, topics)
}

fn fewer_partitions(plan: &Plan, count: u32) -> Option<Plan> {
    let mut topics = plan.topics.clone();
    for topic in &mut topics {
        topic.partitions = topic.partitions.min(count);
    }
    with_topics(plan, topics)
}

fn with_topics(plan: &Plan, topics: Vec<crate::plan::TopicPlan>) -> Option<Plan> {
    let mut steps = steps_of(plan);
    for step in &mut steps {
        *step = remap::keys(step, &plan.topics, &topics)?;
    }
    let mut fewer = with_steps(plan, steps);
    fewer.topics = topics;
    Some(fewer)
}

fn fewer_nodes(plan: &Plan, count: u32) -> Option<Plan> {
    let mut steps = steps_of(plan);
    for step in &mut steps {
        *step = remap::nodes(step, count)?;
    }
    let mut fewer = with_steps(plan, steps);
    fewer.nodes = count;
    let left: Vec<String> = (1..=count).map(|node| format!("n{node}")).collect();
    fewer.versions.retain(|node, _| left.contains(node));
    Some(fewer)
}

/// When a step is over, as far as that is planned.
fn end(step: &Step) -> u64 {
    step.earliest().as_millis() + step.lasts.map_or(0, Span::as_millis)
}

/// The longest time in which nothing is wrong: before the first step, or between two.
pub fn rest_max(steps: &[Step]) -> u64 {
    let mut over = 0;
    let mut longest = 0;
    for step in in_order(steps) {
        longest = longest.max(step.earliest().as_millis().saturating_sub(over));
        over = over.max(end(step));
    }
    longest
}

/// The same steps with no rest that is longer than this: what comes after is moved forward.
pub fn closed_up(mut steps: Vec<Step>, rest: u64) -> Vec<Step> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|index| steps[*index].earliest());
    let (mut over, mut moved) = (0, 0);
    for index in order {
        let step = &mut steps[index];
        let at = step.earliest().as_millis() - moved;
        let at_most = at.min(over + rest);
        moved += at - at_most;
        step.set_earliest(Span::from_millis(at_most));
        over = over.max(end(step));
    }
    steps
}

/// The same steps with one that lasts no longer than this: what came after it is moved forward by as much.
fn shortened(mut steps: Vec<Step>, which: usize, to: u64) -> Vec<Step> {
    let Some((step, lasts)) = steps
        .get(which)
        .and_then(|step| Some((step, step.lasts?.as_millis())))
    else {
        return steps;
    };
    let (over, less) = (end(step), lasts.saturating_sub(to));
    for step in steps
        .iter_mut()
        .filter(|step| step.earliest().as_millis() >= over)
    {
        step.set_earliest(Span::from_millis(step.earliest().as_millis() - less));
    }
    steps[which].lasts = Some(Span::from_millis(lasts - less));
    steps
}

fn in_order(steps: &[Step]) -> Vec<&Step> {
    let mut order: Vec<&Step> = steps.iter().collect();
    order.sort_by_key(|step| step.earliest());
    order
}
