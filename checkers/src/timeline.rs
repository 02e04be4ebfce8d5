//! What was seen, put in order of time: who led each partition, which faults were in force, who was the
//! active controller.
//!
//! The stories of the checks and the lanes of the report are both made from one [`Timeline`]. It holds what
//! brokers *said*: their metadata caches lag behind the truth, so every time is that of the first answer
//! which showed the change.

mod faults;
mod lanes;
mod terms;

use history::{Event, Header, History, NodeId, Phase, What};

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
    let mut builder = Builder::new(&history.header);
    for event in &history.events {
        builder.event(event);
    }
    builder.finish()
}

/// Puts a history in order of time, event by event: for those who walk through it without holding it.
pub struct Builder {
    timeline: Timeline,
    lanes: lanes::Builder,
    faults: faults::Builder,
    terms: terms::Builder,
}

impl Builder {
    /// Nothing has been seen of the run with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            timeline: Timeline::default(),
            lanes: lanes::Builder::new(crate::index::keys_of(header) as usize),
            faults: faults::Builder::default(),
            terms: terms::Builder::new(header),
        }
    }

    /// The next event.
    pub fn event(&mut self, event: &Event) {
        self.timeline.end = event.time;
        match &event.what {
            What::Phase(phase) => self.timeline.phases.push((*phase, event.time)),
            What::Fault(fault) => self.faults.step(event.time, fault),
            What::Observed(observed) => {
                self.lanes.observed(event.time, observed);
                self.terms.observed(event.time, observed);
            }
            _ => {}
        }
    }

    /// What was seen.
    pub fn finish(self) -> Timeline {
        let (lanes, views) = self.lanes.finish();
        Timeline {
            lanes,
            views,
            faults: self.faults.finish(),
            controllers: self.terms.finish(),
            ..self.timeline
        }
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

    /// Who led the controllers' quorum at a time, as far as was seen.
    pub(crate) fn controller_at(&self, time: u64) -> Option<NodeId> {
        let term = self.controllers.iter().rfind(|term| term.from <= time)?;
        Some(term.leader)
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
