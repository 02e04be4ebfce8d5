//! Transactions of concurrent clients at one store.

mod running;

use std::collections::VecDeque;
use std::io;

use history::{F, Key, Mop, Op, Seen, Txn, Value, What};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::journal::{Journal, Sink};
use crate::planted::{self, Prepared, prepare};
use crate::store::Store;
use running::{Fate, Running};

/// What a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Lists that are appended to.
    Lists,
    /// Registers that are set.
    Registers,
}

impl Data {
    pub(crate) fn write(self, key: Key, value: Value) -> Mop {
        match self {
            Self::Lists => Mop::Append(key, value),
            Self::Registers => Mop::Write(key, value),
        }
    }

    /// What a read of these elements shows.
    pub(crate) fn seen(self, values: impl Iterator<Item = Value>) -> Seen {
        match self {
            Self::Lists => Seen::List(values.collect()),
            Self::Registers => values.last().map_or(Seen::Nothing, Seen::One),
        }
    }
}

/// What a store keeps apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Each transaction happens at one moment between its invocation and its completion.
    StrictSerializable,
    /// Each reads what was committed when it began, and aborts if a key that it writes was written since.
    Snapshot,
    /// Each read sees what is committed at its moment, and writes show when they are committed.
    ReadCommitted,
    /// Everything shows at once, and is taken back on an abort.
    ReadUncommitted,
}

/// A history of transactions, in the proportions of Elle's own generator.
///
/// A transaction has one to `mops_max` steps, each a read or a write of one of `keys` keys, of which each is
/// chosen twice as often as the one before it; a key that was written `writes_per_key` times gives its place to
/// a new one. Under [`Isolation::StrictSerializable`] and without anomalies the history is strictly serializable.
#[derive(Clone, Copy, Debug)]
pub struct Transactions {
    /// What the store holds.
    pub data: Data,
    /// What it keeps apart.
    pub isolation: Isolation,
    /// Transactions.
    pub transactions: u64,
    /// Anomalies that are planted, evenly spread, the kinds of [`planted_names`](crate::planted_names) in turn.
    pub anomalies: u64,
    /// Every random choice comes from it.
    pub seed: u64,
    /// Clients at work at a time.
    pub processes: u32,
    /// Keys to choose from at a time.
    pub keys: u32,
    /// Writes of a key.
    pub writes_per_key: u64,
    /// Steps of a transaction at most.
    pub mops_max: u32,
    /// Of a thousand transactions, those that abort.
    pub failed: u32,
    /// Of a thousand transactions, those of which nobody hears.
    pub unknown: u32,
}

impl Default for Transactions {
    fn default() -> Self {
        Self {
            data: Data::Lists,
            isolation: Isolation::StrictSerializable,
            transactions: 10_000,
            anomalies: 0,
            seed: 1,
            processes: 10,
            keys: 10,
            writes_per_key: 32,
            mops_max: 4,
            failed: 5,
            unknown: 3,
        }
    }
}

impl Transactions {
    /// Makes the history. Panics where there is no client, key or step.
    pub fn write(&self, sink: &mut Sink) -> io::Result<()> {
        let mut journal = Journal::open(sink, self.seed, Vec::new())?;
        let mut clients = Clients::new(*self);
        while journal.operations < self.transactions {
            clients.step(&mut journal)?;
        }
        clients.close(&mut journal)
    }
}

/// Everybody who is at work, and what they work at.
struct Clients {
    plan: Transactions,
    random: ChaCha8Rng,
    store: Store,
    keys: Keys,
    /// For each its process number and its transaction.
    everybody: Vec<(u32, Option<Running>)>,
    prepared: VecDeque<Prepared>,
    planted: u64,
}

impl Clients {
    fn new(plan: Transactions) -> Self {
        Self {
            plan,
            random: ChaCha8Rng::seed_from_u64(plan.seed),
            store: Store::default(),
            keys: Keys::new(plan.keys, plan.writes_per_key),
            everybody: (0..plan.processes).map(|process| (process, None)).collect(),
            prepared: VecDeque::new(),
            planted: 0,
        }
    }

    /// One client begins a transaction, or goes on with it, or ends it.
    fn step(&mut self, journal: &mut Journal) -> io::Result<()> {
        let place = self.random.random_range(0..self.everybody.len());
        self.advance(place, journal)
    }

