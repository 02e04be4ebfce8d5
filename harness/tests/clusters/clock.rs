//! Faults of clocks on a real cluster: each is seen by the brokers, none loses anything, and no process spins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::Bench;
use crate::trial::{Trial, events, every_fault_bit};

/// A process that spins takes a whole core; three brokers with little to do share two, with their clients.
const CORES_MAX: f64 = 0.7;
/// How often the time of the processes is read.
const EVERY: Duration = Duration::from_millis(250);
/// A kernel's tick, by which it counts their time.
const TICKS_A_SECOND: f64 = 100.0;

#[test]
#[ignore = "brings up a real cluster"]
fn wrong_clocks_are_seen_by_the_brokers_and_lose_nothing() {
    let bench = Bench::new();
    let root = bench.path().to_owned();
    let over = AtomicBool::new(false);
    let (trial, busiest) = thread::scope(|scope| {
        let watch = scope.spawn(|| busiest_broker(&root, &over));
        let trial = Trial::in_bench(bench, "faults/clock", &["--seed", "1"]);
        over.store(true, Ordering::Relaxed);
        (trial, watch.join().expect("the watch goes on to the end"))
    });
    trial.verdict(0);
    every_fault_bit(&trial, &["clock-jump", "clock-drift", "clock-strobe"]);
    let history = trial.file("history.jsonl");
    let faults = events(&history, "fault").join("\n");
    for part in [
        "-1800.000 s asked for",
        "+86400.000 s asked for",
        "because its clock was set back",
        "-300.000 s to and fro asked for",
    ] {
        assert!(faults.contains(part), "{part}: {faults}");
    }
    let (cores, seconds) = busiest.expect("brokers were seen");
    assert!(seconds > 10.0, "the faults lasted longer than {seconds} s");
    assert!(
        cores < CORES_MAX,
        "a broker took {cores:.2} of a core during the faults"
    );
}

/// How much of a core the busiest broker took while faults were in force, and how long that was.
fn busiest_broker(root: &Path, over: &AtomicBool) -> Option<(f64, f64)> {
    let mut spent: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    let mut last: BTreeMap<u32, (Instant, f64)> = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let history = fs::read_to_string(root.join("run/history.jsonl")).unwrap_or_default();
        if !history.contains("\"phase\":\"faults\"") || history.contains("\"phase\":\"heal\"") {
            continue;
        }
        for (pid, ticks) in brokers(root) {
            let now = Instant::now();
            if let Some((then, before)) = last.insert(pid, (now, ticks)) {
                let sum = spent.entry(pid).or_default();
                sum.0 += (ticks - before) / TICKS_A_SECOND;
                sum.1 += (now - then).as_secs_f64();
            }
        }
    }
    // One that was started anew has its first seconds alone: those of others count.
    let long = spent.into_values().filter(|(_, seconds)| *seconds > 10.0);
    let shares = long.map(|(cpu, seconds)| (cpu / seconds, seconds));
    shares.max_by(|one, other| one.0.total_cmp(&other.0))
}

/// The brokers of a run, with the ticks of CPU time that each has taken.
fn brokers(root: &Path) -> Vec<(u32, f64)> {
    let mark = root.join("run/nodes").to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").expect("/proc can be read").flatten();
    let read = |pid: u32| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if !command.contains(&mark) || !command.contains("kafka.Kafka") {
            return None;
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat[stat.rfind(')')? + 2..].split(' ').skip(11);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        Some((pid, ticks()? + ticks()?))
    };
    processes
        .filter_map(|entry| read(entry.file_name().to_string_lossy().parse().ok()?))
        .collect()
}
