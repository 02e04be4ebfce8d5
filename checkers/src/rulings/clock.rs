//! When a ruling was made, on the history's clock.

use history::{Header, Ruling, milliseconds_of};

use crate::timeline::{Lane, Timeline};

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
        let shifted = timeline
            .faults
            .iter()
            .any(|fault| fault.kind.starts_with("clock"));
        Self {
            started_ms: milliseconds_of(&header.started).filter(|_| !shifted),
            lanes: &timeline.lanes,
        }
    }

    /// When a ruling was made, that no later than `copied` was seen on a disk.
    pub(super) fn of(&self, ruling: &Ruling, copied: u64) -> (u64, Clock) {
        let seen = self.seen(ruling).filter(|seen| *seen <= copied);
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

    /// The first answer that showed this state, or a later one.
    fn seen(&self, ruling: &Ruling) -> Option<u64> {
        let lane = self.lanes.get(ruling.key as usize)?;
        let mut sorted = ruling.isr.clone();
        sorted.sort_unstable();
        let shows = lane.changes.iter().find(|change| {
            let mut isr = change.isr.clone();
            isr.sort_unstable();
            change.epoch > ruling.epoch
                || (change.epoch, change.leader) == (ruling.epoch, ruling.leader) && isr == sorted
        });
        shows.map(|change| change.time)
    }
}
