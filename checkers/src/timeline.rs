//! What was seen, put in order of time: who led each partition, which faults were in force, who was the
//! active controller.
//!
//! The stories of the checks and the lanes of the report are both made from one [`Timeline`]. It holds what
//! brokers *said*: their metadata caches lag behind the truth, so every time is that of the first answer
//! which showed the change.

mod faults;
mod lanes;
mod terms;

use history::{Event, History, Phase, What};

pub use faults::{FaultInterval, FaultOutcome};
pub use lanes::{Deposed, Lane, LeaderChange, View, ViewSpan};
pub use terms::Term;

/// Everything that a run's lanes are drawn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// When each phase began, in the order of the history.
    pub phases: Vec<(Phase, u64)>,
    /// The leaders of each partition over time, by key: as many as the header has keys.
    pub lanes: Vec<Lane>,
    /// What each broker said of each partition over time, by key, node and incarnation.
    pub views: Vec<View>,
    /// The faults, by their number.
    pub faults: Vec<FaultInterval>,
    /// Who led the controllers' quorum, in the order of the first answer.
    pub controllers: Vec<Term>,
    /// Time of the last event, in nanoseconds.
    pub end: u64,
}

/// Puts a history in order of time.
pub fn timeline(history: &History) -> Timeline {
    let keys = crate::index::keys_of(&history.header) as usize;
    let mut lanes = lanes::Builder::new(keys);
    let mut faults = faults::Builder::default();
    let mut terms = terms::Builder::default();
    let mut phases = Vec::new();
    for event in &history.events {
        match &event.what {
            What::Phase(phase) => phases.push((*phase, event.time)),
            What::Fault(fault) => faults.step(event.time, fault),
            What::Observed(observed) => {
                lanes.observed(event.time, observed);
                terms.observed(event.time, observed);
            }
            _ => {}
        }
    }
    let (lanes, views) = lanes.finish();
    Timeline {
        phases,
        lanes,
        views,
        faults: faults.finish(),
        controllers: terms.finish(),
        end: history.events.last().map_or(0, |event: &Event| event.time),
    }
}

impl Timeline {
    /// When a phase began.
    pub fn phase_start(&self, phase: Phase) -> Option<u64> {
        self.phases
            .iter()
            .find(|(found, _)| *found == phase)
            .map(|(_, time)| *time)
    }

    /// The faults in force at a time.
    pub fn faults_at(&self, time: u64) -> impl Iterator<Item = &FaultInterval> {
        self.faults.iter().filter(move |fault| fault.in_force(time))
    }

    /// What all brokers' processes said of one partition.
    pub fn views_of(&self, key: history::Key) -> &[View] {
        let from = self.views.partition_point(|view| view.key < key);
        let to = self.views.partition_point(|view| view.key <= key);
        &self.views[from..to]
    }

    /// Each deposed leader that went on claiming itself after another broker had shown a newer epoch.
    pub fn deposed(&self) -> Vec<Deposed> {
        lanes::deposed(&self.lanes, &self.views)
    }

    /// How often the leader of a partition was seen to become another one, over all partitions.
    pub fn leader_changes(&self) -> u64 {
        self.lanes.iter().map(Lane::leader_changes).sum()
    }
}
