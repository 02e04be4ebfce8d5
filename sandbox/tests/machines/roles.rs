//! What runs on a node in these tests: a small server instead of a broker.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Where it echoes.
pub const ECHO_PORTS: [u16; 2] = [9092, 9093];
/// Where it takes datagrams in and says nothing, not even that nobody listens.
pub const SINK_PORT: u16 = 9094;
/// Where it takes orders, on the side channel.
pub const ORDER_PORT: u16 = 7000;

/// Runs the role that these words name.
pub fn run(words: &[String]) -> ExitCode {
    match words.first().map(String::as_str) {
        Some("server") => server(),
        Some("sleep") => loop {
            thread::sleep(Duration::from_secs(3600));
        },
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        Some("parent") => parent(),
        Some("print") => print(&words[1..]),
        Some("files") => crate::disks::work(&words[1..]),
        _ => ExitCode::from(2),
    }
}

/// Prints a file, an environment variable's value and the working directory, then ends with status 7.
fn print(words: &[String]) -> ExitCode {
    println!(
        "{}",
        std::fs::read_to_string(&words[0]).expect("the file can be read")
    );
    println!("value={}", std::env::var("VALUE").unwrap_or_default());
    println!("variables={}", std::env::vars().count());
    println!(
        "directory={}",
        std::env::current_dir().expect("it is somewhere").display()
    );
    println!(
        "host={}",
        nix::unistd::gethostname().expect("it has a name").display()
    );
    eprintln!("to the error stream");
    ExitCode::from(7)
}

/// Leaves a child behind in its group, and ends.
fn parent() -> ExitCode {
    let child = std::process::Command::new("/proc/self/exe")
        .args(["role", "server"])
        .spawn();
    println!("child={}", child.expect("a child can be started").id());
    ExitCode::SUCCESS
}

fn server() -> ExitCode {
    for port in ECHO_PORTS {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("the port is free");
        thread::spawn(move || serve(&listener, echo));
    }
    let _sink = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SINK_PORT)).expect("the port is free");
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, ORDER_PORT)).expect("the port is free");
    serve(&listener, orders);
    ExitCode::SUCCESS
}

fn serve(listener: &TcpListener, with: fn(TcpStream)) {
    for stream in listener.incoming().flatten() {
        thread::spawn(move || with(stream));
    }
}

fn echo(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(length) = stream.read(&mut buffer) {
        if length == 0 || stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Orders, a line each: `echo ADDRESS MS`, `datagrams ADDRESS COUNT BYTES`, `checksum-errors` and `times`; the answer is
/// a line too.
fn orders(mut stream: TcpStream) {
    let lines = BufReader::new(stream.try_clone().expect("it can be duplicated")).lines();
    for line in lines.map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[0] {
            "echo" => echo_from(words[1].parse().expect("address"), words[2].parse().expect("ms")),
            "datagrams" => {
                let [count, bytes] = [2, 3].map(|at| words[at].parse().expect("a number"));
                send_datagrams(words[1].parse().expect("address"), count, bytes);
                "ok".to_owned()
            }
            "checksum-errors" => checksum_errors().to_string(),
            "times" => times(),
            _ => "no such order".to_owned(),
        };
        if writeln!(stream, "{answer}").is_err() {
            return;
        }
    }
}

/// What each of the C library's functions says of the time, in microseconds, the monotonic clock's last.
fn times() -> String {
    let read = |clock| {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the place is live.
        assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
        time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    };
    let mut day = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: the place is live, and the other argument may be null.
    assert_eq!(
        unsafe { libc::gettimeofday(&raw mut day, std::ptr::null_mut()) },
        0
    );
    // SAFETY: the argument may be null.
    let seconds = unsafe { libc::time(std::ptr::null_mut()) };
    let times = [
        read(libc::CLOCK_REALTIME),
        read(libc::CLOCK_REALTIME_COARSE),
        day.tv_sec * 1_000_000 + day.tv_usec,
        seconds * 1_000_000,
        read(libc::CLOCK_MONOTONIC),
    ];
    times.map(|time| time.to_string()).join(" ")
}

/// Sends a word to an echo over a fresh connection: `ok`, or in what way it failed.
pub fn echo_from(address: SocketAddr, milliseconds: u64) -> String {
    let limit = Duration::from_millis(milliseconds);
    let attempt = || {
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"hello")?;
        stream.shutdown(Shutdown::Write)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    match attempt() {
        Ok(text) if text == "hello" => "ok".to_owned(),
        Ok(text) => format!("came back as {text:?}"),
        Err(error) => describe(&error),
    }
}

fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "silence".to_owned(),
        kind => format!("{kind:?}"),
    }
}

/// How many TCP segments the kernel of this network namespace has refused for their checksum.
pub fn checksum_errors() -> u64 {
    let text = std::fs::read_to_string("/proc/self/net/snmp").expect("it can be read");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let [names, values] = [(); 2].map(|()| lines.next().expect("names, then values").split(' '));
    let found = names.zip(values).find(|(name, _)| *name == "InCsumErrors");
    found.and_then(|(_, value)| value.parse().ok()).expect("a number")
}

/// Sends so many datagrams of so many bytes, the first four of which are its number.
pub fn send_datagrams(address: SocketAddr, count: usize, bytes: usize) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
    let mut payload = vec![7; bytes];
    for number in 0..count as u32 {
        for (byte, value) in payload.iter_mut().zip(number.to_be_bytes()) {
            *byte = value;
        }
        socket.send_to(&payload, address).expect("it can be sent");
    }
}
