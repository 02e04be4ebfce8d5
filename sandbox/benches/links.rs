//! How fast a link of the switch is, over TAP cards and over veth pairs, against two namespaces joined by veth pairs and a
//! bridge of the kernel, in the same run; and how exact a delay is.
//!
//! `cargo bench -p sandbox --bench links`. Prints figures, their ratios and whether the goals hold; fails on nothing, because
//! machines differ. The bridge is made with `ip`.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use support::{Error, round_trips, throughput};

use sandbox::{Cards, Delay, Distribution, Effect, Entered, Matcher, Place, Rule, Sandbox, SandboxSpec};

const ROUND_TRIPS: usize = 10_000;
const DELAYED_ROUND_TRIPS: usize = 100;
const ROUNDS: usize = 3;
/// How long anything may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const DELAY: Duration = Duration::from_millis(20);

/// The goals.
const BANDWIDTH_LEAST: f64 = 0.5;
const ROUND_TRIP_MOST: f64 = 2.0;
const DELAY_OFF_MOST_MS: f64 = 1.0;

/// What one way to join namespaces measured: by name, in microseconds and megabytes a second.
type Figures = BTreeMap<String, f64>;

fn main() -> Result<ExitCode, Error> {
    if let Entered::Inside { arguments } = sandbox::entry()? {
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        let (nodes, directory) = (words[1].parse()?, PathBuf::from(&*words[2]));
        match &*words[0] {
            "bridge" => over_bridge(nodes)?,
            _ => over_switch(nodes, &directory)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("serve") => serve_at(words.get(1).map(String::as_str))?,
        Some("measure") => measure(words.get(1).map(String::as_str), ROUND_TRIPS, true)?,
        Some("delayed") => measure(None, DELAYED_ROUND_TRIPS, false)?,
        Some("tap" | "veth" | "bridge") => return Err(sandbox::reexec(words).into()),
        _ => compare()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn compare() -> Result<(), Error> {
    let powers = sandbox::probe()?;
    if let Some(power) = powers.iter().find(|power| power.needed && !power.ok) {
        println!("skipped: no {}: {}", power.name, power.detail);
        return Ok(());
    }
    for nodes in [2, 9] {
        println!("{nodes} nodes:");
        let mut all: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for way in ["bridge", "tap", "veth"] {
                match run(way, nodes) {
                    Ok(figures) => all.entry(way).or_default().push(figures),
                    Err(error) => println!("  {way}: skipped: {error}"),
                }
            }
        }
        print(&all);
    }
    Ok(())
}

/// Measures one way in a process of its own.
fn run(way: &str, nodes: u32) -> Result<Figures, Error> {
    // It is below the build's own directory, so that nothing needs to remove it.
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("links-bench");
    fs::create_dir_all(&directory)?;
    let ran = std::process::Command::new("/proc/self/exe")
        .args([way, &nodes.to_string()])
        .arg(&directory)
        .env(Cards::VARIABLE, way)
        .output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).trim().into());
    }
    read_figures(&String::from_utf8_lossy(&ran.stdout))
}

fn read_figures(text: &str) -> Result<Figures, Error> {
    let figure = |line: &str| {
        let (name, value) = line.split_once(' ').ok_or_else(|| format!("no figure: {line}"))?;
        Ok((name.to_owned(), value.parse()?))
    };
    text.lines().map(figure).collect()
}

fn print(all: &BTreeMap<&str, Vec<Figures>>) {
    let median = |way: &str, name: &str| {
        let mut values: Vec<f64> = all
            .get(way)?
            .iter()
            .filter_map(|one| one.get(name).copied())
            .collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    for &way in all.keys() {
        let (Some(trip), Some(bulk)) = (median(way, "round-trip"), median(way, "bulk")) else {
            continue;
        };
        print!("  {way}: round trip {trip:.1} µs, bulk {bulk:.0} MB/s");
        if let (Some(trip0), Some(bulk0), false) = (
            median("bridge", "round-trip"),
            median("bridge", "bulk"),
            way == "bridge",
        ) {
            let (trips, bulks) = (trip / trip0, bulk / bulk0);
            print!(
                "; against the bridge {trips:.2} times the round trip ({}), ",
                word(trips <= ROUND_TRIP_MOST)
            );
            print!("{bulks:.2} of the bandwidth ({})", word(bulks >= BANDWIDTH_LEAST));
        }
        if let (Some(least), Some(median), Some(most)) = (
            median(way, "delay-least"),
            median(way, "delay-median"),
            median(way, "delay-most"),
        ) {
            let off = (median / 1e3 - DELAY.as_secs_f64() * 1e3).abs();
            print!(
                "; a delay of 20 ms is {:.2} ms ({:.2} to {:.2}, {})",
                median / 1e3,
                least / 1e3,
                most / 1e3,
                word(off <= DELAY_OFF_MOST_MS)
            );
        }
        println!();
    }
}

fn word(holds: bool) -> &'static str {
    if holds { "goal met" } else { "goal missed" }
}

