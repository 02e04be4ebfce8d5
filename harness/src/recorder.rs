//! The recorder of a run: one clock, one lock, one file.
//!
//! An event is stamped and serialised under the lock, so that the file is in the order of its times. The
//! buffer goes to the file a few times a second from a thread of its own: what a killed run loses is a
//! fraction of a second.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use cluster::sim::VirtualClock;

use history::{Event, Header, HistoryWriter, Recorder, What};
use tokio_util::sync::CancellationToken;

/// How often the buffer goes to the file.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How much is held between two flushes, at most.
const BUFFER_BYTES: usize = 256 << 10;

/// What events are stamped with.
pub enum Clock {
    /// The time since the history was opened.
    Real(Instant),
    /// That of a simulated cluster.
    Virtual(VirtualClock),
}

impl Clock {
    /// A clock that starts now.
    pub fn real() -> Self {
        Self::Real(Instant::now())
    }

    fn now(&self) -> u64 {
        match self {
            Self::Real(opened) => opened.elapsed().as_nanos() as u64,
            Self::Virtual(clock) => clock.now(),
        }
    }
}

/// Writes the history of a run.
pub struct FileRecorder {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Cancelled when the file cannot be written: a run without a history has no point.
    broken: CancellationToken,
    closing: AtomicBool,
    /// Told of every event, for people who watch.
    on_event: OnEvent,
}

/// Called with each event, after it was written.
pub type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

struct Inner {
    writer: HistoryWriter<BufWriter<File>>,
    error: Option<std::io::Error>,
    events: u64,
    closed: bool,
}

/// The recorder and the thread that flushes it.
pub struct Recording {
    recorder: Arc<FileRecorder>,
    flusher: Option<JoinHandle<()>>,
}

impl Recording {
    /// Creates the file with its header. `broken` is cancelled when it cannot be written any more.
    pub fn create(
        path: &Path,
        header: Header,
        clock: Clock,
        broken: CancellationToken,
        on_event: OnEvent,
    ) -> Result<Self> {
        let file = File::create_new(path).with_context(|| format!("create {}", path.display()))?;
        let writer = HistoryWriter::new(BufWriter::with_capacity(BUFFER_BYTES, file));
        let recorder = Arc::new(FileRecorder {
            clock,
            inner: Mutex::new(Inner {
                writer,
                error: None,
                events: 0,
                closed: false,
            }),
            broken,
            closing: AtomicBool::new(false),
            on_event,
        });
        recorder.record(What::Header(Box::new(header)));
        let flushed = Arc::clone(&recorder);
        let thread = thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || flushed.flush_until_closed())
            .context("start the thread that writes the history")?;
        Ok(Self {
            recorder,
            flusher: Some(thread),
        })
    }

    /// What clients, nemesis and observer write to.
    pub fn recorder(&self) -> Arc<FileRecorder> {
        Arc::clone(&self.recorder)
    }

    /// Writes everything out, and says whether anything went wrong since the start.
    pub fn close(mut self) -> Result<u64> {
        self.recorder.lock().closed = true;
        self.recorder.closing.store(true, Ordering::Relaxed);
        if let Some(flusher) = self.flusher.take() {
            flusher.thread().unpark();
            flusher
                .join()
                .map_err(|_| anyhow!("the thread that writes the history panicked"))?;
        }
        let mut inner = self.recorder.lock();
        match inner.error.take() {
            Some(error) => Err(anyhow!(error).context("write the history")),
            None => Ok(inner.events),
        }
    }
}

impl FileRecorder {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush_until_closed(&self) {
        loop {
            let closing = self.closing.load(Ordering::Relaxed);
            let mut inner = self.lock();
            let outcome = inner.writer.flush();
            self.note(&mut inner, outcome);
            drop(inner);
            if closing {
                return;
            }
            thread::park_timeout(FLUSH_EVERY);
        }
    }

    fn note(&self, inner: &mut Inner, outcome: std::io::Result<()>) {
        if let Err(error) = outcome
            && inner.error.is_none()
        {
            inner.error = Some(error);
            self.broken.cancel();
        }
    }
}

impl Recorder for FileRecorder {
    fn record(&self, what: What) -> u64 {
        let mut inner = self.lock();
        let time = self.now();
        let event = Event { time, what };
        // What comes after the end, where a cluster is kept up for somebody to look at, is no part of the trial.
        if inner.closed {
            return time;
        }
        if inner.error.is_none() {
            let outcome = inner.writer.write(&event);
            inner.events += 1;
            self.note(&mut inner, outcome);
        }
        drop(inner);
        (self.on_event)(&event);
        time
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }
}
