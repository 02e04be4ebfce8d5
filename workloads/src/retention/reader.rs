//! A client that reads on from where it is, and now and then again from the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{Assign, F, Key, Poll};

use super::config::RetentionConfig;
use crate::client::{Consumer, ConsumerSettings, Incoming, Isolation, Refusal, Shared, starts};
use crate::scribe::End;

/// How long is waited before a client that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(50);
/// How long a poll waits for its first record.
const POLL_WITHIN: Duration = Duration::from_millis(100);
/// How many records one poll takes at most.
const RECORDS_MAX: usize = 500;

pub(super) struct Reader {
    number: u32,
    config: RetentionConfig,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    process: u32,
}

impl Reader {
    pub(super) fn new(
        number: u32,
        config: RetentionConfig,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            number,
            config,
            stop,
            process: shared.scribe.process(),
            shared,
        }
    }

    /// Reads until it is told to stop.
    pub(super) fn run(self) {
        while !self.stop.load(Relaxed) {
            match self.connect() {
                Ok(client) => self.read_from_the_start(client),
                Err(refusal) => {
                    self.line(&format!("no reader yet: {}", refusal.text));
                    std::thread::sleep(AGAIN_AFTER);
                }
            }
        }
    }

    /// A consumer that begins where each partition begins now.
    fn connect(&self) -> Result<Box<dyn Consumer>, Refusal> {
        let mut client = self.shared.library.consumer(&ConsumerSettings {
            name: self.name(),
            isolation: Isolation::ReadUncommitted,
            fetch_wait: FETCH_WAIT,
            group: None,
        })?;
        let keys: Vec<Key> = (0..self.shared.keys.count()).collect();
        let assign = F::Assign(Assign {
            keys: keys.clone(),
            from_beginning: true,
        });
        // Nothing is fetched before the history says so: what was deleted before is not to be read.
        let op = self.shared.scribe.invoke(self.process, assign.clone());
        let positions = starts(&mut *client, &keys);
        let assigned = client.assign(&positions);
        let end = match &assigned {
            Ok(()) => End::Ok,
            Err(refusal) => End::Fail(refusal.text.clone()),
        };
        self.shared.scribe.end(self.process, op, assign, end);
        assigned.map(|()| client)
    }

    /// Reads on until it is time to begin again, or what comes next is gone.
    fn read_from_the_start(&self, mut client: Box<dyn Consumer>) {
        let until = Instant::now() + self.config.reread_every.duration();
        while !self.stop.load(Relaxed) && Instant::now() < until {
            let op = self.shared.scribe.invoke(self.process, F::Poll(Poll::default()));
            let polled = client.poll(RECORDS_MAX, POLL_WITHIN);
            let records = polled.records.iter().filter_map(Incoming::record).collect();
            self.shared
                .scribe
                .end(self.process, op, F::Poll(Poll { records }), End::Ok);
            if let Some(reason) = polled.lost {
                self.line(&reason);
                break;
            }
        }
        client.discard();
    }

    fn name(&self) -> String {
        format!("reader-{}", self.number)
    }

    fn line(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}
