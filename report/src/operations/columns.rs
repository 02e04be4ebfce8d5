//! All operations as columns of numbers, for the script to draw and to search: compressed, then in base64. A text of
//! somebody else's goes this way too, and never near a tag.
//!
//! The reader is `assets/operations.js`; the order of what is written here is the order in which it reads.

use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use history::{F, GroupStep, Header, Key, Mop, Offset, Op, Seen, Send, ShareStep, TimeStep, Value};

use super::binary::{Column, exact, exact_signed};
use super::{Operation, Operations, Outcome};
use crate::base64::base64;
use crate::format::{clipped, shown};

/// Of more operations the first are on the page, and those that are named on it.
const OPERATIONS_MAX: usize = 2_000_000;
/// Of more records that were written and read the first are on the page.
const ITEMS_MAX: usize = 6_000_000;
/// More errors that differ than this are told as one.
const ERRORS_MAX: usize = 500;
const ERROR_LETTERS_MAX: usize = 200;

/// What an operation wrote, read, or was about.
#[derive(Clone, Copy)]
struct Item {
    kind: Kind,
    key: Key,
    offset: Option<Offset>,
    value: Option<Value>,
}

/// What was done with it; the numbers are what the script knows it by.
#[derive(Clone, Copy)]
enum Kind {
    /// A record was written, nobody said where.
    Sent = 0,
    /// A record was written at an offset.
    Acknowledged = 1,
    /// A record was read.
    Read = 2,
    /// An element was appended to a list.
    Appended = 3,
    /// A register was set.
    Set = 4,
    /// A list or a register was read and held this.
    Held = 5,
    /// It was read and held nothing.
    Nothing = 6,
    /// A partition was chosen.
    Chosen = 7,
}

/// The columns, in the order in which they are written.
#[derive(Default)]
struct Columns {
    begin: Column,
    took: Column,
    id: Column,
    process: Column,
    what: Column,
    error: Column,
    broker: Column,
    items: Column,
    kind: Column,
    key: Column,
    offset: Column,
    value: Column,
}

/// What the next numbers are held against.
#[derive(Default)]
struct Before {
    begin: u64,
    id: i64,
    sent: i64,
    /// Where each partition was written and read last: offset and value.
    places: HashMap<(Key, bool), (i64, i64)>,
    items: usize,
}

/// Errors by the number that stands for them: 0 is none.
#[derive(Default)]
struct Errors {
    texts: Vec<String>,
    numbers: HashMap<String, u64>,
}

impl Errors {
    fn number(&mut self, error: Option<&String>) -> u64 {
        let Some(error) = error else { return 0 };
        let text = clipped(error, ERROR_LETTERS_MAX);
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        if self.texts.len() == ERRORS_MAX {
            return self.texts.len() as u64 + 1;
        }
        self.texts.push(shown(&text));
        let number = self.texts.len() as u64;
        self.numbers.insert(text, number);
        number
    }
}

pub(super) fn encoded(operations: &Operations<'_>, header: &Header, named: &BTreeSet<u64>) -> String {
    let mut columns = Columns::default();
    let (mut before, mut errors) = (Before::default(), Errors::default());
    let mut kept = 0_u64;
    for (index, operation) in operations.all.iter().enumerate() {
        if index < OPERATIONS_MAX || named.contains(&operation.op.op) {
            columns.push(operation, &mut before, &mut errors);
            kept += 1;
        }
    }
    let mut whole = Column::default();
    whole.number(kept);
    whole.number(operations.all.len() as u64);
    whole.number(before.items as u64);
    whole.number(header.topics.len() as u64);
    for topic in &header.topics {
        whole.text(&shown(&topic.name));
        whole.number(u64::from(topic.partitions));
    }
    whole.number(errors.texts.len() as u64);
    errors.texts.iter().for_each(|error| whole.text(error));
    whole.number(operations.rows.len() as u64);
    for row in &operations.rows {
        whole.number(row.processes.len() as u64);
        row.processes
            .iter()
            .for_each(|process| whole.number(u64::from(*process)));
    }
    columns.in_order().iter().for_each(|column| whole.column(column));
    base64(&compressed(&whole.bytes))
}

/// Without a header or a time of any kind: the same bytes for the same run.
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes every write")
}

impl Columns {
    fn in_order(&self) -> [&Column; 12] {
        [
            &self.begin,
            &self.took,
            &self.id,
            &self.process,
            &self.what,
            &self.error,
            &self.broker,
            &self.items,
            &self.kind,
            &self.key,
            &self.offset,
            &self.value,
        ]
    }

    /// Times are in microseconds.
    fn push(&mut self, operation: &Operation<'_>, before: &mut Before, errors: &mut Errors) {
        let Operation {
            begin,
            end,
            outcome,
            op,
            ..
        } = *operation;
        let (micros, id) = (exact(begin / 1_000) as u64, exact(op.op));
        self.begin.number(micros.saturating_sub(before.begin));
        before.begin = micros.max(before.begin);
        self.took
            .number(end.map_or(0, |end| (exact(end / 1_000) as u64).saturating_sub(micros) + 1));
        self.id.signed(id - before.id - 1);
        before.id = id;
        self.process.number(u64::from(op.process));
        self.what
            .bytes
            .push(number_of(&op.f) | number_of_outcome(outcome) << 4);
        self.error.number(errors.number(op.error.as_ref()));
        self.broker
            .number(broker(&op.f).map_or(0, |node| u64::from(node) + 1));
        let mut count = 0;
        each_item(op, &mut |item| {
            count += 1;
            if before.items < ITEMS_MAX {
                self.item(item, before);
            }
        });
        self.items.number(count);
    }

