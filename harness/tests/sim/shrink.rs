//! `tribunal shrink` from the real command line, on the simulated broker: what is needed for a failure is what is left.

use std::fmt::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::left::no_process_of;
use crate::support::{Bench, Ran};

/// Longer than any search here takes, also beside other tests.
const DEADLINE: Duration = Duration::from_secs(120);

/// With acks=1 what a leader that is cut from its peers acknowledges is lost.
const ACKS_1: &str = "acks = \"1\"\nidempotence = false";
/// The same faults lose nothing.
const ACKS_ALL: &str = "acks = \"all\"\nidempotence = true";
const CUT_LEADER: &str = "{ partition = { shape = \"leader\", clients = false, key = 1 } }";
/// Too short for anybody to be deposed.
const HARMLESS: [&str; 3] = [
    "{ pause = { target = \"follower\", key = 0 } }",
    "{ partition = { shape = \"one-way\", target = [\"n2\"], direction = \"in\" } }",
    "{ pause = { target = [\"n3\"] } }",
];

/// A plan with so many faults, of which one is this one and lasts longer.
fn plan(faults: usize, culprit: usize, settings: &str) -> String {
    let mut text = format!(
        "name = \"large\"\nbroker = \"sim\"\n[limits]\nminimum-acknowledged = 50\nsteady = \"2s\"\nrecover = \"2s\"\n\
         [[topics]]\nname = \"log\"\npartitions = 2\nmin-insync-replicas = 1\n\
         [workload.log]\nproducers = 2\nconsumers = 1\nrate = 80\n{settings}\n"
    );
    let mut at = 500;
    for fault in 0..faults {
        let (lasts, what) = if fault == culprit {
            (4_000, CUT_LEADER)
        } else {
            (300, HARMLESS[fault % HARMLESS.len()])
        };
        writeln!(
            text,
            "[[nemesis.steps]]\nat = \"{at}ms\"\nlasts = \"{lasts}ms\"\nfault = {what}"
        )
        .expect("a text can grow");
        at += lasts + 700;
    }
    text
}

