//! What each fault did to the cluster, as far as the history shows it, and how long it took until all was whole again.
//!
//! Leaders and in-sync replicas are what brokers said when they were asked, so times are as fine as the observer asks: ten
//! times a second. What came after the next fault had begun is put down to nobody.

use history::{Event, F, History, Key, Mop, NodeId, Phase, What};

use crate::timeline::{FaultInterval, Lane, Timeline};

/// What one fault did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// The fault's number.
    pub id: u32,
    /// The changes of leaders from its injection to the next fault's, in order of time.
    pub leaders: Vec<LeaderMove>,
    /// The partition that was longest seen to have no leader, and how long.
    pub leaderless: Option<(Key, u64)>,
    /// The partitions whose in-sync replicas were seen to become fewer, each with how few.
    pub shrunk: Vec<(Key, usize)>,
    /// Who was seen to lead the controllers' quorum: before, and then each that came to.
    pub controllers: Vec<NodeId>,
    /// The partition whose clients went longest without an acknowledgement from its injection on, and how long.
    pub silent: Option<(Key, u64)>,
    /// The other faults that were in force at the same time: what was seen may be theirs.
    pub beside: Vec<u32>,
    /// How long it took until all was whole again.
    pub recovery: Recovery,
}

/// A partition's leader that became another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderMove {
    /// The partition.
    pub key: Key,
    /// The leader before.
    pub from: NodeId,
    /// The leader from then on.
    pub to: NodeId,
    /// The epoch of the new one.
    pub epoch: i32,
    /// The first answer that showed it.
    pub time: u64,
}

/// How long it took from a fault's healing until every partition had a leader and all its replicas in sync, and a write to
/// it was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// The fault was never in force, or not healed.
    #[default]
    None,
    /// So long, in nanoseconds.
    After(u64),
    /// Not before the fault of this number began, or where there is none, before the history ends.
    NotSeen(Option<u32>),
}

/// What each fault of a history did, in the order of the timeline's faults.
pub fn aftermaths(history: &History, timeline: &Timeline) -> Vec<Aftermath> {
    let acknowledged = acknowledgements(&history.events, timeline.lanes.len());
    let seen = Seen {
        timeline,
        replicas: replicas(history, timeline.lanes.len()),
        acknowledged,
    };
    timeline
        .faults
        .iter()
        .map(|fault| seen.aftermath(fault))
        .collect()
}

/// When a write was acknowledged, by key and in order of time.
fn acknowledgements(events: &[Event], keys: usize) -> Vec<Vec<u64>> {
    let mut times = vec![Vec::new(); keys];
    let mut add = |key: Key, time: u64| {
        if let Some(times) = times.get_mut(key as usize) {
            times.push(time);
        }
    };
    for event in events {
        let What::Ok(op) = &event.what else { continue };
        match &op.f {
            F::Send(send) => add(send.key, event.time),
            F::Txn(txn) => {
                for mop in &txn.mops {
                    if let Mop::Send(send) = mop {
                        add(send.key, event.time);
                    }
                }
            }
            _ => {}
        }
    }
    times
}

/// How many replicas each key has.
fn replicas(history: &History, keys: usize) -> Vec<usize> {
    let topics = history.header.topics.iter();
    topics
        .flat_map(|topic| (0..topic.partitions).map(|_| topic.replication_factor as usize))
        .take(keys)
        .collect()
}

struct Seen<'h> {
    timeline: &'h Timeline,
    replicas: Vec<usize>,
    acknowledged: Vec<Vec<u64>>,
}

