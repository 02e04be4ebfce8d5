//! Freezing a node's process, and holding it down.

use std::thread;
use std::time::{Duration, Instant};

use sandbox::{Exit, Node, Process};

use crate::scenarios::{await_equal, make, start};

fn cpu(process: &Process) -> Duration {
    process.state().expect("the node lives").expect("it runs").cpu
}

/// How much of one CPU a process gets over a while.
fn share(process: &Process) -> f64 {
    let (begun, before) = (Instant::now(), cpu(process));
    thread::sleep(Duration::from_millis(1_500));
    cpu(process).saturating_sub(before).as_secs_f64() / begun.elapsed().as_secs_f64()
}

fn frozen(node: &Node) -> Option<bool> {
    node.groups().expect("the node lives").frozen
}

pub fn a_frozen_process_stands_still(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    let process = start(node, &["spin"]);
    if !node.can_freeze() {
        let error = process.freeze().expect_err("there is no group").to_string();
        assert!(error.contains("cgroup v2"), "{error}");
        return;
    }
    for _ in 0..3 {
        process.freeze().expect("it runs");
        await_equal(|| frozen(node), &Some(true));
        let still = cpu(&process);
        thread::sleep(Duration::from_millis(200));
        assert_eq!(cpu(&process), still);
        node.thaw().expect("the node lives");
        await_equal(|| frozen(node), &Some(false));
        await_equal(|| cpu(&process) > still, &true);
    }
    process.freeze().expect("it runs");
    await_equal(|| frozen(node), &Some(true));
    process.signal(libc::SIGKILL).expect("it runs");
    let exit = process.wait_exit(Duration::from_secs(5)).expect("the node lives");
    assert_eq!(exit, Some(Exit::Signal(libc::SIGKILL)));
    process.freeze().expect_err("it has ended");
    // What is started now is not born frozen.
    let next = start(node, &["spin"]);
    await_equal(|| cpu(&next) > Duration::ZERO, &true);
    node.thaw().expect("the node lives");
}

pub fn a_process_that_is_held_down_gets_its_share(_: &[String]) {
    let sandbox = make(1);
    let node = &sandbox.nodes()[0];
    let process = start(node, &["spin"]);
    if !node.can_limit_cpu() {
        let error = process.limit_cpu(100).expect_err("there is no group").to_string();
        assert!(error.contains("control group"), "{error}");
        return;
    }
    // Little, so that it wants more even on a machine where everybody gets little.
    process.limit_cpu(20).expect("it runs");
    let held_down = share(&process);
    assert!((0.001..0.04).contains(&held_down), "{held_down}");
    let throttled = node
        .groups()
        .expect("the node lives")
        .throttled
        .expect("it is known");
    assert!(
        throttled.periods >= 3 && throttled.time > Duration::from_millis(100),
        "{throttled:?}"
    );
    // So is what is started meanwhile.
    process.signal(libc::SIGKILL).expect("it runs");
    process.wait_exit(Duration::from_secs(5)).expect("the node lives");
    let next = start(node, &["spin"]);
    let held_down = share(&next);
    assert!((0.001..0.04).contains(&held_down), "{held_down}");
    node.unlimit_cpu().expect("the node lives");
    let free = share(&next);
    assert!(free > 2.0 * held_down, "{free}, and before {held_down}");
}