/// A bench in which the directory `failed` holds a run of this plan, which found a loss.
fn failed(plan: &str) -> Bench {
    let bench = Bench::new();
    bench.file("plan.toml", plan);
    let ran = bench.run(&["run", "plan.toml", "--seed", "1", "--out", "failed"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    bench
}

/// The same with another plan's text in its `resolved.toml`.
fn changed(from: &str, to: &str) -> Bench {
    let bench = failed(&plan(3, 1, ACKS_1));
    let path = bench.path().join("failed/resolved.toml");
    let text = std::fs::read_to_string(&path).expect("a resolved plan");
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("a file can be written");
    bench
}

#[track_caller]
fn shrunk(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

fn state(bench: &Bench) -> Value {
    let path = bench.path().join("failed/shrink/state.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| "null".to_owned());
    serde_json::from_str(&text).expect("the state is whole whenever it is read")
}

/// The runs of a state that came to a verdict.
fn runs(state: &Value) -> Vec<Value> {
    let tried = state["tried"].as_array().into_iter().flatten();
    tried
        .flat_map(|tried| tried["runs"].as_array().cloned().unwrap_or_default())
        .collect()
}

#[test]
fn twenty_faults_come_down_to_the_one_that_matters() {
    let bench = failed(&plan(20, 12, ACKS_1));
    let found = shrunk(&bench.run(&["shrink", "failed", "--json"]));
    assert_eq!(found["faults-before"], 20);
    assert!(found["faults"].as_u64() <= Some(3), "{found}");
    assert!(
        found["failed"].as_u64() >= Some(8) && found["runs"] == 10,
        "{found}"
    );
    assert!(found["interval"]["low"].as_f64() >= Some(0.44), "{found}");
    let text = std::fs::read_to_string(bench.path().join("failed/shrink/smallest.toml")).expect("a plan");
    assert!(
        text.contains("# lost-write in") && text.contains("acknowledged it at offset"),
        "{text}"
    );
    assert!(bench.path().join("failed/shrink/example/report.html").exists());
    assert!(
        !bench.path().join("failed/shrink/run").exists(),
        "candidates leave nothing"
    );
    // The plan is one that anybody can run.
    let again = bench.run(&["run", "failed/shrink/smallest.toml", "--out", "again"]);
    assert_eq!(again.code, Some(1), "{}", again.err);
}

/// The control `unclean` needs two faults: an ISR that shrinks and a leader that is killed meanwhile.
#[test]
fn two_faults_that_are_needed_together_are_both_left() {
    let bench = Bench::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../plans/controls/unclean.toml");
    let more =
        "[[nemesis.steps]]\nat = \"16s\"\nlasts = \"300ms\"\nfault = { pause = { target = [\"n2\"] } }\n";
    let text = std::fs::read_to_string(shipped).expect("a plan that ships");
    let text = text.replace("rate = 300", "rate = 100");
    bench.file(
        "plan.toml",
        format!("{text}\n{more}{}", more.replace("16s", "18s")),
    );
    let ran = bench.run(&[
        "run",
        "plan.toml",
        "--broker",
        "sim",
        "--seed",
        "1",
        "--out",
        "failed",
    ]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let found = shrunk(&bench.run(&["shrink", "failed", "--json", "--runs", "3", "--confirm", "5"]));
    assert_eq!(found["faults"], 2, "{found}");
    let text = std::fs::read_to_string(bench.path().join("failed/shrink/smallest.toml")).expect("a plan");
    assert!(
        ["shrink-isr", "kill"]
            .iter()
            .all(|kind| text.contains(&format!("[nemesis.steps.fault.{kind}]"))),
        "{text}"
    );
}

fn start(bench: &Bench, more: &[&str]) -> Child {
    let arguments = [&["shrink", "failed", "--runs", "3", "--confirm", "3"], more].concat();
    bench
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started")
}

/// Waits until so many runs are known.
#[track_caller]
fn wait_for_runs(bench: &Bench, count: usize) -> Value {
    let begun = Instant::now();
    loop {
        let state = state(bench);
        if runs(&state).len() >= count {
            return state;
        }
        assert!(begun.elapsed() < DEADLINE, "{state}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn killed_at_any_moment_it_leaves_no_process_and_goes_on_where_it_was() {
    let bench = failed(&plan(6, 3, ACKS_1));
    let mut known = Vec::new();
    for count in [1, 4, 7] {
        let mut search = start(&bench, &["--resume"]);
        wait_for_runs(&bench, count);
        search.kill().expect("it can be killed");
        search.wait().expect("it can be waited for");
        no_process_of(bench.path(), Duration::from_secs(5));
        let now = runs(&state(&bench));
        assert_eq!(
            now[..known.len()],
            known[..],
            "nothing that was known is run again"
        );
        known = now;
    }
    let ran = bench.run(&[
        "shrink",
        "failed",
        "--runs",
        "3",
        "--confirm",
        "3",
        "--resume",
        "--json",
    ]);
    assert_eq!(shrunk(&ran)["faults"], 1);
    assert_eq!(runs(&state(&bench))[..known.len()], known[..]);
    // And once more: all of it is known.
    let before = state(&bench);
    let ran = bench.run(&[
        "shrink",
        "failed",
        "--runs",
        "3",
        "--confirm",
        "3",
        "--resume",
        "--json",
    ]);
    assert_eq!(shrunk(&ran)["faults"], 1);
    assert_eq!(state(&bench), before);
}

#[test]
fn ctrl_c_ends_it_and_says_how_to_go_on() {
    let bench = failed(&plan(6, 3, ACKS_1));
    let search = bench
        .command(&["shrink", "failed"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    wait_for_runs(&bench, 2);
    let status = Command::new("kill")
        .args(["-INT", &search.id().to_string()])
        .status();
    assert!(status.expect("kill can be started").success());
    let ran = Ran::from(search.wait_with_output().expect("it can be waited for"));
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(
        ran.err.contains("`tribunal shrink failed --resume` goes on"),
        "{}",
        ran.err
    );
    let again = bench.run(&["shrink", "failed"]);
    assert_eq!(again.code, Some(2), "what was found is not thrown away unasked");
    assert!(again.err.contains("--resume"), "{}", again.err);
}

#[test]
fn a_budget_ends_the_search_and_what_was_found_is_confirmed() {
    let bench = failed(&plan(6, 3, ACKS_1));
    let found = shrunk(&bench.run(&["shrink", "failed", "--confirm", "4", "--runs-max", "10", "--json"]));
    assert!(found["runs-all"].as_u64() <= Some(10), "{found}");
    assert_eq!(
        (&found["faults"], &found["runs"]),
        (&Value::from(1), &Value::from(4))
    );
}

#[test]
fn a_run_that_did_not_fail_is_refused() {
    let bench = Bench::new();
    bench.file("plan.toml", plan(3, 1, ACKS_ALL));
    let ran = bench.run(&["run", "plan.toml", "--seed", "1", "--out", "fine"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = bench.run(&["shrink", "fine"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("fine is no run that failed"), "{}", ran.err);
}

#[test]
fn a_finding_that_the_run_has_not_is_refused() {
    let bench = failed(&plan(3, 1, ACKS_1));
    let ran = bench.run(&["shrink", "failed", "--anomaly", "split-brain"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(
        ran.err.contains("did not find split-brain: it found lost-write"),
        "{}",
        ran.err
    );
}

#[test]
fn a_failure_that_does_not_come_again_is_said_to() {
    let bench = changed("acks = \"1\"\nidempotence = false", ACKS_ALL);
    let ran = bench.run(&["shrink", "failed"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("lost-write does not come again"), "{}", ran.err);
}

/// A run that the machine would not do is neither one that fails nor one that does not.
#[test]
fn what_the_machine_would_not_do_never_counts() {
    let bench = changed("broker = \"sim\"", "broker = \"kafka-4.4.0\"");
    let output = bench
        .command(&["shrink", "failed", "--offline"])
        .env("TRIBUNAL_CACHE", bench.path().join("empty"))
        .output();
    let ran = Ran::from(output.expect("the binary can be started"));
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(runs(&state(&bench)).is_empty());
    assert_eq!(
        ran.err.matches("again, as it came to no verdict").count(),
        2,
        "{}",
        ran.err
    );
}
