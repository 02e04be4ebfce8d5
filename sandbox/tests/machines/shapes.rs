//! Links that are slow, lossy, disordered: what real sockets see of it, beside what the switch counts.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use sandbox::{
    Bandwidth, CaptureReport, CaptureSpec, Deeds, Delay, Distribution, Effect, Flap, GroupId, Matcher, Node,
    PacketLoss, Place, Reorder, Rule, Sandbox, Share,
};

use crate::roles::{ECHO_PORTS, SINK_PORT, checksum_errors, send_datagrams};
use crate::scenarios::{await_equal, check_reach, cut, order, serving};

const SEED: u64 = 7;

const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn share(per_cent: u32) -> Share {
    Share::from_millionths(per_cent * 10_000).expect("no more than the whole")
}

fn delay(by: Duration) -> Effect {
    Effect::Delay(Delay {
        by,
        jitter: Duration::ZERO,
        distribution: Distribution::Uniform,
        overtake: false,
    })
}

fn apply(sandbox: &Sandbox, rules: &[Rule]) -> GroupId {
    let applied = sandbox.switch().apply_seeded(rules, SEED);
    applied.unwrap_or_else(|error| panic!("failed to {error}"))
}

/// These effects on what goes from one place to another.
fn on(from: Place, to: Place, effects: &[Effect]) -> Vec<Rule> {
    let rule = |&effect| Rule {
        effect,
        ..cut(from, to)
    };
    effects.iter().map(rule).collect()
}

fn end(sandbox: &Sandbox, id: GroupId) -> Deeds {
    sandbox
        .switch()
        .remove(id)
        .unwrap_or_else(|error| panic!("failed to {error}"))
}

fn connect(node: &Node, port: u16) -> TcpStream {
    let stream = TcpStream::connect((node.address(), port)).expect("it serves");
    stream.set_nodelay(true).expect("it can be set");
    stream
}

/// How long a byte takes there and back, so many times.
fn round_trips(stream: &mut TcpStream, count: usize) -> Vec<Duration> {
    let trip = |_| {
        let begun = Instant::now();
        let mut byte = [0];
        stream.write_all(&byte).expect("it can be sent");
        stream.read_exact(&mut byte).expect("it comes back");
        begun.elapsed()
    };
    let mut times: Vec<Duration> = (0..count).map(trip).collect();
    times.sort_unstable();
    times
}

pub fn a_delay_is_as_long_as_it_says(_: &[String]) {
    let (sandbox, _processes) = serving(1);
    let mut stream = connect(&sandbox.nodes()[0], ECHO_PORTS[0]);
    let quick = round_trips(&mut stream, 20);
    let there = on(Place::Clients, Place::Node(1), &[delay(milliseconds(20))]);
    let id = apply(&sandbox, &there);
    let slow = round_trips(&mut stream, 20);
    let deeds = end(&sandbox, id);
    // On a busy machine a packet may be later, never earlier. How exact it is the benchmark says.
    assert!(slow[0] >= milliseconds(20), "{slow:?}");
    assert!(slow[0] < milliseconds(100), "{slow:?}");
    assert!(quick[0] < milliseconds(20), "{quick:?}");
    assert!(deeds.delayed.frames >= 20, "{deeds:?}");
    assert!(deeds.delayed.mean() >= milliseconds(20), "{deeds:?}");
    let healed = round_trips(&mut stream, 20);
    assert!(healed[0] < milliseconds(20), "{healed:?}");
}

/// With real-time priority, a switch that is woken without end would take a processor from everybody.
pub fn a_switch_without_frames_sleeps(_: &[String]) {
    const QUIET: Duration = milliseconds(500);
    let (sandbox, _processes) = serving(1);
    let mut stream = connect(&sandbox.nodes()[0], ECHO_PORTS[0]);
    let both_ways = [
        on(Place::Clients, Place::Node(1), &[delay(milliseconds(5))]),
        on(Place::Node(1), Place::Clients, &[delay(milliseconds(5))]),
    ];
    let id = apply(&sandbox, &both_ways.concat());
    for _ in 0..5 {
        round_trips(&mut stream, 2);
        // The last acknowledgement has waited as well.
        thread::sleep(milliseconds(100));
        let before = sandbox.switch().stats();
        thread::sleep(QUIET);
        let after = sandbox.switch().stats();
        let frames = after.forwarded.frames - before.forwarded.frames + after.answered - before.answered;
        let wakes = after.wakes - before.wakes;
        // Each frame may wake it as it comes, and as it has waited.
        assert!(wakes <= 2 * frames + 10, "{wakes} times for {frames} frames");
    }
    end(&sandbox, id);
}

