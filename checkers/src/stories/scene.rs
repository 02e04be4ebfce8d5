//! What stories are told with beside the index: processes, brokers' lines, who answered as a leader, who might lead.

use std::collections::BTreeMap;

use history::{BrokerLine, Event, Key, NodeId, Observed, Probe, Stand, What};

/// More of one kind than this is not kept: a history of ours has far less.
const KEPT_MAX: usize = 20_000;

/// What the walk took down.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    /// The brokers' own lines, in order of time.
    pub(super) lines: Vec<BrokerLine>,
    /// Starts and ends of brokers' processes.
    pub(super) processes: Vec<Change>,
    /// By partition, node and epoch: when it was last asked and answered as a leader.
    stands: BTreeMap<(Key, NodeId, i32), u64>,
    /// Whether any broker was asked so.
    pub(super) asked_leaders: bool,
    /// By partition: who might lead it, as each node showed it.
    shown: BTreeMap<Key, Vec<Shown>>,
}

/// A process that started or ended.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) time: u64,
    pub(super) node: NodeId,
    pub(super) state: String,
    pub(super) running: bool,
}

/// What one node showed of who may lead a partition, from a time on.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) time: u64,
    pub(super) node: NodeId,
    pub(super) epoch: i32,
    pub(super) isr: Vec<NodeId>,
    pub(super) elr: Vec<NodeId>,
}

impl Scene {
    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        match &event.what {
            What::Observed(observed) => self.observed(event.time, observed),
            What::Node(change) if self.processes.len() < KEPT_MAX => self.processes.push(Change {
                time: event.time,
                node: change.node,
                state: change.state.clone(),
                running: change.running,
            }),
            What::Line(line) if self.lines.len() < KEPT_MAX => self.lines.push(line.clone()),
            _ => {}
        }
    }

    /// Puts the lines in order of their times, whatever order they were written in.
    pub(crate) fn finish(&mut self) {
        self.lines.sort_by_key(|line| line.at);
    }

    fn observed(&mut self, time: u64, observed: &Observed) {
        match &observed.answer {
            Probe::Stands(said) => {
                self.asked_leaders = true;
                for stand in &said.stands {
                    self.stands(observed, stand);
                }
            }
            Probe::Partitions(said) => {
                for partition in &said.partitions {
                    let shown = self.shown.entry(partition.key).or_default();
                    let last = shown.iter().rfind(|shown| shown.node == observed.node);
                    let same = last.is_some_and(|last| {
                        (last.epoch, &last.isr, &last.elr)
                            == (partition.epoch, &partition.isr, &partition.elr)
                    });
                    if !same && shown.len() < KEPT_MAX {
                        shown.push(Shown {
                            time,
                            node: observed.node,
                            epoch: partition.epoch,
                            isr: partition.isr.clone(),
                            elr: partition.elr.clone(),
                        });
                    }
                }
            }
            _ => {}
        }
    }

    fn stands(&mut self, observed: &Observed, stand: &Stand) {
        if stand.refused.is_some() || stand.high_watermark.is_none() && stand.end.is_none() {
            return;
        }
        self.stands
            .insert((stand.key, observed.node, stand.epoch), observed.asked);
    }

    /// Until when a broker answered as leader of an epoch of a partition.
    pub(super) fn stood(&self, key: Key, node: NodeId, epoch: i32) -> Option<u64> {
        self.stands.get(&(key, node, epoch)).copied()
    }

    /// Who might lead a partition at a time, in an epoch no later than this one: what the node that led showed, or else
    /// whoever showed most of what had happened.
    pub(super) fn shown(&self, key: Key, time: u64, epoch: i32, node: Option<NodeId>) -> Option<&Shown> {
        let shown = self.shown.get(&key)?;
        let before = shown
            .iter()
            .filter(|shown| shown.time <= time && shown.epoch <= epoch);
        let own = before.clone().rfind(|shown| Some(shown.node) == node);
        own.or_else(|| before.max_by_key(|shown| (shown.epoch, shown.time)))
    }

    /// The lines about a partition.
    pub(super) fn lines_of(&self, key: Key) -> impl Iterator<Item = &BrokerLine> {
        self.lines.iter().filter(move |line| line.key == Some(key))
    }

    /// Whether a node's process ran at a time; `None` where nothing is known of it.
    pub(super) fn runs(&self, node: NodeId, time: u64) -> Option<bool> {
        let mut before = self
            .processes
            .iter()
            .filter(|change| change.node == node && change.time <= time);
        before.next_back().map(|change| change.running)
    }
}