    fn item(&mut self, item: Item, before: &mut Before) {
        before.items += 1;
        self.kind.bytes.push(item.kind as u8);
        self.key.number(u64::from(item.key));
        let is_read = matches!(item.kind, Kind::Read);
        let place = before.places.entry((item.key, is_read)).or_insert((-1, -1));
        if let Some(offset) = item.offset {
            let offset = exact_signed(offset);
            self.offset.signed(offset - place.0 - 1);
            place.0 = offset;
        }
        if let Some(value) = item.value {
            let value = exact(value);
            let last = if is_read { &mut place.1 } else { &mut before.sent };
            self.value.signed(value - *last - 1);
            *last = value;
        }
    }
}

fn number_of(f: &F) -> u8 {
    match f {
        F::Send(_) => 0,
        F::Poll(_) => 1,
        F::Assign(_) => 2,
        F::Subscribe(_) => 3,
        F::Txn(_) => 4,
        F::Crash => 5,
        F::Group(GroupStep::Commit(_)) => 6,
        F::Group(GroupStep::Committed(_)) => 7,
        F::Group(GroupStep::Rebalance(_)) => 8,
        F::Share(ShareStep::Acquire(_)) => 9,
        F::Share(ShareStep::Acknowledge(_)) => 10,
        F::Times(TimeStep::Clock(_)) => 11,
        F::Times(TimeStep::Read(_)) => 12,
        F::Times(TimeStep::LookUp(_)) => 13,
    }
}

fn number_of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Open => 0,
        Outcome::Ok => 1,
        Outcome::Fail => 2,
        Outcome::Info => 3,
    }
}

fn broker(f: &F) -> Option<history::NodeId> {
    match f {
        F::Send(send) => send.broker,
        F::Txn(txn) => txn.mops.iter().find_map(|mop| match mop {
            Mop::Send(send) => send.broker,
            _ => None,
        }),
        _ => None,
    }
}

fn each_item(op: &Op, visit: &mut impl FnMut(Item)) {
    match &op.f {
        F::Send(send) => visit(sent(send)),
        F::Poll(poll) => each_record(poll, visit),
        F::Assign(assign) => assign
            .keys
            .iter()
            .for_each(|key| visit(of_key(Kind::Chosen, *key, None))),
        F::Subscribe(chosen) => chosen
            .keys
            .iter()
            .for_each(|key| visit(of_key(Kind::Chosen, *key, None))),
        F::Txn(txn) => txn.mops.iter().for_each(|mop| each_of_step(mop, visit)),
        F::Group(step) => step
            .keys()
            .into_iter()
            .for_each(|key| visit(of_key(Kind::Chosen, key, None))),
        F::Times(step) => step
            .keys()
            .into_iter()
            .for_each(|key| visit(of_key(Kind::Chosen, key, None))),
        F::Share(ShareStep::Acquire(acquire)) => {
            for record in &acquire.records {
                visit(Item {
                    kind: Kind::Read,
                    key: record.key,
                    offset: Some(record.offset),
                    value: record.value,
                });
            }
        }
        F::Share(ShareStep::Acknowledge(acknowledge)) => {
            for record in &acknowledge.records {
                visit(Item {
                    kind: Kind::Chosen,
                    key: record.key,
                    offset: Some(record.offset),
                    value: None,
                });
            }
        }
        F::Crash => {}
    }
}

fn each_of_step(mop: &Mop, visit: &mut impl FnMut(Item)) {
    match mop {
        Mop::Send(send) => visit(sent(send)),
        Mop::Poll(poll) => each_record(poll, visit),
        Mop::Append(key, value) => visit(of_key(Kind::Appended, *key, Some(*value))),
        Mop::Write(key, value) => visit(of_key(Kind::Set, *key, Some(*value))),
        Mop::Read(key, Seen::Nothing) => visit(of_key(Kind::Nothing, *key, None)),
        Mop::Read(key, Seen::One(value)) => visit(of_key(Kind::Held, *key, Some(*value))),
        Mop::Read(key, Seen::List(values)) => values
            .iter()
            .for_each(|value| visit(of_key(Kind::Held, *key, Some(*value)))),
    }
}

fn each_record(poll: &history::Poll, visit: &mut impl FnMut(Item)) {
    for record in &poll.records {
        visit(Item {
            kind: Kind::Read,
            key: record.key,
            offset: Some(record.offset),
            value: Some(record.value),
        });
    }
}

fn sent(send: &Send) -> Item {
    Item {
        kind: if send.offset.is_some() {
            Kind::Acknowledged
        } else {
            Kind::Sent
        },
        key: send.key,
        offset: send.offset,
        value: Some(send.value),
    }
}

fn of_key(kind: Kind, key: Key, value: Option<Value>) -> Item {
    Item {
        kind,
        key,
        offset: None,
        value,
    }
}
