//! A server that benchmarks speak to, and what they measure there.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Where the echo and the sink listen.
pub const ECHO_PORT: u16 = 9092;
pub const SINK_PORT: u16 = 9093;
const BULK_BYTES: usize = 1 << 30;
const CHUNK_BYTES: usize = 128 * 1024;
/// A server is there within this time.
const PATIENCE: Duration = Duration::from_secs(10);

pub type Error = Box<dyn std::error::Error>;

/// Echoes on one port, swallows on the other.
pub fn serve() -> Result<(), Error> {
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

/// Connects to a server that may still be on its way.
pub fn connect(at: Ipv4Addr, port: u16) -> Result<TcpStream, Error> {
    let begun = Instant::now();
    loop {
        match TcpStream::connect((at, port)) {
            Ok(stream) => return Ok(stream),
            Err(error) if begun.elapsed() > PATIENCE => {
                return Err(format!("{at} does not serve: {error}").into());
            }
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// The times of so many round trips of one byte, the shortest first.
pub fn round_trips(at: Ipv4Addr, count: usize) -> Result<Vec<Duration>, Error> {
    let mut stream = connect(at, ECHO_PORT)?;
    stream.set_nodelay(true)?;
    let mut byte = [0];
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// Megabytes a second, until the last byte has been read at the other end.
pub fn throughput(at: Ipv4Addr) -> Result<f64, Error> {
    let mut stream = connect(at, SINK_PORT)?;
    let chunk = vec![7; CHUNK_BYTES];
    let begun = Instant::now();
    for _ in 0..BULK_BYTES / CHUNK_BYTES {
        stream.write_all(&chunk)?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(BULK_BYTES as f64 / 1e6 / begun.elapsed().as_secs_f64())
}
