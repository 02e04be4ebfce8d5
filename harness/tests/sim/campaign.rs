//! `tribunal campaign` and `tribunal merge` from the real command line, on the simulated broker.

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::left::no_process_of;
use crate::support::{Bench, Ran};

/// Longer than any campaign here takes, also beside other tests.
const DEADLINE: Duration = Duration::from_secs(120);

pub const PLAN: &str = "
name = \"short\"
broker = \"sim\"
[limits]
minimum-acknowledged = 50
steady = \"1s\"
recover = \"4s\"
[[topics]]
name = \"log\"
partitions = 1
[workload.log]
producers = 2
consumers = 1
rate = 50
[[nemesis.steps]]
at = \"500ms\"
lasts = \"2s\"
fault = { partition = { shape = \"leader\", clients = false, key = 0 } }
";

/// Two kinds of cut on two sizes of cluster, each three times: twelve runs, in which nothing is lost.
const GOOD: &str = "
name = \"good\"
about = \"nothing may be lost\"
plan = \"short.toml\"
seed = 11
repeats = 3

[matrix]
nodes = [3, 5]

[matrix.clients]
with = { workload.log.rate = 60 }
without = {}
";

fn bench(campaign: &str) -> Bench {
    let bench = Bench::new();
    bench.file("short.toml", PLAN);
    bench.file("campaign.toml", campaign);
    bench
}

fn summary(bench: &Bench, dir: &str) -> Value {
    let path = bench.path().join(dir).join("summary.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the summary is JSON")
}

fn names(summary: &Value) -> Vec<&str> {
    let runs = summary["runs"].as_array().expect("there are runs");
    runs.iter().filter_map(|run| run["name"].as_str()).collect()
}

#[track_caller]
fn done(bench: &Bench, more: &[&str]) -> Ran {
    let ran = bench.run(&[&["campaign", "campaign.toml"], more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ran
}

#[test]
fn a_matrix_is_run_and_told() {
    let bench = bench(GOOD);
    let listed = done(&bench, &["--list"]).out;
    let ran = done(&bench, &["--out", "all"]);
    let summary = summary(&bench, "all");
    assert_eq!(summary["totals"]["as-expected"], 12, "{summary}");
    assert!(summary["totals"]["acknowledged"].as_u64() > Some(12 * 50));
    assert_eq!(summary["totals"]["faults"], 12);
    let said = "no acknowledged write lost in 12 effective faults: under 22.1 % a fault at 95 %";
    assert!(ran.err.contains(said), "{}", ran.err);
    let listed: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(names(&summary), listed);
    assert_eq!(listed[0], "with_nodes-3-r1");
    let first = &summary["runs"][0];
    assert_eq!(
        (&first["axes"]["nodes"], &first["axes"]["clients"]),
        (&"3".into(), &"with".into())
    );
    for file in [
        "all/summary.md",
        "all/junit.xml",
        "all/runs/with_nodes-5-r2/report.html",
    ] {
        assert!(bench.path().join(file).exists(), "{file}");
    }
    let plan = std::fs::read_to_string(bench.path().join("all/runs/with_nodes-5-r2.toml"));
    let plan = plan.expect("each run's plan is kept");
    assert!(plan.contains("nodes = 5") && plan.contains("rate = 60"), "{plan}");
}

#[test]
fn a_violation_is_confirmed_and_a_control_that_finds_nothing_is_missed() {
    let bench = bench(
        "name = \"mixed\"\nplan = \"short.toml\"\nseed = 3\nconfirm = 2\n\
         [matrix.acks]\nall = {}\none = { workload.log = { acks = \"1\", idempotence = false }, topics = \
         [{ name = \"log\", partitions = 1, min-insync-replicas = 1 }] }\n\
         [[include]]\nname = \"control\"\nplan = \"short.toml\"\nexpect = \"violation\"\n",
    );
    let ran = bench.run(&["campaign", "campaign.toml", "--out", "all", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let summary: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    let states: Vec<&Value> = (0..3).map(|run| &summary["runs"][run]["state"]).collect();
    assert_eq!(states, ["as-expected", "violation", "missed"], "{summary}");
    assert_eq!(
        summary["runs"][1]["confirmed"],
        serde_json::json!([2, 2]),
        "{summary}"
    );
    assert!(summary["runs"][1]["anomalies"]["lost-write"].as_u64() > Some(0));
    assert!(ran.err.contains("again in 2 of 2 further runs"), "{}", ran.err);
    let junit = std::fs::read_to_string(bench.path().join("all/junit.xml")).expect("it is there");
    assert_eq!(junit.matches("<rerunFailure").count(), 2, "{junit}");
    // What did not come out as expected is made again, and nothing else is.
    let again = bench.run(&["campaign", "campaign.toml", "--out", "all", "--rerun-failed"]);
    assert_eq!(again.code, Some(1), "{}", again.err);
    let journal = std::fs::read_to_string(bench.path().join("all/journal.jsonl")).expect("it is there");
    let ended = |run: &str| journal.matches(&format!("\"run\":\"{run}\",\"role\"")).count();
    assert_eq!(
        (ended("all-r1"), ended("one-r1"), ended("control-r1")),
        (1, 6, 2),
        "{journal}"
    );
}

fn start(bench: &Bench, more: &[&str]) -> Child {
    bench
        .command(&[&["campaign", "campaign.toml", "--out", "killed"], more].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started")
}

#[track_caller]
fn wait_for_lines(bench: &Bench, count: usize) {
    let begun = Instant::now();
    let path = bench.path().join("killed/journal.jsonl");
    while std::fs::read_to_string(&path).map_or(0, |text| text.lines().count()) < count {
        assert!(begun.elapsed() < DEADLINE, "fewer than {count} runs ended");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn killed_twice_it_goes_on_and_ends_as_one_that_was_left_alone() {
    let bench = bench(GOOD);
    done(&bench, &["--out", "alone"]);
    for (count, more) in [(3, &[][..]), (7, &["--resume"])] {
        let mut campaign = start(&bench, more);
        wait_for_lines(&bench, count);
        campaign.kill().expect("it can be killed");
        campaign.wait().expect("it can be waited for");
        no_process_of(&bench.path().join("killed"), Duration::from_secs(5));
    }
    // A line that was being written as it was killed is no line.
    let path = bench.path().join("killed/journal.jsonl");
    let mut journal = std::fs::read(&path).expect("it is there");
    journal.extend(b"{\"ended\":{\"run\":\"wi");
    std::fs::write(&path, journal).expect("it can be written");
    done(&bench, &["--out", "killed", "--resume"]);
    assert_eq!(summary(&bench, "killed"), summary(&bench, "alone"));
    // There is nothing left to do: nothing is done.
    let lines = std::fs::read_to_string(&path)
        .expect("it is there")
        .lines()
        .count();
    done(&bench, &["--out", "killed", "--resume"]);
    assert_eq!(
        std::fs::read_to_string(&path)
            .expect("it is there")
            .lines()
            .count(),
        lines
    );
}

#[test]
fn parts_that_are_merged_are_the_whole() {
    let bench = bench(GOOD);
    done(&bench, &["--out", "alone"]);
    let parts = ["p1", "p2", "p3", "p4"];
    for (number, part) in (1..).zip(parts) {
        done(
            &bench,
            &["--out", part, "--partition", &format!("count:{number}/4")],
        );
        assert_eq!(summary(&bench, part)["totals"]["runs"], 3);
    }
    let missing = bench.run(&["merge", "p1", "p2", "p4", "--out", "most"]);
    assert_eq!(missing.code, Some(3), "{}", missing.err);
    assert!(missing.err.contains("3 were not made yet"), "{}", missing.err);
    let merged = bench.run(&["merge", "p4", "p1", "p3", "p2", "--out", "whole"]);
    assert_eq!(merged.code, Some(0), "{}", merged.err);
    assert_eq!(summary(&bench, "whole"), summary(&bench, "alone"));
    assert!(
        bench
            .path()
            .join("whole/runs/with_nodes-3-r1/report.html")
            .exists()
    );
    for (dirs, said) in [
        (&["p1", "p1"][..], "both made the run"),
        (&["p1", "nowhere"], "is it a campaign's directory?"),
    ] {
        let ran = bench.run(&[&["merge", "--out", "x"], dirs].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}

/// The same steps for every kind of storage: `file://` here. `scripts/object-storage` has another kind by the variable.
#[test]
fn parts_meet_in_object_storage() {
    let bench = bench(GOOD);
    done(&bench, &["--out", "alone"]);
    let storage = std::env::var("TRIBUNAL_TEST_STORAGE")
        .unwrap_or_else(|_| format!("file://{}/storage", bench.path().display()));
    let at = |name: &str| format!("{storage}/{name}");
    for part in 1..=2 {
        let (dir, number) = (format!("p{part}"), format!("count:{part}/2"));
        done(&bench, &["--out", &dir, "--partition", &number]);
        // A part that is whole is as it should be, though the campaign is not.
        let put = bench.run(&["merge", &dir, "--out", &at(&dir)]);
        assert_eq!(put.code, Some(0), "{}", put.err);
        assert!(put.err.contains("tribunal: put "), "{}", put.err);
    }
    let merged = bench.run(&["merge", &at("p1"), &at("p2"), "--out", &at("whole")]);
    assert_eq!(merged.code, Some(0), "{}", merged.err);
    let fetched = bench.run(&["merge", &at("whole"), "--out", "whole"]);
    assert_eq!(fetched.code, Some(0), "{}", fetched.err);
    assert_eq!(summary(&bench, "whole"), summary(&bench, "alone"));
    let page = bench.path().join("whole/runs/with_nodes-3-r1/report.html");
    assert!(page.exists());
    for (dir, out, code, said) in [
        (at("p1"), at("whole"), 4, "is not empty"),
        (at("nothing"), "x".to_owned(), 4, "nothing lies at"),
        (
            "ftp://somewhere/x".to_owned(),
            "y".to_owned(),
            2,
            "no object storage that is known",
        ),
        (
            "s3://me:secret@bucket/x".to_owned(),
            "z".to_owned(),
            2,
            "holds no secrets",
        ),
    ] {
        let ran = bench.run(&["merge", &dir, "--out", &out]);
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
        assert!(!ran.err.contains("me:secret"), "{}", ran.err);
    }
    let left = std::fs::read_dir(bench.path()).expect("it can be read");
    let left = left.filter_map(Result::ok).map(|entry| entry.file_name());
    let left: Vec<_> = left
        .filter(|name| name.as_encoded_bytes().starts_with(b"."))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_scheduler_says_which_part_is_whose() {
    let bench = bench(GOOD);
    let list = |variables: &[(&str, &str)]| {
        let mut command = bench.command(&["campaign", "campaign.toml", "--list"]);
        command.envs(variables.iter().copied());
        Ran::from(command.output().expect("the binary can be started"))
    };
    let mut all = Vec::new();
    for index in ["0", "1", "2"] {
        let part = list(&[("JOB_COMPLETION_INDEX", index), ("TRIBUNAL_PARTITIONS", "3")]);
        let slurm = list(&[
            ("SLURM_ARRAY_TASK_ID", index),
            ("SLURM_ARRAY_TASK_MIN", "0"),
            ("SLURM_ARRAY_TASK_MAX", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
        ]);
        assert_eq!(part.out, slurm.out);
        all.extend(part.out.lines().map(str::to_owned));
    }
    all.sort();
    let mut whole: Vec<String> = list(&[]).out.lines().map(str::to_owned).collect();
    whole.sort();
    assert_eq!((all.len(), &all), (12, &whole));
    let wrong = list(&[("JOB_COMPLETION_INDEX", "1")]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("set TRIBUNAL_PARTITIONS"), "{}", wrong.err);
}

/// What a run cannot write, the machine would not do: nobody is accused.
#[test]
fn what_the_machine_will_not_do_is_tried_again_and_no_violation() {
    let bench = bench("name = \"small\"\nplan = \"short.toml\"\nseed = 1\nretries = 1\n");
    let mut command = bench.command(&["campaign", "campaign.toml", "--out", "all"]);
    limit_files(&mut command, 100_000);
    let ran = Ran::from(command.output().expect("the binary can be started"));
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let summary = summary(&bench, "all");
    let run = &summary["runs"][0];
    assert_eq!(
        (&run["state"], &run["failures"]),
        (&"infrastructure".into(), &2.into()),
        "{summary}"
    );
    // Where there is room again, it is made as if nothing had been.
    done(&bench, &["--out", "all", "--rerun-failed"]);
}

fn limit_files(command: &mut Command, bytes: u64) {
    let limit = move || {
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: bytes,
        };
        // SAFETY: the structure lives for the call, which is safe after fork.
        match unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes one system call.
    unsafe { command.pre_exec(limit) };
}

#[test]
fn the_campaigns_that_ship_can_be_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../campaigns");
    let files = std::fs::read_dir(folder).expect("campaigns ship");
    let counts = files.map(|file| {
        let path = file.expect("it can be read").path();
        let ran = Bench::new().run(&["campaign", "--list", &path.to_string_lossy()]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        (
            path.file_name().expect("a name").to_string_lossy().into_owned(),
            ran.out.lines().count(),
        )
    });
    let mut counts: Vec<(String, usize)> = counts.collect();
    counts.sort();
    let expected = [
        ("failover-shapes.toml", 9),
        ("release.toml", 24),
        ("shapes.toml", 6),
        ("sim.toml", 12),
        ("workloads.toml", 205),
    ];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
}

#[test]
fn the_time_is_kept() {
    let bench = bench(GOOD);
    let ran = bench.run(&[
        "campaign",
        "campaign.toml",
        "--out",
        "all",
        "--parallel",
        "1",
        "--time-budget",
        "1ms",
    ]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("the time is over"), "{}", ran.err);
    done(&bench, &["--out", "all", "--resume"]);
}

#[test]
fn a_campaign_is_not_taken_for_another() {
    let bench = bench(GOOD);
    done(&bench, &["--out", "all"]);
    for (more, said) in [
        (&[][..], "holds a campaign already"),
        (&["--resume", "--seed", "12"], "holds a campaign of other runs"),
        (
            &["--resume", "--partition", "count:1/2"],
            "holds the whole of the campaign",
        ),
    ] {
        let ran = bench.run(&[&["campaign", "campaign.toml", "--out", "all"], more].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    std::fs::create_dir(bench.path().join("other")).expect("it can be made");
    bench.file("other/letter.txt", "mine");
    let ran = bench.run(&["campaign", "campaign.toml", "--out", "other"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(
        ran.err.contains("other holds letter.txt and no campaign"),
        "{}",
        ran.err
    );
    bench.file("short.toml", PLAN.replace("rate = 50", "rate = 51"));
    let ran = bench.run(&["campaign", "campaign.toml", "--out", "all", "--resume"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("holds a campaign of other runs"), "{}", ran.err);
}

#[test]
fn a_wrong_file_is_shown_where_it_is_wrong() {
    let mut said = String::new();
    for (what, file) in [
        ("a wrong key", "name = \"x\"\nrepeat = 2\n"),
        ("a name with a slash", "name = \"a/b\"\n"),
        ("an axis that is none", "name = \"x\"\n[matrix]\nnodes = 3\n"),
        ("an axis without a value", "name = \"x\"\n[matrix]\nnodes = []\n"),
        (
            "values without names",
            "name = \"x\"\n[matrix]\nlimits = [{ recover = \"1s\" }]\n",
        ),
        (
            "a named value that is no table",
            "name = \"x\"\n[matrix.size]\nlarge = 5\n",
        ),
        (
            "an exclusion of no axis",
            "name = \"x\"\n[matrix]\nnodes = [3, 5]\n[[exclude]]\nnode = 3\n",
        ),
        (
            "an exclusion of no value",
            "name = \"x\"\n[matrix]\nnodes = [3, 5]\n[[exclude]]\nnodes = 4\n",
        ),
        (
            "all excluded",
            "name = \"x\"\n[matrix]\nnodes = [3]\n[[exclude]]\nnodes = 3\n",
        ),
        (
            "two cells of one name",
            "name = \"x\"\n[[include]]\nname = \"a b\"\n[[include]]\nname = \"a-b\"\n",
        ),
        ("no run", "name = \"x\"\nrepeats = 0\n"),
        (
            "a gate that tolerates what it refuses",
            "name = \"x\"\n[gate]\ntolerated = 0.6\n",
        ),
        (
            "an error that is none",
            "name = \"x\"\nrepeats = 9\n[gate]\nfalse-pass = 0.9\n",
        ),
        (
            "fewer runs than could pass",
            "name = \"x\"\nrepeats = 4\n[gate]\nrefused = 0.5\n",
        ),
        (
            "a plan that is nowhere",
            "name = \"x\"\nplan = \"nowhere.toml\"\n",
        ),
        (
            "a place where no campaign's cluster lives",
            "name = \"x\"\nplan = \"short.toml\"\n[matrix]\nenv = [\"attached\"]\n",
        ),
        (
            "hosts without an inventory",
            "name = \"x\"\nplan = \"short.toml\"\nseed = 1\n[matrix]\nenv = [\"ssh\"]\n",
        ),
        (
            "a setting that no plan has",
            "name = \"x\"\nplan = \"short.toml\"\n[matrix]\nnods = [3]\n",
        ),
        (
            "a setting that makes no sense",
            "name = \"x\"\nplan = \"short.toml\"\n[matrix]\nnodes = [3, 12]\n",
        ),
    ] {
        let bench = bench(file);
        let ran = bench.run(&["campaign", "campaign.toml"]);
        assert_eq!(ran.code, Some(2), "{what}: {}", ran.err);
        assert!(!bench.path().join("results").exists(), "{what}");
        writeln!(said, "# {what}\n{}", ran.err).expect("a text can grow");
    }
    let nowhere = Bench::new().run(&["campaign", "nowhere.toml"]);
    assert_eq!(nowhere.code, Some(2));
    said.push_str(&nowhere.err);
    insta::assert_snapshot!(without_the_list(&said));
}

/// The plans that ship are listed in another test.
fn without_the_list(said: &str) -> String {
    let line = |line: &str| match line.split_once("the plans that ship are ") {
        Some((before, _)) => format!("{before}the plans that ship are …"),
        None => line.to_owned(),
    };
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}
