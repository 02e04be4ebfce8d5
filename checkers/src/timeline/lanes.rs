//! Who led each partition over time: what each broker said, and the lane that all of it merges into.

use std::collections::BTreeMap;

use history::{Claim, Key, NodeId, Observed, Probe};

/// Brokers follow one log of changes at their own pace: how many changes one may lag behind the first to
/// show them within an epoch before the lane takes its state for a new one.
const LAG_CHANGES_MAX: usize = 16;

/// The leaders of one partition, merged over what all brokers said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    /// The partition.
    pub key: Key,
    /// Its changes in order of time; epochs never go down. Each lasts until the next, or to the end.
    pub changes: Vec<LeaderChange>,
}

/// The state of a partition from one time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderChange {
    /// The first answer that showed it.
    pub time: u64,
    /// The broker that gave this answer.
    pub node: NodeId,
    /// The leader; `None` while the partition has none.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
}

impl Lane {
    /// The state at a time; `None` before the first answer.
    pub fn at(&self, time: u64) -> Option<&LeaderChange> {
        let next = self.changes.partition_point(|change| change.time <= time);
        next.checked_sub(1).map(|index| &self.changes[index])
    }

    /// The first leader after this time in an epoch newer than this one.
    pub fn next_leader(&self, time: u64, epoch: i32) -> Option<&LeaderChange> {
        let next = self.changes.partition_point(|change| change.time <= time);
        self.changes[next..]
            .iter()
            .find(|change| change.epoch > epoch && change.leader.is_some())
    }

    /// The first change that deposed the leader of an epoch: to another one or to none. A newer epoch of its own does not.
    pub(crate) fn deposing(&self, leader: NodeId, epoch: i32) -> Option<&LeaderChange> {
        let newer = self.changes.partition_point(|change| change.epoch <= epoch);
        self.changes[newer..]
            .iter()
            .find(|change| change.leader != Some(leader))
    }

    /// How often the leader was seen to become another one.
    pub fn leader_changes(&self) -> u64 {
        let mut leaders = self.changes.iter().filter_map(|change| change.leader);
        let Some(mut last) = leaders.next() else { return 0 };
        let mut count = 0;
        for leader in leaders {
            count += u64::from(leader != last);
            last = leader;
        }
        count
    }
}

/// What one process of one broker said of one partition over time.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The partition.
    pub key: Key,
    /// The broker that was asked.
    pub node: NodeId,
    /// Which of its processes answered.
    pub incarnation: u32,
    /// What it said, in order of time.
    pub spans: Vec<ViewSpan>,
}

/// One state as one broker showed it in one or more answers that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewSpan {
    /// Time of the first answer.
    pub from: u64,
    /// Time of the last answer.
    pub until: u64,
    /// When the last of these answers had been asked for: the broker said so no earlier than this.
    pub until_asked: u64,
    /// The leader; `None` where it knew none.
    pub leader: Option<NodeId>,
    /// The leader epoch.
    pub epoch: i32,
    /// The in-sync replicas.
    pub isr: Vec<NodeId>,
}

impl View {
    /// What it said last before or at a time.
    pub fn at(&self, time: u64) -> Option<&ViewSpan> {
        let next = self.spans.partition_point(|span| span.from <= time);
        next.checked_sub(1).map(|index| &self.spans[index])
    }
}

/// A leader that went on claiming itself after another broker had shown a newer epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposed {
    /// The partition.
    pub key: Key,
    /// The deposed leader.
    pub node: NodeId,
    /// The epoch in which it had led.
    pub epoch: i32,
    /// The newer epoch.
    pub newer_epoch: i32,
    /// The leader of the newer epoch, where it has one.
    pub newer_leader: Option<NodeId>,
    /// The first answer that showed the newer epoch.
    pub since: u64,
    /// When the deposed leader was last asked and still named itself.
    pub until: u64,
}

