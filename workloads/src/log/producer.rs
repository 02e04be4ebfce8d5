//! A producer: a thread that begins writes at the generator's times and takes their delivery reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::payload::encode;
use history::{F, Value};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::util::Timeout;

use super::config::LogConfig;
use super::delivery::Reports;
use super::generator::{Crashes, Generator};
use super::sends::{OpenSends, Written};
use crate::client::{Context, Shared};
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
    /// The values of all producers: none is written twice.
    next_value: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    generator: Generator,
    crashes: Option<(Crashes, Instant)>,
    next_at: Instant,
}

impl Producer {
    pub(crate) fn new(
        number: u32,
        config: LogConfig,
        shared: Arc<Shared>,
        sends: Arc<OpenSends>,
        next_value: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let generator = Generator::new(
            shared.seed,
            number,
            config.producers,
            shared.keys.count(),
            config.rate,
        );
        let crashes = config.crash_every.map(|every| {
            let mut crashes = Crashes::new(shared.seed, number, every.duration());
            let first = Instant::now() + crashes.next();
            (crashes, first)
        });
        Self {
            number,
            config,
            sends,
            next_value,
            stop,
            generator,
            crashes,
            next_at: Instant::now(),
            shared,
        }
    }

    /// Works until it is told to stop, then writes out what is open within the limit. `ready` is called once the
    /// first client is connected, or has had the time to be.
    pub(crate) fn run(mut self, ready: impl FnOnce()) {
        let mut client = self.connect();
        ready();
        self.next_at = Instant::now();
        while !self.stop.load(Relaxed) {
            let Some(current) = &client else {
                std::thread::sleep(MAKE_AGAIN_AFTER);
                client = self.connect();
                continue;
            };
            if let Some(reason) = self.end_of_client(current) {
                self.throw_away(client.take(), &reason);
                client = self.connect();
                continue;
            }
            self.begin_what_is_due(current);
            self.sends.expire(Instant::now());
            let wait = self.next_at.saturating_duration_since(Instant::now());
            current.poll(Timeout::After(wait.clamp(Duration::from_millis(1), POLL_MAX)));
        }
        if let Some(client) = client {
            self.close(client);
        }
        self.sends
            .abandon("the producer was closed before it had a report");
    }

    /// A client that knows who leads every partition.
    fn connect(&self) -> Option<BaseProducer<Reports>> {
        let client = self
            .make()
            .inspect_err(|error| self.log(&format!("cannot be made: {error}")));
        let client = client.ok()?;
        let mut topics: Vec<_> = (0..self.shared.keys.count())
            .map(|key| self.shared.keys.partition(key).0)
            .collect();
        topics.dedup();
        let until = Instant::now() + WARM_WITHIN;
        for topic in topics {
            let left = until.saturating_duration_since(Instant::now());
            if let Err(error) = client.client().fetch_metadata(Some(topic), left) {
                self.log(&format!("knows no leader of {topic} yet: {error}"));
            }
        }
        Some(client)
    }

    fn make(&self) -> KafkaResult<BaseProducer<Reports>> {
        let config = &self.config;
        // Nought is without end.
        let gives_up_after = config.client_gives_up_after().unwrap_or_default();
        let name = self.name();
        let context = Reports {
            context: Context::new(&self.shared, &name),
            sends: self.sends.clone(),
            acks: config.acks,
        };
        self.shared
            .client(&name)
            .set("acks", config.acks.word())
            .set("enable.idempotence", config.idempotence.to_string())
            .set("linger.ms", config.linger.as_millis().to_string())
            .set("batch.size", config.batch_bytes.to_string())
            .set(
                "max.in.flight.requests.per.connection",
                config.max_in_flight.to_string(),
            )
            .set(
                "request.timeout.ms",
                config.request_timeout.as_millis().to_string(),
            )
            .set("message.timeout.ms", gives_up_after.as_millis().to_string())
            .create_with_context(context)
    }

    /// Why the client has to be thrown away now, if it has.
    fn end_of_client(&mut self, client: &BaseProducer<Reports>) -> Option<String> {
        if let Some((code, text)) = client.client().fatal_error() {
            return Some(format!("the client ended with a fatal error: {code}: {text}"));
        }
        let (crashes, at) = self.crashes.as_mut()?;
        if Instant::now() < *at {
            return None;
        }
        *at = Instant::now() + crashes.next();
        Some("the client crashed".to_owned())
    }

    /// Ends a client with what it had under way. Its process dies in the history too.
    fn throw_away(&self, client: Option<BaseProducer<Reports>>, reason: &str) {
        self.log(reason);
        let process = self.shared.scribe.process();
        let op = self.shared.scribe.invoke(process, F::Crash);
        self.sends.abandon(reason);
        self.shared
            .scribe
            .end(process, op, F::Crash, End::Info(reason.to_owned()));
        // Ending a client waits for its threads: the next one must not wait for that.
        std::thread::spawn(move || drop(client));
    }

    fn begin_what_is_due(&mut self, client: &BaseProducer<Reports>) {
        let now = Instant::now();
        while self.next_at <= now && self.sends.has_room() {
            let next = self.generator.next();
            self.next_at += next.gap;
            self.send(client, next.key);
        }
        // What could not begin is not made up for: a fault must not be followed by a flood.
        self.next_at = self.next_at.max(now);
    }

    fn send(&self, client: &BaseProducer<Reports>, key: history::Key) {
        let value: Value = self.next_value.fetch_add(1, Relaxed);
        let payload = encode(value, self.config.record_bytes as usize);
        let (topic, partition) = self.shared.keys.partition(key);
        let op = self.sends.begin(key, value);
        let record: BaseRecord<'_, (), Vec<u8>, usize> = BaseRecord::with_opaque_to(topic, op as usize)
            .partition(partition)
            .payload(&payload);
        if let Err((error, _)) = client.send(record) {
            self.sends.end(op, Written::default(), refused(&error));
        }
    }

    /// Waits for the reports of what is open, each until its deadline.
    fn close(&self, client: BaseProducer<Reports>) {
        let until = Instant::now() + self.config.deadline.duration();
        while !self.sends.is_empty() && Instant::now() < until {
            client.poll(Timeout::After(POLL_MAX));
            self.sends.expire(Instant::now());
        }
        self.sends
            .abandon("the producer was closed before it had a report");
        drop(client);
    }

    fn name(&self) -> String {
        format!("producer-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}

/// A record that the client would not even take: it never left.
fn refused(error: &KafkaError) -> End {
    End::Fail(format!("not taken by the client: {error}"))
}
