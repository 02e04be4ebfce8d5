//! Shows a trial while it goes on: a view that changes on a terminal, a sign of life elsewhere.
//!
//! A thread of its own does it, by the time of people: clients, observer and nemesis never wait for a terminal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cluster::Cluster;
use history::{NodeId, Recorder, Topic, key_name};
use nix::time::{ClockId, clock_gettime};
use workloads::{Counters, Seen};

use crate::live::{Pace, PartitionShown, Rates, View, Watch, heartbeat, lines};
use crate::progress::Progress;
use crate::recorder::FileRecorder;

/// How often the view is made anew.
const REFRESH: Duration = Duration::from_millis(250);
/// How often it is said that the run goes on, where nobody sees a view.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the ends of the brokers' logs are looked at.
const LOGS: Duration = Duration::from_secs(1);
/// The end of a log that is looked at.
const LOG_END: u64 = 4096;
/// The lines of each log that are shown.
const LOG_LINES: usize = 2;
/// Rates are of so long a time.
const RATES_OVER: Duration = Duration::from_secs(2);
/// The lines of the last view that stay.
const STAY: usize = 3;

/// What there is to show.
pub struct Shown {
    /// Where it is shown.
    pub progress: Arc<Progress>,
    /// Who leads.
    pub cluster: Arc<dyn Cluster>,
    /// The topics.
    pub topics: Vec<Topic>,
    /// What the clients have done.
    pub counters: Arc<Counters>,
    /// What events have shown.
    pub watch: Arc<Watch>,
    /// The clock.
    pub recorder: Arc<FileRecorder>,
    /// How long the phases take.
    pub pace: Pace,
    /// The brokers' own logs.
    pub logs: BTreeMap<NodeId, PathBuf>,
}

/// Shows a trial until it is dropped.
pub struct Live {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Begins. Where the machine has no thread to give, nothing is shown.
    pub fn start(shown: Shown) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || show(&shown, &stopped))
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A view that panicked is no reason to end a run.
            let _ = thread.join();
        }
    }
}

fn show(shown: &Shown, stop: &AtomicBool) {
    let mut eye = Eye::new();
    let is_live = shown.progress.is_live();
    loop {
        thread::park_timeout(if is_live { REFRESH } else { HEARTBEAT });
        let view = eye.look(shown);
        let stopped = stop.load(Ordering::Acquire);
        let (width, height) = Progress::size();
        match (is_live, stopped) {
            (true, false) => shown.progress.view(&lines(&view, width, height), width),
            (true, true) => {
                let stay = lines(&view, width, height);
                shown.progress.end_view(&stay[..stay.len().min(STAY)]);
            }
            (false, false) => shown.progress.say(&heartbeat(&view)),
            (false, true) => {}
        }
        if stopped {
            break;
        }
    }
    if let Ok(cpu) = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) {
        shown.progress.spent(cpu.into());
    }
}

/// What is remembered from one view to the next.
struct Eye {
    /// The counts of the last moments, the oldest first.
    counts: Vec<(Instant, Seen)>,
    /// The phase, and since when, by the run's clock.
    phase: (String, u64),
    log: Vec<String>,
    log_read: Option<Instant>,
}

impl Eye {
    fn new() -> Self {
        Self {
            counts: Vec::new(),
            phase: (String::new(), 0),
            log: Vec::new(),
            log_read: None,
        }
    }

    fn look(&mut self, shown: &Shown) -> View {
        let now = shown.recorder.now();
        let (phase, about) = shown.progress.at();
        if self.phase.0 != phase {
            self.phase = (phase.clone(), now);
        }
        let in_phase = Duration::from_nanos(now.saturating_sub(self.phase.1));
        let seen = shown.counters.seen();
        let watched = shown.watch.now(now);
        View {
            left: shown.pace.left(&phase, in_phase),
            phase,
            about,
            elapsed: Duration::from_nanos(now),
            rates: self.rates(seen),
            seen,
            latency: watched.latency,
            partitions: partitions(shown),
            controller: shown.cluster.view().controller(),
            faults: watched.faults,
            wrong: watched.wrong,
            wrong_more: watched.wrong_more,
            log: self.log(&shown.logs),
        }
    }

    fn rates(&mut self, seen: Seen) -> Rates {
        let now = Instant::now();
        self.counts.push((now, seen));
        self.counts
            .retain(|(when, _)| now.duration_since(*when) <= RATES_OVER);
        let (since, before) = self.counts[0];
        Rates::between(&before, &seen, now.duration_since(since))
    }

    fn log(&mut self, logs: &BTreeMap<NodeId, PathBuf>) -> Vec<String> {
        if self.log_read.is_none_or(|read| read.elapsed() >= LOGS) {
            self.log_read = Some(Instant::now());
            self.log = logs
                .iter()
                .flat_map(|(node, path)| {
                    let lines = last_lines(path).unwrap_or_default();
                    lines.into_iter().map(move |line| format!("n{node} {line}"))
                })
                .collect();
        }
        self.log.clone()
    }
}

fn partitions(shown: &Shown) -> Vec<PartitionShown> {
    let known = shown.cluster.view().partitions();
    known
        .into_iter()
        .map(|(key, partition)| PartitionShown {
            name: key_name(&shown.topics, key),
            leader: partition.leader,
            epoch: partition.epoch,
            in_sync: partition.isr.len(),
            replicas: partition.replicas.len(),
        })
        .collect()
}

/// The last whole lines of a file.
fn last_lines(path: &Path) -> std::io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_END)))?;
    let mut end = Vec::new();
    file.take(LOG_END).read_to_end(&mut end)?;
    let text = String::from_utf8_lossy(&end);
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let mut lines: Vec<String> = whole.lines().rev().take(LOG_LINES).map(str::to_owned).collect();
    lines.reverse();
    Ok(lines)
}
