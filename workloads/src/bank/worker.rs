//! A client: a thread that carries out one transfer after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Key, Mop, Send, Txn, Value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::BankConfig;
use crate::client::{
    Delivery, FlightSettings, Outgoing, Producer, ProducerSettings, Refusal, Shared, Transactional, Turns,
};
use crate::scribe::End;

/// How long is waited before a client that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// The longest wait for the next transfer, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long a producer without transactions may take over one record.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// The largest batch, in bytes.
const BATCH_BYTES: u32 = 1_000_000;

/// What a client does next, and when: a pure function of the seed and of the client's number.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    random: ChaCha8Rng,
    accounts: u32,
    aborts: u32,
    gap_mean: Duration,
}

/// A transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) from: Key,
    pub(super) to: Key,
    pub(super) aborts: bool,
    /// The time until the one after it.
    pub(super) gap: Duration,
}

impl Generator {
    pub(super) fn new(seed: u64, client: u32, accounts: u32, config: &BankConfig) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(client));
        Self {
            random,
            accounts,
            aborts: config.aborts,
            gap_mean: Duration::from_secs(1) * config.clients / config.rate.max(1),
        }
    }

    /// The next transfer: every pair of accounts is as likely, and gaps lie between half and one and a half of their mean.
    pub(super) fn next(&mut self) -> Transfer {
        let from = self.random.random_range(0..self.accounts);
        let further = self.random.random_range(1..self.accounts);
        let mean = self.gap_mean.as_nanos() as u64;
        Transfer {
            from,
            to: (from + further) % self.accounts,
            aborts: self.random.random_range(0..100) < self.aborts,
            gap: Duration::from_nanos(self.random.random_range(mean / 2..=mean + mean / 2)),
        }
    }
}

/// What carries transfers out.
enum Teller {
    Transactional(Transactional),
    /// One write after the other.
    Plain(Box<dyn Producer>),
}

/// A client of the workload, on a thread of its own.
pub(super) struct Worker {
    number: u32,
    config: BankConfig,
    shared: Arc<Shared>,
    /// The transfers of all clients: none has another's number.
    next_transfer: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    generator: Generator,
    crashes: Option<Turns>,
    process: u32,
}