pub fn a_seed_loses_the_same_packets_again(_: &[String]) {
    const ROUNDS: u64 = 20;
    const COUNT: usize = 2000;
    let (sandbox, _processes) = serving(1);
    let node = &sandbox.nodes()[0];
    let lossy = Effect::Lose(PacketLoss {
        share: share(30),
        burst: 1,
    });
    let rules = on(Place::Node(1), Place::Clients, &[lossy]);
    let arrived = |seed| {
        let socket = receiver(&sandbox.nodes()[0]);
        let id = sandbox
            .switch()
            .apply_seeded(&rules, seed)
            .expect("it can be lossy");
        // As many at once as a card's own queue holds.
        for round in 1..=ROUNDS {
            order_datagrams(node, &socket, COUNT / ROUNDS as usize);
            let seen = || sandbox.switch().deeds(id).expect("known").seen.frames;
            await_equal(seen, &(round * COUNT as u64 / ROUNDS));
        }
        let deeds = end(&sandbox, id);
        let arrived = receive(&socket);
        assert_eq!(deeds.dropped.frames as usize, COUNT - arrived.len());
        // Eight standard deviations about what is to be expected.
        assert!((436..764).contains(&deeds.dropped.frames), "{deeds:?}");
        arrived
    };
    let first = arrived(SEED);
    assert_eq!(arrived(SEED), first);
    assert_ne!(arrived(SEED + 1), first);
}

/// A socket on the clients' card with room for what is sent to it, to which the node knows the way: what is sent
/// while the hardware address is asked for waits apart, and what is sent a moment later overtakes it.
fn receiver(node: &Node) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::new(10, 77, 0, 200), 0)).expect("a port is free");
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBuf, &(8 << 20))
        .expect("it can be set");
    socket
        .set_read_timeout(Some(milliseconds(200)))
        .expect("it can be set");
    order_datagrams(node, &socket, 1);
    assert_eq!(receive(&socket), [0], "the way is open");
    socket
}

fn order_datagrams(node: &Node, socket: &UdpSocket, count: usize) {
    let to = socket.local_addr().expect("it is bound");
    assert_eq!(order(node, &format!("datagrams {to} {count} 20")), "ok");
}

