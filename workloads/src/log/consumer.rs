//! A consumer: a thread that reads its partitions from their start and writes down what it gets, in its order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{Assign, F, Key, Offset, Poll, Record, Subscribe};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;

use super::config::{ConsumeBy, LogConfig};
use super::generator::Crashes;
use super::member::{by_subscription, commit, commit_list, subscribe};
use crate::client::{
    Context, Isolation, Shared, assignment, by_assignment, is_lost, is_of_a_connection, record, starts,
};
use crate::scribe::End;

/// The longest wait for a record, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long is waited before a client that could not be made, or an assignment that went wrong, is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A consumer of the workload, on a thread of its own.
pub(crate) struct Consumer {
    number: u32,
    config: LogConfig,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    keys: Vec<Key>,
    process: u32,
    /// Where each partition is read next.
    positions: BTreeMap<Key, Offset>,
    crashes: Option<(Crashes, Instant)>,
}

/// How a client ended.
enum Ended {
    Stopped,
    Crashed,
    /// It cannot go on from where it stands: the partition was cut off behind it, or records were deleted ahead.
    Lost(String),
}

impl Consumer {
    pub(crate) fn new(
        number: u32,
        config: LogConfig,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
        keys: Vec<Key>,
    ) -> Self {
        let crashes = config.crash_every.map(|every| {
            let client = config.producers + number;
            let mut crashes = Crashes::new(shared.seed, client, every.duration());
            let first = Instant::now() + crashes.next();
            (crashes, first)
        });
        Self {
            number,
            config,
            stop,
            process: shared.scribe.process(),
            positions: keys.iter().map(|key| (*key, 0)).collect(),
            keys,
            crashes,
            shared,
        }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut from_beginning = true;
        while !self.stop.load(Relaxed) {
            let client = match self.connect(from_beginning) {
                Ok(client) => client,
                Err(error) => {
                    self.log(&format!("cannot be made: {error}"));
                    std::thread::sleep(AGAIN_AFTER);
                    continue;
                }
            };
            from_beginning = match self.read(&client) {
                Ended::Stopped | Ended::Crashed => false,
                Ended::Lost(reason) => {
                    self.log(&reason);
                    std::thread::sleep(AGAIN_AFTER);
                    self.positions = starts(&self.shared, &client, &self.keys);
                    true
                }
            };
            // Ending a client waits for its threads: the next one must not wait for that.
            std::thread::spawn(move || drop(client));
        }
    }

    /// A client that reads on from the positions.
    fn connect(&self, from_beginning: bool) -> KafkaResult<BaseConsumer<Context>> {
        let name = self.name();
        let context = Context::new(&self.shared, &name);
        let mut config = self.shared.client(&name);
        config.set("fetch.wait.max.ms", "100");
        let keys = self.keys.clone();
        let (config, f) = match self.config.consume_by {
            ConsumeBy::Assign => {
                let assign = Assign { keys, from_beginning };
                (
                    by_assignment(&mut config, Isolation::ReadUncommitted),
                    F::Assign(assign),
                )
            }
            ConsumeBy::Subscribe => {
                let protocol = self.config.group_protocol;
                (
                    by_subscription(&mut config, protocol),
                    F::Subscribe(Subscribe { keys }),
                )
            }
        };
        let client: BaseConsumer<Context> = config.create_with_context(context)?;
        let op = self.shared.scribe.invoke(self.process, f.clone());
        let outcome = match self.config.consume_by {
            ConsumeBy::Assign => client.assign(&assignment(&self.shared, &self.positions)?),
            ConsumeBy::Subscribe => subscribe(&client, &self.shared),
        };
        let end = match &outcome {
            Ok(()) => End::Ok,
            Err(error) => End::Fail(error.to_string()),
        };
        self.shared.scribe.end(self.process, op, f, end);
        outcome.map(|()| client)
    }

    /// Polls until the client ends. One operation lasts until something arrives, so that idle partitions
    /// do not fill the history.
    fn read(&mut self, client: &BaseConsumer<Context>) -> Ended {
        loop {
            let op = self.shared.scribe.invoke(self.process, F::Poll(Poll::default()));
            let (records, ended) = self.poll(client);
            let end = match &ended {
                Some(Ended::Crashed) => End::Info("the client crashed".to_owned()),
                Some(Ended::Lost(reason)) if records.is_empty() => End::Fail(reason.clone()),
                _ => End::Ok,
            };
            let crashed = matches!(ended, Some(Ended::Crashed));
            // What a crashed client held is lost.
            let records = if crashed { Vec::new() } else { records };
            for record in &records {
                self.positions.insert(record.key, record.offset + 1);
            }
            let moved = client.context().moved.take();
            let committed = match self.config.consume_by {
                ConsumeBy::Subscribe if !crashed => Some(commit_list(&self.shared, &records, &moved)),
                _ => None,
            };
            // Written down first: what the group takes for read must have been.
            self.shared
                .scribe
                .end_after(self.process, op, F::Poll(Poll { records }), end, moved);
            if let Some(Err(error)) = committed.map(|list| list.and_then(|list| commit(client, &list))) {
                self.log(&format!("cannot commit: {error}"));
            }
            if crashed {
                self.die();
            }
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// Gathers records until there are enough, or for a while after the first.
    fn poll(&mut self, client: &BaseConsumer<Context>) -> (Vec<Record>, Option<Ended>) {
        let mut records = Vec::new();
        let mut until: Option<Instant> = None;
        while records.len() < self.config.poll_records as usize {
            if self.stop.load(Relaxed) {
                return (records, Some(Ended::Stopped));
            }
            if self.crash_is_due() {
                return (records, Some(Ended::Crashed));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            match client.poll(left.unwrap_or(WAIT_MAX).min(WAIT_MAX)) {
                None => {}
                Some(Ok(message)) => records.extend(record(&self.shared, &message)),
                Some(Err(error)) if is_lost(&error) => {
                    return (records, Some(Ended::Lost(error.to_string())));
                }
                // The client goes on by itself.
                Some(Err(error)) if is_of_a_connection(&error) => {}
                Some(Err(error)) => self.log(&error.to_string()),
            }
            if until.is_none() && !records.is_empty() {
                until = Some(Instant::now() + self.config.poll_timeout.duration());
            }
        }
        (records, None)
    }

    fn crash_is_due(&mut self) -> bool {
        let Some((crashes, at)) = &mut self.crashes else {
            return false;
        };
        if Instant::now() < *at {
            return false;
        }
        *at = Instant::now() + crashes.next();
        true
    }

    fn die(&mut self) {
        let scribe = &self.shared.scribe;
        let process = scribe.process();
        let op = scribe.invoke(process, F::Crash);
        scribe.end(process, op, F::Crash, End::Info("the client crashed".to_owned()));
        self.process = scribe.process();
    }

    fn name(&self) -> String {
        format!("consumer-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}
