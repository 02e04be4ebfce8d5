//! A log that keeps every promise, and the history of random clients at it: the clean half of the properties.

use std::collections::{BTreeMap, BTreeSet};

use history::{
    Assign, Claim, Event, F, FinalReads, History, LogChunk, Metadata, Mop, Observed, Op, Phase, Poll, Probe,
    Quorum, Record, Send, Subscribe, Txn, What,
};
use proptest::prelude::*;

use crate::dsl;

/// Partitions of the simulated run.
pub const KEYS: u32 = 2;
/// Replicas of each.
const REPLICAS: u32 = 3;
/// The process of the final reads.
pub const FINAL: u32 = 99;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// Producer `process` writes.
    Send { process: u32, key: u32, fate: Fate },
    /// Producer `process` writes to these keys in one transaction, having polled as consumer of the same name.
    Transact {
        process: u32,
        keys: Vec<u32>,
        polls: bool,
        fate: Fate,
    },
    /// Whoever does something next hears of its end only when it does something else.
    Linger,
    /// A write of unknown outcome that had not arrived does so now.
    Arrive,
    /// Consumer `process` reads on in each of its partitions.
    Poll {
        process: u32,
        records: usize,
        succeeds: bool,
    },
    /// Consumer `process` reads other partitions.
    Assign {
        process: u32,
        keys: Vec<u32>,
        from_beginning: bool,
    },
    /// Consumer `process` lets its group give it partitions.
    Subscribe { process: u32, keys: Vec<u32> },
    /// Its group takes them and gives them back, at some earlier place.
    Rebalance { process: u32, back: usize },
    /// Consumer `process` crashes.
    Crash { process: u32 },
    /// A partition elects another leader.
    Elect { key: u32 },
    /// A broker is asked.
    Ask { node: u32 },
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Acknowledged {
        offset_known: bool,
    },
    Failed,
    /// Nobody hears: it is in the log, or comes into it later, or never does.
    Unknown {
        written: bool,
        completes: bool,
    },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => any::<bool>().prop_map(|offset_known| Fate::Acknowledged { offset_known }),
        1 => Just(Fate::Failed),
        2 => any::<(bool, bool)>().prop_map(|(written, completes)| Fate::Unknown { written, completes }),
    ]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_u32, 0..KEYS, fate()).prop_map(|(process, key, fate)| Step::Send { process, key, fate }),
        3 => (0..3_u32, prop::collection::vec(0..KEYS, 1..4), any::<bool>(), fate())
            .prop_map(|(process, keys, polls, fate)| Step::Transact { process, keys, polls, fate }),
        4 => Just(Step::Linger),
        1 => Just(Step::Arrive),
        4 => (10..12_u32, 1..4_usize, prop::bool::weighted(0.9))
            .prop_map(|(process, records, succeeds)| Step::Poll { process, records, succeeds }),
        1 => (10..12_u32, prop::collection::vec(0..KEYS, 1..3), any::<bool>())
            .prop_map(|(process, keys, from_beginning)| Step::Assign { process, keys, from_beginning }),
        1 => (10..12_u32, prop::collection::vec(0..KEYS, 1..3))
            .prop_map(|(process, keys)| Step::Subscribe { process, keys }),
        1 => (10..12_u32, 0..4_usize).prop_map(|(process, back)| Step::Rebalance { process, back }),
        1 => (10..12_u32).prop_map(|process| Step::Crash { process }),
        1 => (0..KEYS).prop_map(|key| Step::Elect { key }),
        1 => (1..=REPLICAS).prop_map(|node| Step::Ask { node }),
    ];
    prop::collection::vec(step, 1..60)
}

/// The same as others would have written it down: the clients alone.
pub fn foreign(history: &History) -> History {
    let mut history = history.clone();
    history.header.topics.clear();
    history.header.expect.minimum_acknowledged = 0;
    history.events.retain(|event| {
        matches!(
            event.what,
            What::Invoke(_) | What::Ok(_) | What::Fail(_) | What::Info(_)
        )
    });
    history
}