/// Finds them by holding each broker's claims on itself against the lanes.
pub(super) fn deposed(lanes: &[Lane], views: &[View]) -> Vec<Deposed> {
    let mut found = Vec::new();
    for view in views {
        let Some(lane) = lanes.get(view.key as usize) else {
            continue;
        };
        for span in view.spans.iter().filter(|span| span.leader == Some(view.node)) {
            let Some(newer) = lane.deposing(view.node, span.epoch) else {
                continue;
            };
            if span.until_asked > newer.time {
                found.push(Deposed {
                    key: view.key,
                    node: view.node,
                    epoch: span.epoch,
                    newer_epoch: newer.epoch,
                    newer_leader: newer.leader,
                    since: newer.time,
                    until: span.until_asked,
                });
            }
        }
    }
    merge_spans(&mut found);
    found
}

/// A deposed leader whose ISR changed has several spans: they are one belief.
fn merge_spans(found: &mut Vec<Deposed>) {
    found.dedup_by(|next, kept| {
        let same = (next.key, next.node, next.epoch) == (kept.key, kept.node, kept.epoch);
        if same {
            kept.until = kept.until.max(next.until);
        }
        same
    });
    found.sort_by_key(|deposed| (deposed.since, deposed.key, deposed.node));
}

pub(super) struct Builder {
    lanes: Vec<LaneBuilder>,
    views: BTreeMap<(Key, NodeId, u32), Vec<ViewSpan>>,
}

#[derive(Default)]
struct LaneBuilder {
    changes: Vec<LeaderChange>,
    /// For each broker how far along the changes it is.
    progress: BTreeMap<NodeId, usize>,
}

impl Builder {
    pub(super) fn new(keys: usize) -> Self {
        Self {
            lanes: (0..keys).map(|_| LaneBuilder::default()).collect(),
            views: BTreeMap::new(),
        }
    }

    pub(super) fn observed(&mut self, time: u64, observed: &Observed) {
        let Probe::Metadata(metadata) = &observed.answer else {
            return;
        };
        for claim in &metadata.claims {
            let Some(lane) = self.lanes.get_mut(claim.key as usize) else {
                continue;
            };
            lane.claim(time, observed.node, claim);
            let spans = self
                .views
                .entry((claim.key, observed.node, observed.incarnation))
                .or_default();
            extend_view(spans, time, observed.asked, claim);
        }
    }

    pub(super) fn finish(self) -> (Vec<Lane>, Vec<View>) {
        let lanes = self.lanes.into_iter().enumerate().map(|(key, lane)| Lane {
            key: key as Key,
            changes: lane.changes,
        });
        let views = self
            .views
            .into_iter()
            .map(|((key, node, incarnation), spans)| View {
                key,
                node,
                incarnation,
                spans,
            });
        (lanes.collect(), views.collect())
    }
}

fn extend_view(spans: &mut Vec<ViewSpan>, time: u64, asked: u64, claim: &Claim) {
    if let Some(last) = spans.last_mut()
        && (last.leader, last.epoch) == (claim.leader, claim.epoch)
        && last.isr == claim.isr
    {
        last.until = time;
        last.until_asked = last.until_asked.max(asked);
        return;
    }
    spans.push(ViewSpan {
        from: time,
        until: time,
        until_asked: asked,
        leader: claim.leader,
        epoch: claim.epoch,
        isr: claim.isr.clone(),
    });
}

impl LaneBuilder {
    /// Takes a claim over unless it only shows what another broker has shown already.
    fn claim(&mut self, time: u64, node: NodeId, claim: &Claim) {
        if self.changes.last().is_some_and(|last| claim.epoch < last.epoch) {
            return;
        }
        let reached = self.progress.get(&node).copied().unwrap_or(0);
        let first = reached.max(self.changes.len().saturating_sub(LAG_CHANGES_MAX));
        let known = self.changes[first..].iter().position(|change| {
            (change.leader, change.epoch) == (claim.leader, claim.epoch) && change.isr == claim.isr
        });
        let index = known.map_or(self.changes.len(), |index| first + index);
        if known.is_none() {
            self.changes.push(LeaderChange {
                time,
                node,
                leader: claim.leader,
                epoch: claim.epoch,
                isr: claim.isr.clone(),
            });
        }
        self.progress.insert(node, index);
    }
}
