//! A consumer: a thread that reads its partitions from their start and writes down what it gets, in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{Assign, F, Key, Offset, Poll, Record, Subscribe};

use super::config::{ConsumeBy, LogConfig};
use super::member::{group, read_up_to};
use crate::client::{self, ConsumerSettings, Crashes, Incoming, Isolation, Refusal, Shared, starts};
use crate::scribe::End;

/// The longest wait for a record, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(100);
/// How long is waited before a client that could not be made, or an assignment that went wrong, is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Who reads what.
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) isolation: Isolation,
    pub(super) keys: Vec<Key>,
}

/// A consumer of the workload, on a thread of its own.
pub(super) struct Consumer {
    reading: Reading,
    config: LogConfig,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
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
    /// It crashes at other times than those of another number.
    pub(super) fn new(
        reading: Reading,
        number: u32,
        config: LogConfig,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let crashes = config.crash_every.map(|every| {
            let client = config.producers + number;
            let mut crashes = Crashes::new(shared.seed, client, every.duration());
            let first = Instant::now() + crashes.next();
            (crashes, first)
        });
        Self {
            config,
            stop,
            process: shared.scribe.process(),
            positions: reading.keys.iter().map(|key| (*key, 0)).collect(),
            reading,
            crashes,
            shared,
        }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let mut from_beginning = true;
        while !self.stop.load(Relaxed) {
            let mut client = match self.connect(from_beginning) {
                Ok(client) => client,
                Err(refusal) => {
                    self.log(&format!("cannot be made: {}", refusal.text));
                    std::thread::sleep(AGAIN_AFTER);
                    continue;
                }
            };
            from_beginning = match self.read(&mut *client) {
                Ended::Stopped => {
                    // Ending a client waits for its threads, and nobody has to wait for that.
                    std::thread::spawn(move || client.close());
                    false
                }
                Ended::Crashed => {
                    client.discard();
                    false
                }
                Ended::Lost(reason) => {
                    self.log(&reason);
                    std::thread::sleep(AGAIN_AFTER);
                    self.positions = starts(&mut *client, &self.reading.keys);
                    std::thread::spawn(move || client.close());
                    true
                }
            };
        }
    }

    /// A client that reads on from the positions.
    fn connect(&self, from_beginning: bool) -> Result<Box<dyn client::Consumer>, Refusal> {
        let keys = self.reading.keys.clone();
        let (group, f) = match self.config.consume_by {
            ConsumeBy::Assign => (None, F::Assign(Assign { keys, from_beginning })),
            ConsumeBy::Subscribe => (
                Some(group(self.config.group_protocol)),
                F::Subscribe(Subscribe { keys }),
            ),
        };
        let mut client = self.shared.library.consumer(&ConsumerSettings {
            name: self.reading.name.clone(),
            isolation: self.reading.isolation,
            fetch_wait: FETCH_WAIT,
            group,
        })?;
        let op = self.shared.scribe.invoke(self.process, f.clone());
        let outcome = match self.config.consume_by {
            ConsumeBy::Assign => client.assign(&self.positions),
            ConsumeBy::Subscribe => {
                let topics: Vec<&str> = self.shared.keys.topics().into_iter().collect();
                client.subscribe(&topics)
            }
        };
        let end = match &outcome {
            Ok(()) => End::Ok,
            Err(refusal) => End::Fail(refusal.text.clone()),
        };
        self.shared.scribe.end(self.process, op, f, end);
        outcome.map(|()| client)
    }

    /// Polls until the client ends. One operation lasts until something arrives, so that idle partitions
    /// do not fill the history.
    fn read(&mut self, client: &mut dyn client::Consumer) -> Ended {
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
            let moved: BTreeSet<Key> = client
                .rebalanced()
                .into_iter()
                .flat_map(|moved| moved.keys)
                .collect();
            let moved: Vec<Key> = moved.into_iter().collect();
            let commits = self.config.consume_by == ConsumeBy::Subscribe && !crashed;
            let up_to = if commits {
                read_up_to(&records, &moved)
            } else {
                BTreeMap::new()
            };
            // Written down first: what the group takes for read must have been.
            self.shared
                .scribe
                .end_after(self.process, op, F::Poll(Poll { records }), end, moved);
            if !up_to.is_empty() {
                // It is not waited for: where it fails, others read these records again.
                if let Err(refusal) = client.commit(&up_to, Duration::ZERO) {
                    self.log(&format!("cannot commit: {}", refusal.text));
                }
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
    fn poll(&mut self, client: &mut dyn client::Consumer) -> (Vec<Record>, Option<Ended>) {
        let mut records = Vec::new();
        let mut until: Option<Instant> = None;
        let most = self.config.poll_records as usize;
        while records.len() < most {
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
            let polled = client.poll(most - records.len(), left.unwrap_or(WAIT_MAX).min(WAIT_MAX));
            records.extend(polled.records.iter().filter_map(Incoming::record));
            if let Some(reason) = polled.lost {
                return (records, Some(Ended::Lost(reason)));
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

    fn log(&self, text: &str) {
        self.shared.line(&self.reading.name, text);
    }
}
