//! A log that keeps every promise, and the history of random clients at it: the clean half of the properties.

use std::collections::BTreeMap;

use history::{
    Assign, Claim, Event, F, FinalReads, History, LogChunk, Metadata, Observed, Op, Phase, Poll, Probe,
    Quorum, Record, Send, What,
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

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        6 => any::<bool>().prop_map(|offset_known| Fate::Acknowledged { offset_known }),
        1 => Just(Fate::Failed),
        2 => any::<(bool, bool)>().prop_map(|(written, completes)| Fate::Unknown { written, completes }),
    ];
    let step = prop_oneof![
        8 => (0..3_u32, 0..KEYS, fate).prop_map(|(process, key, fate)| Step::Send { process, key, fate }),
        1 => Just(Step::Arrive),
        4 => (10..12_u32, 1..4_usize, prop::bool::weighted(0.9))
            .prop_map(|(process, records, succeeds)| Step::Poll { process, records, succeeds }),
        1 => (10..12_u32, prop::collection::vec(0..KEYS, 1..3), any::<bool>())
            .prop_map(|(process, keys, from_beginning)| Step::Assign { process, keys, from_beginning }),
        1 => (10..12_u32).prop_map(|process| Step::Crash { process }),
        1 => (0..KEYS).prop_map(|key| Step::Elect { key }),
        1 => (1..=REPLICAS).prop_map(|node| Step::Ask { node }),
    ];
    prop::collection::vec(step, 1..60)
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
    };
    world.push(What::Phase(Phase::Steady));
    world.send(0, 0, Fate::Acknowledged { offset_known: true });
    for step in steps {
        world.step(step);
    }
    world.finish();
    world.history
}

struct World {
    history: History,
    logs: Vec<Vec<u64>>,
    limbo: Vec<(u32, u64)>,
    /// By consumer: the next offset of each partition that it reads.
    readers: BTreeMap<u32, BTreeMap<u32, usize>>,
    /// By partition: leader and epoch.
    leaders: Vec<(u32, i32)>,
    /// How many processes each worker has used up.
    retired: BTreeMap<u32, u32>,
    ops: u64,
    values: u64,
}

impl World {
    fn push(&mut self, what: What) {
        let time = self.history.events.last().map_or(0, |event| event.time) + 1_000_000;
        self.history.events.push(Event { time, what });
    }

    /// The process that a worker is by now.
    fn process(&self, worker: u32) -> u32 {
        worker + 100 * self.retired.get(&worker).copied().unwrap_or(0)
    }

    fn retire(&mut self, worker: u32) {
        *self.retired.entry(worker).or_default() += 1;
    }

    fn op(&mut self, worker: u32, f: F) -> Op {
        self.ops += 1;
        Op::new(self.process(worker), self.ops - 1, f)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send { process, key, fate } => self.send(*process, *key, *fate),
            Step::Arrive => {
                if let Some((key, value)) = self.limbo.pop() {
                    self.logs[key as usize].push(value);
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
        let log = &mut self.logs[key as usize];
        match fate {
            Fate::Acknowledged { offset_known } => {
                send.offset = offset_known.then_some(log.len() as i64);
                send.broker = Some(self.leaders[key as usize].0);
                log.push(value);
                op.f = F::Send(send);
                self.push(What::Ok(op));
            }
            Fate::Failed => self.push(What::Fail(op)),
            Fate::Unknown { written, completes } => {
                if written {
                    log.push(value);
                } else {
                    self.limbo.push((key, value));
                }
                if completes {
                    self.push(What::Info(op));
                }
                self.retire(worker);
            }
        }
    }

    fn poll(&mut self, worker: u32, limit: usize, succeeds: bool) {
        let op = self.op(worker, F::Poll(Poll::default()));
        self.push(What::Invoke(op.clone()));
        let mut positions = self.readers.get(&worker).cloned().unwrap_or_default();
        let mut records = Vec::new();
        for (key, next) in &mut positions {
            for value in self.logs[*key as usize].iter().skip(*next).take(limit) {
                records.push(Record {
                    key: *key,
                    offset: *next as i64,
                    value: *value,
                });
                *next += 1;
            }
        }
        let op = Op {
            f: F::Poll(Poll { records }),
            ..op
        };
        if succeeds {
            self.readers.insert(worker, positions);
            self.push(What::Ok(op));
        } else {
            self.push(What::Info(op));
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
        self.push(What::Ok(op));
        let start = |key: u32| {
            if from_beginning {
                0
            } else {
                self.logs[key as usize].len()
            }
        };
        let positions = keys.iter().map(|key| (*key, start(*key))).collect();
        self.readers.insert(worker, positions);
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
        let records: Vec<(i64, u64, i32)> =
            (0..).zip(log).map(|(offset, value)| (offset, value, 0)).collect();
        let pieces = records.chunks(5).count();
        for (index, piece) in records.chunks(5).enumerate() {
            let records_left = index + 1 < pieces;
            self.observe(
                node,
                Probe::Log(LogChunk {
                    key,
                    high_watermark: records.len() as i64,
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
                    high_watermark: 0,
                    last: true,
                    records: Vec::new(),
                }),
            );
        }
    }
}
