//! Real clusters, from the real command line: known-good plans must pass, known-bad ones must be caught, and
//! whatever ends a run leaves nothing behind. Each test takes tens of seconds: run them one after the other with
//! `cargo test -p tribunal -- --ignored --test-threads=1`.

mod applications;
mod attached;
mod availability;
mod cards;
mod clients;
mod clock;
#[path = "../../../cluster/tests/daemon/mod.rs"]
mod daemon;
mod disk;
mod disks;
mod docker;
mod groups;
mod host;
mod kafka;
mod keep;
mod killed;
#[path = "../support/left.rs"]
mod left;
mod network;
mod objects;
#[path = "../support/podman.rs"]
mod podman;
mod process;
mod queues;
mod retention;
mod schedules;
#[path = "../support/servers.rs"]
mod servers;
mod shrink;
mod ssh;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
mod trial;
mod versions;
mod zookeeper;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Bench, Ran};
use trial::{Trial, events, every_fault_bit};

#[test]
#[ignore = "brings up a real cluster"]
fn the_quick_plan_is_valid_and_each_fault_bit() {
    let trial = Trial::of("quick", &["--seed", "1"]);
    let verdict = trial.verdict(0);
    assert!(
        verdict["stats"]["acknowledged"].as_u64() >= Some(5_000),
        "{}",
        verdict["stats"]
    );
    every_fault_bit(&trial, &["kill", "partition", "pause"]);
    for name in [
        "report.html",
        "junit.xml",
        "verdict.json",
        "resolved.toml",
        "made-of.json",
    ] {
        assert!(!trial.file(name).is_empty(), "{name}");
    }
    assert!(
        trial
            .file("resolved.toml")
            .contains("broker.session.timeout.ms=2000")
    );
    assert!(
        trial
            .ran
            .err
            .lines()
            .last()
            .is_some_and(|line| line.contains("seed 1")),
        "{}",
        trial.ran.err
    );
    judged_again_says_the_same(&trial, &verdict);
}

