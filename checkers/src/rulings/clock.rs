//! When a ruling was made, on the history's clock.

use history::{Header, Key, NodeId, Ruling, milliseconds_of};

use crate::context::distinct;
use crate::timeline::{FaultInterval, Lane, Timeline};

/// Where the time of a ruling comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// The wall clock of the controller that wrote it, to a millisecond: as right as that clock was.
    Controller,
    /// The first answer of a broker that showed it: the ruling was made before.
    Observation,
    /// The first copy of a disk that showed it: the ruling was made before.
    Copy,
}

/// How much later than the first answer that shows it a ruling may seem to have been written: the history's clock
/// starts some milliseconds after the time in its header.
const AHEAD_MAX: u64 = 50_000_000;

/// Puts rulings on the history's clock.
pub(super) struct Times<'t> {
    /// Milliseconds since 1970 at the history's start, where controllers' clocks can be trusted.
    started_ms: Option<i64>,
    lanes: &'t [Lane],
}

impl<'t> Times<'t> {
    pub(super) fn new(header: &Header, timeline: &'t Timeline) -> Self {
        let shifted = timeline.faults.iter().any(FaultInterval::is_of_clock);
        Self {
            started_ms: milliseconds_of(&header.started).filter(|_| !shifted),
            lanes: &timeline.lanes,
        }
    }

    /// When a ruling was made, that no later than `seen` had an answer shown and no later than `copied` a disk.
    pub(super) fn of(&self, ruling: &Ruling, seen: Option<u64>, copied: u64) -> (u64, Clock) {
        let seen = seen.filter(|seen| *seen <= copied);
        let (latest, by) = seen.map_or((copied, Clock::Copy), |seen| (seen, Clock::Observation));
        let written = self.started_ms.and_then(|started| {
            let after = u64::try_from(ruling.written_ms.checked_sub(started)?).ok()?;
            after.checked_mul(1_000_000)
        });
        match written {
            Some(written) if written <= latest.saturating_add(AHEAD_MAX) => {
                (written.min(latest), Clock::Controller)
            }
            _ => (latest, by),
        }
    }

    /// For each of a partition's rulings, in order, the first answer that showed it or a later one.
    ///
    /// Answers follow the rulings, and pass some by. So an answer shows the first ruling of its state that none before it went
    /// past: a state that comes back was made again, and is not the one that was seen at first.
    pub(super) fn seen(&self, key: Key, rulings: &[&Ruling]) -> Vec<Option<u64>> {
        let states: Vec<State> = rulings
            .iter()
            .map(|ruling| state(ruling.leader, &ruling.isr))
            .collect();
        let changes = self.lanes.get(key as usize).map_or(&[][..], |lane| &lane.changes);
        let mut seen = Vec::with_capacity(rulings.len());
        for change in changes {
            let ended = rulings.partition_point(|ruling| ruling.epoch < change.epoch);
            let next = rulings.partition_point(|ruling| ruling.epoch <= change.epoch);
            // The one that was shown last may be shown once more.
            let from = seen.len().saturating_sub(1).max(ended);
            let shown = state(change.leader, &change.isr);
            let place = (from..next).find(|place| states[*place] == shown);
            let reached = place.map_or(ended, |place| place + 1).max(seen.len());
            seen.resize(reached, Some(change.time));
        }
        seen.resize(rulings.len(), None);
        seen
    }
}

/// What an answer shows of a state within an epoch: the leader, and the ISR in the order of its numbers.
type State = (Option<NodeId>, Vec<NodeId>);

fn state(leader: Option<NodeId>, isr: &[NodeId]) -> State {
    (leader, distinct(isr.iter().copied()))
}
