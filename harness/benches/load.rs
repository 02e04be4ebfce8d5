//! How much load the clients' side holds: `cargo bench -p tribunal --bench load [-- WRITES]`.
//!
//! The generator of the `log` workload, its account of open writes and a run's own recorder with its file, against the
//! simulated broker in the same thread: writes of one record each (a million), and then polls of five hundred. CPU time is that
//! of the whole process, user and system, the thread that flushes the file included. The broker's own part is
//! measured with the same requests and nobody who takes anything down. Nothing is asserted but that all records came.

#[path = "../src/recorder.rs"]
#[expect(dead_code, reason = "a simulated cluster's clock is not measured here")]
mod recorder;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use history::{Expectation, Header, Topic};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use tokio_util::sync::CancellationToken;
use workloads::load::{Load, Loaded};

const WRITES: u64 = 1_000_000;
const ROUNDS: usize = 3;
/// The goals: CPU time of one write, writes a second, records a second in batches.
const GOALS: (Duration, f64, f64) = (Duration::from_micros(5), 100_000.0, 1_000_000.0);

fn main() -> Result<()> {
    let writes = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(WRITES);
    let rounds = (0..ROUNDS).map(|_| round(writes)).collect::<Result<Vec<_>>>()?;
    let median = |of: fn(&Round) -> Taken| {
        let mut all: Vec<Taken> = rounds.iter().map(of).collect();
        all.sort_by_key(|taken| taken.cpu);
        all[all.len() / 2]
    };
    let (bare, single, batch) = (
        median(|round| round.bare),
        median(|round| round.single),
        median(|round| round.batch),
    );
    println!(
        "{writes} records of 64 bytes, 16 partitions, 500 writes open, the median of {ROUNDS} rounds by CPU time"
    );
    println!("                                CPU µs a record   CPU µs less the broker's   records a second");
    print("the broker alone", bare, None);
    print("writes of one record", single, Some(bare));
    print("polls of 500", batch, None);
    let (cpu, writes, records) = GOALS;
    println!(
        "goals: a write in less than {} µs of CPU, {:.2} of it; {writes} writes a second, {:.1} times as many; {records} records a second in batches, {:.1} times as many",
        cpu.as_micros(),
        single.cpu.as_secs_f64() / cpu.as_secs_f64(),
        single.rate() / writes,
        batch.rate() / records,
    );
    Ok(())
}

fn print(name: &str, taken: Taken, without: Option<Taken>) {
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6;
    let less = without.map_or_else(String::new, |broker| {
        format!("{:.2}", micros(taken.cpu.saturating_sub(broker.cpu)))
    });
    println!(
        "{name:<31} {:>15.2} {less:>26} {:>18.0}",
        micros(taken.cpu),
        taken.rate()
    );
}

/// What one record took.
#[derive(Clone, Copy)]
struct Taken {
    cpu: Duration,
    wall: Duration,
}

impl Taken {
    fn rate(self) -> f64 {
        1.0 / self.wall.as_secs_f64()
    }
}

struct Round {
    bare: Taken,
    single: Taken,
    batch: Taken,
}

fn round(writes: u64) -> Result<Round> {
    let load = Load {
        seed: 1,
        partitions: 16,
        writes,
        open: 500,
        record_bytes: 64,
        poll_records: 500,
    };
    let recorder = Arc::new(history::MemoryRecorder::default());
    let mut loaded = Loaded::new(load.clone(), recorder);
    let bare = measure(writes, || Ok(loaded.write_bare()))?;
    let (mut single, mut batch) = (None, None);
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    let record = |name: &str| {
        recorder::Recording::create(
            &directory.path().join(name),
            header(&load),
            recorder::Clock::real(),
            CancellationToken::new(),
            Box::new(|_| ()),
        )
    };
    let recording = record("history.jsonl")?;
    let mut loaded = Loaded::new(load.clone(), recording.recorder());
    single.replace(measure(writes, || Ok(loaded.write()))?);
    batch.replace(measure(writes, || {
        let read = loaded.read();
        recording.close()?;
        Ok(read)
    })?);
    Ok(Round {
        bare,
        single: single.context("measure writes")?,
        batch: batch.context("measure polls")?,
    })
}

fn header(load: &Load) -> Header {
    Header {
        format: history::FORMAT.to_owned(),
        version: history::VERSION,
        plan: "bench".to_owned(),
        seed: load.seed,
        broker: "sim".to_owned(),
        client: None,
        started: String::new(),
        nodes: vec![1],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: vec![Topic {
            name: "log".to_owned(),
            partitions: load.partitions,
            replication_factor: 1,
            min_insync_replicas: 1,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        }],
        expect: Expectation::default(),
    }
}

/// What each of so many records took.
fn measure(records: u64, work: impl FnOnce() -> Result<u64>) -> Result<Taken> {
    let (cpu_before, before) = (cpu()?, Instant::now());
    let done = work()?;
    let (cpu, wall) = (cpu()?.saturating_sub(cpu_before), before.elapsed());
    ensure!(done == records, "{done} of {records} records came through");
    let each = |time: Duration| time.div_f64(records as f64);
    Ok(Taken {
        cpu: each(cpu),
        wall: each(wall),
    })
}

/// CPU time of this process so far, user and system.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("ask for the CPU time")?;
    let duration = |time: TimeVal| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1_000);
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}