fn judged_again_says_the_same(trial: &Trial, verdict: &Value) {
    let again = trial.bench.run(&["check", "run", "--json"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    let again: Value = serde_json::from_str(&again.out).expect("a verdict");
    assert_eq!(again["anomalies"], verdict["anomalies"]);
    assert_eq!(again["stats"], verdict["stats"]);
    let report = trial.bench.run(&["report", "run"]);
    assert_eq!(report.code, Some(0), "{}", report.err);
}

#[test]
#[ignore = "brings up a real cluster"]
fn acks_1_and_a_leader_cut_from_its_peers_is_caught() {
    let trial = Trial::of("controls/acks1", &["--seed", "2"]);
    let verdict = trial.verdict(1);
    let lost = &verdict["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
    let story = lost["cases"][0]["story"].to_string();
    assert!(
        story.contains("acknowledged") && story.contains("partition"),
        "{story}"
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_same_fault_with_acks_all_loses_nothing() {
    Trial::of("controls/acks-all", &["--seed", "3"]).verdict(0);
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_unclean_election_is_caught() {
    let verdict = Trial::of("controls/unclean", &["--seed", "4"]).verdict(1);
    assert!(
        verdict["anomalies"]["lost-write"]["count"].as_u64() > Some(10),
        "{verdict}"
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn another_version_runs_the_same_plan() {
    let verdict = Trial::of("controls/acks1", &["--seed", "5", "--broker", "kafka-4.3.1"]).verdict(1);
    assert!(
        verdict["anomalies"]["lost-write"]["count"].as_u64() > Some(50),
        "{verdict}"
    );
}

/// A plan of a few seconds, with this nemesis.
pub(crate) fn short_plan(nemesis: &str) -> String {
    format!(
        r#"name = "short"
{nemesis}

[limits]
minimum-acknowledged = 50
steady = "2s"
recover = "1s"

[[topics]]
name = "log"
partitions = 2

[workload.log]
producers = 1
consumers = 1
rate = 100
"#
    )
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_run_that_declares_no_faults_may_be_valid() {
    let bench = Bench::new();
    bench.file("plan.toml", short_plan("nemesis = \"none\""));
    Trial::in_bench(bench, "plan.toml", &[]).verdict(0);
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_nemesis_that_does_nothing_is_never_valid() {
    let bench = Bench::new();
    // The schedule is empty, and the plan does not say that it means it.
    bench.file("plan.toml", short_plan("nemesis = { steps = [] }"));
    let verdict = Trial::in_bench(bench, "plan.toml", &[]).verdict(3);
    assert_eq!(verdict["valid"], "unknown");
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_broker_that_does_not_come_up_shows_the_tail_of_its_log() {
    let bench = Bench::new();
    let plan = format!(
        "{}\n[properties]\n\"log.segment.bytes\" = \"not-a-number\"\n",
        short_plan("nemesis = \"none\"")
    );
    bench.file("plan.toml", plan);
    let trial = Trial::in_bench(bench, "plan.toml", &[]);
    assert_eq!(trial.ran.code, Some(4), "{}", trial.ran.err);
    assert!(
        trial.ran.err.contains("not-a-number") && trial.ran.err.contains("log.segment.bytes"),
        "{}",
        trial.ran.err
    );
    nothing_is_left(trial.bench.path());
}

/// Starts a run in a bench, its output kept in a file.
fn start(bench: &Bench, plan: &str) -> Child {
    let log = std::fs::File::create(bench.path().join("output")).expect("a file can be made");
    bench
        .command(&["run", plan, "--out", "run"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be started")
}

/// Waits until the run's output has this text.
#[track_caller]
fn wait_for(bench: &Bench, text: &str, limit: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        let output = std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
        if output.contains(text) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!(
        "no `{text}`: {}",
        std::fs::read_to_string(bench.path().join("output")).unwrap_or_default()
    );
}

#[track_caller]
fn nothing_is_left(directory: &Path) {
    left::no_process_of(directory, Duration::from_secs(2));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts can be read");
    assert!(!mounts.contains(&*directory.to_string_lossy()), "a mount is left");
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([name, &pid.to_string()])
        .status()
        .expect("kill can be started");
    assert!(status.success());
}

#[test]
#[ignore = "brings up a real cluster"]
fn sigkill_at_any_moment_leaves_nothing() {
    for moment in ["plan short", "setup", "steady", "faults"] {
        let bench = Bench::new();
        bench.file(
            "plan.toml",
            short_plan("nemesis = { steps = [{ at = \"0s\", lasts = \"20s\", fault = \"kill\" }] }"),
        );
        let mut run = start(&bench, "plan.toml");
        wait_for(&bench, moment, Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(400));
        run.kill().expect("the run can be killed");
        run.wait().expect("the run can be waited for");
        nothing_is_left(bench.path());
        let history = bench.path().join("run/history.jsonl");
        if moment == "faults" {
            let ran = bench.run(&["check", &history.to_string_lossy()]);
            assert_eq!(
                ran.code,
                Some(3),
                "what was seen can still be judged: {}",
                ran.err
            );
        }
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn ctrl_c_heals_judges_and_cleans_up() {
    let bench = Bench::new();
    bench.file(
        "plan.toml",
        short_plan("nemesis = { steps = [{ at = \"0s\", lasts = \"60s\", fault = \"kill\" }] }"),
    );
    let mut run = start(&bench, "plan.toml");
    wait_for(&bench, "faults", Duration::from_secs(60));
    std::thread::sleep(Duration::from_secs(2));
    signal(run.id(), "-INT");
    let status = run.wait().expect("the run can be waited for");
    let output = std::fs::read_to_string(bench.path().join("output")).expect("the output");
    assert_eq!(status.code(), Some(3), "{output}");
    nothing_is_left(bench.path());
    let history = std::fs::read_to_string(bench.path().join("run/history.jsonl")).expect("a history");
    assert_eq!(events(&history, "interrupted").len(), 1);
    assert!(
        events(&history, "fault")
            .iter()
            .any(|line| line.contains("healed")),
        "the fault was healed"
    );
    assert!(bench.path().join("run/report.html").exists(), "{output}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn ctrl_c_twice_ends_at_once() {
    let bench = Bench::new();
    bench.file(
        "plan.toml",
        short_plan("nemesis = { steps = [{ at = \"0s\", lasts = \"60s\", fault = \"kill\" }] }"),
    );
    let mut run = start(&bench, "plan.toml");
    wait_for(&bench, "faults", Duration::from_secs(60));
    signal(run.id(), "-INT");
    std::thread::sleep(Duration::from_millis(300));
    signal(run.id(), "-INT");
    assert_eq!(run.wait().expect("the run can be waited for").code(), Some(130));
    nothing_is_left(bench.path());
}

/// A command in a mount namespace of its own in which the device nodes may be used by everybody, as usual
/// distributions have them, and as the user 1000.
fn as_an_ordinary_user(bench: &Bench, arguments: &[&str]) -> Command {
    let script = "set -e
mount -t tmpfs none /dev/net && mknod -m 0666 /dev/net/tun c 10 200
mkdir -p \"$1\" && chown 1000:1000 \"$1\" && shift
exec setpriv --reuid 1000 --regid 1000 --clear-groups \"$@\"";
    let home = bench.path().join("home");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
        .arg(&home)
        .arg(env!("CARGO_BIN_EXE_tribunal"))
        .args(arguments)
        .env("HOME", &home)
        .current_dir(bench.path());
    command
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_ordinary_user_can_run_it() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.file(
        "plan.toml",
        short_plan("nemesis = { steps = [{ at = \"0s\", lasts = \"3s\", fault = \"partition\" }] }"),
    );
    if !is_root() {
        Trial::in_bench(bench, "plan.toml", &[]).verdict(0);
        return;
    }
    for directory in [bench.path(), &bench.path().join("results")] {
        std::fs::create_dir_all(directory).expect("a directory can be made");
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777))
            .expect("permissions can be set");
    }
    // The jars that are there already are shared, as a mirror of files would be: copied, so that they are the user's.
    let output = as_an_ordinary_user(&bench, &["run", "plan.toml", "--json"])
        .output()
        .expect("unshare can be started");
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.err, ran.out);
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_full_disk_is_said_and_leaves_nothing_running() {
    if !is_root() {
        eprintln!("skipped: only root can mount a small file system");
        return;
    }
    let bench = Bench::new();
    bench.file(
        "plan.toml",
        short_plan("nemesis = { steps = [{ at = \"0s\", lasts = \"5s\", fault = \"partition\" }] }"),
    );
    // Large enough for the brokers to come up, too small for the history.
    let script = "set -e
mkdir small && mount -t tmpfs -o size=600k none small
exec \"$0\" run plan.toml --out small/run";
    let output = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            env!("CARGO_BIN_EXE_tribunal"),
        ])
        .current_dir(bench.path())
        .output()
        .expect("unshare can be started");
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(
        ran.err.contains("No space left") || ran.err.contains("os error 28"),
        "{}",
        ran.err
    );
    nothing_is_left(bench.path());
}
