//! Numbers operations, and writes down what becomes of them.

use std::sync::Arc;

use cluster::sim::{Sink, World};
use history::{F, Key, Op, Value, What};

use super::config::ClientsConfig;
use crate::scribe::{Counters, End};

/// What all clients of a simulated run share.
pub(super) struct Book {
    pub(super) config: ClientsConfig,
    /// The partitions of each topic.
    pub(super) topics: Vec<Vec<Key>>,
    pub(super) counters: Arc<Counters>,
    pub(super) stopping: bool,
    operations: u64,
    processes: u32,
    values: Value,
}

impl Book {
    pub(super) fn new(config: ClientsConfig, topics: Vec<Vec<Key>>) -> Self {
        Self {
            config,
            topics,
            counters: Arc::default(),
            stopping: false,
            operations: 0,
            processes: 0,
            values: 0,
        }
    }

    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    /// Whether no client begins anything any more.
    pub(super) fn is_full(&self) -> bool {
        self.stopping || self.operations >= self.config.operations
    }

    /// A process number that no client has had before.
    pub(super) fn process(&mut self) -> u32 {
        self.processes += 1;
        self.processes - 1
    }

    /// A value that no client has written before.
    pub(super) fn value(&mut self) -> Value {
        self.values += 1;
        self.values - 1
    }
}

/// What a client has at hand while it acts.
pub(super) struct Desk<'a> {
    pub(super) world: &'a mut World,
    pub(super) book: &'a mut Book,
    pub(super) sink: &'a mut dyn Sink,
}

impl Desk<'_> {
    /// An operation begins: its number.
    pub(super) fn invoke(&mut self, process: u32, f: F) -> u64 {
        let number = self.book.operations;
        self.book.operations += 1;
        self.book.counters.begin(&f);
        let op = Op::new(process, number, f);
        self.sink.take(self.world.now(), What::Invoke(op));
        number
    }

    /// It ended.
    pub(super) fn end(&mut self, process: u32, number: u64, f: F, end: End, rebalanced: Vec<Key>) {
        self.book.counters.end(&f, &end);
        let op = |error| Op {
            error,
            rebalanced,
            ..Op::new(process, number, f)
        };
        let what = match end {
            End::Ok => What::Ok(op(None)),
            End::Fail(error) => What::Fail(op(Some(error))),
            End::Info(error) => What::Info(op(Some(error))),
        };
        self.sink.take(self.world.now(), what);
    }
}
