//! `--keep`: a cluster stays up after its verdict, can be entered, and is gone as soon as somebody says so.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::left::no_process_of;
use crate::support::Bench;

/// How long a short run may take until its cluster is held.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a run, whose output is in the bench's file of that name, holds its cluster.
pub fn wait_until_held(run: &mut Child, bench: &Bench) {
    let said = || std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
    let begun = Instant::now();
    while !said().contains("is kept up") {
        let ended = run.try_wait().expect("it is ours");
        assert!(
            ended.is_none() && begun.elapsed() < PATIENCE,
            "{ended:?}\n{}",
            said()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_kept_cluster_can_be_entered_and_changes_no_verdict() {
    let bench = Bench::new();
    bench.file("plan.toml", crate::short_plan("nemesis = \"none\""));
    let log = std::fs::File::create(bench.path().join("output")).expect("a file can be made");
    let mut run = bench
        .command(&[
            "run",
            "plan.toml",
            "--out",
            "run",
            "--keep",
            "always",
            "--keep-for",
            "2m",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be started");
    let said = || std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
    wait_until_held(&mut run, &bench);
    let verdict: Value = serde_json::from_str(
        &std::fs::read_to_string(bench.path().join("run/verdict.json")).expect("a verdict"),
    )
    .expect("a verdict");
    assert_eq!(verdict["valid"], "valid", "{verdict}");
    let history = std::fs::read(bench.path().join("run/history.jsonl")).expect("a history");
    assert!(
        String::from_utf8_lossy(&history).contains("at-the-end"),
        "the disks were read"
    );

    // A shell on a node sees that node's processes, name and network, and its broker serves.
    let ran = bench.run(&[
        "shell",
        "run",
        "n2",
        "--",
        "cat",
        "/proc/sys/kernel/hostname",
        "/proc/net/fib_trie",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out.starts_with("n2\n") && ran.out.contains("10.77.0.2"),
        "{}",
        ran.out
    );
    let port = "exec 3<>/dev/tcp/n3/9092 && echo open";
    let ran = bench.run(&["shell", "run", "n1", "--", "bash", "-c", port]);
    assert_eq!(ran.out.trim(), "open", "{}", ran.err);
    let ran = bench.run(&[
        "shell",
        "run",
        "n1",
        "--",
        "sh",
        "-c",
        "kill -9 $(pgrep java); exit 7",
    ]);
    assert_eq!(ran.code, Some(7), "{}", ran.err);
    let ran = bench.run(&["shell", "run", "n9"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);

    kill(Pid::from_raw(run.id() as i32), Signal::SIGINT).expect("it runs");
    let status = run.wait().expect("it is ours");
    assert_eq!(status.code(), Some(0), "{}", said());
    no_process_of(bench.path(), Duration::from_secs(5));
    // What was done to the cluster afterwards is no part of the trial.
    assert!(history == std::fs::read(bench.path().join("run/history.jsonl")).expect("a history"));
    let ran = bench.run(&["shell", "run", "n1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("no node n1"), "{}", ran.err);
}