/// The numbers of the datagrams that have arrived, in their order.
fn receive(socket: &UdpSocket) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut bytes = [0; 64];
    loop {
        match socket.recv(&mut bytes) {
            Ok(_) => numbers.push(u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"))),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return numbers;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn what_is_duplicated_arrives_twice(_: &[String]) {
    let (sandbox, _processes) = serving(1);
    let socket = receiver(&sandbox.nodes()[0]);
    let id = apply(
        &sandbox,
        &on(Place::Node(1), Place::Clients, &[Effect::Duplicate(share(50))]),
    );
    order_datagrams(&sandbox.nodes()[0], &socket, 100);
    let mut numbers = receive(&socket);
    let deeds = end(&sandbox, id);
    assert_eq!(numbers.len() as u64, 100 + deeds.duplicated.frames);
    assert!((20..80).contains(&deeds.duplicated.frames), "{deeds:?}");
    numbers.dedup();
    assert!(
        numbers.into_iter().eq(0..100),
        "each arrives, and its copy beside it"
    );
}

pub fn what_is_held_back_is_overtaken(_: &[String]) {
    let (sandbox, _processes) = serving(1);
    let socket = receiver(&sandbox.nodes()[0]);
    let held = Effect::Reorder(Reorder {
        share: share(20),
        by: milliseconds(300),
    });
    let id = apply(&sandbox, &on(Place::Node(1), Place::Clients, &[held]));
    order_datagrams(&sandbox.nodes()[0], &socket, 100);
    thread::sleep(milliseconds(300));
    let numbers = receive(&socket);
    let deeds = end(&sandbox, id);
    let behind = numbers
        .iter()
        .enumerate()
        .filter(|&(index, number)| numbers[..index].iter().any(|other| other > number));
    let behind = behind.count() as u64;
    assert!(numbers.len() == 100 && !numbers.is_sorted(), "{numbers:?}");
    assert!(
        deeds.reordered.frames > 0 && deeds.reordered.frames >= behind,
        "{deeds:?} {numbers:?}"
    );
}

pub fn tcp_carries_everything_whole_through_a_bad_link(_: &[String]) {
    const BYTES: usize = 4 << 20;
    let (sandbox, _processes) = serving(1);
    let node = &sandbox.nodes()[0];
    let bad = [
        Effect::Corrupt(share(1)),
        Effect::Duplicate(share(2)),
        Effect::Reorder(Reorder {
            share: share(2),
            by: milliseconds(1),
        }),
        Effect::Lose(PacketLoss {
            share: share(1),
            burst: 2,
        }),
    ];
    let there = on(Place::Clients, Place::Node(1), &bad);
    let back = on(Place::Node(1), Place::Clients, &bad);
    let id = apply(&sandbox, &[there, back].concat());
    let mut stream = connect(node, ECHO_PORTS[0]);
    let mut reader = stream.try_clone().expect("it can be duplicated");
    let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
    let echoed = thread::spawn(move || {
        let mut back = vec![0; BYTES];
        reader.read_exact(&mut back).expect("all of it comes back");
        back
    });
    stream.write_all(&data).expect("it can be sent");
    assert!(
        echoed.join().expect("it came back") == data,
        "what comes back is what was sent"
    );
    // What is left on the way, as acknowledgements are, has time to arrive.
    thread::sleep(milliseconds(100));
    let deeds = end(&sandbox, id);
    assert!(
        deeds.seen.bytes / deeds.seen.frames <= 1514,
        "packets are what fares badly: {deeds:?}"
    );
    for count in [deeds.corrupted, deeds.duplicated, deeds.reordered, deeds.dropped] {
        assert!(count.frames > 0, "{deeds:?}");
    }
    let refused: u64 = order(node, "checksum-errors").parse().expect("a number");
    let refused = refused + checksum_errors();
    // A packet that was corrupted may be lost afterwards, or doubled.
    assert!(
        refused > 0 && refused <= deeds.corrupted.frames + deeds.duplicated.frames,
        "{refused}: {deeds:?}"
    );
}

pub fn a_link_passes_no_more_than_its_bandwidth(_: &[String]) {
    const BYTES: u64 = 1_000_000;
    let (sandbox, _processes) = serving(1);
    let narrow = Effect::Throttle(Bandwidth {
        rate: 2 * BYTES,
        burst: 50_000,
        queue: milliseconds(500),
    });
    let id = apply(&sandbox, &on(Place::Clients, Place::Node(1), &[narrow]));
    let mut stream = connect(&sandbox.nodes()[0], ECHO_PORTS[0]);
    let mut reader = stream.try_clone().expect("it can be duplicated");
    let begun = Instant::now();
    let echoed = thread::spawn(move || reader.read_exact(&mut vec![0; BYTES as usize]));
    stream
        .write_all(&vec![7; BYTES as usize])
        .expect("it can be sent");
    echoed.join().expect("it came back").expect("all of it");
    let took = begun.elapsed();
    let deeds = end(&sandbox, id);
    // Half a second, less what the bucket held.
    assert!(took > milliseconds(470), "{took:?}: {deeds:?}");
    assert!(
        deeds.throttled.frames > 0 && deeds.delayed.frames == 0,
        "{deeds:?}"
    );
    assert!(
        deeds.throttled.longest >= deeds.throttled.mean() && deeds.throttled.mean() > milliseconds(1),
        "{deeds:?}"
    );
}

pub fn a_link_that_flaps_is_silent_at_times(_: &[String]) {
    let (sandbox, _processes) = serving(1);
    let socket = receiver(&sandbox.nodes()[0]);
    let flap = Effect::Flap(Flap {
        up: milliseconds(200),
        down: milliseconds(200),
        jitter: share(20),
    });
    let rules = [
        on(Place::Node(1), Place::Clients, &[flap]),
        on(Place::Clients, Place::Node(1), &[flap]),
    ]
    .concat();
    let id = apply(&sandbox, &rules);
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < milliseconds(1500) {
        order_datagrams(&sandbox.nodes()[0], &socket, 1);
        sent += 1;
        thread::sleep(milliseconds(5));
    }
    let arrived = receive(&socket).len() as u64;
    let deeds = end(&sandbox, id);
    assert!(deeds.downs >= 2, "{deeds:?}");
    assert_eq!(deeds.dropped.frames, sent - arrived, "{deeds:?}");
    assert!(
        arrived > 0 && deeds.dropped.frames > 0,
        "{arrived} of {sent}: {deeds:?}"
    );
}

pub fn what_waits_goes_on_as_the_rule_ends(_: &[String]) {
    let (sandbox, _processes) = serving(1);
    let socket = receiver(&sandbox.nodes()[0]);
    let id = apply(
        &sandbox,
        &on(
            Place::Node(1),
            Place::Clients,
            &[delay(Duration::from_secs(3600))],
        ),
    );
    order_datagrams(&sandbox.nodes()[0], &socket, 50);
    assert_eq!(receive(&socket), Vec::<u32>::new(), "they wait");
    let deeds = end(&sandbox, id);
    assert_eq!(
        (deeds.released.frames, deeds.delayed.frames),
        (50, 0),
        "{deeds:?}"
    );
    assert!(
        receive(&socket).into_iter().eq(0..50),
        "all go on, in their order"
    );
}

pub fn one_service_is_slow_and_the_other_is_not(_: &[String]) {
    let (sandbox, _processes) = serving(1);
    let node = &sandbox.nodes()[0];
    let [there, back] =
        [(Place::Clients, Place::Node(1)), (Place::Node(1), Place::Clients)].map(|(from, to)| Rule {
            matcher: Matcher::Service(ECHO_PORTS[0]),
            effect: delay(milliseconds(100)),
            ..cut(from, to)
        });
    let mut streams = ECHO_PORTS.map(|port| connect(node, port));
    let id = apply(&sandbox, &[there, back]);
    let [slow, quick] = streams.each_mut().map(|stream| round_trips(stream, 5));
    end(&sandbox, id);
    assert!(
        slow[0] >= milliseconds(200) && quick[0] < milliseconds(100),
        "{slow:?} and {quick:?}"
    );
}

pub fn nine_nodes_are_a_ring(_: &[String]) {
    let (sandbox, _processes) = serving(9);
    let beside = |one: u32, other: u32| [1, 8].contains(&one.abs_diff(other));
    let pairs = (1..=9).flat_map(|one| (1..=9).map(move |other| (one, other)));
    let far = pairs.filter(|&(one, other)| one != other && !beside(one, other));
    let rules: Vec<Rule> = far
        .map(|(one, other)| cut(Place::Node(one), Place::Node(other)))
        .collect();
    let id = apply(&sandbox, &rules);
    for index in 0..9 {
        let reach = |far: usize, expected| {
            let [from, to] = [index, (index + far) % 9].map(|index| &sandbox.nodes()[index]);
            check_reach(from, to, ECHO_PORTS[0], expected);
        };
        reach(1, "ok");
        reach(8, "ok");
        reach(2 + index % 6, "silence");
    }
    let deeds = end(&sandbox, id);
    assert!(deeds.dropped.frames >= 9, "{deeds:?}");
    check_reach(&sandbox.nodes()[0], &sandbox.nodes()[4], ECHO_PORTS[0], "ok");
}

pub fn what_passes_is_in_the_files_of_a_capture(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let spec = CaptureSpec {
        links: vec![(Place::Clients, Place::Node(1))],
        delivered: "delivered.pcap".into(),
        dropped: "dropped.pcap".into(),
        bytes_max: 1 << 20,
    };
    sandbox.switch().capture(&spec).expect("it can be captured");
    send_datagrams((n1.address(), SINK_PORT).into(), 10, 100);
    send_datagrams((n2.address(), SINK_PORT).into(), 10, 100);
    await_equal(|| sandbox.switch().stats().forwarded.frames >= 20, &true);
    let id = apply(&sandbox, &[cut(Place::Clients, Place::Node(1))]);
    send_datagrams((n1.address(), SINK_PORT).into(), 5, 100);
    await_equal(|| sandbox.switch().deeds(id).expect("known").dropped.frames, &5);
    let report = sandbox
        .switch()
        .end_capture()
        .expect("it was written")
        .expect("there was one");
    assert_eq!(
        report,
        CaptureReport {
            delivered: 10,
            dropped: 5,
            missed: 0
        }
    );
    assert_eq!(sandbox.switch().end_capture().expect("nothing"), None);
    for (name, count) in [("delivered.pcap", 10), ("dropped.pcap", 5)] {
        let bytes = std::fs::read(name).expect("it is there");
        assert_eq!(bytes[..4], 0xa1b2_3c4d_u32.to_ne_bytes());
        let lengths = packet_lengths(&bytes);
        assert_eq!(lengths, vec![14 + 20 + 8 + 100; count], "{name}");
    }
}

/// The lengths of the packets in a capture's file, which must end with one.
fn packet_lengths(file: &[u8]) -> Vec<usize> {
    let mut rest = &file[24..];
    let mut lengths = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_ne_bytes(rest[8..12].try_into().expect("four bytes")) as usize;
        lengths.push(length);
        rest = &rest[16 + length..];
    }
    lengths
}