impl Seen<'_> {
    fn aftermath(&self, fault: &FaultInterval) -> Aftermath {
        let Some(start) = fault.start() else {
            return Aftermath {
                id: fault.id,
                ..Aftermath::default()
            };
        };
        let (next, until) = next_fault(self.timeline, fault, start);
        let recovery = self.recovery(fault, until).unwrap_or(Recovery::NotSeen(next));
        // How long clients waited is asked up to where all was whole again.
        let whole = match (fault.to, recovery) {
            (Some(to), Recovery::After(after)) => to + after,
            _ => until,
        };
        Aftermath {
            id: fault.id,
            leaders: self.leader_moves(start, until),
            leaderless: self.longest(|lane| leaderless(lane, start, until)),
            shrunk: self.shrunk(start, until),
            controllers: self.controllers(start, until),
            silent: self.longest(|lane| self.silent(lane.key, start, whole.min(self.clients_end()))),
            beside: self.beside(fault, start),
            recovery,
        }
    }

    fn beside(&self, fault: &FaultInterval, start: u64) -> Vec<u32> {
        let over = fault.to.unwrap_or(u64::MAX);
        let others = self.timeline.faults.iter().filter(|other| other.id != fault.id);
        let overlaps = |other: &&FaultInterval| {
            other.start().is_some_and(|begun| begun <= over) && other.to.is_none_or(|to| to >= start)
        };
        others.filter(overlaps).map(|other| other.id).collect()
    }

    fn leader_moves(&self, start: u64, until: u64) -> Vec<LeaderMove> {
        let mut moves = Vec::new();
        for lane in &self.timeline.lanes {
            let mut last = None;
            for change in lane.changes.iter().take_while(|change| change.time <= until) {
                let Some(leader) = change.leader else { continue };
                if let Some(from) = last.filter(|last| *last != leader && change.time > start) {
                    moves.push(LeaderMove {
                        key: lane.key,
                        from,
                        to: leader,
                        epoch: change.epoch,
                        time: change.time,
                    });
                }
                last = Some(leader);
            }
        }
        moves.sort_by_key(|moved| (moved.time, moved.key));
        moves
    }

    fn shrunk(&self, start: u64, until: u64) -> Vec<(Key, usize)> {
        let lanes = self.timeline.lanes.iter();
        let shrunk = lanes.filter_map(|lane| {
            let before = lane.at(start)?.isr.len();
            let during = lane
                .changes
                .iter()
                .filter(|change| change.time > start && change.time <= until);
            let least = during.map(|change| change.isr.len()).min()?;
            (least < before).then_some((lane.key, least))
        });
        shrunk.collect()
    }

    fn controllers(&self, start: u64, until: u64) -> Vec<NodeId> {
        let before = self.timeline.controller_at(start);
        let terms = self.timeline.controllers.iter();
        let during = terms.filter(|term| term.from > start && term.from <= until);
        let mut all: Vec<NodeId> = before.into_iter().chain(during.map(|term| term.leader)).collect();
        all.dedup();
        all
    }

    /// The key for which something took longest, where it took any time.
    fn longest(&self, time: impl Fn(&Lane) -> u64) -> Option<(Key, u64)> {
        let times = self.timeline.lanes.iter().map(|lane| (lane.key, time(lane)));
        // The first of several that are equal.
        times
            .rev()
            .max_by_key(|(_, time)| *time)
            .filter(|(_, time)| *time > 0)
    }

    /// When the clients stop to write.
    fn clients_end(&self) -> u64 {
        self.timeline
            .phase_start(Phase::Settle)
            .unwrap_or(self.timeline.end)
    }

    /// The longest time between two acknowledgements, or from the start to the first, or from the last to the end; none
    /// where nobody ever wrote to it.
    fn silent(&self, key: Key, start: u64, until: u64) -> u64 {
        let times = &self.acknowledged[key as usize];
        if times.is_empty() || until <= start {
            return 0;
        }
        let from = times.partition_point(|time| *time <= start);
        let to = times.partition_point(|time| *time < until);
        let mut last = start;
        let mut longest = 0;
        for time in times[from..to.max(from)].iter().copied().chain([until]) {
            longest = longest.max(time - last);
            last = time;
        }
        longest
    }

    /// How long until all was whole; `None` where that was not seen.
    fn recovery(&self, fault: &FaultInterval, until: u64) -> Option<Recovery> {
        let (Some(_), Some(to)) = (fault.from, fault.to) else {
            return Some(Recovery::None);
        };
        let mut last = to;
        for lane in &self.timeline.lanes {
            let replicas = self.replicas.get(lane.key as usize).copied().unwrap_or(0);
            let whole = whole(lane, replicas, to, until)?;
            // Replicas may come back when the clients have ended: then it is enough that they were served after the fault.
            let written = self.written(lane.key, whole, until).or_else(|| {
                let ended = self.acknowledged[lane.key as usize]
                    .last()
                    .is_some_and(|last| *last < whole);
                self.written(lane.key, to, until).filter(|_| ended)
            });
            let written = written?;
            last = last.max(whole).max(written);
        }
        Some(Recovery::After(last - to))
    }

    /// When a write was first acknowledged; at once where nobody ever wrote to it.
    fn written(&self, key: Key, from: u64, until: u64) -> Option<u64> {
        let times = &self.acknowledged[key as usize];
        if times.is_empty() {
            return Some(from);
        }
        let next = times.partition_point(|time| *time < from);
        times.get(next).copied().filter(|time| *time <= until)
    }
}

/// The next fault that begins after this one was over, and when; the end of the history where none does.
pub(crate) fn next_fault(timeline: &Timeline, fault: &FaultInterval, start: u64) -> (Option<u32>, u64) {
    let over = fault.to.unwrap_or(start);
    let begun = |other: &FaultInterval| Some((other.start()?, other.id));
    let others = timeline.faults.iter().filter(|other| other.id != fault.id);
    let next = others.filter_map(begun).filter(|(begun, _)| *begun > over).min();
    // Nodes that are taken down are no fault's doing.
    let end = timeline.phase_start(Phase::Teardown).unwrap_or(timeline.end);
    next.map_or((None, end), |(begun, id)| (Some(id), begun))
}

/// Since when a partition was seen to have a leader and all replicas in sync, and never again not to: replicas may leave
/// the ISR only when the fault is over already.
pub(crate) fn whole(lane: &Lane, replicas: usize, from: u64, until: u64) -> Option<u64> {
    let now = lane.at(from).map(|change| (from, change));
    let later = lane
        .changes
        .iter()
        .filter(|change| change.time > from && change.time <= until);
    let mut since = None;
    for (time, change) in now.into_iter().chain(later.map(|change| (change.time, change))) {
        let is_whole = change.leader.is_some() && change.isr.len() >= replicas;
        since = is_whole.then(|| since.unwrap_or(time));
    }
    since
}

/// The longest time in which a partition was seen to have no leader.
fn leaderless(lane: &Lane, start: u64, until: u64) -> u64 {
    let ends = lane
        .changes
        .iter()
        .skip(1)
        .map(|change| change.time)
        .chain([until]);
    let mut longest = 0;
    let mut since = None;
    for (change, end) in lane.changes.iter().zip(ends) {
        if change.leader.is_some() {
            since = None;
            continue;
        }
        let from = *since.get_or_insert(change.time.max(start));
        longest = longest.max(end.min(until).saturating_sub(from));
    }
    longest
}
