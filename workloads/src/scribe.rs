//! Writes operations into the history: numbers them, and counts how they ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use history::{F, Key, Mop, Op, Recorder, ShareStep, What};

/// What the clients have done so far: writes by how they ended, and records read.
#[derive(Debug, Default)]
pub struct Counters {
    begun: AtomicU64,
    ok: AtomicU64,
    fail: AtomicU64,
    info: AtomicU64,
    read: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Writes begun.
    pub begun: u64,
    /// Writes acknowledged.
    pub ok: u64,
    /// Writes that certainly failed.
    pub fail: u64,
    /// Writes of which nobody knows.
    pub info: u64,
    /// Records read.
    pub read: u64,
}

impl Counters {
    /// The counters now.
    pub fn seen(&self) -> Seen {
        Seen {
            begun: self.begun.load(Relaxed),
            ok: self.ok.load(Relaxed),
            fail: self.fail.load(Relaxed),
            info: self.info.load(Relaxed),
            read: self.read.load(Relaxed),
        }
    }

    /// An operation begins.
    pub(crate) fn begin(&self, f: &F) {
        self.begun.fetch_add(writes(f), Relaxed);
    }

    /// An operation ended.
    pub(crate) fn end(&self, f: &F, end: &End) {
        let ended = match end {
            End::Ok => &self.ok,
            End::Fail(_) => &self.fail,
            End::Info(_) => &self.info,
        };
        ended.fetch_add(writes(f), Relaxed);
        self.read.fetch_add(records(f), Relaxed);
    }
}

fn writes(f: &F) -> u64 {
    match f {
        F::Send(_) => 1,
        F::Txn(txn) => {
            let writes = |mop: &&Mop| matches!(mop, Mop::Send(_) | Mop::Append(..) | Mop::Write(..));
            txn.mops.iter().filter(writes).count() as u64
        }
        _ => 0,
    }
}

fn records(f: &F) -> u64 {
    let of_mop = |mop: &Mop| match mop {
        Mop::Poll(poll) => poll.records.len() as u64,
        Mop::Read(_, history::Seen::List(values)) => values.len() as u64,
        Mop::Read(_, history::Seen::One(_)) => 1,
        _ => 0,
    };
    match f {
        F::Poll(poll) => poll.records.len() as u64,
        F::Txn(txn) => txn.mops.iter().map(of_mop).sum(),
        F::Share(ShareStep::Acquire(acquire)) => acquire.records.len() as u64,
        _ => 0,
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It happened.
    Ok,
    /// It certainly did not, and why.
    Fail(String),
    /// Nobody knows, and why.
    Info(String),
}

/// Takes down the operations of all clients of a run.
pub(crate) struct Scribe {
    recorder: Arc<dyn Recorder>,
    counters: Arc<Counters>,
    next_op: AtomicU64,
    next_process: AtomicU32,
    next_producer: AtomicU32,
}

impl Scribe {
    pub(crate) fn new(recorder: Arc<dyn Recorder>) -> Self {
        Self {
            recorder,
            counters: Arc::default(),
            next_op: AtomicU64::new(0),
            next_process: AtomicU32::new(0),
            next_producer: AtomicU32::new(0),
        }
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    pub(crate) fn recorder(&self) -> &dyn Recorder {
        &*self.recorder
    }

    /// A process number that no client has had before.
    pub(crate) fn process(&self) -> u32 {
        self.next_process.fetch_add(1, Relaxed)
    }

    /// A client begins an operation: its number.
    pub(crate) fn invoke(&self, process: u32, f: F) -> u64 {
        self.invoke_of(process, f, None)
    }

    /// The same, where the history is to name the producer that has it in flight.
    pub(crate) fn invoke_of(&self, process: u32, f: F, producer: Option<u32>) -> u64 {
        let op = self.next_op.fetch_add(1, Relaxed);
        self.counters.begin(&f);
        self.recorder.record(What::Invoke(Op {
            producer,
            ..Op::new(process, op, f)
        }));
        op
    }

    /// A producer's number, which no other has.
    pub(crate) fn producer(&self) -> u32 {
        self.next_producer.fetch_add(1, Relaxed)
    }

    /// The operation ended.
    pub(crate) fn end(&self, process: u32, op: u64, f: F, end: End) {
        self.end_after(process, op, f, end, Vec::new());
    }

    /// The same, after the client's group gave these partitions to it or took them from it meanwhile.
    pub(crate) fn end_after(&self, process: u32, op: u64, f: F, end: End, rebalanced: Vec<Key>) {
        self.counters.end(&f, &end);
        let operation = |error| Op {
            error,
            rebalanced,
            ..Op::new(process, op, f)
        };
        self.recorder.record(match end {
            End::Ok => What::Ok(operation(None)),
            End::Fail(error) => What::Fail(operation(Some(error))),
            End::Info(error) => What::Info(operation(Some(error))),
        });
    }
}
