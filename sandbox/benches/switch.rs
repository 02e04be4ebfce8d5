//! How fast the switch is, against the loopback of the same namespace in the same run.
//!
//! `cargo bench -p sandbox`. Prints figures and their ratios; fails on nothing, because machines differ. Where the
//! powers for a sandbox are missing it says so and measures nothing.

mod support;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use sandbox::{
    Command, Delay, Distribution, Effect, Entered, Matcher, Node, Place, Rule, Sandbox, SandboxSpec,
    SwitchStats,
};
use support::{Error, SINK_PORT, connect, round_trips, serve, throughput};

const ROUND_TRIPS: usize = 20_000;
const DATAGRAMS: usize = 50_000;
const DELAY: Duration = Duration::from_millis(20);
const DELAYED_TRIPS: usize = 200;

fn main() -> Result<ExitCode, Error> {
    if let Entered::Inside { arguments } = sandbox::entry()? {
        measure(PathBuf::from(arguments.first().ok_or("a directory is needed")?))?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::args().nth(1).as_deref() == Some("serve") {
        serve()?;
    }
    let powers = sandbox::probe()?;
    if let Some(power) = powers.iter().find(|power| power.needed && !power.ok) {
        println!("skipped: no {}: {}", power.name, power.detail);
        return Ok(ExitCode::SUCCESS);
    }
    // It is below the build's own directory, so that nothing needs to remove it.
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("switch-bench");
    std::fs::create_dir_all(&directory)?;
    Err(sandbox::reexec([directory]).into())
}

fn measure(directory: PathBuf) -> Result<(), Error> {
    let begun = Instant::now();
    let sandbox = Sandbox::create(&SandboxSpec {
        nodes: vec![1, 2, 3],
        directory: directory.clone(),
        ..SandboxSpec::default()
    })?;
    println!(
        "three machines made in {:.1} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
    let node = &sandbox.nodes()[0];
    let argv = ["/proc/self/exe", "serve"].map(str::to_owned).to_vec();
    let output = directory.join("output");
    node.start(&Command {
        argv,
        environment: Vec::new(),
        directory,
        output,
    })?;
    thread::spawn(serve_here);
    let (through, local) = (node.address(), Ipv4Addr::LOCALHOST);
    connect(through, SINK_PORT)?;
    connect(local, SINK_PORT)?;
    compare_round_trips(&sandbox, through, local)?;
    bulk(&sandbox, through, local)?;
    small_frames(&sandbox, node)?;
    delays(&sandbox, through)?;
    shaped_bulk(&sandbox, through)?;
    Ok(())
}

fn serve_here() {
    if let Err(error) = serve() {
        eprintln!("failed to serve on the loopback: {error}");
    }
}

fn compare_round_trips(sandbox: &Sandbox, through: Ipv4Addr, local: Ipv4Addr) -> Result<(), Error> {
    let median = |at| Ok::<_, Error>(round_trips(at, ROUND_TRIPS)?[ROUND_TRIPS / 2]);
    let loopback = median(local)?;
    let before = sandbox.switch().stats();
    let switched = median(through)?;
    let ratio = switched.as_secs_f64() / loopback.as_secs_f64();
    println!("round trip: {switched:?} through the switch, {loopback:?} on loopback: {ratio:.2} times");
    print_cost("round trips", &before, &sandbox.switch().stats());
    Ok(())
}

fn bulk(sandbox: &Sandbox, through: Ipv4Addr, local: Ipv4Addr) -> Result<(), Error> {
    let loopback = throughput(local)?;
    let before = sandbox.switch().stats();
    let switched = throughput(through)?;
    let ratio = loopback / switched;
    println!(
        "bulk: {switched:.0} MB/s through the switch, {loopback:.0} MB/s on loopback: {ratio:.2} times slower"
    );
    print_cost("bulk", &before, &sandbox.switch().stats());
    Ok(())
}

/// Datagrams of one byte: what the switch spends on a frame where nothing can be put together.
fn small_frames(sandbox: &Sandbox, node: &Node) -> Result<(), Error> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let to = SocketAddr::from((node.address(), SINK_PORT));
    let before = sandbox.switch().stats();
    for _ in 0..DATAGRAMS {
        // What nobody listens to is answered with an error that says so; it is none here.
        let _ = socket.send_to(&[1], to);
    }
    thread::sleep(Duration::from_millis(200));
    print_cost("datagrams", &before, &sandbox.switch().stats());
    Ok(())
}

/// How exact a delay is: the round trips beyond it, with the delay in one direction.
fn delays(sandbox: &Sandbox, through: Ipv4Addr) -> Result<(), Error> {
    let id = sandbox.switch().apply(&[to_first(delay(DELAY))])?;
    let trips = round_trips(through, DELAYED_TRIPS)?;
    let beyond: Vec<Duration> = trips.iter().map(|trip| trip.saturating_sub(DELAY)).collect();
    let deeds = sandbox.switch().remove(id)?;
    println!(
        "delay of {DELAY:?}: round trips are {:?} more at the median and {:?} more at the 99th of 100; the switch \
         measured {:?} on average, {:?} at most",
        beyond[DELAYED_TRIPS / 2],
        beyond[DELAYED_TRIPS * 99 / 100],
        deeds.delayed.mean(),
        deeds.delayed.longest
    );
    Ok(())
}

/// What taking every frame apart and letting its packets wait costs.
fn shaped_bulk(sandbox: &Sandbox, through: Ipv4Addr) -> Result<(), Error> {
    let id = sandbox
        .switch()
        .apply(&[to_first(delay(Duration::from_micros(1)))])?;
    let before = sandbox.switch().stats();
    let shaped = throughput(through)?;
    println!("bulk, packet by packet: {shaped:.0} MB/s through a delay of a microsecond");
    print_cost("packets", &before, &sandbox.switch().stats());
    sandbox.switch().remove(id)?;
    Ok(())
}

fn delay(by: Duration) -> Effect {
    Effect::Delay(Delay {
        by,
        jitter: Duration::ZERO,
        distribution: Distribution::Uniform,
        overtake: false,
    })
}

/// That effect on what the clients send to the first node.
fn to_first(effect: Effect) -> Rule {
    Rule {
        from: Place::Clients,
        to: Place::Node(1),
        matcher: Matcher::All,
        effect,
    }
}

fn print_cost(what: &str, before: &SwitchStats, after: &SwitchStats) {
    let frames = after.forwarded.frames - before.forwarded.frames;
    let bytes = after.forwarded.bytes - before.forwarded.bytes;
    let cpu = after.cpu.checked_sub(before.cpu).unwrap_or_default();
    let micros = cpu.as_secs_f64() * 1e6 / frames.max(1) as f64;
    println!(
        "  {what}: {frames} frames of {} bytes, {micros:.2} µs of CPU a frame",
        bytes / frames.max(1)
    );
}
