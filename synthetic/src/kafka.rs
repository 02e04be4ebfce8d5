//! A log that keeps every promise, and its clients.

mod broker;
mod consumer;
mod producer;

use std::io;

use history::{Assign, F, FinalReads, Key, Offset, Op, Phase, Poll, Record, Topic, What};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::journal::{Journal, Sink};
use broker::Broker;
use consumer::Consumer;
use producer::Producer;

/// Partitions of one topic.
const PARTITIONS: u32 = 4;
/// Records that one of the final reads returns at most, as a client's `max.poll.records` has it.
const FINAL_RECORDS: usize = 500;

/// A history of clients at a log: half of the operations write one record, and nearly all others read up to three.
///
/// Some writes fail, of some nobody knows whether they happened, some arrive after their client gave them up;
/// consumers crash and take other partitions. All of it was allowed, and the final reads are complete. Memory:
/// some 8 bytes for each record that was written.
#[derive(Clone, Copy, Debug)]
pub struct Kafka {
    /// Operations before the final reads.
    pub operations: u64,
    /// Every random choice comes from it.
    pub seed: u64,
    /// Topics, of four partitions each.
    pub topics: u32,
    /// Producers at work at a time.
    pub producers: u32,
    /// Consumers at work at a time.
    pub consumers: u32,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            operations: 10_000,
            seed: 1,
            topics: 4,
            producers: 8,
            consumers: 4,
        }
    }
}

impl Kafka {
    /// Makes the history. Panics where there is no topic, producer or consumer.
    pub fn write(&self, sink: &mut Sink) -> io::Result<()> {
        let mut journal = Journal::open(sink, self.seed, self.topics())?;
        journal.write(What::Phase(Phase::Steady))?;
        let mut clients = Clients::new(self);
        while journal.operations < self.operations {
            clients.step(&mut journal)?;
        }
        clients.close(&mut journal)?;
        journal.write(What::Phase(Phase::Heal))?;
        journal.write(What::Phase(Phase::Settle))?;
        final_reads(&clients.broker, clients.processes, &mut journal)?;
        journal.write(What::Phase(Phase::Teardown))
    }

    fn topics(&self) -> Vec<Topic> {
        let topic = |number| Topic {
            name: format!("log-{number}"),
            partitions: PARTITIONS,
            // Nobody observes replicas, so none is missed.
            replication_factor: 0,
            min_insync_replicas: 0,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        };
        (0..self.topics).map(topic).collect()
    }
}

/// Everybody who is at work.
struct Clients {
    random: ChaCha8Rng,
    broker: Broker,
    producers: Vec<Producer>,
    consumers: Vec<Consumer>,
    /// Process numbers that were given away.
    processes: u32,
}

impl Clients {
    fn new(plan: &Kafka) -> Self {
        let processes = plan.producers + plan.consumers;
        Self {
            random: ChaCha8Rng::seed_from_u64(plan.seed),
            broker: Broker::new(plan.topics * PARTITIONS),
            producers: (0..plan.producers).map(Producer::new).collect(),
            consumers: (plan.producers..processes).map(Consumer::new).collect(),
            processes,
        }
    }

    /// One client begins or ends an operation.
    fn step(&mut self, journal: &mut Journal) -> io::Result<()> {
        self.broker.arrive_late(&mut self.random);
        if self.random.random_bool(0.5) {
            let place = self.random.random_range(0..self.producers.len());
            self.produce(place, journal)
        } else {
            let place = self.random.random_range(0..self.consumers.len());
            self.consume(place, journal)
        }
    }

    fn produce(&mut self, place: usize, journal: &mut Journal) -> io::Result<()> {
        let retired = self.producers[place].step(&mut self.broker, &mut self.random, journal)?;
        if retired {
            self.producers[place] = Producer::new(self.processes);
            self.processes += 1;
        }
        Ok(())
    }

    fn consume(&mut self, place: usize, journal: &mut Journal) -> io::Result<()> {
        let retired = self.consumers[place].step(&self.broker, &mut self.random, journal)?;
        if retired {
            self.consumers[place] = Consumer::new(self.processes);
            self.processes += 1;
        }
        Ok(())
    }

    /// Whatever is under way ends.
    fn close(&mut self, journal: &mut Journal) -> io::Result<()> {
        for place in 0..self.producers.len() {
            if self.producers[place].is_busy() {
                self.produce(place, journal)?;
            }
        }
        for place in 0..self.consumers.len() {
            if self.consumers[place].is_busy() {
                self.consume(place, journal)?;
            }
        }
        Ok(())
    }
}

/// One process reads every partition from its start to its end.
fn final_reads(broker: &Broker, process: u32, journal: &mut Journal) -> io::Result<()> {
    journal.write(What::Phase(Phase::FinalReads))?;
    let assign = Assign {
        keys: (0..broker.keys()).collect(),
        from_beginning: true,
    };
    let op = journal.invoke(process, F::Assign(assign.clone()))?;
    journal.write(What::Ok(Op::new(process, op, F::Assign(assign))))?;
    for key in 0..broker.keys() {
        let log = broker.log(key);
        for (chunk, values) in log.chunks(FINAL_RECORDS).enumerate() {
            let first = chunk * FINAL_RECORDS;
            let record = |(place, value): (usize, &u64)| Record {
                key,
                offset: (first + place) as Offset,
                value: *value,
            };
            let records = values.iter().enumerate().map(record).collect();
            let op = journal.invoke(process, F::Poll(Poll::default()))?;
            journal.write(What::Ok(Op::new(process, op, F::Poll(Poll { records }))))?;
        }
    }
    let end = |key: Key| broker.log(key).len() as Offset;
    journal.write(What::FinalReads(FinalReads {
        complete: true,
        reason: None,
        ends: (0..broker.keys()).map(end).collect(),
        process,
    }))
}
