//! Clusters in containers, on an engine of the test's own. Where there is none to be had, each test says that it was
//! skipped.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::keep::wait_until_held;
use crate::podman::Podman;
use crate::support::{Bench, Ran};
use crate::trial::{Trial, events, every_fault_bit};

/// How long a run may take until its first fault is in force, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Docker's or Podman's.
trait Engine {
    /// The same command, so that it speaks with this engine.
    fn with(&self, command: Command) -> Command;
    /// How many containers and networks there are.
    fn counts(&self) -> (usize, usize);
}

impl Engine for Daemon {
    fn with(&self, mut command: Command) -> Command {
        command.env("DOCKER_HOST", self.host());
        command
    }

    fn counts(&self) -> (usize, usize) {
        (self.containers(), self.networks())
    }
}

impl Engine for Podman {
    fn with(&self, command: Command) -> Command {
        let mut inside = self.inside(&command.get_program().to_string_lossy());
        inside.args(command.get_args()).env("DOCKER_HOST", self.host());
        if let Some(directory) = command.get_current_dir() {
            inside.current_dir(directory);
        }
        inside
    }

    fn counts(&self) -> (usize, usize) {
        (self.containers(), self.networks())
    }
}

/// Runs a plan in containers.
fn run(bench: Bench, engine: &dyn Engine, plan: &str, seed: &str) -> Trial {
    let command = bench.command(&[
        "run", plan, "--json", "--out", "run", "--seed", seed, "--env", "docker",
    ]);
    let ran = engine.with(command).output();
    Trial {
        ran: Ran::from(ran.expect("the binary can be started")),
        bench,
    }
}

#[track_caller]
fn nothing_is_left(engine: &dyn Engine) {
    assert_eq!(engine.counts(), (0, 0));
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_controls_come_out_in_containers_as_in_the_sandbox() {
    let Some(daemon) = Daemon::start() else { return };
    the_controls_come_out(&daemon);
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_controls_come_out_in_containers_of_podman() {
    let Some(podman) = Podman::start() else { return };
    the_controls_come_out(&podman);
}

fn the_controls_come_out(engine: &dyn Engine) {
    let all = run(Bench::new(), engine, "controls/acks-all", "3");
    all.verdict(0);
    every_fault_bit(&all, &["partition"]);
    assert!(all.file("made-of.json").contains("\"container engine\""));
    nothing_is_left(engine);
    let one = run(Bench::new(), engine, "controls/acks1", "2");
    let lost = &one.verdict(1)["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
    nothing_is_left(engine);
}

const HELD: &str = r#"nemesis = { steps = [
    { at = "0s", lasts = "5m", fault = { partition = { shape = "one-way", target = ["n1"] } } },
    { at = "0s", lasts = "5m", fault = { freeze = { target = ["n2"] } } },
] }"#;

fn start(bench: &Bench, engine: &dyn Engine) -> Child {
    bench.file("plan.toml", crate::short_plan(HELD));
    let log = std::fs::File::create(bench.path().join("output")).expect("a file can be made");
    let command = bench.command(&["run", "plan.toml", "--out", "run", "--env", "docker"]);
    engine
        .with(command)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be started")
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_killed_run_left_is_cleaned_up() {
    let Some(daemon) = Daemon::start() else { return };
    a_killed_run_is_cleaned_up(&daemon);
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_killed_run_left_with_podman_is_cleaned_up() {
    let Some(podman) = Podman::start() else { return };
    a_killed_run_is_cleaned_up(&podman);
}

fn a_killed_run_is_cleaned_up(engine: &dyn Engine) {
    let bench = Bench::new();
    let mut child = start(&bench, engine);
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
    assert_eq!(engine.counts().1, 2, "networks stay behind");
    let clean = || {
        let ran = engine.with(bench.command(&["clean"])).output();
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
    nothing_is_left(engine);
    assert_eq!(clean().out, "nothing was left\n");
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_kept_cluster_of_containers_can_be_entered() {
    let Some(daemon) = Daemon::start() else { return };
    let bench = Bench::new();
    bench.file("plan.toml", crate::short_plan("nemesis = \"none\""));
    let log = std::fs::File::create(bench.path().join("output")).expect("a file can be made");
    let command = bench.command(&[
        "run",
        "plan.toml",
        "--out",
        "run",
        "--env",
        "docker",
        "--keep",
        "always",
        "--keep-for",
        "2m",
    ]);
    let mut child = daemon
        .with(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be started");
    let said = || std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
    wait_until_held(&mut child, &bench);
    let shell = |node, script| bench.run(&["shell", "run", node, "--", "sh", "-c", script]);
    let ran = shell("n2", "hostname; cat /proc/1/cmdline; pgrep java");
    assert!(
        ran.out.starts_with("n2\n") && ran.out.contains("n2.sock"),
        "{}{}",
        ran.out,
        ran.err
    );
    // What it names does the same.
    let name = ran
        .err
        .split_whitespace()
        .find(|word| word.starts_with("tribunal-"));
    let name = name.expect("the container is named");
    assert_eq!(daemon.docker(&["exec", name, "hostname"]), "n2\n");
    assert_eq!(shell("n1", "kill -9 $(pgrep java); exit 7").code, Some(7));
    assert_eq!(shell("n9", "true").code, Some(2));
    assert_eq!(daemon.containers(), 3);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id() as i32),
        nix::sys::signal::Signal::SIGINT,
    )
    .expect("it runs");
    assert_eq!(child.wait().expect("it is ours").code(), Some(0), "{}", said());
    nothing_is_left(&daemon);
    assert_eq!(shell("n1", "true").code, Some(2));
}
