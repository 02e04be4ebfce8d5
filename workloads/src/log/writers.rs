//! The producers of a workload at work, each on a thread of its own.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use history::{Key, Span, What};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::config::LogConfig;
use super::producer::Producer;
use super::sends::OpenSends;
use crate::client::{FlightSettings, Ledger, Shared, spawn};

/// How long a producer may take to end beyond its deadline.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What producers write, beside how they are set.
#[derive(Clone)]
pub(crate) struct Task {
    /// The partitions that they write to.
    pub(crate) keys: Range<Key>,
    /// The values of all clients of the workload: none is written twice.
    pub(crate) next_value: Arc<AtomicU64>,
    /// Whether each write names its producer in the history, so that their order is judged.
    pub(crate) named: bool,
    /// How long the client goes on trying to write a record, where that is not as its settings have it.
    pub(crate) expiry: Option<Span>,
    /// Whether a client's first write to a partition has to be acknowledged before it begins another there.
    pub(crate) first_alone: bool,
    /// What is asked of it about what it has under way.
    pub(crate) flight: FlightSettings,
}

impl Task {
    /// Writes to these partitions of which nothing more is asked, with values that nobody else has.
    pub(crate) fn of(keys: Range<Key>) -> Self {
        Self {
            keys,
            next_value: Arc::default(),
            named: false,
            expiry: None,
            first_alone: false,
            flight: FlightSettings::default(),
        }
    }
}

/// Producers that write at the generator's times until they are stopped.
pub(crate) struct Writers {
    deadline: Duration,
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
    is_flight_told: bool,
    all: Vec<(Arc<OpenSends>, oneshot::Receiver<()>)>,
}

impl Writers {
    /// Starts them; what is returned beside them resolves as each is at work.
    pub(crate) fn start(
        config: &LogConfig,
        shared: &Arc<Shared>,
        task: &Task,
    ) -> Result<(Self, Vec<oneshot::Receiver<()>>)> {
        let mut writers = Self {
            deadline: config.deadline.duration(),
            stop: Arc::default(),
            shared: shared.clone(),
            ledger: Arc::default(),
            is_flight_told: task.flight.is_told,
            all: Vec::new(),
        };
        let mut all_ready = Vec::new();
        for number in 0..config.producers {
            let open = config.open_sends as usize;
            let (scribe, ledger) = (shared.scribe.clone(), writers.ledger.clone());
            let sends = OpenSends::new(scribe, open, writers.deadline, ledger);
            let sends = Arc::new(sends.with_first_alone(task.first_alone));
            let producer = Producer::new(
                number,
                config.clone(),
                shared.clone(),
                sends.clone(),
                task.clone(),
                writers.stop.clone(),
                writers.ledger.clone(),
            );
            let (ready, is_ready) = oneshot::channel();
            let ended = spawn(format!("producer-{number}"), move || {
                producer.run(move || {
                    let _ = ready.send(());
                });
            })?;
            writers.all.push((sends, ended));
            all_ready.push(is_ready);
        }
        Ok((writers, all_ready))
    }

    /// Closes them, and takes down what the load was. Every write that was begun has ended in the history when this returns.
    pub(crate) async fn stop(&mut self) {
        self.stop.store(true, Relaxed);
        let within = self.deadline + END_WITHIN;
        for (sends, ended) in self.all.drain(..) {
            if timeout(within, ended).await.is_err() {
                sends.abandon("the producer did not end");
            }
        }
        let recorder = self.shared.scribe.recorder();
        let mut load = self.ledger.load();
        load.flight = self.is_flight_told.then(|| self.ledger.flight());
        recorder.record(What::Load(load));
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}
