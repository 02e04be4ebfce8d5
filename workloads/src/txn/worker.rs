//! A client: a thread that carries one transaction out after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Mop, Poll, Record, Send, Txn};

use super::config::TxnConfig;
use super::generator::{Generator, Next, Step, Twist};
use super::reader::Reader;
use crate::client::{Refusal, Shared, Transactional};
use crate::scribe::End;

/// How long is waited before a client that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// The longest wait for the next transaction, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// A client of the workload, on a thread of its own.
pub(super) struct Worker {
    number: u32,
    config: TxnConfig,
    shared: Arc<Shared>,
    /// The values of all clients: none is written twice.
    next_value: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    generator: Generator,
    process: u32,
}

/// How a transaction came out, and what is left of its client.
struct Carried {
    end: End,
    /// What it read, as far as it read.
    records: Vec<Record>,
    /// It cannot read on from where it stands.
    lost: Option<String>,
    /// The producer that works from now on; none where it was thrown away.
    producer: Option<Transactional>,
}

impl Worker {
    pub(super) fn new(
        number: u32,
        config: TxnConfig,
        shared: Arc<Shared>,
        next_value: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            number,
            next_value,
            stop,
            generator: Generator::new(shared.seed, number, shared.keys.count(), &config),
            process: shared.scribe.process(),
            config,
            shared,
        }
    }

    /// Works until it is told to stop. `ready` is called once it is at work, or could not be.
    pub(super) fn run(mut self, ready: impl FnOnce()) {
        let (mut producer, mut reader) = (self.producer(), self.reader());
        ready();
        let mut next_at = Instant::now();
        while !self.stop.load(Relaxed) {
            let wait = next_at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait.min(WAIT_MAX));
                continue;
            }
            let (Some(working), Some(reading)) = (producer.take(), reader.as_mut()) else {
                std::thread::sleep(AGAIN_AFTER);
                producer = self.producer();
                reader = reader.or_else(|| self.reader());
                continue;
            };
            let next = self.generator.next();
            next_at = (next_at + next.gap).max(Instant::now());
            let crashed = next.twist == Twist::Crashed;
            producer = self.carry_out(working, reading, &next);
            if crashed {
                reader = self.reader();
            }
        }
        if let Some(producer) = producer {
            producer.discard();
        }
    }

    /// One transaction, from its invocation to its end in the history. Gives the producer that works from now on.
    fn carry_out(
        &mut self,
        producer: Transactional,
        reader: &mut Reader,
        next: &Next,
    ) -> Option<Transactional> {
        let mut mops = self.invocation(&next.steps);
        let op = self
            .shared
            .scribe
            .invoke(self.process, F::Txn(Txn { mops: mops.clone() }));
        let carried = self.do_steps(producer, reader, next, &mut mops);
        let (ok, unknown) = (carried.end == End::Ok, matches!(carried.end, End::Info(_)));
        self.shared
            .scribe
            .end(self.process, op, F::Txn(Txn { mops }), carried.end);
        if unknown {
            self.process = self.shared.scribe.process();
        }
        match carried.lost {
            Some(reason) => {
                self.log(&reason);
                reader.restart(self.process);
            }
            None if ok => reader.passed(&carried.records),
            None => {
                // What a transaction read that did not happen is read again.
                reader.unread(carried.records);
                if unknown {
                    reader.goes_on_as(self.process);
                }
            }
        }
        carried.producer
    }

    fn do_steps(
        &self,
        mut producer: Transactional,
        reader: &mut Reader,
        next: &Next,
        mops: &mut [Mop],
    ) -> Carried {
        let mut carried = Carried {
            end: End::Ok,
            records: Vec::new(),
            lost: None,
            producer: None,
        };
        if let Err(refusal) = producer.begin() {
            carried.end = End::Fail(format!("not begun: {}", refusal.text));
            producer.discard();
            return carried;
        }
        // What happens in its middle happens after its first half, before its last step at the latest.
        let middle = next.steps.len() / 2;
        let mut successor = None;
        let mut refused = None;
        for (number, mop) in mops.iter_mut().enumerate() {
            if number == middle {
                match next.twist {
                    Twist::None => {}
                    Twist::Fenced => {
                        producer.flush();
                        successor = Some(self.producer());
                    }
                    Twist::Asleep => std::thread::sleep(self.config.sleep()),
                    Twist::Crashed => {
                        producer.discard();
                        carried.end = End::Info("the client crashed".to_owned());
                        carried.records.clear();
                        return carried;
                    }
                }
            }
            let done = self.do_step(&mut producer, reader, number, mop, &mut carried);
            if let Err(error) = done {
                refused = Some(error);
                break;
            }
        }
        let (end, works) = match refused.or_else(|| next.aborts.then(|| "on purpose".to_owned())) {
            Some(why) => producer.abort(&why),
            None => producer.commit(),
        };
        producer.name_places(mops);
        // The successor began by aborting what its predecessor had open, before that asked for anything else: it cannot be committed.
        carried.end = match end {
            End::Info(why) if matches!(successor, Some(Some(_))) => End::Fail(format!("fenced: {why}")),
            end => end,
        };
        if let Some(successor) = successor {
            producer.discard();
            carried.producer = successor;
        } else if works {
            carried.producer = Some(producer);
        } else {
            producer.discard();
        }
        carried
    }

    fn do_step(
        &self,
        producer: &mut Transactional,
        reader: &mut Reader,
        number: usize,
        mop: &mut Mop,
        carried: &mut Carried,
    ) -> Result<(), String> {
        match mop {
            Mop::Send(send) => {
                let outcome = producer.send((number, send.key, send.value), self.config.record_bytes);
                outcome.map_err(|refusal| refusal.text)
            }
            Mop::Poll(poll) => {
                producer.flush();
                match reader.poll() {
                    Ok(records) => {
                        carried.records.extend(&records);
                        poll.records = records;
                        Ok(())
                    }
                    Err(reason) => {
                        carried.lost = Some(reason.clone());
                        Err(reason)
                    }
                }
            }
            Mop::Append(..) | Mop::Write(..) | Mop::Read(..) => Ok(()),
        }
    }

    fn invocation(&self, steps: &[Step]) -> Vec<Mop> {
        let mop = |step: &Step| match step {
            Step::Send(key) => Mop::Send(Send {
                key: *key,
                value: self.next_value.fetch_add(1, Relaxed),
                offset: None,
                broker: None,
            }),
            Step::Poll => Mop::Poll(Poll::default()),
        };
        steps.iter().map(mop).collect()
    }

    fn producer(&self) -> Option<Transactional> {
        self.made(
            "producer",
            Transactional::make(&self.shared, &self.name(), self.config.times()),
        )
    }

    fn reader(&self) -> Option<Reader> {
        let name = format!("{}-reader", self.name());
        self.made(
            "reader",
            Reader::make(&self.shared, &name, &self.config, self.process),
        )
    }

    fn made<T>(&self, what: &str, made: Result<T, Refusal>) -> Option<T> {
        made.inspect_err(|refusal| self.log(&format!("no {what} yet: {}", refusal.text)))
            .ok()
    }

    fn name(&self) -> String {
        format!("txn-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}
