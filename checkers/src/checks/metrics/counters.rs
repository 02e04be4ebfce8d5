//! Metrics that count elections, against those that the metadata log shows.
//!
//! An election counts where it is certain that the controller that made it counted, if it did, between two of its own answers: its
//! process had led in that term, its own metadata showed the epoch before after the first of the two, and the new one well before
//! the second. Controllers count by comparing states of the log, several changes of one partition at once now and then, so a
//! leader must have been out of the ISR in every state of the epoch before. Newer ones count the records that mark their leader
//! as recovering, so an unclean election must have marked it: as a reassignment ends, one record may bring a replica into the ISR
//! and make it leader, which is clean, see [`crate::checks::leadership`].

use std::collections::BTreeMap;

use history::{Key, Metric, Metrics, NodeId};

use crate::context::Context;
use crate::rulings::{Election, Standing};
use crate::text;
use crate::timeline::View;

/// What a broker shows and what it counts may lie so far apart.
const APART: u64 = 1_000_000_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counter {
    Unclean,
    Elr,
}

impl Counter {
    const ALL: [Self; 2] = [Self::Unclean, Self::Elr];

    fn metric(self) -> Metric {
        match self {
            Self::Unclean => Metric::UncleanElections,
            Self::Elr => Metric::ElrElections,
        }
    }

    /// The name that operators know it by, and what it counts.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Unclean => ("UncleanLeaderElectionsPerSec", "unclean election"),
            Self::Elr => (
                "ElectionFromEligibleLeaderReplicasPerSec",
                "election from the ELR",
            ),
        }
    }

    /// Which of them certainly counts an election; nothing of others.
    fn of(election: &Election<'_>) -> Option<Self> {
        match election.standing() {
            Standing::Outside => election.is_marked().then_some(Self::Unclean),
            Standing::Eligible => Some(Self::Elr),
            Standing::InSync | Standing::Nobody | Standing::Unknown => None,
        }
    }
}

/// Where the counters of one process stood in its first and its last answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    first: Option<(u64, [Option<i64>; 2])>,
    last: Option<(u64, [Option<i64>; 2])>,
}

impl Counters {
    pub(super) fn told(&mut self, time: u64, asked: u64, metrics: &Metrics) {
        let values = Counter::ALL.map(|counter| metrics.values.get(&counter.metric()).copied());
        self.first.get_or_insert((time, values));
        self.last = Some((asked, values));
    }

    /// The first and the last time, and how much it grew between.
    fn grown(&self, counter: Counter) -> Option<(u64, u64, i64)> {
        let ((from, before), (until, after)) = self.first.zip(self.last)?;
        let place = counter as usize;
        Some((from, until, after[place]? - before[place]?))
    }
}

/// A counter that grew by less than it had to.
#[derive(Clone, Debug)]
pub(super) struct Missed {
    pub(super) counter: Counter,
    pub(super) process: (NodeId, u32),
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) grown: i64,
    pub(super) made: u64,
    elections: Vec<(Key, i32)>,
}

impl Missed {
    /// The first of the elections.
    pub(super) fn list(&self, context: &Context) -> String {
        let named: Vec<String> = self
            .elections
            .iter()
            .take(5)
            .map(|(key, epoch)| format!("epoch {epoch} of {}", context.name(*key)))
            .collect();
        text::list(&named)
    }
}

/// All counters that grew by less than the elections that the metadata log shows.
pub(super) fn missed(context: &Context, told: &BTreeMap<(NodeId, u32), Counters>) -> Vec<Missed> {
    let mut made: BTreeMap<_, Vec<(Key, i32)>> = BTreeMap::new();
    for key in 0..context.timeline.lanes.len() as Key {
        for election in context.rulings.elections(key) {
            if let Some((counter, process)) = counted(context, key, &election, told) {
                let epoch = election.after.ruling.epoch;
                made.entry((counter, process)).or_default().push((key, epoch));
            }
        }
    }
    let found = made.into_iter().filter_map(|((counter, process), elections)| {
        let (from, until, grown) = told.get(&process)?.grown(counter)?;
        (grown < elections.len() as i64).then_some(Missed {
            counter,
            process,
            from,
            until,
            grown,
            made: elections.len() as u64,
            elections,
        })
    });
    found.collect()
}

/// Which counter of which process an election certainly belongs to.
fn counted(
    context: &Context,
    key: Key,
    election: &Election<'_>,
    told: &BTreeMap<(NodeId, u32), Counters>,
) -> Option<(Counter, (NodeId, u32))> {
    let counter = Counter::of(election)?;
    let ruling = &election.after.ruling;
    let leader = ruling.leader?;
    let process = context.quorums.leader_of(ruling.term)?;
    let (from, until, _) = told.get(&process)?.grown(counter)?;
    let before = ruling.epoch.checked_sub(1)?;
    let states = context.rulings.of_epoch(key, before);
    let out = |isr: &[NodeId]| !isr.contains(&leader);
    let always_out = states.iter().all(|state| {
        let eligible = state.ruling.elr.contains(&leader);
        out(&state.ruling.isr) && eligible == (counter == Counter::Elr)
    });
    let views = context.timeline.views_of(key).iter();
    let mut own = views.filter(|view| (view.node, view.incarnation) == process);
    let certain = election.after.committed
        && !states.is_empty()
        && always_out
        && own.any(|view| is_between(view, ruling.epoch, leader, from, until));
    certain.then_some((counter, process))
}

/// Whether a process showed the epoch before well after one time, and this one well before another.
fn is_between(view: &View, epoch: i32, leader: NodeId, from: u64, until: u64) -> bool {
    let before = view
        .spans
        .iter()
        .any(|span| span.epoch + 1 == epoch && span.until_asked >= from.saturating_add(APART));
    let after = view.spans.iter().any(|span| {
        span.epoch == epoch && span.leader == Some(leader) && span.from.saturating_add(APART) <= until
    });
    before && after
}
