//! A client that reads.

use std::io;

use history::{Assign, F, Key, Offset, Op, Poll, Record, What};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::broker::Broker;
use crate::journal::Journal;

/// Records that a poll returns at most.
const RECORDS: usize = 3;
/// One in so many operations takes other partitions.
const ASSIGNMENTS: u32 = 500;
/// One in so many operations ends in a crash.
const CRASHES: u32 = 5_000;
/// One in so many polls fails.
const FAILURES: u32 = 1_000;
/// Partitions with no more records than this are read from the beginning by who takes them.
const SHORT: usize = 1_000;

/// Reads partitions of its own choice, each in its order.
pub(super) struct Consumer {
    process: u32,
    /// Which partitions it reads, and the next offset of each; empty before it chose any.
    positions: Vec<(Key, usize)>,
    /// Which of them is read first next time.
    turn: usize,
    open: Option<(u64, Doing)>,
}

/// An operation under way.
enum Doing {
    Poll,
    Assign(Assign),
    Crash,
}

impl Consumer {
    pub(super) fn new(process: u32) -> Self {
        Self {
            process,
            positions: Vec::new(),
            turn: 0,
            open: None,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.open.is_some()
    }

    /// Begins or ends an operation, and says whether the client is done for.
    pub(super) fn step(
        &mut self,
        broker: &Broker,
        random: &mut ChaCha8Rng,
        journal: &mut Journal,
    ) -> io::Result<bool> {
        if let Some((op, doing)) = self.open.take() {
            return self.complete(op, doing, broker, random, journal);
        }
        let (doing, f) = if self.positions.is_empty() || random.random_ratio(1, ASSIGNMENTS) {
            let assign = self.choose(broker, random);
            (Doing::Assign(assign.clone()), F::Assign(assign))
        } else if random.random_ratio(1, CRASHES) {
            (Doing::Crash, F::Crash)
        } else {
            (Doing::Poll, F::Poll(Poll::default()))
        };
        let op = journal.invoke(self.process, f)?;
        self.open = Some((op, doing));
        Ok(false)
    }

    fn choose(&self, broker: &Broker, random: &mut ChaCha8Rng) -> Assign {
        let mut keys: Vec<Key> = (0..broker.keys()).collect();
        keys.shuffle(random);
        keys.truncate(random.random_range(1..=keys.len().div_ceil(2)));
        keys.sort_unstable();
        // Only a client that has read nothing yet: whoever goes back to where it has been reads records again.
        let short = keys.iter().all(|key| broker.log(*key).len() <= SHORT);
        let from_beginning = self.positions.is_empty() && short;
        Assign { keys, from_beginning }
    }

    fn complete(
        &mut self,
        op: u64,
        doing: Doing,
        broker: &Broker,
        random: &mut ChaCha8Rng,
        journal: &mut Journal,
    ) -> io::Result<bool> {
        match doing {
            Doing::Crash => {
                journal.write(What::Info(Op::new(self.process, op, F::Crash)))?;
                Ok(true)
            }
            Doing::Assign(assign) => {
                self.take(&assign, broker);
                journal.write(What::Ok(Op::new(self.process, op, F::Assign(assign))))?;
                Ok(false)
            }
            Doing::Poll if random.random_ratio(1, FAILURES) => {
                let mut completion = Op::new(self.process, op, F::Poll(Poll::default()));
                completion.error = Some("timed out".to_owned());
                journal.write(What::Fail(completion))?;
                Ok(false)
            }
            Doing::Poll => {
                let records = self.read(broker, random.random_range(0..=RECORDS));
                journal.write(What::Ok(Op::new(self.process, op, F::Poll(Poll { records }))))?;
                Ok(false)
            }
        }
    }

    /// A partition that it had goes on where it stood; a new one begins at its end, or at its start where that
    /// was asked for.
    fn take(&mut self, assign: &Assign, broker: &Broker) {
        let position = |key: &Key| {
            let held = self.positions.iter().find(|(held, _)| held == key);
            let fresh = if assign.from_beginning {
                0
            } else {
                broker.log(*key).len()
            };
            (*key, held.map_or(fresh, |(_, offset)| *offset))
        };
        self.positions = assign.keys.iter().map(position).collect();
    }

    /// The next records, of one partition after the other.
    fn read(&mut self, broker: &Broker, most: usize) -> Vec<Record> {
        let mut records = Vec::with_capacity(most);
        for _ in 0..self.positions.len() {
            if records.len() == most {
                break;
            }
            self.turn = (self.turn + 1) % self.positions.len();
            let (key, offset) = &mut self.positions[self.turn];
            let rest = broker.log(*key)[*offset..].iter().take(most - records.len());
            for value in rest {
                records.push(Record {
                    key: *key,
                    offset: *offset as Offset,
                    value: *value,
                });
                *offset += 1;
            }
        }
        records
    }
}
