//! Walking through a history: which completion belongs to which invocation.

use std::ops::ControlFlow;

use history::{Event, F, Mop, Op, ReadError, Source, Wanted, What};

use super::txns::{Outcome, TxnId, Txns};
use super::writes::Announced;
use crate::cycles::VERTICES_MAX;
use crate::dense::Dense;

/// The line of an invocation or a completion.
#[derive(Clone, Copy)]
pub(super) struct Line<'e> {
    pub(super) time: u64,
    pub(super) op: &'e Op,
    pub(super) mops: &'e [Mop],
}

/// Who takes down what transactions do.
pub(super) trait Scribe {
    /// A transaction is begun.
    fn invoke(&mut self, txn: TxnId, line: Line<'_>) -> Announced;

    /// A transaction completes.
    fn complete(&mut self, txn: TxnId, outcome: Outcome, line: Line<'_>, announced: Announced);

    /// Whether nothing more is needed.
    fn is_done(&self) -> bool {
        false
    }
}

/// What a process has under way.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Open {
    /// One more than the transaction; 0 is none.
    txn: TxnId,
    op: u64,
    announced: Announced,
}

/// What a walk has come through.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) txns: Txns,
    open: Dense<Open>,
    /// Operations that are no transactions and do something with data.
    pub(super) misfits: u64,
    /// The time of the last event.
    pub(super) end: u64,
    /// There are more transactions than can be numbered.
    pub(super) too_many: bool,
}

impl Walk {
    /// Walks through a whole history.
    pub(super) fn through(source: &mut dyn Source, scribe: &mut impl Scribe) -> Result<Self, ReadError> {
        let mut walk = Self::default();
        source.scan(&mut |events| walk.events(events, scribe))?;
        walk.txns.close();
        Ok(walk)
    }

    /// Walks through a history again: what is not wanted of it may be missing.
    pub(super) fn through_again(
        source: &mut dyn Source,
        wanted: &Wanted<'_>,
        scribe: &mut impl Scribe,
    ) -> Result<(), ReadError> {
        let mut walk = Self::default();
        source.scan_again(wanted, &mut |events| walk.events(events, scribe))?;
        Ok(())
    }

    fn events(&mut self, events: &[Event], scribe: &mut impl Scribe) -> ControlFlow<()> {
        for event in events {
            self.event(event, scribe);
        }
        if self.too_many || scribe.is_done() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn event(&mut self, event: &Event, scribe: &mut impl Scribe) {
        self.end = event.time;
        let (op, outcome) = match &event.what {
            What::Invoke(op) => (op, None),
            What::Ok(op) => (op, Some(Outcome::Ok)),
            What::Fail(op) => (op, Some(Outcome::Fail)),
            What::Info(op) => (op, Some(Outcome::Info)),
            _ => return,
        };
        let F::Txn(txn) = &op.f else {
            let begins = outcome.is_none();
            self.misfits += u64::from(begins && matches!(&op.f, F::Send(_) | F::Poll(_)));
            return;
        };
        self.too_many |= self.txns.len() + 1 >= VERTICES_MAX;
        if self.too_many {
            return;
        }
        let (time, mops) = (event.time, txn.mops.as_slice());
        let line = Line { time, op, mops };
        match outcome {
            None => self.invoke(line, scribe),
            Some(outcome) => self.complete(line, outcome, scribe),
        }
    }

    fn invoke(&mut self, line: Line<'_>, scribe: &mut impl Scribe) {
        let txn = self.txns.begin(line.op.process, line.op.op);
        let announced = scribe.invoke(txn, line);
        let open = Open {
            txn: txn + 1,
            op: line.op.op,
            announced,
        };
        self.open.set(u64::from(line.op.process), open);
    }

    fn complete(&mut self, line: Line<'_>, outcome: Outcome, scribe: &mut impl Scribe) {
        let process = u64::from(line.op.process);
        let open = self.open.get(process);
        let (txn, announced) = if open.txn > 0 && open.op == line.op.op {
            self.open.set(process, Open::default());
            (open.txn - 1, open.announced)
        } else {
            let txn = self.txns.begin_unseen(line.op.process, line.op.op);
            (txn, scribe.invoke(txn, line))
        };
        self.txns.complete(txn, outcome);
        scribe.complete(txn, outcome, line, announced);
    }
}
