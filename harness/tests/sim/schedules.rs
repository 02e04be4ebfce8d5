//! Schedules from the real command line: what ships is valid, is replayed event by event, and asks for progress.

use std::path::Path;

use crate::support::{Bench, Ran};

fn run(bench: &Bench, plan: &str, out: &str, more: &[&str]) -> Ran {
    bench.run(&[&["run", plan, "--broker", "sim", "--out", out], more].concat())
}

/// The events of a run, without the header, which has the time of day.
fn history(bench: &Bench, out: &str) -> String {
    let path = Path::new(bench.path()).join(out).join("history.jsonl");
    let text = std::fs::read_to_string(path).expect("a history");
    text.split_once('\n').expect("a header").1.to_owned()
}

#[test]
fn a_rotation_is_valid_and_replays_itself() {
    let bench = Bench::new();
    let ran = run(&bench, "rotation", "one", &["--seed", "2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let resolved = std::fs::read_to_string(bench.path().join("one/resolved.toml")).expect("a plan");
    assert!(
        resolved.contains("off = ["),
        "swarm testing switched nothing off: {resolved}"
    );
    // It was judged for progress: in some stretch nothing changed for as long as the plan's limit.
    let verdict = std::fs::read_to_string(bench.path().join("one/verdict.json")).expect("a verdict");
    assert!(!verdict.contains("progress was not asked for"), "{verdict}");
    let again = bench.run(&["run", "one/resolved.toml", "--out", "two"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(history(&bench, "one"), history(&bench, "two"));
}

#[test]
fn a_partition_that_stalls_is_caught_beside_a_rotation() {
    let bench = Bench::new();
    let ran = run(
        &bench,
        "rotation",
        "run",
        &["--seed", "2", "--bug", "stalled-partition"],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("no-progress"), "{}", ran.err);
}

#[test]
fn steps_wait_for_what_is_seen() {
    let bench = Bench::new();
    let ran = run(&bench, "triggers", "run", &["--seed", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let history = history(&bench, "run");
    for seen in [
        "ms after the ISR of log-0 was seen to be [",
        "was seen to lead log-0 in epoch",
        "ms after `killed` was healed",
    ] {
        assert!(history.contains(seen), "no `{seen}`");
    }
}