/// Prints what two nodes of a sandbox measure, and how exact a delay between them is.
fn over_switch(nodes: u32, directory: &Path) -> Result<(), Error> {
    let spec = SandboxSpec {
        nodes: (1..=nodes).collect(),
        directory: directory.to_owned(),
        disk: None,
    };
    let sandbox = Sandbox::create(&spec)?;
    let start = |node: usize, words: &[&str], output: &str| {
        let mut argv = vec!["/proc/self/exe".to_owned()];
        argv.extend(words.iter().map(|&word| word.to_owned()));
        let output = directory.join(output);
        let _ = fs::remove_file(&output);
        sandbox.nodes()[node].start(&sandbox::Command {
            argv,
            environment: Vec::new(),
            directory: directory.to_owned(),
            output,
        })
    };
    start(0, &["serve"], "server")?;
    let measured = |words: &[&str], output: &str| -> Result<Figures, Error> {
        let client = start(1, words, output)?;
        client.wait_exit(PATIENCE)?.ok_or("it measures too long")?;
        read_figures(&fs::read_to_string(directory.join(output))?)
    };
    let plain = measured(&["measure"], "plain")?;
    for (name, value) in &plain {
        println!("{name} {value}");
    }
    let delay = Delay {
        by: DELAY,
        jitter: Duration::ZERO,
        distribution: Distribution::Uniform,
        overtake: false,
    };
    let rule = Rule {
        from: Place::Node(2),
        to: Place::Node(1),
        matcher: Matcher::All,
        effect: Effect::Delay(delay),
    };
    let group = sandbox.switch().apply(&[rule])?;
    let late = measured(&["delayed"], "delayed")?;
    sandbox.switch().remove(group)?;
    for (name, of) in [
        ("least", "fastest"),
        ("median", "round-trip"),
        ("most", "slowest"),
    ] {
        println!("delay-{name} {}", late[of] - plain["round-trip"]);
    }
    Ok(())
}

/// Prints what two namespaces measure that a bridge of the kernel joins, with as many others.
fn over_bridge(nodes: u32) -> Result<(), Error> {
    ip("link add bridge type bridge")?;
    ip("link set bridge up")?;
    let mut others = Vec::new();
    for node in 3..=nodes {
        others.push(join(node, &["serve"])?);
    }
    others.push(join(1, &["serve"])?);
    let measured = join(2, &["measure"])?.wait_with_output()?;
    for mut other in others {
        other.kill()?;
        other.wait()?;
    }
    print!("{}", String::from_utf8(measured.stdout)?);
    Ok(())
}

/// Starts this program in a network namespace of its own, which a pair of cards joins to the bridge.
fn join(node: u32, words: &[&str]) -> Result<Child, Error> {
    let mut program = std::process::Command::new("/proc/self/exe");
    program
        .args(words)
        .arg(format!("10.77.0.{node}/24"))
        .stdout(Stdio::piped());
    // SAFETY: one system call.
    unsafe { program.pre_exec(|| unshare(CloneFlags::CLONE_NEWNET).map_err(Into::into)) };
    let child = program.spawn()?;
    ip(&format!(
        "link add port{node} type veth peer name eth0 netns {}",
        child.id()
    ))?;
    ip(&format!("link set port{node} master bridge"))?;
    ip(&format!("link set port{node} up"))?;
    Ok(child)
}

/// In the new namespace: waits for the card, and brings it up.
fn take_address(address: &str) -> Result<(), Error> {
    let begun = Instant::now();
    while if_nametoindex("eth0").is_err() {
        if begun.elapsed() > PATIENCE {
            return Err("there is no card".into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    ip(&format!("address add {address} dev eth0"))?;
    ip("link set eth0 up")
}

fn ip(words: &str) -> Result<(), Error> {
    let status = std::process::Command::new("ip").args(words.split(' ')).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("ip {words}: {status}").into())
    }
}

/// Serves, with an address of its own where one is given.
fn serve_at(address: Option<&str>) -> Result<(), Error> {
    address.map_or(Ok(()), take_address)?;
    support::serve()
}

/// Prints the figures of the link to the server.
fn measure(address: Option<&str>, count: usize, bulk: bool) -> Result<(), Error> {
    address.map_or(Ok(()), take_address)?;
    let times = round_trips(SERVER, count)?;
    for (name, index) in [("fastest", 0), ("round-trip", count / 2), ("slowest", count - 1)] {
        println!("{name} {}", times[index].as_secs_f64() * 1e6);
    }
    if bulk {
        println!("bulk {}", throughput(SERVER)?);
    }
    Ok(())
}
