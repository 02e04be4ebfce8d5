//! The tracks of a trace, and what lies on those that are no client's.

use std::io;

use checkers::{FaultInterval, FaultOutcome, Lane, Timeline};
use history::{Key, NodeId, Phase, ProbeOf};
use serde::Serialize;

use super::names::KeyNames;
use super::trace::Trace;

/// Tracks of different groups never have one number.
const GROUP: u64 = 1 << 24;

/// A track: its group, and its place in it; 0 is the group itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Track {
    group: Group,
    place: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Phases = 1,
    Faults,
    Controllers,
    Leaders,
    Isr,
    Outages,
    Nodes,
    Clients,
}

impl Track {
    /// The phases of the run.
    pub(super) const PHASES: Self = Self::new(Group::Phases, 0);

    const fn new(group: Group, index: u32) -> Self {
        Self {
            group,
            place: index.saturating_add(1),
        }
    }

    /// A node: what its broker says, and when it runs.
    pub(super) fn node(node: NodeId) -> Self {
        Self::new(Group::Nodes, node)
    }

    /// Clients one after the other.
    pub(super) fn client(lane: u32) -> Self {
        Self::new(Group::Clients, lane)
    }

    /// When a partition could not be written or read.
    pub(super) fn outage(key: Key, f: ProbeOf) -> Self {
        Self::new(
            Group::Outages,
            key.saturating_mul(2) + u32::from(f == ProbeOf::Read),
        )
    }

    /// The group itself.
    pub(super) fn head(self) -> Self {
        Self { place: 0, ..self }
    }

    /// The number of the group, which is also its place among groups.
    pub(super) fn group(self) -> u32 {
        self.group as u32
    }

    /// A number that no other track has.
    pub(super) fn number(self) -> u64 {
        match self.place {
            0 => self.group as u64,
            place => self.group as u64 * GROUP + u64::from(place),
        }
    }

    pub(super) fn group_name(self) -> &'static str {
        match self.group {
            Group::Phases => "run",
            Group::Faults => "faults",
            Group::Controllers => "controllers",
            Group::Leaders => "leaders",
            Group::Isr => "replicas in sync",
            Group::Outages => "outages",
            Group::Nodes => "brokers",
            Group::Clients => "clients",
        }
    }

    pub(super) fn name(self, names: &KeyNames) -> String {
        let index = self.place.saturating_sub(1);
        match self.group {
            Group::Phases => "phases".to_owned(),
            Group::Faults => format!("faults {}", index + 1),
            Group::Controllers | Group::Nodes => format!("n{index}"),
            Group::Leaders | Group::Isr => names.name(index),
            Group::Outages => {
                let what = if index.is_multiple_of(2) {
                    "writes"
                } else {
                    "reads"
                };
                format!("{} {what}", names.name(index / 2))
            }
            Group::Clients => format!("client {index}"),
        }
    }
}

/// Writes phases, faults, controllers, leaders and replicas in sync.
pub(super) fn write(trace: &mut Trace<'_>, timeline: &Timeline) -> io::Result<()> {
    phases(trace, timeline)?;
    faults(trace, timeline)?;
    for term in &timeline.controllers {
        let lane = Track::new(Group::Controllers, term.leader);
        let name = format!("controller, term {}", term.epoch);
        trace.slice(lane, term.from, term.until, &name, &term.epoch)?;
    }
    timeline.lanes.iter().try_for_each(|lane| leaders(trace, lane))
}

fn phases(trace: &mut Trace<'_>, timeline: &Timeline) -> io::Result<()> {
    let starts = timeline.phases.iter().map(|(_, start)| *start);
    let ends = starts.skip(1).chain([timeline.end]);
    for ((phase, start), end) in timeline.phases.iter().zip(ends) {
        trace.slice(Track::PHASES, *start, end, phase_name(*phase), &())?;
    }
    Ok(())
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup => "setup",
        Phase::Steady => "steady",
        Phase::Faults => "faults",
        Phase::Heal => "heal",
        Phase::Settle => "settle",
        Phase::FinalReads => "final reads",
        Phase::Teardown => "teardown",
    }
}

#[derive(Serialize)]
struct FaultArgs<'a> {
    fault: u32,
    detail: &'a str,
    outcome: &'static str,
    why: &'a str,
}

/// Faults that were in force at one time lie on tracks beside each other.
fn faults(trace: &mut Trace<'_>, timeline: &Timeline) -> io::Result<()> {
    let mut in_force: Vec<(u64, u64, &FaultInterval)> = timeline
        .faults
        .iter()
        .filter_map(|fault| Some((fault.start()?, fault.to.unwrap_or(timeline.end), fault)))
        .collect();
    in_force.sort_by_key(|(from, ..)| *from);
    let mut ends: Vec<u64> = Vec::new();
    for (from, to, fault) in in_force {
        let place = ends.iter().position(|end| *end <= from).unwrap_or_else(|| {
            ends.push(0);
            ends.len() - 1
        });
        ends[place] = to;
        let (outcome, why) = match &fault.outcome {
            FaultOutcome::Unfinished => ("unfinished", ""),
            FaultOutcome::Healed { bit: true, evidence } => ("bit", evidence.as_str()),
            FaultOutcome::Healed { bit: false, evidence } => ("did not bite", evidence.as_str()),
            FaultOutcome::Skipped { reason } => ("skipped", reason.as_str()),
            FaultOutcome::Failed { error } => ("failed", error.as_str()),
        };
        let args = FaultArgs {
            fault: fault.id,
            detail: &fault.detail,
            outcome,
            why,
        };
        trace.slice(
            Track::new(Group::Faults, place as u32),
            from,
            to,
            &fault.kind,
            &args,
        )?;
    }
    Ok(())
}

/// Who led a partition, a slice for each leader and epoch, and how many replicas were in sync.
fn leaders(trace: &mut Trace<'_>, lane: &Lane) -> io::Result<()> {
    let led = Track::new(Group::Leaders, lane.key);
    let isr = Track::new(Group::Isr, lane.key);
    let name = trace.key_name(lane.key);
    let mut changes = lane.changes.as_slice();
    while let Some(first) = changes.first() {
        let same =
            |change: &checkers::LeaderChange| (change.leader, change.epoch) == (first.leader, first.epoch);
        let count = changes.iter().take_while(|change| same(change)).count();
        let to = changes.get(count).map_or(trace.end, |next| next.time);
        let leader = first
            .leader
            .map_or_else(|| "no leader".to_owned(), |node| format!("n{node}"));
        let shown = format!("{leader}, epoch {}", first.epoch);
        trace.slice(led, first.time, to, &shown, &first.epoch)?;
        for change in &changes[..count] {
            trace.counter(isr, change.time, &name, change.isr.len())?;
        }
        changes = &changes[count..];
    }
    Ok(())
}