    fn advance(&mut self, place: usize, journal: &mut Journal) -> io::Result<()> {
        let (process, running) = &mut self.everybody[place];
        match running {
            Some(transaction) if !transaction.is_over() => {
                transaction.advance(&self.plan, &mut self.store);
                Ok(())
            }
            Some(transaction) => {
                journal.write(transaction.completion(*process))?;
                if matches!(transaction.fate, Fate::Unknown | Fate::UnknownAborts) {
                    *process += self.plan.processes;
                }
                *running = None;
                Ok(())
            }
            None => self.begin(place, journal),
        }
    }

    fn begin(&mut self, place: usize, journal: &mut Journal) -> io::Result<()> {
        self.plant(journal.operations);
        let mut running = match self.prepared.pop_front() {
            Some(prepared) => Running::prepared(prepared),
            None => Running::new(self.draw(), self.fate()),
        };
        let process = self.everybody[place].0;
        let mops = running.asked.clone();
        running.op = journal.invoke(process, F::Txn(Txn { mops }))?;
        self.everybody[place].1 = Some(running);
        Ok(())
    }

    /// Plants what is due when so many transactions were begun.
    fn plant(&mut self, begun: u64) {
        let due = begun * self.plan.anomalies / self.plan.transactions.max(1);
        while self.planted < due {
            let first = self.keys.reserve();
            let prepared = prepare(self.planted as usize, self.plan.data, first);
            self.prepared.extend(prepared);
            self.planted += 1;
        }
    }

    fn draw(&mut self) -> Vec<Mop> {
        let count = self.random.random_range(1..=self.plan.mops_max);
        let mut mops = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let slot = self.keys.choose(&mut self.random);
            mops.push(if self.random.random_bool(0.5) {
                Mop::Read(self.keys.key(slot), Seen::Nothing)
            } else {
                let (key, value, retired) = self.keys.write(slot);
                if retired {
                    self.store.retire(key);
                }
                self.plan.data.write(key, value)
            });
        }
        mops
    }

    fn fate(&mut self) -> Fate {
        let lot = self.random.random_range(0..1_000);
        if lot < self.plan.failed {
            Fate::Aborts
        } else if lot < self.plan.failed + self.plan.unknown {
            if self.random.random_bool(0.5) {
                Fate::Unknown
            } else {
                Fate::UnknownAborts
            }
        } else {
            Fate::Commits
        }
    }

    /// Whatever is under way ends.
    fn close(&mut self, journal: &mut Journal) -> io::Result<()> {
        for place in 0..self.everybody.len() {
            while self.everybody[place].1.is_some() {
                self.advance(place, journal)?;
            }
        }
        Ok(())
    }
}

/// The keys to choose from.
struct Keys {
    /// For each its number and how often it was written.
    slots: Vec<(Key, u64)>,
    writes_max: u64,
    /// The next number that is free.
    next: Key,
}

impl Keys {
    fn new(count: u32, writes_max: u64) -> Self {
        Self {
            slots: (0..count).map(|key| (key, 0)).collect(),
            writes_max,
            next: count,
        }
    }

    /// Each place is chosen twice as often as the one before it.
    fn choose(&self, random: &mut ChaCha8Rng) -> usize {
        let tails = random.random::<u64>().leading_zeros() as usize;
        self.slots.len() - 1 - tails.min(self.slots.len() - 1)
    }

    fn key(&self, slot: usize) -> Key {
        self.slots[slot].0
    }

    /// The key to write and a value that it never had; and whether this is its last.
    fn write(&mut self, slot: usize) -> (Key, Value, bool) {
        let (key, written) = &mut self.slots[slot];
        *written += 1;
        let write = (*key, *written, *written >= self.writes_max);
        if write.2 {
            self.slots[slot] = (self.next, 0);
            self.next += 1;
        }
        write
    }

    /// The first of an anomaly's numbers, which nobody else chooses.
    fn reserve(&mut self) -> Key {
        self.next += planted::KEYS;
        self.next - planted::KEYS
    }
}

impl Running {
    /// How the transaction ended, as its client tells.
    fn completion(&self, process: u32) -> What {
        let transaction = |mops: &[Mop]| F::Txn(Txn { mops: mops.to_vec() });
        let mut op = Op::new(process, self.op, transaction(&self.asked));
        match self.fate {
            Fate::Commits => {
                op.f = transaction(&self.done);
                What::Ok(op)
            }
            Fate::Aborts => {
                op.error = Some("aborted".to_owned());
                What::Fail(op)
            }
            Fate::Unknown | Fate::UnknownAborts => {
                op.error = Some("timed out".to_owned());
                What::Info(op)
            }
        }
    }
}
