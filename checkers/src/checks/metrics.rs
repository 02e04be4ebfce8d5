//! The brokers' own metrics against what was seen of them: one that certainly lies is a finding.
//!
//! Only what a broker says of itself is held against its metrics, and only where both stood still: the same process, the same
//! answer for seconds on end, and a metric that contradicts it in every answer. Metrics count internal topics and
//! the probe's too, of which nothing else is seen, so most are bounded from below by the workload's partitions, and from above
//! by what is left when those are taken away that are known to be well. A lying metric is no lost write: it is
//! listed, and makes a run invalid where the plan says `metrics = "strict"`.

mod counters;
mod gauges;
mod rule;

use std::collections::BTreeMap;

use history::{Header, Metric, Metrics, NodeId, Observed, Probe};

use crate::anomaly::LYING_METRIC;
use crate::context::{Context, with_faults};
use crate::outcome::{Kept, Outcome};
use crate::text::{count, seconds};
use crate::verdict::Case;

use counters::{Counters, Missed};
use gauges::{Lie, Node};
use rule::Needs;

/// What the brokers told of themselves, taken down as the history is walked.
#[derive(Default)]
pub(crate) struct Told {
    needs: Vec<Needs>,
    nodes: BTreeMap<NodeId, Node>,
    counters: BTreeMap<(NodeId, u32), Counters>,
    lies: Kept<Lie>,
    answers: u64,
    /// Whether the controller alone tells what is true of all partitions, as it does with `ZooKeeper`.
    controller_alone: bool,
}

impl Told {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            needs: Needs::of(header),
            controller_alone: !header.zookeepers.is_empty(),
            ..Self::default()
        }
    }

    /// The next answer.
    pub(crate) fn observed(&mut self, time: u64, observed: &Observed) {
        let node = self.nodes.entry(observed.node).or_default();
        node.is_process(observed.incarnation);
        let id = observed.node;
        match &observed.answer {
            Probe::Metadata(metadata) => node.metadata(id, time, &metadata.claims, &self.needs),
            Probe::Stands(stands) => node.stands(id, time, &stands.stands, &self.needs),
            Probe::Quorum(quorum) => node.quorum(time, quorum.leader == id, quorum.high_watermark >= 0),
            Probe::NotLeader => node.quorum(time, false, true),
            Probe::Metrics(metrics) => {
                self.answers += 1;
                let process = (id, observed.incarnation);
                let counters = self.counters.entry(process).or_default();
                counters.told(time, observed.asked, metrics);
                let held = if self.controller_alone {
                    &of_its_own(metrics)
                } else {
                    metrics
                };
                for lie in node.metrics(process, observed.asked, time, held) {
                    self.lies.push(|| lie);
                }
            }
            _ => {}
        }
    }
}

/// What a broker tells that `ZooKeeper` knows: one that is not the controller says 0 of all partitions, and means nothing by it.
fn of_its_own(metrics: &Metrics) -> Metrics {
    let mut own = metrics.clone();
    if own.values.get(&Metric::ActiveControllers) != Some(&1) {
        own.values.remove(&Metric::OfflinePartitions);
        own.values.remove(&Metric::Partitions);
    }
    own
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let told = &context.told;
    if told.answers == 0 {
        return outcome;
    }
    let mut lies: Kept<&Lie> = Kept::default();
    for lie in &told.lies.first {
        if !is_excused(context, lie) {
            lies.push(|| lie);
        }
    }
    let mut missed: Kept<Missed> = Kept::default();
    for found in counters::missed(context, &told.counters) {
        missed.push(|| found);
    }
    let strict = context.header.expect.strict_metrics;
    outcome.found(strict, LYING_METRIC, &lies, |lie| lied(context, lie));
    outcome.found(strict, LYING_METRIC, &missed, |missed| {
        counted_too_few(context, missed)
    });
    if lies.count + missed.count > 0 {
        let number = lies.count + missed.count;
        outcome.note(format!("{} of a broker certainly lied", count(number, "metric")));
    }
    outcome
}

/// Whether a fault changed what a metric is measured by: how many replicas a partition has, how many of them it needs.
fn is_excused(context: &Context, lie: &Lie) -> bool {
    let kinds = lie.rule.changed_by();
    context.timeline.faults.iter().any(|fault| {
        let acted = fault.may_have_acted_from().is_some_and(|from| from <= lie.until);
        acted && kinds.contains(&fault.kind.as_str())
    })
}

fn lied(context: &Context, lie: &Lie) -> Case {
    let (node, incarnation) = lie.process;
    let answers = count(u64::from(lie.answers), "answer");
    Case {
        nodes: vec![node],
        story: with_faults(
            context,
            lie.from,
            vec![
                format!(
                    "The metric {} of node {node} lied for {}: it stood at {}.",
                    lie.rule.name(),
                    seconds(lie.until - lie.from),
                    lie.value
                ),
                format!(
                    "From {} to {}, in {answers} of the same process (start {}), while {}.",
                    seconds(lie.from),
                    seconds(lie.until),
                    u64::from(incarnation) + 1,
                    lie.rule.because(&lie.fact, lie.total)
                ),
            ],
        ),
        ..context.case_of_cluster(lie.from)
    }
}

fn counted_too_few(context: &Context, missed: &Missed) -> Case {
    let (node, incarnation) = missed.process;
    let (name, what) = missed.counter.names();
    Case {
        nodes: vec![node],
        story: with_faults(
            context,
            missed.from,
            vec![
                format!(
                    "The metric {name} of node {node} grew by {} while that controller made {}.",
                    missed.grown,
                    count(missed.made, what)
                ),
                format!(
                    "Between its answers at {} and {}, of the same process (start {}), the metadata log has {}.",
                    seconds(missed.from),
                    seconds(missed.until),
                    u64::from(incarnation) + 1,
                    missed.list(context)
                ),
            ],
        ),
        ..context.case_of_cluster(missed.from)
    }
}
