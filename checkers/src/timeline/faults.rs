//! The faults as intervals of time.

use std::collections::BTreeMap;

use history::{Fault, FaultStep, NodeId};

/// One fault from its injection to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultInterval {
    /// Its number in the schedule.
    pub id: u32,
    /// Its kind, such as `partition`.
    pub kind: String,
    /// What was done to whom, in words.
    pub detail: String,
    /// The nodes it was aimed at.
    pub nodes: Vec<NodeId>,
    /// When the nemesis began to inject it.
    pub begun: Option<u64>,
    /// Since when it was in force; `None` where it never was.
    pub from: Option<u64>,
    /// When it was over; `None` where it never was in force or the history ends before.
    pub to: Option<u64>,
    /// What became of it.
    pub outcome: FaultOutcome,
}

/// What became of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The history ends before it was healed: nobody looked whether it bit.
    Unfinished,
    /// It was healed.
    Healed {
        /// Whether it had an effect that can be shown.
        bit: bool,
        /// What shows it.
        evidence: String,
    },
    /// It was not injected.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Injecting or healing it went wrong.
    Failed {
        /// What went wrong.
        error: String,
    },
}

impl FaultInterval {
    /// Whether there is evidence that it did something.
    pub fn bit(&self) -> bool {
        matches!(self.outcome, FaultOutcome::Healed { bit: true, .. })
    }

    /// Whether it was skipped, or injecting or healing it failed.
    pub fn gone_wrong(&self) -> bool {
        matches!(
            self.outcome,
            FaultOutcome::Skipped { .. } | FaultOutcome::Failed { .. }
        )
    }

    /// When it may first have had an effect: injecting takes time, and counts. `None` if it never was in force.
    pub fn start(&self) -> Option<u64> {
        self.from
            .map(|from| self.begun.map_or(from, |begun| begun.min(from)))
    }

    /// When it may first have had an effect, where injecting it failed half-way too.
    pub(crate) fn may_have_acted_from(&self) -> Option<u64> {
        self.start().or(self.begun)
    }

    /// Whether it makes a node's clock wrong.
    pub(crate) fn is_of_clock(&self) -> bool {
        self.kind.starts_with("clock")
    }

    /// Whether it was in force at a time, or may have been.
    pub fn in_force(&self, time: u64) -> bool {
        self.start().is_some_and(|start| start <= time) && self.to.is_none_or(|to| time <= to)
    }
}

#[derive(Default)]
pub(super) struct Builder {
    faults: BTreeMap<u32, FaultInterval>,
}

impl Builder {
    pub(super) fn step(&mut self, time: u64, fault: &Fault) {
        let interval = self.faults.entry(fault.id).or_insert_with(|| FaultInterval {
            id: fault.id,
            kind: fault.kind.clone(),
            detail: String::new(),
            nodes: Vec::new(),
            begun: None,
            from: None,
            to: None,
            outcome: FaultOutcome::Unfinished,
        });
        if !fault.nodes.is_empty() {
            interval.nodes.clone_from(&fault.nodes);
        }
        // The words of the injection name the targets as they were then; later steps may only repeat them.
        if !fault.detail.is_empty() && (interval.from.is_none() || interval.detail.is_empty()) {
            interval.detail.clone_from(&fault.detail);
        }
        match &fault.step {
            FaultStep::Injecting => interval.begun = Some(time),
            FaultStep::Injected => interval.from = Some(time),
            FaultStep::Healing => {}
            FaultStep::Healed { bit, evidence } => {
                interval.to = Some(time);
                interval.outcome = FaultOutcome::Healed {
                    bit: *bit,
                    evidence: evidence.clone(),
                };
            }
            FaultStep::Skipped { reason } => {
                interval.outcome = FaultOutcome::Skipped {
                    reason: reason.clone(),
                };
            }
            FaultStep::Failed { error } => {
                interval.outcome = FaultOutcome::Failed { error: error.clone() };
            }
        }
    }

    pub(super) fn finish(self) -> Vec<FaultInterval> {
        self.faults.into_values().collect()
    }
}
