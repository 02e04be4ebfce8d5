//! A client that writes.

use std::io;

use history::{F, Key, Offset, Op, Send, Value, What};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::broker::Broker;
use crate::journal::Journal;

/// Of a thousand writes, those that certainly fail.
const FAILED: u32 = 5;
/// Of a thousand writes, those of which nobody hears.
const UNKNOWN: u32 = 3;

/// Writes one record at a time.
pub(super) struct Producer {
    process: u32,
    open: Option<Open>,
}

/// A write under way.
struct Open {
    op: u64,
    key: Key,
    value: Value,
    fate: Fate,
}

/// What becomes of a write.
enum Fate {
    /// It stands at its offset before the acknowledgement is on its way.
    Written(Offset),
    /// It is written when it is acknowledged.
    WrittenAtEnd,
    Fails,
    /// Nobody hears of it.
    Unknown,
}

impl Producer {
    pub(super) fn new(process: u32) -> Self {
        Self { process, open: None }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.open.is_some()
    }

    /// Begins or ends a write, and says whether the client is done for.
    pub(super) fn step(
        &mut self,
        broker: &mut Broker,
        random: &mut ChaCha8Rng,
        journal: &mut Journal,
    ) -> io::Result<bool> {
        if let Some(open) = self.open.take() {
            return self.complete(open, broker, journal);
        }
        let (key, value) = (random.random_range(0..broker.keys()), broker.fresh_value());
        let op = journal.invoke(self.process, send(key, value, None))?;
        let fate = fate(key, value, broker, random);
        self.open = Some(Open { op, key, value, fate });
        Ok(false)
    }

    fn complete(&self, open: Open, broker: &mut Broker, journal: &mut Journal) -> io::Result<bool> {
        let Open { op, key, value, fate } = open;
        let offset = match fate {
            Fate::Written(offset) => Some(offset),
            Fate::WrittenAtEnd => Some(broker.append(key, value)),
            Fate::Fails | Fate::Unknown => None,
        };
        let mut completion = Op::new(self.process, op, send(key, value, offset));
        match fate {
            Fate::Written(_) | Fate::WrittenAtEnd => {
                journal.write(What::Ok(completion))?;
                Ok(false)
            }
            Fate::Fails => {
                completion.error = Some("not enough replicas".to_owned());
                journal.write(What::Fail(completion))?;
                Ok(false)
            }
            Fate::Unknown => {
                completion.error = Some("timed out".to_owned());
                journal.write(What::Info(completion))?;
                Ok(true)
            }
        }
    }
}

fn fate(key: Key, value: Value, broker: &mut Broker, random: &mut ChaCha8Rng) -> Fate {
    let lot = random.random_range(0..1_000);
    if lot < FAILED {
        return Fate::Fails;
    }
    if lot < FAILED + UNKNOWN {
        match random.random_range(0..3) {
            0 => {
                broker.append(key, value);
            }
            1 => broker.delay(key, value),
            _ => {}
        }
        return Fate::Unknown;
    }
    if lot % 2 == 0 {
        Fate::Written(broker.append(key, value))
    } else {
        Fate::WrittenAtEnd
    }
}

fn send(key: Key, value: Value, offset: Option<Offset>) -> F {
    F::Send(Send {
        key,
        value,
        offset,
        broker: offset.map(|_| key % 3 + 1),
    })
}
