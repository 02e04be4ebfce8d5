//! Any history written for the checkers of others: Jepsen's, Elle's, elle-cli.

mod line;
mod operation;

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;

use thiserror::Error;

use crate::event::{Event, F, Mop, Op, What};
use crate::read::ReadError;
use crate::source::{Format, Names, Source};
use line::{EDN, JSON, Line, Shape};
use operation::Kind;

/// Why a history was not written for others.
#[derive(Debug, Error)]
pub enum ExportError {
    /// It cannot be read. The message is that of the reading.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was to be written cannot be.
    #[error("cannot be written: {0}")]
    Write(io::Error),
}

/// Writes a history as Jepsen writes it: a map of EDN for each invocation and completion of a client, one a line.
///
/// The steps of faults become operations of `:nemesis`. Phases, observations and broker processes are left out.
/// Lines are numbered from 0 on by `:index`, without gaps, as Jepsen wants it. Returns how many there are.
pub fn write_edn(source: &mut dyn Source, out: &mut dyn Write) -> Result<u64, ExportError> {
    export(source, out, &EDN, ["", "\n", "\n"])
}

/// Writes a history for elle-cli: one array of JSON, with one operation a line. Faults are left out as well.
pub fn write_elle_json(source: &mut dyn Source, out: &mut dyn Write) -> Result<u64, ExportError> {
    export(source, out, &JSON, ["[", ",\n", "]\n"])
}

/// Writes the operations of [`write_elle_json`] as lines of JSON, without the array around them.
pub fn write_json_lines(source: &mut dyn Source, out: &mut dyn Write) -> Result<u64, ExportError> {
    export(source, out, &JSON, ["", "\n", "\n"])
}

/// `around` stands before the first operation, between two, and after the last.
fn export(
    source: &mut dyn Source,
    out: &mut dyn Write,
    shape: &'static Shape,
    around: [&'static str; 3],
) -> Result<u64, ExportError> {
    let [before, between, after] = around;
    let mut exporter = Exporter {
        line: Line::new(shape, all_names(source)?),
        between,
        lines: 0,
        begun: HashMap::new(),
    };
    exporter.line.push(before);
    let mut written = Ok(());
    source.scan(&mut |stretch| {
        for event in stretch {
            exporter.event(event);
        }
        written = exporter.line.hand_over(out);
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    // A file of nothing would be no history.
    let nothing = exporter.lines == 0 && before.is_empty();
    exporter.line.push(if nothing { "[]\n" } else { after });
    let written = written.and_then(|()| exporter.line.hand_over(out));
    written.and_then(|()| out.flush()).map_err(ExportError::Write)?;
    Ok(exporter.lines)
}

/// What everything is called. Only a whole walk knows.
fn all_names(source: &mut dyn Source) -> Result<Names, ReadError> {
    if source.format() != Format::Tribunal {
        source.scan(&mut |_| ControlFlow::Continue(()))?;
    }
    Ok(source.names().clone())
}

struct Exporter {
    line: Line,
    between: &'static str,
    lines: u64,
    /// The steps of transactions that are open, by process.
    begun: HashMap<u32, Vec<Mop>>,
}

impl Exporter {
    fn event(&mut self, event: &Event) {
        let (kind, op) = match &event.what {
            What::Invoke(op) => (Kind::Invoke, op),
            What::Ok(op) => (Kind::Ok, op),
            What::Fail(op) => (Kind::Fail, op),
            What::Info(op) => (Kind::Info, op),
            What::Fault(fault) if self.line.is_edn() => {
                self.begin(event.time);
                operation::write_fault(&mut self.line, fault);
                return;
            }
            _ => return,
        };
        self.begin(event.time);
        let rest = self.rest(kind, op);
        operation::write(&mut self.line, kind, op, &rest);
    }

    fn begin(&mut self, time: u64) {
        if self.lines > 0 {
            self.line.push(self.between);
        }
        self.line.begin_map();
        self.line.field("index");
        self.line.integer(self.lines);
        self.line.field("time");
        self.line.integer(time);
        self.lines += 1;
    }

    /// The steps that a transaction did not come to. To Jepsen they are part of a completion too: of a transaction
    /// whose end nobody knows, they may have happened.
    fn rest(&mut self, kind: Kind, op: &Op) -> Vec<Mop> {
        let begun = self.begun.remove(&op.process);
        let F::Txn(txn) = &op.f else {
            return Vec::new();
        };
        if kind == Kind::Invoke {
            self.begun.insert(op.process, txn.mops.clone());
        }
        let Some(mut begun) = begun.filter(|_| matches!(kind, Kind::Fail | Kind::Info)) else {
            return Vec::new();
        };
        begun.split_off(txn.mops.len().min(begun.len()))
    }
}
