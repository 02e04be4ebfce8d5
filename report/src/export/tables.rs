//! A history as three tables in Parquet: operations, the records that they wrote and read, and all other events.

use std::io::Write;
use std::ops::ControlFlow;

use history::{Event, F, Key, Mop, Probe, ReadError, Seen, ShareStep, Source, What, to_line};
use parquet::errors::ParquetError;

use super::names::KeyNames;
use super::operations::{Pairing, Whole, word};
use super::table::Table;

/// Where the tables go.
pub struct TableFiles<W> {
    /// One row for each operation.
    pub operations: W,
    /// One row for each record that an operation wrote or read.
    pub records: W,
    /// One row for each event that is no client's.
    pub events: W,
}

/// Why tables were not written.
#[derive(Debug)]
pub enum TablesError {
    /// The history cannot be read.
    Read(ReadError),
    /// A table cannot be written.
    Write(ParquetError),
}

impl std::fmt::Display for TablesError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => error.fmt(formatter),
            Self::Write(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for TablesError {}

const OPERATIONS: [&str; 13] = [
    "op",
    "process",
    "f:text",
    "topic:text",
    "partition",
    "value",
    "offset",
    "broker",
    "records",
    "begin_ns",
    "end_ns",
    "outcome:text",
    "error:text",
];
const RECORDS: [&str; 7] = [
    "op",
    "place",
    "kind:text",
    "topic:text",
    "partition",
    "offset",
    "value",
];
const EVENTS: [&str; 7] = [
    "time_ns",
    "kind:text",
    "node",
    "topic:text",
    "partition",
    "about:text",
    "json:text",
];

/// Writes the tables, and says how many rows each has. A group of rows of each is in memory, and no more.
pub fn tables<W: Write + Send>(
    source: &mut dyn Source,
    files: TableFiles<W>,
) -> Result<[u64; 3], TablesError> {
    let names = KeyNames::of(source).map_err(TablesError::Read)?;
    let mut tables = Tables::new(files, names).map_err(TablesError::Write)?;
    let mut pairing = Pairing::default();
    let mut failed = None;
    let scanned = source.scan(&mut |events| {
        let written = events.iter().try_for_each(|event| match &event.what {
            What::Invoke(_) | What::Ok(_) | What::Fail(_) | What::Info(_) => {
                pairing.event(event, |whole| tables.operation(whole))
            }
            _ => tables.event(event),
        });
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    scanned.map_err(TablesError::Read)?;
    failed
        .map_or(Ok(()), Err)
        .and_then(|()| pairing.end(|whole| tables.operation(whole)))
        .and_then(|()| tables.finish())
        .map_err(TablesError::Write)
}

struct Tables<W: Write + Send> {
    names: KeyNames,
    operations: Table<W>,
    records: Table<W>,
    events: Table<W>,
}

impl<W: Write + Send> Tables<W> {
    fn new(files: TableFiles<W>, names: KeyNames) -> Result<Self, ParquetError> {
        Ok(Self {
            names,
            operations: Table::new(files.operations, "operations", &OPERATIONS)?,
            records: Table::new(files.records, "records", &RECORDS)?,
            events: Table::new(files.events, "events", &EVENTS)?,
        })
    }

    fn finish(self) -> Result<[u64; 3], ParquetError> {
        Ok([
            self.operations.finish()?,
            self.records.finish()?,
            self.events.finish()?,
        ])
    }

    fn operation(&mut self, whole: &Whole<'_>) -> Result<(), ParquetError> {
        let op = whole.op;
        let (key, value, offset, broker) = match &op.f {
            F::Send(send) => (Some(send.key), Some(send.value as i64), send.offset, send.broker),
            _ => (None, None, None, None),
        };
        let (topic, partition) = self.place(key);
        let records = self.records(whole)?;
        self.operations.push([
            op.op.into(),
            u64::from(op.process).into(),
            word(&op.f).into(),
            topic.into(),
            partition.into(),
            value.into(),
            offset.into(),
            broker.map(i64::from).into(),
            records.into(),
            whole.begin.into(),
            whole.end.map(|end| end as i64).into(),
            whole.outcome.word().into(),
            op.error.clone().into(),
        ])
    }

    /// What an operation wrote and read, one by one; says how much that is.
    fn records(&mut self, whole: &Whole<'_>) -> Result<u64, ParquetError> {
        let mut rows = Rows::default();
        match &whole.op.f {
            F::Send(send) => rows.push("send", send.key, send.offset, Some(send.value)),
            F::Poll(poll) => rows.poll(&poll.records),
            F::Txn(txn) => txn.mops.iter().for_each(|mop| rows.mop(mop)),
            F::Share(ShareStep::Acquire(acquire)) => {
                for record in &acquire.records {
                    rows.push("acquire", record.key, Some(record.offset), record.value);
                }
            }
            F::Share(ShareStep::Acknowledge(acknowledge)) => {
                for record in &acknowledge.records {
                    rows.push(record.fate.word(), record.key, Some(record.offset), None);
                }
            }
            F::Assign(_) | F::Subscribe(_) | F::Group(_) | F::Times(_) | F::Crash => {}
        }
        let count = rows.0.len() as u64;
        for (place, (kind, key, offset, value)) in rows.0.into_iter().enumerate() {
            let (topic, partition) = self.place(Some(key));
            self.records.push([
                whole.op.op.into(),
                (place as u64).into(),
                kind.into(),
                topic.into(),
                partition.into(),
                offset.into(),
                value.map(|value| value as i64).into(),
            ])?;
        }
        Ok(count)
    }

    fn event(&mut self, event: &Event) -> Result<(), ParquetError> {
        let Columns {
            kind,
            node,
            key,
            about,
        } = about(&event.what);
        let (topic, partition) = self.place(key);
        self.events.push([
            event.time.into(),
            kind.into(),
            node.map(i64::from).into(),
            topic.into(),
            partition.into(),
            about.into(),
            Some(to_line(event)).into(),
        ])
    }

    fn place(&self, key: Option<Key>) -> (Option<String>, Option<i64>) {
        key.map_or((None, None), |key| {
            let (topic, partition) = self.names.partition(key);
            (Some(topic), partition)
        })
    }
}

/// Kind, key, offset and value of each.
#[derive(Default)]
struct Rows(Vec<(&'static str, Key, Option<i64>, Option<u64>)>);

impl Rows {
    fn push(&mut self, kind: &'static str, key: Key, offset: Option<i64>, value: Option<u64>) {
        self.0.push((kind, key, offset, value));
    }

    fn poll(&mut self, records: &[history::Record]) {
        for record in records {
            self.push("poll", record.key, Some(record.offset), Some(record.value));
        }
    }

    fn mop(&mut self, mop: &Mop) {
        match mop {
            Mop::Send(send) => self.push("send", send.key, send.offset, Some(send.value)),
            Mop::Poll(poll) => self.poll(&poll.records),
            Mop::Append(key, value) => self.push("append", *key, None, Some(*value)),
            Mop::Write(key, value) => self.push("write", *key, None, Some(*value)),
            Mop::Read(key, Seen::Nothing) => self.push("read", *key, None, None),
            Mop::Read(key, Seen::One(value)) => self.push("read", *key, None, Some(*value)),
            Mop::Read(key, Seen::List(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.push("read", *key, Some(index as i64), Some(*value));
                }
            }
        }
    }
}

/// What an event is about, in columns.
struct Columns {
    kind: &'static str,
    node: Option<u32>,
    key: Option<Key>,
    about: Option<String>,
}

fn about(what: &What) -> Columns {
    let of = |kind, node, key, about| Columns {
        kind,
        node,
        key,
        about,
    };
    match what {
        What::Header(_) => of("header", None, None, None),
        What::Phase(phase) => of("phase", None, None, Some(format!("{phase:?}"))),
        What::Fault(fault) => {
            let about = format!("{}: {}", fault.kind, fault.detail);
            of("fault", fault.nodes.first().copied(), None, Some(about))
        }
        What::Observed(observed) => of(
            "observed",
            Some(observed.node),
            None,
            Some(probe(&observed.answer).to_owned()),
        ),
        What::Node(change) => of("node", Some(change.node), None, Some(change.state.clone())),
        What::Deletion(deletion) => of("deletion", None, Some(deletion.key), None),
        What::Probed(probed) => of("probed", None, Some(probed.key), probed.failed.clone()),
        What::Disk(copy) => of("disk", Some(copy.node), None, copy.directory.clone()),
        What::Line(line) => of("line", Some(line.node), line.key, Some(line.text.clone())),
        What::Load(load) => of("load", None, None, Some(format!("{} %", load.percent()))),
        What::FinalReads(reads) => of("final-reads", None, None, reads.reason.clone()),
        What::Interrupted => of("interrupted", None, None, None),
        What::Invoke(_) | What::Ok(_) | What::Fail(_) | What::Info(_) => of("operation", None, None, None),
    }
}

fn probe(answer: &Probe) -> &'static str {
    match answer {
        Probe::Metadata(_) => "metadata",
        Probe::Partitions(_) => "partitions",
        Probe::Stands(_) => "stands",
        Probe::Served(_) => "served",
        Probe::Metrics(_) => "metrics",
        Probe::Quorum(_) => "quorum",
        Probe::NotLeader => "not-leader",
        Probe::ZooKeeper(_) => "zookeeper",
        Probe::Silent(_) => "silent",
        Probe::Log(_) => "log",
        Probe::Undecided(_) => "undecided",
    }
}
