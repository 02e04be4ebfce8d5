//! Deposed leaders: how long each went on after another broker had shown a newer epoch.

use history::{Key, NodeId};
use serde::{Deserialize, Serialize};

use super::held::{Held, Reign, Showing};
use crate::context::{Context, distinct};
use crate::outcome::Outcome;
use crate::text::seconds;

/// Deposed leaders that are named in the reasons, of each kind.
const NAMED_MAX: usize = 20;
/// Deposed leaders that the verdict holds, of each kind.
const KEPT_MAX: usize = 1_000;
/// What is shorter than this, and shown by nothing but the times between two answers, is none: questions are a tenth of a
/// second apart.
const RESOLUTION: u64 = 250_000_000;

/// The deposed leaders of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Depositions {
    /// Of the workload's partitions, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaders: Vec<Deposition>,
    /// Of the probe topic's: what was served where nobody but Tribunal writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServedOn>,
}

impl Depositions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.leaders.is_empty() && self.services.is_empty()
    }

    /// What of them the verdict holds.
    pub(super) fn first(mut self) -> Self {
        self.leaders.truncate(KEPT_MAX);
        self.services.truncate(KEPT_MAX);
        self
    }
}

/// A leader of one of the workload's partitions that went on after another broker had shown a newer epoch. Times are in
/// nanoseconds of the history's clock, each as exact as the time between two questions, a tenth of a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deposition {
    /// The partition.
    pub key: Key,
    /// The partition, by name.
    pub partition: String,
    /// The deposed leader.
    pub node: NodeId,
    /// The epoch in which it had led.
    pub epoch: i32,
    /// The newer epoch.
    pub newer_epoch: i32,
    /// The leader of the newer epoch, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_leader: Option<NodeId>,
    /// The first answer of a broker that showed the newer epoch: it began before.
    pub since: u64,
    /// Until when its own metadata named it leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_until: Option<u64>,
    /// Until when it answered as leader (`ListOffsets`, `OffsetForLeaderEpoch`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_until: Option<u64>,
    /// Acknowledged writes of clients that it acknowledged meanwhile and that were lost, among those of which the evidence was
    /// kept.
    #[serde(default, skip_serializing_if = "crate::verdict::is_zero")]
    pub lost: u64,
    /// Records that clients read meanwhile and that are gone, among those of which the evidence was kept.
    #[serde(default, skip_serializing_if = "crate::verdict::is_zero")]
    pub vanished: u64,
}

/// A leader of a partition of the probe topic that went on serving after another broker had served it in a newer epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServedOn {
    /// The partition of the probe topic.
    pub partition: u32,
    /// The deposed leader.
    pub node: NodeId,
    /// The epoch in which it had led.
    pub epoch: i32,
    /// The newer epoch.
    pub newer_epoch: i32,
    /// Who served in the newer epoch.
    pub newer_leader: NodeId,
    /// When that was first seen.
    pub since: u64,
    /// Until when the deposed leader acknowledged writes with acks=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_until: Option<u64>,
    /// Until when it served reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_until: Option<u64>,
}

impl Deposition {
    /// The last that was seen of it as a leader.
    pub(super) fn until(&self) -> u64 {
        self.named_until.max(self.answered_until).unwrap_or(self.since)
    }
}

/// All of a history.
pub(super) fn of(context: &Context) -> Depositions {
    Depositions {
        leaders: leaders(context),
        services: services(context),
    }
}

fn leaders(context: &Context) -> Vec<Deposition> {
    let beliefs = &context.claims.beliefs;
    let shown = [Showing::Names, Showing::Answers].into_iter();
    let reigns = shown
        .flat_map(|showing| beliefs.of(showing))
        .map(|(reign, _)| Reign {
            showing: Showing::Names,
            ..*reign
        });
    let reigns = distinct(reigns);
    let deposed = reigns.into_iter().filter_map(|reign| {
        let lane = context.timeline.lanes.get(reign.partition as usize)?;
        let newer = lane.deposing(reign.node, reign.epoch)?;
        let until = |showing| past(beliefs.get(Reign { showing, ..reign }), newer.time);
        let (named_until, answered_until) = (until(Showing::Names), until(Showing::Answers));
        named_until.or(answered_until)?;
        Some(Deposition {
            key: reign.partition,
            partition: context.name(reign.partition),
            node: reign.node,
            epoch: reign.epoch,
            newer_epoch: newer.epoch,
            newer_leader: newer.leader,
            since: newer.time,
            named_until,
            answered_until,
            ..Deposition::default()
        })
    });
    let mut deposed: Vec<Deposition> = deposed.collect();
    deposed.sort_by_key(|deposition| (deposition.since, deposition.key, deposition.node));
    deposed
}

