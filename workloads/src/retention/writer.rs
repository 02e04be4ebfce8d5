//! A client that writes one record after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Send};

use super::config::RetentionConfig;
use super::generator::{Generator, record};
use crate::client::Shared;
use crate::client::objects::Hand;
use crate::scribe::End;

/// How long is waited before a client that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// The longest wait for the next write, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);

pub(super) struct Writer {
    number: u32,
    config: RetentionConfig,
    shared: Arc<Shared>,
    /// The values of all clients: none is written twice.
    next_value: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    process: u32,
}

impl Writer {
    pub(super) fn new(
        number: u32,
        config: RetentionConfig,
        shared: Arc<Shared>,
        next_value: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            number,
            config,
            next_value,
            stop,
            process: shared.scribe.process(),
            shared,
        }
    }

    /// Works until it is told to stop. `ready` is called once it is at work, or could not be.
    pub(super) fn run(mut self, ready: impl FnOnce()) {
        let mut generator = Generator::new(self.shared.seed, self.number, &self.config);
        let mut hand = self.hand();
        ready();
        let mut next_at = Instant::now();
        while !self.stop.load(Relaxed) {
            let wait = next_at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait.min(WAIT_MAX));
                continue;
            }
            let Some(working) = hand.as_mut() else {
                std::thread::sleep(AGAIN_AFTER);
                hand = self.hand();
                continue;
            };
            next_at = (next_at + generator.gap()).max(Instant::now());
            self.write(working);
            if let Some(reason) = working.fatal() {
                self.shared.line(&self.name(), &reason);
                hand.take().into_iter().for_each(Hand::discard);
            }
        }
        hand.into_iter().for_each(Hand::discard);
    }

    fn write(&mut self, hand: &mut Hand) {
        let value = self.next_value.fetch_add(1, Relaxed);
        let partitions = self.shared.keys.count();
        let outgoing = record(
            value,
            &self.config.retention(),
            partitions,
            self.config.record_bytes,
        );
        let send = |offset, broker| {
            F::Send(Send {
                key: outgoing.key,
                value,
                offset,
                broker,
            })
        };
        let op = self.shared.scribe.invoke(self.process, send(None, None));
        let delivery = hand.write(outgoing);
        let unknown = matches!(delivery.end, End::Info(_));
        let done = send(delivery.offset, delivery.broker);
        self.shared.scribe.end(self.process, op, done, delivery.end);
        if unknown {
            self.process = self.shared.scribe.process();
        }
    }

    fn hand(&self) -> Option<Hand> {
        let made = Hand::make(&self.shared, &self.name(), &self.config.writing());
        let say = |refusal: &crate::client::Refusal| {
            let text = format!("no producer yet: {}", refusal.text);
            self.shared.line(&self.name(), &text);
        };
        made.inspect_err(say).ok()
    }

    fn name(&self) -> String {
        format!("writer-{}", self.number)
    }
}
