//! Clusters on hosts that are reached by SSH: servers of the test's own. Where they cannot be had, each test says that it was
//! skipped.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::servers::{Servers, address};
use crate::support::{Bench, Ran};
use crate::trial::{Trial, events, every_fault_bit};

/// How long a run may take until its first fault is in force, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a lease leaves behind is gone within this time: the lease is 8 s.
const HEALED_WITHIN: Duration = Duration::from_secs(25);

fn ask(bench: &Bench, servers: &Servers, arguments: &[&str]) -> Ran {
    let mut command = servers.inside(&bench.command(arguments));
    Ran::from(command.output().expect("the binary can be started"))
}

/// Runs a plan on the hosts.
fn run(servers: &Servers, plan: &str, seed: &str) -> Trial {
    let bench = Bench::new();
    let inventory = servers.path("inventory.toml").display().to_string();
    let ran = ask(
        &bench,
        servers,
        &[
            "run",
            plan,
            "--json",
            "--out",
            "run",
            "--seed",
            seed,
            "--env",
            "ssh",
            "--inventory",
            &inventory,
        ],
    );
    Trial { bench, ran }
}

#[track_caller]
fn nothing_is_left(servers: &Servers) {
    assert_eq!(servers.left(), Vec::<String>::new());
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_controls_come_out_on_hosts_as_in_the_sandbox() {
    let Some(servers) = Servers::start() else { return };
    let one = run(&servers, "controls/acks1", "2");
    let lost = &one.verdict(1)["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
    assert!(one.file("made-of.json").contains("host of n1"));
    assert!(one.file("nodes/n1/logs/broker.log").contains("KafkaRaftServer"));
    nothing_is_left(&servers);
    let jars = || std::fs::read_dir(servers.path("files-1/jars")).map_or(0, Iterator::count);
    assert!(jars() > 10, "they stay for the next run");
    let all = run(&servers, "controls/acks-all", "3");
    all.verdict(0);
    every_fault_bit(&all, &["partition"]);
    nothing_is_left(&servers);
}

/// The campaign that ships, on hosts alone; what controllers in the brokers do there other tests show.
fn shapes_on_hosts() -> String {
    let shipped = include_str!("../../../campaigns/shapes.toml");
    let (places, hosts) = ("env = [\"sandbox\", \"docker\"]", "env = [\"ssh\"]");
    assert!(shipped.contains(places), "{shipped}");
    let (all, others) = ("\"combined\", \"separate\"", "\"separate\"");
    assert!(shipped.contains(all), "{shipped}");
    shipped.replace(places, hosts).replace(all, others)
}

#[test]
#[ignore = "brings up real clusters"]
fn one_plan_unchanged_with_controllers_and_with_zookeeper() {
    // Three brokers, and three controllers or nodes of ZooKeeper.
    let Some(servers) = Servers::of(6) else { return };
    let bench = Bench::new();
    bench.file("shapes.toml", shapes_on_hosts());
    let inventory = servers.path("inventory.toml").display().to_string();
    let ran = ask(
        &bench,
        &servers,
        &[
            "campaign",
            "shapes.toml",
            "--out",
            "shapes",
            "--inventory",
            &inventory,
        ],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let summary = std::fs::read_to_string(bench.path().join("shapes/summary.md")).expect("a summary");
    for shape in ["separate", "zookeeper"] {
        assert!(summary.contains(shape), "{shape}: {summary}");
    }
    assert!(summary.contains("2 of 2 runs came out as expected"), "{summary}");
    nothing_is_left(&servers);
}

#[test]
fn a_host_that_cannot_be_used_is_named_before_anything_is_done() {
    let Some(servers) = Servers::start() else { return };
    let bench = Bench::new();
    let refused = |inventory: &std::path::Path, why: &[&str]| {
        let inventory = inventory.display().to_string();
        let ran = ask(
            &bench,
            &servers,
            &[
                "run",
                "quick",
                "--out",
                "run",
                "--env",
                "ssh",
                "--inventory",
                &inventory,
            ],
        );
        assert_eq!(ran.code, Some(4), "{}", ran.err);
        for words in why {
            assert!(ran.err.contains(words), "{words}: {}", ran.err);
        }
        assert!(!bench.path().join("run").exists());
        for host in 1..=3 {
            assert!(
                !servers.path(&format!("files-{host}")).exists(),
                "it is left as it was found"
            );
        }
    };
    let inventory = servers.inventory("wrong.toml", "wrong", 1);
    refused(&inventory, &["log in as root@", "wrong"]);
    // The fourth is not there.
    let inventory = servers.inventory("far.toml", "key", 2);
    refused(&inventory, &["reach root@", &address(4)]);
    servers.write_known("other");
    let inventory = servers.path("inventory.toml");
    refused(&inventory, &["ITS KEY HAS CHANGED", "SHA256:", "ssh-keygen -R"]);
    std::fs::write(servers.path("known"), "").expect("writable");
    refused(
        &inventory,
        &["its key is not known", "SHA256:", "accept-new-host-keys"],
    );
}

const HELD: &str = r#"nemesis = { steps = [
    { at = "0s", lasts = "5m", fault = { partition = { shape = "one-way", target = ["n1"] } } },
    { at = "0s", lasts = "5m", fault = { pause = { target = ["n2"] } } },
] }"#;

/// Starts a run, and waits until its faults are in force.
fn start(bench: &Bench, servers: &Servers, plan: &str, faults: usize) -> Child {
    bench.file("plan.toml", crate::short_plan(plan));
    let log = std::fs::File::create(bench.path().join("output")).expect("a file can be made");
    let inventory = servers.path("inventory.toml").display().to_string();
    let command = bench.command(&[
        "run",
        "plan.toml",
        "--out",
        "run",
        "--env",
        "ssh",
        "--inventory",
        &inventory,
    ]);
    let child = servers
        .inside(&command)
        .stdout(log.try_clone().expect("it can be"))
        .stderr(log)
        .stdin(Stdio::null())
        .spawn();
    let child = child.expect("the binary can be started");
    let begun = Instant::now();
    let in_force = || {
        let history = std::fs::read_to_string(bench.path().join("run/history.jsonl")).unwrap_or_default();
        let faults = events(&history, "fault");
        faults
            .iter()
            .filter(|line| line.contains("\"step\":\"injected\""))
            .count()
    };
    while in_force() < faults {
        let output = std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
        assert!(begun.elapsed() < PATIENCE, "no faults in force:\n{output}");
        std::thread::sleep(Duration::from_millis(100));
    }
    child
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_killed_run_left_is_healed_by_its_lease_or_cleaned_up_before() {
    let Some(servers) = Servers::start() else { return };
    let kill = |bench: &Bench| {
        let mut child = start(bench, &servers, HELD, 2);
        // `ip netns exec` becomes the command itself.
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let left = servers.left().join("\n");
        for what in ["runs/", "TRIBUNAL", "java"] {
            assert!(left.contains(what), "{what} stays behind: {left}");
        }
    };
    kill(&Bench::new());
    let killed = Instant::now();
    while !servers.left().is_empty() {
        assert!(killed.elapsed() < HEALED_WITHIN, "{:?}", servers.left());
        std::thread::sleep(Duration::from_millis(200));
    }
    let bench = Bench::new();
    kill(&bench);
    let inventory = servers.path("inventory.toml").display().to_string();
    let clean = || ask(&bench, &servers, &["clean", "--inventory", &inventory]);
    let first = clean();
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert_eq!(first.out.matches("removed the run").count(), 3, "{}", first.out);
    assert_eq!(first.out.matches("removed the jars").count(), 3, "{}", first.out);
    nothing_is_left(&servers);
    for host in 1..=3 {
        assert!(
            !servers.path(&format!("files-{host}")).exists(),
            "it is as it was found"
        );
    }
    assert_eq!(clean().out.matches("nothing was left").count(), 3);
}

const BRIEF: &str = r#"nemesis = { steps = [
    { at = "0s", lasts = "3s", fault = { pause = { target = ["n2"] } } },
    { at = "6s", lasts = "3s", fault = { kill = { target = ["n1"] } } },
] }"#;

#[test]
#[ignore = "brings up a real cluster"]
fn sessions_that_are_lost_are_opened_again() {
    let Some(servers) = Servers::start() else { return };
    let bench = Bench::new();
    let mut child = start(&bench, &servers, BRIEF, 1);
    for host in 1..=3 {
        servers.drop_sessions(host);
    }
    let status = child.wait().expect("it ends");
    let output = std::fs::read_to_string(bench.path().join("output")).unwrap_or_default();
    assert_eq!(status.code(), Some(0), "{output}");
    nothing_is_left(&servers);
}
