//! Operations, from their two events each.

use std::collections::BTreeMap;

use history::{Event, F, Op, What};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It certainly did not.
    Fail,
    /// Nobody knows.
    Info,
    /// The history ends before.
    Open,
}

impl Outcome {
    /// Its word in a history; `open` for those that never ended.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
            Self::Open => "open",
        }
    }
}

/// One operation, whole.
pub struct Whole<'a> {
    /// What it did, as its end says; where it has none, as its beginning does.
    pub op: &'a Op,
    /// When it began; where the history has no beginning, when it ended.
    pub begin: u64,
    /// When it ended, where it did.
    pub end: Option<u64>,
    /// How.
    pub outcome: Outcome,
}

/// Operations that are under way: each process has one at most, so there are as many as processes.
#[derive(Default)]
pub struct Pairing {
    open: BTreeMap<u32, (u64, Op)>,
}

impl Pairing {
    /// Shows the next event, and what it completes. What a process left open as it begins anew is shown as such.
    pub fn event<E>(
        &mut self,
        event: &Event,
        mut show: impl FnMut(&Whole<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (op, outcome) = match &event.what {
            What::Invoke(op) => {
                let before = self.open.insert(op.process, (event.time, op.clone()));
                return before.map_or(Ok(()), |(begin, op)| show(&left_open(&op, begin)));
            }
            What::Ok(op) => (op, Outcome::Ok),
            What::Fail(op) => (op, Outcome::Fail),
            What::Info(op) => (op, Outcome::Info),
            _ => return Ok(()),
        };
        let begun = self.open.remove(&op.process);
        show(&Whole {
            op,
            begin: begun.map_or(event.time, |(begin, _)| begin),
            end: Some(event.time),
            outcome,
        })
    }

    /// Shows what never ended.
    pub fn end<E>(self, mut show: impl FnMut(&Whole<'_>) -> Result<(), E>) -> Result<(), E> {
        self.open
            .into_values()
            .try_for_each(|(begin, op)| show(&left_open(&op, begin)))
    }
}

fn left_open(op: &Op, begin: u64) -> Whole<'_> {
    Whole {
        op,
        begin,
        end: None,
        outcome: Outcome::Open,
    }
}

/// The word of what is done.
pub fn word(f: &F) -> &'static str {
    match f {
        F::Send(_) => "send",
        F::Poll(_) => "poll",
        F::Assign(_) => "assign",
        F::Subscribe(_) => "subscribe",
        F::Txn(_) => "txn",
        F::Group(step) => step.word(),
        F::Share(step) => step.word(),
        F::Times(step) => step.word(),
        F::Crash => "crash",
    }
}