/// The history of these steps. It begins with an acknowledged write, and ends with complete final reads.
pub fn simulate(steps: &[Step]) -> History {
    let mut header = dsl::header();
    header.topics[0].replication_factor = REPLICAS;
    let mut world = World {
        history: History {
            header,
            events: Vec::new(),
            truncated: false,
        },
        logs: vec![Vec::new(); KEYS as usize],
        limbo: Vec::new(),
        readers: BTreeMap::new(),
        leaders: vec![(1, 0); KEYS as usize],
        retired: BTreeMap::new(),
        ops: 0,
        values: 0,
        linger: false,
        lingering: BTreeMap::new(),
    };
    world.push(What::Phase(Phase::Steady));
    world.send(0, 0, Fate::Acknowledged { offset_known: true });
    for step in steps {
        world.step(step);
    }
    world.finish();
    world.history
}

#[derive(Clone, Default)]
struct Reader {
    /// The next offset of each partition.
    positions: BTreeMap<u32, usize>,
    subscribed: bool,
    /// What its group moved since the last poll.
    moved: Vec<u32>,
}

struct World {
    history: History,
    /// By partition the values, with gaps for markers and for what was aborted.
    logs: Vec<Vec<Option<u64>>>,
    /// What may still arrive, each as a whole: whether it is a transaction, and its records.
    limbo: Vec<(bool, Vec<(u32, u64)>)>,
    /// By consumer: what it reads.
    readers: BTreeMap<u32, Reader>,
    /// By partition: leader and epoch.
    leaders: Vec<(u32, i32)>,
    /// How many processes each worker has used up.
    retired: BTreeMap<u32, u32>,
    ops: u64,
    values: u64,
    linger: bool,
    /// By worker: the end of an operation that it has not heard of.
    lingering: BTreeMap<u32, What>,
}

impl World {
    fn push(&mut self, what: What) {
        let time = self.history.events.last().map_or(0, |event| event.time) + 1_000_000;
        self.history.events.push(Event { time, what });
    }

    /// A worker's operation is over, whether it hears of it now or later.
    fn end(&mut self, worker: u32, end: What) {
        if std::mem::take(&mut self.linger) {
            self.lingering.insert(worker, end);
        } else {
            self.push(end);
        }
    }

    /// The process that a worker is by now.
    fn process(&self, worker: u32) -> u32 {
        worker + 100 * self.retired.get(&worker).copied().unwrap_or(0)
    }

    fn retire(&mut self, worker: u32) {
        *self.retired.entry(worker).or_default() += 1;
    }

