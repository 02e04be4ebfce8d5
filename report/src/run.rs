//! A run as the page needs it: the timeline and the series worked out once, with the names at hand.

use std::collections::BTreeSet;

use checkers::{
    Aftermath, Deposed, FaultInterval, FaultOutcome, Served, Timeline, Verdict, aftermaths, served, timeline,
};
use history::{BrokerLine, Header, Key, NodeId};

use crate::ReportInput;
use crate::broker_lines::broker_lines;
use crate::chart::Span;
use crate::format::instant;
use crate::lag::Lag;
use crate::operations::{Named, Operations};
use crate::processes::{Process, processes};
use crate::series::Series;

/// How many colours nodes have; after that they repeat, and the numbers alone tell nodes apart.
const COLOURS: usize = 8;

/// What all sections of the page draw from.
pub(crate) struct Run<'a> {
    pub(crate) input: &'a ReportInput<'a>,
    pub(crate) timeline: Timeline,
    /// The deposed leaders that went on naming themselves.
    pub(crate) deposed: Vec<Deposed>,
    /// What each fault of the timeline did.
    pub(crate) aftermaths: Vec<Aftermath>,
    pub(crate) series: Series,
    /// How far behind readers were.
    pub(crate) lag: Lag,
    /// When partitions could not be written or read.
    pub(crate) served: Served,
    /// What the brokers said themselves, in order of time.
    pub(crate) lines: Vec<&'a BrokerLine>,
    /// What the clients did…
    pub(crate) operations: Operations<'a>,
    /// …and what of it is named by findings and stories.
    pub(crate) named: Named<'a>,
    pub(crate) processes: Vec<Process>,
    /// The whole run.
    pub(crate) span: Span,
}

impl<'a> Run<'a> {
    pub(crate) fn new(input: &'a ReportInput<'a>) -> Self {
        let timeline = timeline(input.history);
        let span = Span::new(0, timeline.end);
        let series = Series::of(input.history, span);
        let operations = Operations::of(input.history);
        Self {
            input,
            lag: Lag::of(input.history, &series),
            series,
            served: served(input.history),
            lines: broker_lines(input.history),
            named: Named::of(input.verdict, &operations),
            operations,
            processes: processes(input.history, &timeline),
            aftermaths: aftermaths(input.history, &timeline),
            deposed: timeline.deposed(),
            timeline,
            span,
        }
    }

    pub(crate) fn header(&self) -> &'a Header {
        &self.input.history.header
    }

    pub(crate) fn verdict(&self) -> &'a Verdict {
        self.input.verdict
    }

    /// The style class that gives a node its colour.
    pub(crate) fn colour(&self, node: NodeId) -> String {
        let all = self.header().all_nodes();
        let index = all.iter().position(|known| *known == node);
        format!("n{}", index.unwrap_or(COLOURS - 1) % COLOURS)
    }

    /// The fault with this number.
    pub(crate) fn fault(&self, id: u32) -> Option<&FaultInterval> {
        self.timeline.faults.iter().find(|fault| fault.id == id)
    }

    /// The faults that were in force at some time, with the interval that they are drawn over.
    pub(crate) fn bands(&self) -> impl Iterator<Item = (&FaultInterval, u64, u64)> {
        self.timeline
            .faults
            .iter()
            .filter_map(|fault| Some((fault, fault.from?, fault.to.unwrap_or(self.timeline.end))))
    }

    /// All keys: first those with findings, then those whose leader changed, then the others.
    pub(crate) fn keys_by_interest(&self) -> Vec<Key> {
        let found: BTreeSet<Key> = self
            .verdict()
            .anomalies
            .values()
            .flat_map(|findings| findings.cases.iter().filter_map(|case| case.key))
            .collect();
        let mut lanes: Vec<_> = self.timeline.lanes.iter().collect();
        lanes.sort_by_key(|lane| (!found.contains(&lane.key), lane.leader_changes() == 0, lane.key));
        lanes.into_iter().map(|lane| lane.key).collect()
    }
}

/// From when to when a fault was in force, as people read it.
pub(crate) fn fault_times(fault: &FaultInterval) -> String {
    match (fault.from, fault.to) {
        (Some(from), Some(to)) => format!("{} – {}", instant(from), instant(to)),
        (Some(from), None) => format!("from {} on", instant(from)),
        (None, _) => "never in force".to_owned(),
    }
}

/// What became of a fault: one word, and what shows it.
pub(crate) fn outcome(fault: &FaultInterval) -> (&'static str, &str) {
    match &fault.outcome {
        FaultOutcome::Healed { bit: true, evidence } => ("bit", evidence),
        FaultOutcome::Healed { bit: false, evidence } => ("no effect", evidence),
        FaultOutcome::Skipped { reason } => ("skipped", reason),
        FaultOutcome::Failed { error } => ("failed", error),
        FaultOutcome::Unfinished => ("unfinished", "the history ends before it was healed"),
    }
}
