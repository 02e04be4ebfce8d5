//! How fast Tribunal is, as ratios measured in one run: `cargo bench -p tribunal`. Needs what a run needs.
//!
//! - the recorder: CPU time of one event;
//! - starting: from the command to the first acknowledged write, against the bare brokers (same flags, archive and
//!   timeouts, already formatted, on loopback) from launch to registered; in turn, so that noise hits both;
//! - the whole of `controls/acks1`;
//! - the switch: CPU of its thread at the load of `quick`, in per cent of a core.
//!
//! A number as argument says how many pairs are run (3).

#[path = "../src/recorder.rs"]
#[expect(dead_code, reason = "a simulated cluster's clock is not measured here")]
mod recorder;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use cluster::kafka::{self, Formatting, InstallOptions, Java, KafkaCluster, KafkaConfig, Launch};
use cluster::{Environment, LoopbackEnvironment};
use history::{Event, Expectation, F, Header, MemoryRecorder, Op, Recorder, Send, What};
use tokio_util::sync::CancellationToken;

/// Pairs where none are asked for.
const PAIRS: usize = 3;
/// Events that the recorder's figure is taken over.
const EVENTS: u64 = 1_000_000;
/// The bare brokers are up within this time.
const BARE_WITHIN: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let pairs = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(PAIRS);
    recorder_figure()?;
    start_and_whole(pairs)?;
    switch_figure()
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel fills the structure; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn header() -> Header {
    Header {
        format: history::FORMAT.to_owned(),
        version: history::VERSION,
        plan: "bench".to_owned(),
        seed: 1,
        broker: "none".to_owned(),
        client: None,
        started: String::new(),
        nodes: vec![1],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: Vec::new(),
        expect: Expectation::default(),
    }
}

fn event(value: u64) -> What {
    let send = Send {
        key: 3,
        value,
        offset: Some(value as i64),
        broker: Some(2),
    };
    What::Ok(Op::new(17, value, F::Send(send)))
}

fn recorder_figure() -> Result<()> {
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    let path = directory.path().join("history.jsonl");
    let recording = recorder::Recording::create(
        &path,
        header(),
        recorder::Clock::real(),
        CancellationToken::new(),
        Box::new(|_| ()),
    )?;
    let recorder = recording.recorder();
    let (began, cpu_before) = (Instant::now(), cpu());
    for value in 0..EVENTS {
        recorder.record(event(value));
    }
    let taken = began.elapsed();
    recording.close()?;
    let spent = cpu().saturating_sub(cpu_before);
    let each = |time: Duration| time.as_nanos() as f64 / EVENTS as f64 / 1_000.0;
    println!(
        "recorder: {:.2} µs an event ({:.2} µs of CPU, file included), {EVENTS} events",
        each(taken),
        each(spent)
    );
    Ok(())
}

fn tribunal(arguments: &[&str], directory: &Path) -> Result<Duration> {
    let began = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(arguments)
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("start tribunal")?;
    ensure!(
        matches!(status.code(), Some(0 | 1)),
        "tribunal {arguments:?} ended with {status}"
    );
    Ok(began.elapsed())
}

/// From the epoch to the first acknowledged write of a run.
fn first_acknowledged(history: &Path) -> Result<Duration> {
    let file = std::fs::File::open(history).with_context(|| format!("open {}", history.display()))?;
    let history = history::read_history(std::io::BufReader::new(file))?;
    let started: jiff::Timestamp = history.header.started.parse()?;
    let is_first = |event: &&Event| matches!(&event.what, What::Ok(op) if matches!(op.f, F::Send(_)));
    let first = history
        .events
        .iter()
        .find(is_first)
        .context("find an acknowledged write")?;
    Ok(Duration::from_nanos(started.as_nanosecond() as u64 + first.time))
}

/// Bare brokers on loopback, from launch to registered.
async fn bare() -> Result<Duration> {
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    let java = Java::find()?;
    let options = InstallOptions::from_environment(true)?;
    let install = kafka::install(kafka::DEFAULT_VERSION, &options, &|_| ())?;
    let config = KafkaConfig::default();
    let environment = LoopbackEnvironment::new(config.nodes, directory.path())?;
    let prepared = kafka::prepare(
        &[install],
        &java,
        &Formatting::new(&config, environment.machines()),
        &options.cache,
        &directory.path().join("scratch"),
        &|_| (),
    )?;
    let launch = Launch {
        environment: Arc::new(environment),
        config,
        java,
        prepared,
        topics: Vec::new(),
        recorder: Arc::new(MemoryRecorder::default()),
        within: BARE_WITHIN,
    };
    let cluster = KafkaCluster::launch(launch).await?;
    let taken = cluster.times().registered;
    cluster.shut_down(Duration::ZERO).await?;
    Ok(taken)
}

fn start_and_whole(pairs: usize) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    // Once for the caches of both.
    tribunal(
        &["run", "controls/acks1", "--seed", "1", "--out", "warm"],
        tempfile::tempdir()?.path(),
    )?;
    let mut ratios = Vec::new();
    for pair in 1..=pairs {
        let directory = tempfile::tempdir().context("make a temporary directory")?;
        let bare = runtime.block_on(bare())?;
        let began = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("read the clock")?;
        let whole = tribunal(
            &["run", "controls/acks1", "--seed", "1", "--out", "run"],
            directory.path(),
        )?;
        let first = first_acknowledged(&directory.path().join("run/history.jsonl"))?.saturating_sub(began);
        let ratio = first.as_secs_f64() / bare.as_secs_f64();
        ratios.push(ratio);
        println!(
            "start {pair}: command to first acknowledged write {:.2} s, bare brokers to registered {:.2} s: ratio {ratio:.2}; \
             the whole acks1 control {:.1} s",
            first.as_secs_f64(),
            bare.as_secs_f64(),
            whole.as_secs_f64()
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("start: median ratio {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

fn switch_figure() -> Result<()> {
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    tribunal(&["run", "quick", "--seed", "1", "--out", "run"], directory.path())?;
    let measured =
        std::fs::read(directory.path().join("run/measured.json")).context("read what was measured")?;
    let measured: serde_json::Value = serde_json::from_slice(&measured)?;
    let number = |name: &str| measured[name].as_f64().with_context(|| format!("find {name}"));
    println!(
        "switch: {:.2} % of a core at the load of quick ({:.0} frames, {:.0} MB in {:.0} s)",
        100.0 * number("switch_cpu_us")? / number("run_us")?,
        number("switch_frames")?,
        number("switch_bytes")? / 1e6,
        number("run_us")? / 1e6
    );
    Ok(())
}