    fn op(&mut self, worker: u32, f: F) -> Op {
        if let Some(end) = self.lingering.remove(&worker) {
            self.push(end);
        }
        self.ops += 1;
        Op::new(self.process(worker), self.ops - 1, f)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send { process, key, fate } => self.send(*process, *key, *fate),
            Step::Transact {
                process,
                keys,
                polls,
                fate,
            } => self.transact(*process, keys, *polls, *fate),
            Step::Linger => self.linger = true,
            Step::Arrive => {
                if let Some((transaction, records)) = self.limbo.pop() {
                    self.write(transaction, &records);
                }
            }
            Step::Poll {
                process,
                records,
                succeeds,
            } => self.poll(*process, *records, *succeeds),
            Step::Assign {
                process,
                keys,
                from_beginning,
            } => self.assign(*process, keys, *from_beginning),
            Step::Subscribe { process, keys } => self.subscribe(*process, keys),
            Step::Rebalance { process, back } => {
                if let Some(reader) = self.readers.get_mut(process).filter(|reader| reader.subscribed) {
                    for (key, position) in &mut reader.positions {
                        *position = position.saturating_sub(*back);
                        reader.moved.push(*key);
                    }
                }
            }
            Step::Crash { process } => {
                let op = self.op(*process, F::Crash);
                self.push(What::Invoke(op.clone()));
                self.push(What::Info(op));
                self.readers.remove(process);
                self.retire(*process);
            }
            Step::Elect { key } => {
                let (leader, epoch) = &mut self.leaders[*key as usize];
                (*leader, *epoch) = (*leader % REPLICAS + 1, *epoch + 1);
            }
            Step::Ask { node } => self.ask(*node),
        }
    }

    fn send(&mut self, worker: u32, key: u32, fate: Fate) {
        let value = self.values;
        self.values += 1;
        let mut send = Send {
            key,
            value,
            offset: None,
            broker: None,
        };
        let mut op = self.op(worker, F::Send(send.clone()));
        self.push(What::Invoke(op.clone()));
        match fate {
            Fate::Acknowledged { offset_known } => {
                let offset = self.write(false, &[(key, value)])[0];
                send.offset = offset_known.then_some(offset);
                send.broker = Some(self.leaders[key as usize].0);
                op.f = F::Send(send);
                self.end(worker, What::Ok(op));
            }
            Fate::Failed => self.end(worker, What::Fail(op)),
            Fate::Unknown { written, completes } => {
                if written {
                    self.write(false, &[(key, value)]);
                } else {
                    self.limbo.push((false, vec![(key, value)]));
                }
                if completes {
                    self.end(worker, What::Info(op));
                }
                self.retire(worker);
            }
        }
    }

    /// Appends records as a whole, and the marker of a transaction behind them. Returns the offsets.
    fn write(&mut self, transaction: bool, records: &[(u32, u64)]) -> Vec<i64> {
        let mut offsets = Vec::new();
        for (key, value) in records {
            let log = &mut self.logs[*key as usize];
            offsets.push(log.len() as i64);
            log.push(Some(*value));
        }
        if transaction {
            for key in records.iter().map(|record| record.0).collect::<BTreeSet<u32>>() {
                self.logs[key as usize].push(None);
            }
        }
        offsets
    }

    fn transact(&mut self, worker: u32, keys: &[u32], polls: bool, fate: Fate) {
        let values = self.values..;
        let records: Vec<(u32, u64)> = keys.iter().copied().zip(values).collect();
        self.values += records.len() as u64;
        let steps = |read: Vec<Record>, offsets: &[i64]| {
            let poll = polls.then_some(Mop::Poll(Poll { records: read }));
            let sends = records.iter().enumerate().map(|(place, (key, value))| {
                Mop::Send(Send {
                    key: *key,
                    value: *value,
                    offset: offsets.get(place).copied(),
                    broker: None,
                })
            });
            F::Txn(Txn {
                mops: poll.into_iter().chain(sends).collect(),
            })
        };
        let mut op = self.op(worker, steps(Vec::new(), &[]));
        self.push(What::Invoke(op.clone()));
        // Its consumer is one of its own: it goes on where it stood, if what it read counts.
        let mut reader = self.readers.get(&worker).cloned().unwrap_or_else(|| Reader {
            positions: (0..KEYS).map(|key| (key, 0)).collect(),
            ..Reader::default()
        });
        let read = if polls {
            self.read(&mut reader, 2)
        } else {
            Vec::new()
        };
        match fate {
            Fate::Acknowledged { offset_known } => {
                let offsets = self.write(true, &records);
                op.f = steps(read, if offset_known { &offsets } else { &[] });
                self.readers.insert(worker, reader);
                self.end(worker, What::Ok(op));
            }
            Fate::Failed => {
                // What was written before the abort stays in the log, and nobody gets it.
                for (key, _) in &records {
                    self.logs[*key as usize].push(None);
                }
                op.f = steps(read, &[]);
                self.end(worker, What::Fail(op));
            }
            Fate::Unknown { written, completes } => {
                if written {
                    self.write(true, &records);
                } else {
                    self.limbo.push((true, records.clone()));
                }
                if completes {
                    op.f = steps(read, &[]);
                    self.end(worker, What::Info(op));
                }
                self.readers.remove(&worker);
                self.retire(worker);
            }
        }
    }

    /// A consumer's next records.
    fn read(&self, reader: &mut Reader, limit: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for (key, next) in &mut reader.positions {
            let rest = self.logs[*key as usize].iter().enumerate().skip(*next);
            let there = rest.filter_map(|(offset, value)| Some((offset, (*value)?)));
            for (offset, value) in there.take(limit) {
                records.push(Record {
                    key: *key,
                    offset: offset as i64,
                    value,
                });
                *next = offset + 1;
            }
        }
        records
    }

    fn poll(&mut self, worker: u32, limit: usize, succeeds: bool) {
        let op = self.op(worker, F::Poll(Poll::default()));
        self.push(What::Invoke(op.clone()));
        let mut reader = self.readers.get(&worker).cloned().unwrap_or_default();
        let records = self.read(&mut reader, limit);
        let op = Op {
            f: F::Poll(Poll { records }),
            rebalanced: std::mem::take(&mut reader.moved),
            ..op
        };
        if succeeds {
            self.readers.insert(worker, reader);
            self.end(worker, What::Ok(op));
        } else {
            self.end(worker, What::Info(op));
        }
    }

    fn assign(&mut self, worker: u32, keys: &[u32], from_beginning: bool) {
        let op = self.op(
            worker,
            F::Assign(Assign {
                keys: keys.to_vec(),
                from_beginning,
            }),
        );
        self.push(What::Invoke(op.clone()));
        self.end(worker, What::Ok(op));
        self.take(worker, keys, from_beginning, false);
    }

    fn subscribe(&mut self, worker: u32, keys: &[u32]) {
        let subscribe = Subscribe { keys: keys.to_vec() };
        let op = self.op(worker, F::Subscribe(subscribe));
        self.push(What::Invoke(op.clone()));
        self.end(worker, What::Ok(op));
        self.take(worker, keys, false, true);
    }

    /// A consumer reads these from now on: where it stood, or else from the end, if not from the beginning.
    fn take(&mut self, worker: u32, keys: &[u32], from_beginning: bool, subscribed: bool) {
        let held = self.readers.remove(&worker).unwrap_or_default().positions;
        let start = |key: u32| match held.get(&key) {
            _ if from_beginning => 0,
            Some(position) => *position,
            None => self.logs[key as usize].len(),
        };
        let reader = Reader {
            positions: keys.iter().map(|key| (*key, start(*key))).collect(),
            subscribed,
            moved: Vec::new(),
        };
        self.readers.insert(worker, reader);
    }

    fn ask(&mut self, node: u32) {
        let claims = (0..).zip(&self.leaders).map(|(key, (leader, epoch))| Claim {
            key,
            leader: Some(*leader),
            epoch: *epoch,
            isr: (1..=REPLICAS).collect(),
        });
        let claims = claims.collect();
        self.observe(node, Probe::Metadata(Metadata { claims }));
        let term = self.leaders[0].1;
        let quorum = Quorum {
            leader: self.leaders[0].0,
            epoch: term,
            high_watermark: 9,
            voters: Vec::new(),
        };
        self.observe(quorum.leader, Probe::Quorum(quorum));
    }

    fn observe(&mut self, node: u32, answer: Probe) {
        let asked = self.history.events.last().map_or(0, |event| event.time);
        self.push(What::Observed(Observed {
            node,
            incarnation: 0,
            asked,
            answer,
        }));
    }

    fn finish(&mut self) {
        self.linger = false;
        for end in std::mem::take(&mut self.lingering).into_values() {
            self.push(end);
        }
        for phase in [Phase::Heal, Phase::Settle, Phase::FinalReads] {
            self.push(What::Phase(phase));
        }
        self.assign(FINAL, &(0..KEYS).collect::<Vec<_>>(), true);
        let longest = self.logs.iter().map(Vec::len).max().unwrap_or(0);
        for _ in 0..=longest / 3 {
            self.poll(FINAL, 3, true);
        }
        for node in 1..=REPLICAS {
            for key in 0..KEYS {
                self.copy(node, key);
            }
        }
        let ends = self.logs.iter().map(|log| log.len() as i64).collect();
        self.push(What::FinalReads(FinalReads {
            complete: true,
            reason: None,
            ends,
            process: FINAL,
        }));
        self.push(What::Phase(Phase::Teardown));
    }

    fn copy(&mut self, node: u32, key: u32) {
        let log = self.logs[key as usize].clone();
        let end = log.len() as i64;
        let there = (0..)
            .zip(log)
            .filter_map(|(offset, value)| Some((offset, value?, 0)));
        let records: Vec<(i64, u64, i32)> = there.collect();
        let pieces = records.chunks(5).count();
        for (index, piece) in records.chunks(5).enumerate() {
            let records_left = index + 1 < pieces;
            self.observe(
                node,
                Probe::Log(LogChunk {
                    key,
                    high_watermark: end,
                    last: !records_left,
                    records: piece.to_vec(),
                }),
            );
        }
        if pieces == 0 {
            self.observe(
                node,
                Probe::Log(LogChunk {
                    key,
                    high_watermark: end,
                    last: true,
                    records: Vec::new(),
                }),
            );
        }
    }
}
