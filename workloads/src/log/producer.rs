//! A producer: a thread that begins writes at the generator's times and takes their delivery reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Span, Value};

use super::config::LogConfig;
use super::generator::Generator;
use super::sends::{OpenSends, Written};
use super::writers::Task;
use crate::client::{self, Crashes, Ledger, Outgoing, Pace, ProducerSettings, Refusal, Shared};
use crate::scribe::End;

/// The longest wait for reports, so that a stop is seen.
const POLL_MAX: Duration = Duration::from_millis(10);
/// How long a new client may take to learn who leads, before it writes all the same.
const WARM_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited before a client that could not be made is made again.
const MAKE_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A producer of the workload, on a thread of its own.
pub(crate) struct Producer {
    number: u32,
    config: LogConfig,
    shared: Arc<Shared>,
    sends: Arc<OpenSends>,
    task: Task,
    stop: Arc<AtomicBool>,
    generator: Generator,
    crashes: Option<(Crashes, Instant)>,
    pace: Pace,
}

impl Producer {
    pub(crate) fn new(
        number: u32,
        config: LogConfig,
        shared: Arc<Shared>,
        sends: Arc<OpenSends>,
        task: Task,
        stop: Arc<AtomicBool>,
        ledger: Arc<Ledger>,
    ) -> Self {
        let keys = task.keys.clone();
        let generator = Generator::new(shared.seed, number, config.producers, keys, config.rate);
        let crashes = config.crash_every.map(|every| {
            let mut crashes = Crashes::new(shared.seed, number, every.duration());
            let first = Instant::now() + crashes.next();
            (crashes, first)
        });
        Self {
            number,
            config,
            sends,
            task,
            stop,
            generator,
            crashes,
            pace: Pace::new(Instant::now(), ledger),
            shared,
        }
    }

    /// Works until it is told to stop, then writes out what is open within the limit. `ready` is called once the
    /// first client is connected, or has had the time to be.
    pub(crate) fn run(mut self, ready: impl FnOnce()) {
        let mut client = self.connect();
        ready();
        self.pace.restart(Instant::now());
        while !self.stop.load(Relaxed) {
            let Some(current) = &mut client else {
                std::thread::sleep(MAKE_AGAIN_AFTER);
                client = self.connect();
                continue;
            };
            if let Some(reason) = self.end_of_client(&**current) {
                // What it has reported is known.
                self.take_reports(&mut **current, Duration::ZERO);
                self.throw_away(client.take(), &reason);
                client = self.connect();
                continue;
            }
            self.begin_what_is_due(&mut **current);
            self.sends.expire(Instant::now());
            let wait = self.pace.next().saturating_duration_since(Instant::now());
            self.take_reports(&mut **current, wait.clamp(Duration::from_millis(1), POLL_MAX));
        }
        self.pace.end(Instant::now());
        if let Some(client) = client {
            self.close(client);
        }
        self.sends
            .abandon("the producer was closed before it had a report");
    }

    /// A client that knows who leads every partition.
    fn connect(&self) -> Option<Box<dyn client::Producer>> {
        let client = self
            .make()
            .inspect_err(|error| self.log(&format!("cannot be made: {}", error.text)));
        let mut client = client.ok()?;
        client.warm(WARM_WITHIN);
        self.sends.anew();
        if self.task.named {
            self.sends.named(self.shared.scribe.producer());
        }
        Some(client)
    }

    fn make(&self) -> Result<Box<dyn client::Producer>, Refusal> {
        let config = &self.config;
        self.shared.library.producer(&ProducerSettings {
            name: self.name(),
            acks: config.acks.word(),
            idempotence: config.idempotence,
            max_in_flight: config.max_in_flight,
            linger: config.linger.duration(),
            batch_bytes: config.batch_bytes,
            gives_up_after: self
                .task
                .expiry
                .or(config.client_gives_up_after())
                .map(Span::duration),
            flight: self.task.flight,
            transaction: None,
        })
    }

    fn take_reports(&self, client: &mut dyn client::Producer, within: Duration) {
        client.poll(within, &mut |op, delivery| self.sends.reported(op, delivery));
    }

    /// Why the client has to be thrown away now, if it has.
    fn end_of_client(&mut self, client: &dyn client::Producer) -> Option<String> {
        if let Some(error) = client.fatal() {
            return Some(format!("the client ended with a fatal error: {error}"));
        }
        let (crashes, at) = self.crashes.as_mut()?;
        if Instant::now() < *at {
            return None;
        }
        *at = Instant::now() + crashes.next();
        Some("the client crashed".to_owned())
    }

    /// Ends a client with what it had under way. Its process dies in the history too.
    fn throw_away(&self, client: Option<Box<dyn client::Producer>>, reason: &str) {
        self.log(reason);
        let process = self.shared.scribe.process();
        let op = self.shared.scribe.invoke(process, F::Crash);
        self.sends.abandon(reason);
        self.shared
            .scribe
            .end(process, op, F::Crash, End::Info(reason.to_owned()));
        if let Some(client) = client {
            client.discard();
        }
    }

    fn begin_what_is_due(&mut self, client: &mut dyn client::Producer) {
        let now = Instant::now();
        while self.pace.next() <= now {
            let next = self.generator.next();
            if self.sends.has_room(next.key) {
                let due = self.pace.begin(Instant::now(), next.gap);
                self.send(client, next.key, due);
            } else {
                self.pace.withhold(next.gap);
            }
        }
    }

    fn send(&self, client: &mut dyn client::Producer, key: history::Key, due: Instant) {
        let value: Value = self.task.next_value.fetch_add(1, Relaxed);
        let op = self.sends.begin(key, value, due);
        let record = Outgoing {
            key,
            value,
            bytes: self.config.record_bytes,
            name: None,
            tombstone: false,
            timestamp: None,
        };
        // A record that the client would not even take never left.
        if let Err(refusal) = client.send(&record, op) {
            self.sends.end(op, Written::default(), End::Fail(refusal.text));
        }
    }

    /// Waits for the reports of what is open, each until its deadline.
    fn close(&self, mut client: Box<dyn client::Producer>) {
        let until = Instant::now() + self.config.deadline.duration();
        while !self.sends.is_empty() && Instant::now() < until {
            self.take_reports(&mut *client, POLL_MAX);
            self.sends.expire(Instant::now());
        }
        self.sends
            .abandon("the producer was closed before it had a report");
        client.discard();
    }

    fn name(&self) -> String {
        format!("producer-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}
