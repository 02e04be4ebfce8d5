//! A run as far as it has come: sums over a history that still grows, an event at a time.

mod page;
mod picture;

use std::collections::BTreeMap;

use history::{Event, F, Fault, FaultStep, Header, Key, Mop, NodeId, Op, Phase, Probe, What};

pub use page::{LiveInput, live_page};

/// More columns than this are not drawn: two of them become one of twice the time.
const COLUMNS_MAX: usize = 600;
/// What a column begins as, in nanoseconds.
const COLUMN: u64 = 1_000_000_000;

/// What is known of a run from its events so far.
#[derive(Clone, Debug, Default)]
pub struct LiveRun {
    /// What is run, once its first line was read.
    header: Option<Header>,
    /// The time of the last event.
    time: u64,
    events: u64,
    /// The phases that were entered, and when.
    phases: Vec<(Phase, u64)>,
    acknowledged: u64,
    failed: u64,
    unknown: u64,
    read: u64,
    rate: Rate,
    faults: BTreeMap<u32, FaultNow>,
    nodes: BTreeMap<NodeId, (bool, String)>,
    /// The leader of each partition, of the newest epoch that any broker named.
    leaders: BTreeMap<Key, (i32, Option<NodeId>)>,
    /// Partitions that the prober wrote to: since when it cannot, where it cannot.
    takes_writes: BTreeMap<Key, Option<u64>>,
}

/// A fault, and where in its life it is.
#[derive(Clone, Debug)]
struct FaultNow {
    kind: String,
    detail: String,
    from: u64,
    until: Option<u64>,
    /// What came of it, once it is over.
    end: String,
    bit: bool,
}

/// Acknowledged writes by the time of their acknowledgement.
#[derive(Clone, Debug)]
struct Rate {
    /// The time of a column.
    width: u64,
    columns: Vec<u64>,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            width: COLUMN,
            columns: Vec::new(),
        }
    }
}

impl Rate {
    fn add(&mut self, time: u64, count: u64) {
        while time / self.width >= COLUMNS_MAX as u64 {
            self.width *= 2;
            let halves = self.columns.chunks(2).map(|pair| pair.iter().sum());
            self.columns = halves.collect();
        }
        let place = (time / self.width) as usize;
        if place >= self.columns.len() {
            self.columns.resize(place + 1, 0);
        }
        self.columns[place] += count;
    }

    /// Writes a second over the last columns that are whole, up to a time.
    fn lately(&self, time: u64) -> Option<f64> {
        const COLUMNS: usize = 5;
        let whole = (time / self.width) as usize;
        let from = whole.saturating_sub(COLUMNS);
        let count: u64 = self.columns.iter().take(whole).skip(from).sum();
        let seconds = (whole - from) as f64 * self.width as f64 / 1e9;
        (whole > from).then(|| count as f64 / seconds)
    }
}

impl LiveRun {
    /// The next event.
    pub fn add(&mut self, event: &Event) {
        self.events += 1;
        self.time = self.time.max(event.time);
        match &event.what {
            What::Header(header) => self.header = Some((**header).clone()),
            What::Phase(phase) => self.phases.push((*phase, event.time)),
            What::Ok(op) => {
                let (writes, records) = done(op);
                self.acknowledged += writes;
                self.read += records;
                if writes > 0 {
                    self.rate.add(event.time, writes);
                }
            }
            What::Fail(op) => self.failed += writes(op),
            What::Info(op) => self.unknown += writes(op),
            What::Fault(fault) => self.fault(event.time, fault),
            What::Node(change) => {
                self.nodes
                    .insert(change.node, (change.running, change.state.clone()));
            }
            What::Observed(observed) => self.observed(&observed.answer),
            What::Probed(probed) if probed.f == history::ProbeOf::Write => {
                let known = self.takes_writes.entry(probed.key).or_default();
                *known = probed.failed.as_ref().map(|_| known.unwrap_or(probed.from));
            }
            _ => {}
        }
    }

    /// Whether nothing more will happen but the judgement.
    pub fn is_over(&self) -> bool {
        self.phases
            .last()
            .is_some_and(|(phase, _)| *phase == Phase::Teardown)
    }

    fn fault(&mut self, time: u64, fault: &Fault) {
        let now = self.faults.entry(fault.id).or_insert_with(|| FaultNow {
            kind: fault.kind.clone(),
            detail: String::new(),
            from: time,
            until: None,
            end: String::new(),
            bit: false,
        });
        now.detail.clone_from(&fault.detail);
        let (end, bit) = match &fault.step {
            FaultStep::Injecting | FaultStep::Injected | FaultStep::Healing => return,
            FaultStep::Healed { bit: true, evidence } => (evidence.clone(), true),
            FaultStep::Healed { bit: false, evidence } => (format!("it did not bite: {evidence}"), false),
            FaultStep::Skipped { reason } => (format!("skipped: {reason}"), false),
            FaultStep::Failed { error } => (format!("failed: {error}"), false),
        };
        (now.until, now.end, now.bit) = (Some(time), end, bit);
    }

    fn observed(&mut self, answer: &Probe) {
        let Probe::Metadata(metadata) = answer else { return };
        for claim in &metadata.claims {
            let known = self
                .leaders
                .entry(claim.key)
                .or_insert((claim.epoch, claim.leader));
            if claim.epoch >= known.0 {
                *known = (claim.epoch, claim.leader);
            }
        }
    }

    fn in_force(&self) -> impl Iterator<Item = &FaultNow> {
        self.faults.values().filter(|fault| fault.until.is_none())
    }
}

/// How many records an operation wrote and read.
fn done(op: &Op) -> (u64, u64) {
    match &op.f {
        F::Poll(poll) => (0, poll.records.len() as u64),
        F::Txn(txn) => txn.mops.iter().fold((0, 0), |(writes, reads), mop| match mop {
            Mop::Send(_) | Mop::Append(..) | Mop::Write(..) => (writes + 1, reads),
            Mop::Poll(poll) => (writes, reads + poll.records.len() as u64),
            Mop::Read(..) => (writes, reads + 1),
        }),
        _ => (writes(op), 0),
    }
}

fn writes(op: &Op) -> u64 {
    match &op.f {
        F::Send(_) => 1,
        F::Txn(_) => done(op).0,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_few_and_lose_nothing() {
        let mut rate = Rate::default();
        for second in 0..5_000 {
            rate.add(second * COLUMN, 3);
        }
        assert!(rate.columns.len() <= COLUMNS_MAX);
        assert_eq!(rate.columns.iter().sum::<u64>(), 15_000);
        assert_eq!(rate.width, 16 * COLUMN);
        assert_eq!(rate.lately(4_999 * COLUMN), Some(3.0));
    }

    #[test]
    fn a_fault_is_in_force_from_its_injecting_until_it_is_over() {
        let mut run = LiveRun::default();
        let step = |step| {
            What::Fault(Fault {
                id: 4,
                kind: "kill".to_owned(),
                nodes: vec![1],
                detail: "node 1".to_owned(),
                impairs: None,
                step,
            })
        };
        let healed = FaultStep::Healed {
            bit: false,
            evidence: "nothing".to_owned(),
        };
        let mut in_force = Vec::new();
        for (time, what) in [
            FaultStep::Injecting,
            FaultStep::Injected,
            FaultStep::Healing,
            healed,
        ]
        .into_iter()
        .enumerate()
        {
            run.add(&Event {
                time: time as u64,
                what: step(what),
            });
            in_force.push(run.in_force().count());
        }
        assert_eq!(in_force, [1, 1, 1, 0]);
        assert!(run.faults[&4].end.contains("did not bite"));
    }
}
