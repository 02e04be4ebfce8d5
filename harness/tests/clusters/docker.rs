//! Clusters in containers, on a daemon of the test's own. Where there is none to be had, each test says that it was
//! skipped.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::support::{Bench, Ran};
use crate::trial::{Trial, events, every_fault_bit};

/// How long a run may take until its first fault is in force, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a plan in containers.
fn run(bench: Bench, daemon: &Daemon, plan: &str, seed: &str) -> Trial {
    let mut command = bench.command(&[
        "run", plan, "--json", "--out", "run", "--seed", seed, "--env", "docker",
    ]);
    let ran = command.env("DOCKER_HOST", daemon.host()).output();
    Trial {
        ran: Ran::from(ran.expect("the binary can be started")),
        bench,
    }
}

#[track_caller]
fn nothing_is_left(daemon: &Daemon) {
    assert_eq!((daemon.containers(), daemon.networks()), (0, 0));
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_controls_come_out_in_containers_as_in_the_sandbox() {
    let Some(daemon) = Daemon::start() else { return };
    let all = run(Bench::new(), &daemon, "controls/acks-all", "3");
    all.verdict(0);
    every_fault_bit(&all, &["partition"]);
    assert!(all.file("made-of.json").contains("\"container engine\""));
    nothing_is_left(&daemon);
    let one = run(Bench::new(), &daemon, "controls/acks1", "2");
    let lost = &one.verdict(1)["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
    nothing_is_left(&daemon);
}

const HELD: &str = r#"nemesis = { steps = [
    { at = "0s", lasts = "5m", fault = { partition = { shape = "one-way", target = ["n1"] } } },
    { at = "0s", lasts = "5m", fault = { freeze = { target = ["n2"] } } },
] }"#;

fn start(bench: &Bench, daemon: &Daemon) -> Child {
    bench.file("plan.toml", crate::short_plan(HELD));
    let log = std::fs::File::create(bench.path().join("output")).expect("a file can be made");
    bench
        .command(&["run", "plan.toml", "--out", "run", "--env", "docker"])
        .env("DOCKER_HOST", daemon.host())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be started")
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_killed_run_left_is_cleaned_up() {
    let Some(daemon) = Daemon::start() else { return };
    let bench = Bench::new();
    let mut child = start(&bench, &daemon);
    let begun = Instant::now();
    let in_force = || {
        let history = std::fs::read_to_string(bench.path().join("run/history.jsonl")).unwrap_or_default();
        let faults = events(&history, "fault");
        let injected = faults
            .iter()
            .filter(|line| line.contains("\"step\":\"injected\""));
        injected.count() >= 2
    };
    while !in_force() {
        let output = std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
        assert!(begun.elapsed() < PATIENCE, "no faults in force:\n{output}");
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(daemon.networks(), 2, "networks stay behind");
    let clean = || {
        let mut command = bench.command(&["clean"]);
        let ran = command.env("DOCKER_HOST", daemon.host()).output();
        Ran::from(ran.expect("the binary can be started"))
    };
    let first = clean();
    assert_eq!(first.code, Some(0), "{}", first.err);
    for what in [
        "removed the container",
        "removed the network",
        "removed the image",
        "removed the directory",
    ] {
        assert!(first.out.contains(what), "{what}: {}", first.out);
    }
    nothing_is_left(&daemon);
    assert_eq!(clean().out, "nothing was left\n");
}
