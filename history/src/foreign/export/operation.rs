//! One operation as others write it.

use crate::event::{F, Fault, FaultStep, Mop, Op, Poll, Record, Seen, Send};
use crate::foreign::export::line::Line;
use crate::foreign::steps::NO_OFFSET;
use crate::header::Key;

/// What an event is to its operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// Writes the rest of an operation whose map has begun. `rest` are steps of its transaction after those it holds.
pub fn write(line: &mut Line, kind: Kind, op: &Op, rest: &[Mop]) {
    line.field("process");
    line.integer(op.process);
    line.field("type");
    line.word(kind.word());
    line.field("f");
    line.word(name(&op.f));
    line.field("value");
    value(line, kind, &op.f, rest);
    if let F::Assign(assign) = &op.f
        && assign.from_beginning
    {
        line.field("seek-to-beginning?");
        line.push("true");
    }
    if let Some(error) = &op.error {
        line.field("error");
        line.quote(error);
    }
    if !op.rebalanced.is_empty() {
        line.field("rebalance-log");
        line.vector([&op.rebalanced], |line, rebalanced| {
            line.begin_map();
            line.field("keys");
            keys(line, rebalanced);
            line.push("}");
        });
    }
    line.push("}");
}

fn name(f: &F) -> &'static str {
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

fn value(line: &mut Line, kind: Kind, f: &F, rest: &[Mop]) {
    match f {
        F::Send(done) => line.vector([done], |line, done| send(line, kind, done)),
        F::Poll(done) => line.vector([done], |line, done| poll(line, kind, done)),
        F::Assign(assign) => keys(line, &assign.keys),
        F::Subscribe(subscribe) => keys(line, &subscribe.keys),
        F::Txn(txn) => line.vector(txn.mops.iter().chain(rest), |line, done| mop(line, kind, done)),
        F::Group(step) => keys(line, &step.keys()),
        F::Share(step) => keys(line, &step.keys()),
        F::Times(step) => keys(line, &step.keys()),
        F::Crash => line.nothing(),
    }
}

fn keys(line: &mut Line, keys: &[Key]) {
    line.vector(keys, |line, key| line.key(*key));
}

fn mop(line: &mut Line, kind: Kind, mop: &Mop) {
    match mop {
        Mop::Send(done) => send(line, kind, done),
        Mop::Poll(done) => poll(line, kind, done),
        Mop::Append(key, value) => step(line, "append", *key, |line| line.value(*value)),
        Mop::Write(key, value) => step(line, "w", *key, |line| line.value(*value)),
        Mop::Read(key, seen) => step(line, "r", *key, |line| match seen {
            Seen::Nothing => line.nothing(),
            Seen::One(value) => line.value(*value),
            Seen::List(values) => line.vector(values, |line, value| line.value(*value)),
        }),
    }
}

fn step(line: &mut Line, name: &str, key: Key, value: impl FnOnce(&mut Line)) {
    line.push("[");
    line.word(name);
    line.between();
    line.key(key);
    line.between();
    value(line);
    line.push("]");
}

/// `[:send k v]`, and once it is acknowledged `[:send k [offset v]]`.
fn send(line: &mut Line, kind: Kind, send: &Send) {
    step(line, "send", send.key, |line| {
        if send.offset.is_none() && kind != Kind::Ok {
            return line.value(send.value);
        }
        line.push("[");
        match send.offset {
            Some(offset) => line.integer(offset),
            None => line.nothing(),
        }
        line.between();
        line.value(send.value);
        line.push("]");
    });
}

/// `[:poll]`, and once it is done `[:poll {k [[offset v] …] …}]`: the order among keys is lost.
fn poll(line: &mut Line, kind: Kind, poll: &Poll) {
    line.push("[");
    line.word("poll");
    if kind != Kind::Invoke || !poll.records.is_empty() {
        line.between();
        line.push("{");
        let mut records = poll.records.clone();
        records.sort_by_key(|record| record.key);
        for (index, of_key) in records.chunk_by(|one, next| one.key == next.key).enumerate() {
            if index > 0 {
                line.between();
            }
            line.key_of_map(of_key[0].key);
            line.vector(of_key, record);
        }
        line.push("}");
    }
    line.push("]");
}

fn record(line: &mut Line, record: &Record) {
    line.push("[");
    if record.offset == NO_OFFSET {
        line.nothing();
    } else {
        line.integer(record.offset);
    }
    line.between();
    line.value(record.value);
    line.push("]");
}

/// Writes the rest of an operation of the nemesis whose map has begun.
pub fn write_fault(line: &mut Line, fault: &Fault) {
    let (verb, outcome) = match &fault.step {
        FaultStep::Injecting => ("start", None),
        FaultStep::Injected => ("start", Some("injected")),
        FaultStep::Skipped { reason } => ("start", Some(reason.as_str())),
        FaultStep::Failed { error } => ("start", Some(error.as_str())),
        FaultStep::Healing => ("stop", None),
        FaultStep::Healed { evidence, .. } => ("stop", Some(evidence.as_str())),
    };
    // A keyword ends at the first sign that is none of these.
    let kind = fault
        .kind
        .replace(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_', "-");
    line.field("process");
    line.word("nemesis");
    line.field("type");
    line.word("info");
    line.field("f");
    line.word(&format!("{verb}-{kind}"));
    line.field("value");
    let said = [Some(fault.detail.as_str()), outcome];
    line.vector(said.into_iter().flatten(), Line::quote);
    line.push("}");
}
