//! A member of the share group: a thread that acquires records, holds them and says what is to become of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{Acknowledge, Acknowledged, Acquire, Acquired, F, Fate, ShareStep};

use super::config::QueueConfig;
use super::drain::Drain;
use super::generator::{Generator, Twist};
use crate::client::{self, Incoming, ShareConsumer, ShareSettings, Shared};
use crate::scribe::End;

/// How many records an acquisition asks for: a broker gives as many as a batch holds all the same.
const POLL_RECORDS: usize = 500;
/// How long is waited before a client that could not be made is made again.
const MAKE_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long a driver may take to answer beyond what the library itself may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How long after its lock a record is surely no longer its member's.
const BEYOND_LOCK: Duration = Duration::from_secs(1);
/// How long a sleeping member may go without looking whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A member, on a thread of its own.
pub(super) struct Member {
    number: u32,
    config: QueueConfig,
    shared: Arc<Shared>,
    drain: Arc<Drain>,
    stop: Arc<AtomicBool>,
    generator: Generator,
    process: u32,
    began: Instant,
}

impl Member {
    pub(super) fn new(
        number: u32,
        config: QueueConfig,
        shared: Arc<Shared>,
        drain: Arc<Drain>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            generator: Generator::new(shared.seed, number, &config),
            process: shared.scribe.process(),
            began: Instant::now(),
            number,
            config,
            shared,
            drain,
            stop,
        }
    }

    /// Works until it is told to stop. `ready` is called once the first client is made, or could not be.
    pub(super) fn run(mut self, ready: impl FnOnce()) {
        let mut client = self.make();
        ready();
        while !self.stop.load(Relaxed) {
            let Some(current) = &mut client else {
                std::thread::sleep(MAKE_AGAIN_AFTER);
                client = self.make();
                continue;
            };
            if !self.turn(&mut **current) {
                // A client of which nobody knows what it holds is thrown away, and its process with it.
                if let Some(client) = client.take() {
                    client.discard();
                }
                self.process = self.shared.scribe.process();
            }
        }
        if let Some(client) = client {
            client.close();
        }
    }

    fn make(&self) -> Option<Box<dyn ShareConsumer>> {
        let settings = ShareSettings {
            name: self.name(),
            group: "queue".to_owned(),
        };
        let made = self
            .shared
            .library
            .share_consumer(&settings)
            .and_then(|mut client| {
                let topics: Vec<&str> = self.shared.keys.topics().into_iter().collect();
                client.subscribe(&topics)?;
                Ok(client)
            });
        made.inspect_err(|error| self.log(&format!("cannot be made: {}", error.text)))
            .ok()
    }

    /// One acquisition and what follows from it. Whether the client can go on.
    fn turn(&mut self, client: &mut dyn ShareConsumer) -> bool {
        let began = Instant::now();
        let op = self.invoke(ShareStep::Acquire(Acquire::default()));
        let polled = client.poll(POLL_RECORDS, self.config.poll_timeout.duration());
        let records: Vec<Acquired> = polled.records.iter().map(acquired).collect();
        let end = polled.lost.map_or(End::Ok, End::Info);
        let ok = end == End::Ok;
        self.end(
            op,
            ShareStep::Acquire(Acquire {
                records: records.clone(),
            }),
            end,
        );
        if !ok || records.is_empty() {
            self.drain.nothing(self.number, began, ok);
            return ok;
        }
        self.drain.something();
        let twist = if self.shared.is_calm() {
            Twist::None
        } else {
            self.generator.twist(self.began.elapsed())
        };
        match twist {
            Twist::Crashed => {
                let op = self.shared.scribe.invoke(self.process, F::Crash);
                let end = End::Info("the client crashed".to_owned());
                self.shared.scribe.end(self.process, op, F::Crash, end);
                return false;
            }
            Twist::Stalled => self.sleep(self.config.lock.duration() + BEYOND_LOCK),
            Twist::None => {
                let hold = self.generator.hold();
                self.sleep(hold);
            }
        }
        self.acknowledge(client, &records)
    }

    fn acknowledge(&mut self, client: &mut dyn ShareConsumer, records: &[Acquired]) -> bool {
        let calm = self.shared.is_calm();
        let mut fate = || if calm { Fate::Accept } else { self.generator.fate() };
        let mut said: Vec<Acknowledged> = Vec::with_capacity(records.len());
        for record in records {
            said.push(Acknowledged {
                key: record.key,
                offset: record.offset,
                // What nobody of this run wrote is nobody's to send round.
                fate: record.value.map_or(Fate::Accept, |_| fate()),
                confirmed: None,
            });
        }
        let op = self.invoke(ShareStep::Acknowledge(Acknowledge {
            records: said.clone(),
        }));
        let asked: Vec<_> = said
            .iter()
            .map(|record| (record.key, record.offset, word(record.fate)))
            .collect();
        let results = client.acknowledge(&asked, self.config.deadline.duration() + ANSWER_WITHIN);
        let mut unknown = (results.len() != said.len()).then(|| "too few answers".to_owned());
        for (record, result) in said.iter_mut().zip(results) {
            record.confirmed = match result {
                Ok(()) => Some(true),
                Err(refusal) if refusal.advice == client::Advice::Refused => Some(false),
                Err(refusal) => {
                    unknown.get_or_insert(refusal.text);
                    None
                }
            };
        }
        let ok = unknown.is_none();
        let end = unknown.map_or(End::Ok, End::Info);
        self.end(op, ShareStep::Acknowledge(Acknowledge { records: said }), end);
        ok
    }

    fn invoke(&self, step: ShareStep) -> u64 {
        self.shared.scribe.invoke(self.process, F::Share(step))
    }

    fn end(&self, op: u64, step: ShareStep, end: End) {
        self.shared.scribe.end(self.process, op, F::Share(step), end);
    }

    /// Sleeps, and wakes early where it is to stop.
    fn sleep(&self, length: Duration) {
        let until = Instant::now() + length;
        while !self.stop.load(Relaxed) && Instant::now() < until {
            std::thread::sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now())));
        }
    }

    fn name(&self) -> String {
        format!("member-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}

fn acquired(record: &Incoming) -> Acquired {
    Acquired {
        key: record.key,
        offset: record.offset,
        value: record.value,
        // One that does not say so was delivered for the first time at least.
        deliveries: record.deliveries.unwrap_or(1),
    }
}

fn word(fate: Fate) -> client::Acknowledge {
    match fate {
        Fate::Accept => client::Acknowledge::Accept,
        Fate::Release => client::Acknowledge::Release,
        Fate::Reject => client::Acknowledge::Reject,
    }
}
