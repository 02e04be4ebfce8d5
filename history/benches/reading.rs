//! How fast a history is read: `cargo bench -p history [-- OPERATIONS]`.
//!
//! Writes a history of that many operations (a million) into a temporary file, half of them sends and half polls, and
//! reads it: by one thread, by all cores, line by line with serde. CPU time is user and system time of the process.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use history::{
    Event, Expectation, F, FORMAT, FileSource, Header, HistoryWriter, Op, Poll, Reading, Record, Send,
    Source, Topic, VERSION, What,
};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

const OPERATIONS: u64 = 1_000_000;
/// Some gigabytes.
const OPERATIONS_MAX: u64 = 20_000_000;
const SEED: u64 = 1;
/// Lines that serde reads, at most: its time grows with their number alone.
const SERDE_LINES_MAX: u64 = 2_000_000;
const PARTITIONS: u32 = 16;
const PROCESSES: u32 = 20;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let operations = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(OPERATIONS)
        .min(OPERATIONS_MAX);
    let file = Temporary::new();
    let writing = measure(|| write(&file.0, operations))?;
    let megabytes = std::fs::metadata(&file.0)?.len() as f64 / 1e6;
    println!(
        "{operations} operations, {} events, {megabytes:.0} MB",
        operations * 2
    );
    print("write", &writing, megabytes);
    let one = measure(|| scan(&file.0, 1))?;
    print("scan, one thread", &one, megabytes);
    let all = measure(|| scan(&file.0, Reading::default().threads))?;
    print("scan, all cores", &all, megabytes);
    let (serde, share) = with_serde(&file.0, operations * 2)?;
    print("serde_json", &serde, megabytes * share);
    let times = serde.cpu.as_secs_f64() / share / one.cpu.as_secs_f64();
    println!("serde_json takes {times:.1} times the CPU time of one thread's scan");
    Ok(())
}

/// A file that is gone when the benchmark ends.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        let name = format!("tribunal-bench-{}.jsonl", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What something took.
struct Taken {
    cpu: Duration,
    wall: Duration,
}

fn measure(work: impl FnOnce() -> Result<(), Failure>) -> Result<Taken, Failure> {
    let (cpu_before, before) = (cpu()?, Instant::now());
    work()?;
    Ok(Taken {
        cpu: cpu()?.saturating_sub(cpu_before),
        wall: before.elapsed(),
    })
}

/// CPU time of this process so far, in its code and in the kernel.
fn cpu() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let duration = |time: TimeVal| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1_000);
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}

fn print(what: &str, taken: &Taken, megabytes: f64) {
    let (cpu, wall) = (taken.cpu.as_secs_f64(), taken.wall.as_secs_f64());
    println!(
        "{what:18} {cpu:7.3} CPU s {wall:7.3} s {:6.0} MB/CPU s {:6.0} MB/s",
        megabytes / cpu,
        megabytes / wall
    );
}

fn write(path: &Path, operations: u64) -> Result<(), Failure> {
    let mut writer = HistoryWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
    writer.write(&Event {
        time: 0,
        what: What::Header(Box::new(header())),
    })?;
    let mut run = Run {
        random: SEED,
        ..Run::default()
    };
    for op in 0..operations {
        for event in run.operation(op) {
            writer.write(&event)?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn header() -> Header {
    let topic = Topic {
        name: "log".to_owned(),
        partitions: PARTITIONS,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    };
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: "bench".to_owned(),
        seed: 1,
        broker: "none".to_owned(),
        client: None,
        started: String::new(),
        nodes: vec![1, 2, 3],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: vec![topic],
        expect: Expectation::default(),
    }
}

/// A run in which every poll reads what one send, on average, wrote.
#[derive(Default)]
struct Run {
    random: u64,
    time: u64,
    value: u64,
    written: Vec<Record>,
    read: usize,
    ends: [i64; PARTITIONS as usize],
}

impl Run {
    /// A number below `bound` (a linear congruential generator: fast, and the same for each seed).
    fn random(&mut self, bound: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % bound
    }

    fn operation(&mut self, op: u64) -> [Event; 2] {
        let process = self.random(u64::from(PROCESSES)) as u32;
        let (invocation, completion) = if self.random(2) == 0 {
            self.send()
        } else {
            self.poll()
        };
        [
            What::Invoke(Op::new(process, op, invocation)),
            What::Ok(Op::new(process, op, completion)),
        ]
        .map(|what| self.event(what))
    }

    fn event(&mut self, what: What) -> Event {
        self.time += self.random(200_000);
        Event {
            time: self.time,
            what,
        }
    }

    fn send(&mut self) -> (F, F) {
        let key = self.random(u64::from(PARTITIONS)) as u32;
        let (value, end) = (self.value, &mut self.ends[key as usize]);
        let offset = *end;
        *end += 1;
        self.value += 1;
        self.written.push(Record { key, offset, value });
        let send = |offset, broker| {
            F::Send(Send {
                key,
                value,
                offset,
                broker,
            })
        };
        (send(None, None), send(Some(offset), Some(key % 3 + 1)))
    }

    fn poll(&mut self) -> (F, F) {
        let records = self.random(5) as usize;
        let end = (self.read + records).min(self.written.len());
        let records = self.written[self.read..end].to_vec();
        self.read = end;
        if self.read == self.written.len() {
            self.written.clear();
            self.read = 0;
        }
        (F::Poll(Poll::default()), F::Poll(Poll { records }))
    }
}

fn scan(path: &Path, threads: usize) -> Result<(), Failure> {
    let reading = Reading {
        threads,
        ..Reading::default()
    };
    let mut source = FileSource::open_with(path, reading)?;
    let (mut operations, mut records) = (0, 0);
    source.scan(&mut |events| {
        for event in events {
            if let What::Ok(op) = &event.what {
                operations += 1;
                if let F::Poll(poll) = &op.f {
                    records += poll.records.len();
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    std::hint::black_box((operations, records));
    Ok(())
}

/// What serde takes for the first lines, and which share of all they are.
fn with_serde(path: &Path, events: u64) -> Result<(Taken, f64), Failure> {
    let lines = events.min(SERDE_LINES_MAX);
    let taken = measure(|| {
        let file = BufReader::with_capacity(1 << 18, File::open(path)?);
        for line in file.lines().skip(1).take(lines as usize) {
            std::hint::black_box(serde_json::from_str::<Event>(&line?)?);
        }
        Ok(())
    })?;
    Ok((taken, lines as f64 / events as f64))
}
