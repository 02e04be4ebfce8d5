//! How fast the switch is, against the loopback of the same namespace in the same run.
//!
//! `cargo bench -p sandbox`. Prints figures and their ratios; fails on nothing, because machines differ. Where the
//! powers for a sandbox are missing it says so and measures nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use sandbox::{
    Command, Delay, Distribution, Effect, Entered, Matcher, Node, Place, Rule, Sandbox, SandboxSpec,
    SwitchStats,
};

/// Where the echo and the sink listen.
const ECHO_PORT: u16 = 9092;
const SINK_PORT: u16 = 9093;
const ROUND_TRIPS: usize = 20_000;
const BULK_BYTES: usize = 1 << 30;
const CHUNK_BYTES: usize = 128 * 1024;
const DATAGRAMS: usize = 50_000;
const DELAY: Duration = Duration::from_millis(20);
const DELAYED_TRIPS: usize = 200;

type Error = Box<dyn std::error::Error>;

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

/// Echoes on one port, swallows on the other.
fn serve() -> Result<(), Error> {
    let echo = TcpListener::bind((Ipv4Addr::UNSPECIFIED, ECHO_PORT))?;
    let sink = TcpListener::bind((Ipv4Addr::UNSPECIFIED, SINK_PORT))?;
    thread::spawn(move || {
        for stream in echo.incoming().flatten() {
            thread::spawn(move || send_back(stream));
        }
    });
    for stream in sink.incoming().flatten() {
        thread::spawn(move || swallow(stream));
    }
    Ok(())
}

fn send_back(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 64];
    while let Ok(length) = stream.read(&mut buffer) {
        if length == 0 || stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Reads to the end, then says with one byte that it has come.
fn swallow(mut stream: TcpStream) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    let _ = stream.write_all(&[1]);
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
    await_server(through)?;
    await_server(local)?;
    round_trips(&sandbox, through, local)?;
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

fn await_server(at: Ipv4Addr) -> Result<(), Error> {
    let begun = Instant::now();
    while TcpStream::connect((at, SINK_PORT)).is_err() {
        if begun.elapsed() > Duration::from_secs(10) {
            return Err(format!("{at} does not serve").into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn round_trips(sandbox: &Sandbox, through: Ipv4Addr, local: Ipv4Addr) -> Result<(), Error> {
    let loopback = median_round_trip(local)?;
    let before = sandbox.switch().stats();
    let switched = median_round_trip(through)?;
    let ratio = switched.as_secs_f64() / loopback.as_secs_f64();
    println!("round trip: {switched:?} through the switch, {loopback:?} on loopback: {ratio:.2} times");
    print_cost("round trips", &before, &sandbox.switch().stats());
    Ok(())
}

fn median_round_trip(at: Ipv4Addr) -> Result<Duration, Error> {
    let mut stream = TcpStream::connect((at, ECHO_PORT))?;
    stream.set_nodelay(true)?;
    let mut byte = [0];
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUND_TRIPS / 2])
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

/// Megabytes a second, until the last byte has been read at the other end.
fn throughput(at: Ipv4Addr) -> Result<f64, Error> {
    let mut stream = TcpStream::connect((at, SINK_PORT))?;
    let chunk = vec![7; CHUNK_BYTES];
    let begun = Instant::now();
    for _ in 0..BULK_BYTES / CHUNK_BYTES {
        stream.write_all(&chunk)?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(BULK_BYTES as f64 / 1e6 / begun.elapsed().as_secs_f64())
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
    let mut stream = TcpStream::connect((through, ECHO_PORT))?;
    stream.set_nodelay(true)?;
    let mut byte = [0];
    let mut beyond = Vec::new();
    for _ in 0..DELAYED_TRIPS {
        let begun = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        beyond.push(begun.elapsed().saturating_sub(DELAY));
    }
    let deeds = sandbox.switch().remove(id)?;
    beyond.sort_unstable();
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
