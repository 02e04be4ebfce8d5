//! What the disk that can fail costs Kafka: `cargo bench -p tribunal --bench disk`. Needs what a run needs.
//!
//! The log workload with acks=all on three brokers, and nothing goes wrong; in turn with the nodes' plain directories and with the
//! disk, so that noise hits both. From the histories: how long acknowledged writes took, from their invocation on. The first
//! seconds, in which the brokers compile their code and nothing but the wait for a core is measured, are left out.
//!
//! A number as argument says how many pairs are run (3).

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use history::{F, Phase, What};

/// Pairs where none are asked for.
const PAIRS: usize = 3;
/// So much of the load's beginning is left out.
const WARMING_UP: Duration = Duration::from_secs(5);
/// What the disk may cost.
const GOAL: f64 = 1.5;

/// A load alone.
const PLAN: &str = r#"
name = "disk"
nemesis = "none"

[limits]
steady = "12s"
recover = "1s"

[[topics]]
name = "log"
partitions = 4

[workload.log]
producers = 4
consumers = 2
rate = 150
acks = "all"
"#;

/// Latencies of acknowledged writes, ascending.
struct Latencies(Vec<u64>);

impl Latencies {
    /// In milliseconds.
    fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100] as f64 / 1e6
    }
}

fn main() -> Result<()> {
    let pairs = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(PAIRS);
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    std::fs::write(directory.path().join("disk.toml"), PLAN).context("write the plan")?;
    // Once for the caches of both.
    run(directory.path(), "never", "warm")?;
    let (mut plain, mut disk) = (Vec::new(), Vec::new());
    for pair in 1..=pairs {
        for (choice, all) in [("never", &mut plain), ("always", &mut disk)] {
            let found = run(directory.path(), choice, &format!("{choice}-{pair}"))?;
            println!(
                "--disk {choice} {pair}: {} acknowledged writes, p50 {:.2} ms, p99 {:.2} ms",
                found.0.len(),
                found.at(50),
                found.at(99)
            );
            all.push(found);
        }
    }
    for percent in [50, 99] {
        let (plain, disk) = (median(&plain, percent), median(&disk, percent));
        let ratio = disk / plain;
        let holds = if ratio <= GOAL { "holds" } else { "does not hold" };
        println!(
            "p{percent}, median of the runs: {disk:.2} ms with the disk, {plain:.2} ms without: {ratio:.2} times; \
             the goal of {GOAL} times {holds}"
        );
    }
    Ok(())
}

fn median(runs: &[Latencies], percent: usize) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(|run| run.at(percent)).collect();
    figures.sort_by(f64::total_cmp);
    // The mean of the two in the middle where there is no middle one.
    f64::midpoint(figures[(figures.len() - 1) / 2], figures[figures.len() / 2])
}

fn run(directory: &Path, choice: &str, out: &str) -> Result<Latencies> {
    let output = Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(["run", "disk.toml", "--seed", "1", "--disk", choice, "--out", out])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .context("start tribunal")?;
    ensure!(
        output.status.success(),
        "a run in which nothing goes wrong has to be valid, and --disk {choice} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    latencies(&directory.join(out).join("history.jsonl"))
}

fn latencies(path: &Path) -> Result<Latencies> {
    let file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    let history = history::read_history(std::io::BufReader::new(file))?;
    let mut since = None;
    let mut invoked = HashMap::new();
    let mut found = Vec::new();
    for event in &history.events {
        match &event.what {
            What::Phase(Phase::Steady) => since = Some(event.time + WARMING_UP.as_nanos() as u64),
            What::Invoke(op) if since.is_some_and(|since| event.time >= since) => {
                invoked.insert(op.op, event.time);
            }
            What::Ok(op) if matches!(op.f, F::Send(_)) => {
                found.extend(invoked.remove(&op.op).map(|began| event.time - began));
            }
            _ => {}
        }
    }
    ensure!(
        !found.is_empty(),
        "no write was acknowledged in {}",
        path.display()
    );
    found.sort_unstable();
    Ok(Latencies(found))
}