impl Worker {
    pub(super) fn new(
        number: u32,
        config: BankConfig,
        shared: Arc<Shared>,
        next_transfer: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            number,
            next_transfer,
            stop,
            generator: Generator::new(shared.seed, number, shared.keys.count(), &config),
            crashes: Turns::of(shared.seed, number, config.crash_every),
            process: shared.scribe.process(),
            config,
            shared,
        }
    }

    /// Works until it is told to stop. `ready` is called once it is at work, or could not be.
    pub(super) fn run(mut self, ready: impl FnOnce()) {
        let mut teller = self.teller();
        ready();
        let mut next_at = Instant::now();
        while !self.stop.load(Relaxed) {
            let wait = next_at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait.min(WAIT_MAX));
                continue;
            }
            let Some(working) = teller.take() else {
                std::thread::sleep(AGAIN_AFTER);
                teller = self.teller();
                continue;
            };
            let transfer = self.generator.next();
            next_at = (next_at + transfer.gap).max(Instant::now());
            teller = self.carry_out(working, &transfer);
        }
        if let Some(teller) = teller {
            discard(teller);
        }
    }

    fn teller(&self) -> Option<Teller> {
        let name = format!("teller-{}", self.number);
        let made = if self.config.transactions {
            Transactional::make(&self.shared, &name, self.config.times()).map(Teller::Transactional)
        } else {
            self.plain(name).map(Teller::Plain)
        };
        made.inspect_err(|refusal| self.log(&format!("no producer yet: {}", refusal.text)))
            .ok()
    }

    fn plain(&self, name: String) -> Result<Box<dyn Producer>, Refusal> {
        self.shared.library.producer(&ProducerSettings {
            name,
            acks: "all",
            idempotence: true,
            max_in_flight: 1,
            linger: Duration::ZERO,
            batch_bytes: BATCH_BYTES,
            gives_up_after: None,
            flight: FlightSettings::default(),
            transaction: None,
        })
    }

    /// One transfer, from its invocation to its end in the history. Gives what works from now on; nothing where that was thrown away.
    fn carry_out(&mut self, teller: Teller, transfer: &Transfer) -> Option<Teller> {
        let withdrawal = self.next_transfer.fetch_add(1, Relaxed) * 2;
        let leg = |key, value| {
            Mop::Send(Send {
                key,
                value,
                offset: None,
                broker: None,
            })
        };
        let mut mops = vec![leg(transfer.from, withdrawal), leg(transfer.to, withdrawal + 1)];
        let begun = F::Txn(Txn { mops: mops.clone() });
        let op = self.shared.scribe.invoke(self.process, begun);
        let crashes = self.crashes.as_mut().is_some_and(Turns::take);
        let (end, teller) = match teller {
            Teller::Transactional(producer) => self.in_transaction(producer, transfer, &mut mops, crashes),
            Teller::Plain(producer) => self.apart(producer, &mut mops, crashes),
        };
        let unknown = matches!(end, End::Info(_));
        self.shared
            .scribe
            .end(self.process, op, F::Txn(Txn { mops }), end);
        if unknown {
            self.process = self.shared.scribe.process();
        }
        teller
    }

    fn in_transaction(
        &self,
        mut producer: Transactional,
        transfer: &Transfer,
        mops: &mut [Mop],
        crashes: bool,
    ) -> (End, Option<Teller>) {
        if let Err(refusal) = producer.begin() {
            producer.discard();
            return (End::Fail(format!("not begun: {}", refusal.text)), None);
        }
        let mut refused = None;
        for (number, mop) in mops.iter().enumerate() {
            let Mop::Send(send) = mop else { continue };
            let taken = producer.send((number, send.key, send.value), self.config.record_bytes);
            refused = taken.err().map(|refusal| refusal.text);
            if refused.is_some() {
                break;
            }
            if crashes {
                producer.flush();
                producer.discard();
                return (End::Info("the client crashed".to_owned()), None);
            }
        }
        let (end, works) = match refused.or_else(|| transfer.aborts.then(|| "on purpose".to_owned())) {
            Some(why) => producer.abort(&why),
            None => producer.commit(),
        };
        producer.name_places(mops);
        if works {
            return (end, Some(Teller::Transactional(producer)));
        }
        producer.discard();
        (end, None)
    }

    /// Two writes, one after the other.
    fn apart(
        &self,
        mut producer: Box<dyn Producer>,
        mops: &mut [Mop],
        crashes: bool,
    ) -> (End, Option<Teller>) {
        let mut done = 0;
        for (number, mop) in mops.iter_mut().enumerate() {
            let Mop::Send(send) = mop else { continue };
            let delivery = self.write(&mut *producer, (send.key, send.value), number as u64);
            let end = delivery.end;
            (send.offset, send.broker) = (delivery.offset, delivery.broker);
            if end != End::Ok {
                producer.discard();
                // Nothing of it can be there only where its first write is not.
                let surely = done == 0 && matches!(end, End::Fail(_));
                let why = "one of its records was not acknowledged".to_owned();
                return (if surely { End::Fail(why) } else { End::Info(why) }, None);
            }
            done += 1;
            if crashes {
                producer.discard();
                return (End::Info("the client crashed".to_owned()), None);
            }
        }
        (End::Ok, Some(Teller::Plain(producer)))
    }

    fn write(&self, producer: &mut dyn Producer, (key, value): (Key, Value), token: u64) -> Delivery {
        let record = Outgoing {
            key,
            value,
            bytes: self.config.record_bytes,
            name: None,
            tombstone: false,
            timestamp: None,
        };
        if let Err(refusal) = producer.send(&record, token) {
            return Delivery::ended(End::Fail(refusal.text));
        }
        let until = Instant::now() + SEND_WITHIN;
        let mut reports = BTreeMap::new();
        while Instant::now() < until && !reports.contains_key(&token) {
            producer.poll(WAIT_MAX, &mut |token, delivery| {
                reports.insert(token, delivery);
            });
        }
        let late = || Delivery::ended(End::Info(format!("no delivery report within {SEND_WITHIN:?}")));
        reports.remove(&token).unwrap_or_else(late)
    }

    fn log(&self, text: &str) {
        self.shared.line(&format!("teller-{}", self.number), text);
    }
}

fn discard(teller: Teller) {
    match teller {
        Teller::Transactional(producer) => producer.discard(),
        Teller::Plain(producer) => producer.discard(),
    }
}
