//! What the clients did: each operation once, from its invocation to its completion, and the lanes that they lie in.

mod binary;
mod columns;
mod named;
mod rows;

use std::collections::{BTreeSet, HashMap};

use history::{F, History, Op, What};

pub(crate) use named::{Named, mentions};
pub(crate) use rows::Row;

/// An operation of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'a> {
    /// When it was invoked.
    pub(crate) begin: u64,
    /// When it completed, if ever.
    pub(crate) end: Option<u64>,
    /// How.
    pub(crate) outcome: Outcome,
    /// What it was: as it completed, or where it never did, as it was invoked.
    pub(crate) op: &'a Op,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The history ends before it did.
    Open,
    Ok,
    Fail,
    Info,
}

impl Outcome {
    /// As people and histories call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Open => "never completed",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// All operations of a history.
#[derive(Debug)]
pub(crate) struct Operations<'a> {
    /// In the order of their invocations.
    pub(crate) all: Vec<Operation<'a>>,
    /// Which clients share a lane.
    pub(crate) rows: Vec<Row>,
}

impl<'a> Operations<'a> {
    pub(crate) fn of(history: &'a History) -> Self {
        let mut all: Vec<Operation<'a>> = Vec::new();
        let mut open: HashMap<u64, usize> = HashMap::new();
        for event in &history.events {
            let (op, outcome) = match &event.what {
                What::Invoke(op) => (op, Outcome::Open),
                What::Ok(op) => (op, Outcome::Ok),
                What::Fail(op) => (op, Outcome::Fail),
                What::Info(op) => (op, Outcome::Info),
                _ => continue,
            };
            if outcome == Outcome::Open {
                open.insert(op.op, all.len());
                all.push(Operation {
                    begin: event.time,
                    end: None,
                    outcome,
                    op,
                });
            } else if let Some(index) = open.remove(&op.op) {
                let begin = all[index].begin;
                all[index] = Operation {
                    begin,
                    end: Some(event.time.max(begin)),
                    outcome,
                    op,
                };
            }
        }
        let rows = rows::rows(&all);
        Self { all, rows }
    }

    /// The operations for the script: columns of numbers, compressed, in base64. All that is `named` is there, whatever
    /// else has to be left out.
    pub(crate) fn encoded(&self, history: &History, named: &BTreeSet<u64>) -> String {
        columns::encoded(self, &history.header, named)
    }
}

/// What an operation does, in one word.
pub(crate) fn word(f: &F) -> &'static str {
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