/// Until when something was shown, where that is past a time beyond doubt.
fn past(held: Option<&Held>, since: u64) -> Option<u64> {
    let held = held?;
    let certain = held.asked > since || held.until > since.saturating_add(RESOLUTION);
    certain.then_some(held.until)
}

fn services(context: &Context) -> Vec<ServedOn> {
    let beliefs = &context.claims.beliefs;
    let shown = || {
        let all = [Showing::Acknowledges, Showing::Reads].into_iter();
        all.flat_map(|showing| beliefs.of(showing))
    };
    let reigns = distinct(shown().map(|(reign, _)| Reign {
        showing: Showing::Reads,
        ..*reign
    }));
    let mut services: Vec<ServedOn> = reigns
        .into_iter()
        .filter_map(|reign| {
            let newer = shown().filter(|(other, _)| {
                other.partition == reign.partition && other.epoch > reign.epoch && other.node != reign.node
            });
            let (newer, first) = newer.min_by_key(|(_, held)| held.first)?;
            let until = |showing| past(beliefs.get(Reign { showing, ..reign }), first.first);
            let (acknowledged_until, read_until) = (until(Showing::Acknowledges), until(Showing::Reads));
            acknowledged_until.or(read_until)?;
            Some(ServedOn {
                partition: reign.partition,
                node: reign.node,
                epoch: reign.epoch,
                newer_epoch: newer.epoch,
                newer_leader: newer.node,
                since: first.first,
                acknowledged_until,
                read_until,
            })
        })
        .collect();
    services.sort_by_key(|service| (service.since, service.partition, service.node));
    services
}

/// Says how long each went on, the most stubborn first.
pub(super) fn tell(context: &Context, all: &Depositions, outcome: &mut Outcome) {
    named(context, outcome);
    let mut leaders: Vec<&Deposition> = all
        .leaders
        .iter()
        .filter(|deposition| deposition.answered_until.is_some())
        .collect();
    leaders.sort_by_key(|deposition| {
        std::cmp::Reverse(deposition.answered_until.map(|until| until - deposition.since))
    });
    for deposition in leaders.iter().take(NAMED_MAX) {
        outcome.note(answered(deposition));
    }
    more(outcome, leaders.len(), "answered so");
    let mut services: Vec<&ServedOn> = all.services.iter().collect();
    services.sort_by_key(|service| {
        let until = service.acknowledged_until.max(service.read_until);
        std::cmp::Reverse(until.map(|until| until - service.since))
    });
    for service in services.iter().take(NAMED_MAX) {
        outcome.note(served(service));
    }
    more(outcome, services.len(), "went on serving");
}

fn more(outcome: &mut Outcome, count: usize, did: &str) {
    if count > NAMED_MAX {
        outcome.note(format!("and {} more deposed leaders {did}", count - NAMED_MAX));
    }
}

/// Who went on naming itself, by Metadata alone.
fn named(context: &Context, outcome: &mut Outcome) {
    let mut deposed = context.timeline.deposed();
    deposed.sort_by_key(|belief| std::cmp::Reverse(belief.until - belief.since));
    for belief in deposed.iter().take(NAMED_MAX) {
        let by = leader_in_words(belief.newer_leader);
        outcome.note(format!(
            "node {} still named itself leader of {} in epoch {} {} after another broker had first shown {by} in epoch {} at {}",
            belief.node,
            context.name(belief.key),
            belief.epoch,
            seconds(belief.until - belief.since),
            belief.newer_epoch,
            seconds(belief.since)
        ));
    }
    more(outcome, deposed.len(), "did so");
}

fn leader_in_words(leader: Option<NodeId>) -> String {
    leader.map_or_else(
        || "no leader".to_owned(),
        |leader| format!("node {leader} as leader"),
    )
}

fn answered(deposition: &Deposition) -> String {
    let until = deposition.answered_until.unwrap_or(deposition.since);
    format!(
        "node {} went on answering as leader of {} in epoch {} for {} after epoch {} had first been shown at {}",
        deposition.node,
        deposition.partition,
        deposition.epoch,
        seconds(until - deposition.since),
        deposition.newer_epoch,
        seconds(deposition.since)
    )
}

fn served(service: &ServedOn) -> String {
    let long = |until: Option<u64>| until.map(|until| seconds(until - service.since));
    let did = match (long(service.acknowledged_until), long(service.read_until)) {
        (Some(wrote), Some(read)) => {
            format!("acknowledging writes with acks=1 for {wrote} and serving reads for {read}")
        }
        (Some(wrote), None) => format!("acknowledging writes with acks=1 for {wrote}"),
        (None, read) => format!("serving reads for {}", read.unwrap_or_default()),
    };
    format!(
        "on the probe topic node {} went on, as leader of partition {} in epoch {}, {did} after node {} had first served in epoch {} at {}",
        service.node,
        service.partition,
        service.epoch,
        service.newer_leader,
        service.newer_epoch,
        seconds(service.since)
    )
}
