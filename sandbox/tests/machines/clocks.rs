//! What processes read from a node's wall clock.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use sandbox::{Clock, Node, Process, Sandbox, SandboxSpec, Skew};

use crate::scenarios::{await_orders, make, order, role};

const SECOND: i64 = 1_000_000_000;

/// How far apart a reading and its expectation may lie: a slow machine's answer takes its time.
const NEAR_US: i64 = 300_000;

fn clock(node: &Node) -> &Arc<Clock> {
    node.clock().expect("there is a library for this machine")
}

/// A server that goes by its node's clock.
fn start(node: &Node) -> Process {
    let mut command = role(&["server"]);
    command
        .environment
        .extend(clock(node).environment(&command.directory));
    let process = node.start(&command).expect("it can be started");
    await_orders(node);
    process
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("it is later than 1970").as_micros() as i64
}

/// By how many microseconds a process on the node finds each of its clocks off: the exact one, the coarse one,
/// `gettimeofday`, `time`; and what its monotonic clock says.
fn read(node: &Node) -> ([i64; 4], i64) {
    let before = now_us();
    let answer = order(node, "times");
    let middle = i64::midpoint(before, now_us());
    let times: Vec<i64> = answer
        .split(' ')
        .map(|time| time.parse().expect("it is a number"))
        .collect();
    let [exact, coarse, day, second, monotonic] = times[..] else {
        panic!("five times: {answer}")
    };
    ([exact, coarse, day, second].map(|time| time - middle), monotonic)
}

#[track_caller]
fn check_off(node: &Node, expected_us: i64) {
    let ([exact, coarse, day, second], _) = read(node);
    for (found, tolerance) in [
        (exact, NEAR_US),
        (coarse, NEAR_US),
        (day, NEAR_US),
        // It is cut off to whole seconds.
        (second, NEAR_US + 1_000_000),
    ] {
        let apart = (found - expected_us).abs();
        assert!(apart < tolerance, "off by {found} µs instead of {expected_us} µs");
    }
}

pub fn a_clock_jumps_drifts_and_strobes(_: &[String]) {
    let sandbox = make(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let _processes = [start(n1), start(n2)];
    check_off(n1, 0);
    let (_, monotonic) = read(n1);
    for nanoseconds in [3600 * SECOND, -3600 * SECOND, 24 * 3600 * SECOND, 3 * SECOND / 2] {
        let skew = clock(n1).apply(Skew::Jump { nanoseconds }).expect("it can jump");
        check_off(n1, nanoseconds / 1000);
        check_off(n2, 0);
        clock(n1).remove(skew);
        check_off(n1, 0);
    }
    let drift = clock(n1)
        .apply(Skew::Drift { ppm: 900_000 })
        .expect("it can drift");
    thread::sleep(Duration::from_secs(2));
    check_off(n1, clock(n1).offset() / 1000);
    assert!(clock(n1).offset() > 18 * SECOND / 10, "{}", clock(n1).offset());
    clock(n1).remove(drift);
    let strobe = Skew::Strobe {
        period: Duration::from_millis(100),
        nanoseconds: -300 * SECOND,
    };
    let strobe = clock(n1).apply(strobe).expect("it can strobe");
    let (mut behind, mut right) = (0, 0);
    for _ in 0..40 {
        match read(n1).0[0] {
            off if (off + 300_000_000).abs() < NEAR_US => behind += 1,
            off if off.abs() < NEAR_US => right += 1,
            off => panic!("off by {off} µs"),
        }
        thread::sleep(Duration::from_millis(33));
    }
    assert!(behind > 5 && right > 5, "{behind} and {right}");
    clock(n1).remove(strobe);
    check_off(n1, 0);
    let (_, later) = read(n1);
    let passed = later - monotonic;
    assert!(
        (2_000_000..60_000_000).contains(&passed),
        "the monotonic clock stays true: {passed} µs"
    );
}

pub fn a_clock_outlives_its_readers(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    let process = start(node);
    let nanoseconds = 7200 * SECOND;
    let skew = clock(node)
        .apply(Skew::Jump { nanoseconds })
        .expect("it can jump");
    process.signal(libc::SIGKILL).expect("it runs");
    process
        .wait_exit(Duration::from_secs(5))
        .expect("the node lives")
        .expect("it ends");
    let _process = start(node);
    check_off(node, nanoseconds / 1000);
    clock(node).remove(skew);
    check_off(node, 0);
}

pub fn a_clock_is_told_where_the_path_has_blanks(_: &[String]) {
    let home = std::env::current_dir()
        .expect("it is somewhere")
        .join("my runs: 1");
    fs::create_dir(&home).expect("it can be made");
    let spec = SandboxSpec {
        nodes: vec![1],
        directory: home,
        disk: None,
    };
    let sandbox = Sandbox::create(&spec).unwrap_or_else(|error| panic!("failed to {error}"));
    let node = &sandbox.nodes()[0];
    let mut command = role(&["server"]);
    node.directory().clone_into(&mut command.directory);
    command
        .environment
        .extend(clock(node).environment(&command.directory));
    node.start(&command).expect("it can be started");
    await_orders(node);
    let nanoseconds = -60 * SECOND;
    clock(node)
        .apply(Skew::Jump { nanoseconds })
        .expect("it can jump");
    check_off(node, nanoseconds / 1000);
}
