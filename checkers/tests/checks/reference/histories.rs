//! Tiny histories of clients at logs that keep no promise.

use history::{Assign, Event, F, History, Key, Mop, Op, Poll, Record, Send, Subscribe, Txn, What};
use proptest::prelude::*;

use crate::dsl;

const KEYS: u32 = 3;

/// What happens, one thing after the other.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether a value may come again under another key.
    values_by_key: bool,
    steps: Vec<Step>,
}

/// A process ends what it is at, if anything, and then begins something or not.
#[derive(Clone, Debug)]
struct Step {
    process: u32,
    end: End,
    begin: Option<Begin>,
}

/// How an operation ends, and what it got.
#[derive(Clone, Debug)]
struct End {
    outcome: u8,
    /// For each write in turn an offset, or none.
    offsets: Vec<Option<i64>>,
    /// For each poll in turn.
    reads: Vec<Read>,
    rebalanced: Vec<Key>,
}

/// What a poll got: the key, where it began, then for each record how far it went on, and which value it is.
type Read = (Key, i64, Vec<(i64, Which)>);

/// Which value stands at an offset.
#[derive(Clone, Debug)]
enum Which {
    /// The one that was acknowledged there, or else that was read there.
    There,
    /// Some value, sent or not.
    Any(u64),
}

#[derive(Clone, Debug)]
enum Begin {
    Send(Key),
    Poll,
    Txn(Vec<Option<Key>>),
    Assign(Vec<Key>, bool),
    Subscribe(Vec<Key>),
    Crash,
}

pub fn plans() -> impl Strategy<Value = Plan> {
    (any::<bool>(), prop::collection::vec(step(), 1..22))
        .prop_map(|(values_by_key, steps)| Plan { values_by_key, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let keys = || prop::collection::vec(0..KEYS, 0..3);
    let begin = prop_oneof![
        6 => (0..KEYS).prop_map(Begin::Send),
        6 => Just(Begin::Poll),
        4 => prop::collection::vec(prop::option::weighted(0.6, 0..KEYS), 1..4).prop_map(Begin::Txn),
        1 => (keys(), any::<bool>()).prop_map(|(keys, from_beginning)| Begin::Assign(keys, from_beginning)),
        1 => keys().prop_map(Begin::Subscribe),
        1 => Just(Begin::Crash),
    ];
    (0..4_u32, end(), prop::option::weighted(0.85, begin)).prop_map(|(process, end, begin)| Step {
        process,
        end,
        begin,
    })
}

fn end() -> impl Strategy<Value = End> {
    let which = prop_oneof![5 => Just(Which::There), 1 => (0..6_u64).prop_map(Which::Any)];
    let records = prop::collection::vec(
        (
            prop_oneof![6 => Just(1_i64), 2 => 0..4_i64, 1 => -1..0_i64],
            which,
        ),
        0..4,
    );
    let reads = prop::collection::vec((0..KEYS, -1..4_i64, records), 0..3);
    let offsets = prop::collection::vec(prop::option::weighted(0.8, 0..5_i64), 3);
    let rebalanced = prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(0..KEYS, 1..3)];
    (0..10_u8, offsets, reads, rebalanced).prop_map(|(outcome, offsets, reads, rebalanced)| End {
        outcome,
        offsets,
        reads,
        rebalanced,
    })
}

struct World {
    history: History,
    values_by_key: bool,
    values: Vec<u64>,
    /// By process: what it is at.
    open: Vec<Option<Op>>,
    /// What stands where, as far as it was said.
    logs: Vec<Vec<Option<u64>>>,
    ops: u64,
}

impl Plan {
    pub fn history(&self) -> History {
        let mut world = World {
            history: dsl::history("foreign"),
            values_by_key: self.values_by_key,
            values: vec![0; KEYS as usize],
            open: vec![None; 4],
            logs: vec![Vec::new(); KEYS as usize],
            ops: 0,
        };
        for step in &self.steps {
            world.end(step.process, &step.end);
            if let Some(begin) = &step.begin {
                world.begin(step.process, begin);
            }
        }
        world.history
    }
}

impl World {
    fn push(&mut self, what: What) {
        let time = (self.history.events.len() as u64 + 1) * 1_000_000;
        self.history.events.push(Event { time, what });
    }

    fn fresh(&mut self, key: Key) -> Send {
        let place = if self.values_by_key { key as usize } else { 0 };
        self.values[place] += 1;
        Send {
            key,
            value: self.values[place] - 1,
            offset: None,
            broker: None,
        }
    }

    fn begin(&mut self, process: u32, begin: &Begin) {
        let f = match begin {
            Begin::Send(key) => F::Send(self.fresh(*key)),
            Begin::Poll => F::Poll(Poll::default()),
            Begin::Txn(steps) => F::Txn(Txn {
                mops: steps
                    .iter()
                    .map(|step| match step {
                        Some(key) => Mop::Send(self.fresh(*key)),
                        None => Mop::Poll(Poll::default()),
                    })
                    .collect(),
            }),
            Begin::Assign(keys, from_beginning) => F::Assign(Assign {
                keys: keys.clone(),
                from_beginning: *from_beginning,
            }),
            Begin::Subscribe(keys) => F::Subscribe(Subscribe { keys: keys.clone() }),
            Begin::Crash => F::Crash,
        };
        let op = Op::new(process, self.ops, f);
        self.ops += 1;
        self.push(What::Invoke(op.clone()));
        self.open[process as usize] = Some(op);
    }

    fn end(&mut self, process: u32, end: &End) {
        let Some(mut op) = self.open[process as usize].take() else {
            return;
        };
        let crash = op.f == F::Crash;
        let mut offsets = end.offsets.iter().copied();
        let mut reads = end.reads.iter();
        match &mut op.f {
            F::Send(send) => self.sent(send, offsets.next().flatten()),
            F::Poll(poll) => poll.records = self.read(reads.next()),
            F::Txn(txn) => {
                for mop in &mut txn.mops {
                    match mop {
                        Mop::Send(send) => self.sent(send, offsets.next().flatten()),
                        Mop::Poll(poll) => poll.records = self.read(reads.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        op.rebalanced.clone_from(&end.rebalanced);
        self.push(match end.outcome {
            _ if crash => What::Info(op),
            0..6 => What::Ok(op),
            6 | 7 => What::Info(op),
            _ => What::Fail(op),
        });
    }

    fn slot(&mut self, key: Key, offset: i64) -> Option<&mut Option<u64>> {
        let (log, offset) = (&mut self.logs[key as usize], usize::try_from(offset).ok()?);
        if offset >= log.len() {
            log.resize(offset + 1, None);
        }
        Some(&mut log[offset])
    }

    fn sent(&mut self, send: &mut Send, offset: Option<i64>) {
        send.offset = offset;
        if let Some(offset) = offset
            && let Some(slot) = self.slot(send.key, offset)
        {
            slot.get_or_insert(send.value);
        }
    }

    fn read(&mut self, read: Option<&Read>) -> Vec<Record> {
        let Some((key, first, steps)) = read else {
            return Vec::new();
        };
        let mut offset = *first;
        let mut records = Vec::new();
        for (step, which) in steps {
            let there = self.slot(*key, offset).and_then(|slot| *slot);
            let value = match (which, there) {
                (Which::There, Some(value)) => value,
                (Which::There, None) => offset.unsigned_abs(),
                (Which::Any(value), _) => *value,
            };
            records.push(Record {
                key: *key,
                offset,
                value,
            });
            offset += step;
        }
        records
    }
}
