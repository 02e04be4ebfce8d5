//! What the findings have to tell: a second walk through the history, for the writes, values and steps in question
//! alone.

mod begun;
mod disorder;
mod passes;
mod places;
mod writes;

use std::collections::BTreeSet;

use history::{Event, F, Mop, Op, Phase, Record, Send, What};

use begun::Begun;
pub(crate) use disorder::{Disorder, Misread, Missent, Seen};
pub(crate) use passes::{Pass, Passes};
pub(crate) use places::{Place, Places};
pub(crate) use writes::{WriteStories, WriteStory};

use crate::dependencies::{BackEdges, Operations};
use crate::index::{Clients, Doing, Id, Index, Open, WriteOutcome};
use crate::options::Options;

/// What a second walk is to find out.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The writes to tell everything of.
    pub(crate) writes: BTreeSet<u32>,
    /// What has to be found wherever it was seen.
    pub(crate) places: BTreeSet<Id>,
    /// Partitions of which it matters who read through them.
    pub(crate) passes: BTreeSet<history::Key>,
    /// Writes of which it matters when they were begun, ascending.
    pub(crate) begun: Vec<u32>,
    /// Whether clients read and wrote in order.
    pub(crate) disorder: bool,
    /// The dependencies that lead back in the order of places.
    pub(crate) back_edges: bool,
    /// The operations that may be part of a cycle.
    pub(crate) operations: bool,
}

impl Wanted {
    /// Whether no walk is needed.
    pub(crate) fn is_empty(&self) -> bool {
        let questions = [
            self.writes.is_empty(),
            self.places.is_empty(),
            self.passes.is_empty(),
        ];
        let more = [self.disorder, self.back_edges, self.operations];
        questions == [true; 3] && self.begun.is_empty() && more == [false; 3]
    }
}

/// What a second walk found out.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) writes: WriteStories,
    pub(crate) places: Places,
    pub(crate) passes: Passes,
    pub(crate) begun: Begun,
    pub(crate) disorder: Disorder,
    pub(crate) back_edges: BackEdges,
    pub(crate) operations: Operations,
}

/// A second walk under way.
pub(crate) struct Gatherer<'i> {
    index: &'i Index,
    evidence: Evidence,
    clients: Clients,
    finally: bool,
    event: u64,
}

/// An operation that ends.
#[derive(Clone, Copy)]
pub(crate) struct Ending<'e> {
    pub(crate) time: u64,
    /// The number of the event.
    pub(crate) event: u64,
    slot: u32,
    pub(crate) op: &'e Op,
    pub(crate) outcome: WriteOutcome,
    /// Whether it is one of the final reads.
    finally: bool,
    /// What it began as, with its writes.
    pub(crate) open: Open,
}

impl<'i> Gatherer<'i> {
    pub(crate) fn new(index: &'i Index, options: &Options, wanted: &Wanted) -> Self {
        Self {
            index,
            evidence: Evidence {
                writes: WriteStories::new(index, &wanted.writes),
                places: Places::new(&wanted.places),
                passes: Passes::new(&wanted.passes, !index.phased),
                begun: Begun::new(&wanted.begun),
                disorder: Disorder::new(index, options, wanted.disorder),
                back_edges: BackEdges::new(wanted.back_edges),
                operations: Operations::new(wanted.operations),
            },
            clients: Clients::default(),
            finally: false,
            event: 0,
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.event += 1;
        match &event.what {
            What::Invoke(op) => self.invoke(event.time, op),
            What::Ok(op) => self.complete(event.time, op, WriteOutcome::Ok),
            What::Fail(op) => self.complete(event.time, op, WriteOutcome::Fail),
            What::Info(op) => self.complete(event.time, op, WriteOutcome::Info),
            What::Phase(phase) => self.finally |= *phase >= Phase::FinalReads,
            What::Deletion(deletion) => self.evidence.passes.deleted(self.index, event.time, deletion.key),
            What::Observed(observed) => self.evidence.places.observed(self.index, observed),
            _ => {}
        }
    }

    fn invoke(&mut self, time: u64, op: &Op) {
        let (mut first, mut writes) = (0, 0);
        let index = self.index;
        for_each_send(&op.f, |send| {
            if let Some(number) = index.find(send.key, send.value) {
                if writes == 0 {
                    first = number;
                }
                writes += 1;
                self.evidence.writes.begun(number, time, op);
                self.evidence.begun.begun(number, time);
                self.evidence.disorder.begun(number);
            }
        });
        let slot = self.clients.slot(op.process);
        let open = Open {
            op: op.op,
            doing: Doing::of(&op.f),
            process: op.process,
            event: self.event,
            time,
            first,
            writes,
        };
        self.clients.begin(slot, open);
    }

    fn complete(&mut self, time: u64, op: &Op, outcome: WriteOutcome) {
        let Some((slot, open)) = self.clients.end(op) else {
            return;
        };
        if open.doing != Doing::of(&op.f) {
            return;
        }
        let reads = self.index.final_reads.as_ref();
        let ending = Ending {
            time,
            event: self.event,
            slot,
            op,
            outcome,
            finally: self.finally && reads.is_some_and(|reads| reads.process == op.process),
            open,
        };
        self.evidence.writes.ended(self.index, &ending);
        self.evidence.places.ended(self.index, &ending);
        self.evidence.passes.ended(&ending);
        self.evidence.disorder.ended(self.index, &ending);
        self.evidence.back_edges.ended(self.index, &ending);
        self.evidence.operations.ended(self.index, &ending);
    }

    /// What the walk found out.
    pub(crate) fn finish(mut self) -> Evidence {
        self.evidence.passes.finish();
        for open in self.clients.all_open() {
            self.evidence.operations.never_ended(self.index, open);
        }
        self.evidence.operations.finish();
        self.evidence
    }
}

/// Each record that an operation sends.
fn for_each_send(f: &F, mut show: impl FnMut(&Send)) {
    match f {
        F::Send(send) => show(send),
        F::Txn(txn) => txn.mops.iter().for_each(|mop| {
            if let Mop::Send(send) = mop {
                show(send);
            }
        }),
        _ => {}
    }
}

/// Each record that an operation got.
pub(crate) fn for_each_record(f: &F, mut show: impl FnMut(&Record)) {
    match f {
        F::Poll(poll) => poll.records.iter().for_each(show),
        F::Txn(txn) => {
            for mop in &txn.mops {
                if let Mop::Poll(poll) = mop {
                    poll.records.iter().for_each(&mut show);
                }
            }
        }
        _ => {}
    }
}
