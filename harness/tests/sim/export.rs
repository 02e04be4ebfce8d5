//! `tribunal export` to traces and tables: everything that a history holds is there, read back by other people's code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::Value;

use crate::support::Bench;

/// A run with faults, in `run`.
fn run() -> Bench {
    let bench = Bench::new();
    let ran = bench.run(&["run", "sim", "--seed", "1", "--out", "run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    bench
}

fn history(bench: &Bench) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.path().join("run/history.jsonl")).expect("it is there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect()
}

fn kinds(history: &[Value], kind: &str) -> usize {
    history.iter().filter(|event| event.get(kind).is_some()).count()
}

#[test]
fn a_trace_has_every_operation_fault_leader_and_phase() {
    let bench = run();
    let ran = bench.run(&["export", "run", "--format", "perfetto", "--out", "trace.json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let text = std::fs::read(bench.path().join("trace.json")).expect("it is there");
    let trace: Value = serde_json::from_slice(&text).expect("it is JSON");
    let entries = trace["traceEvents"].as_array().expect("it is a list");
    let groups: BTreeMap<u64, &str> = entries
        .iter()
        .filter(|entry| entry["name"] == "process_name")
        .map(|entry| {
            (
                entry["pid"].as_u64().unwrap_or(0),
                entry["args"]["name"].as_str().unwrap_or(""),
            )
        })
        .collect();
    let of = |group: &str, ph: &str| -> Vec<&Value> {
        entries
            .iter()
            .filter(|entry| entry["ph"] == ph && groups[&entry["pid"].as_u64().unwrap_or(0)] == group)
            .collect()
    };
    let history = history(&bench);
    assert_eq!(of("clients", "X").len(), kinds(&history, "invoke"));
    let healed = history
        .iter()
        .filter(|event| event["fault"]["step"].get("healed").is_some())
        .count();
    assert_eq!((of("faults", "X").len(), healed), (4, 4));
    assert_eq!(of("run", "X").len(), kinds(&history, "phase"));
    assert_eq!(of("brokers", "i").len(), kinds(&history, "node"));
    assert!(
        of("leaders", "X")
            .iter()
            .any(|entry| entry["name"] == "n1, epoch 0")
    );
    let in_sync = of("replicas in sync", "C");
    assert!(
        in_sync.iter().any(|entry| entry["args"]["replicas in sync"] == 2),
        "{in_sync:?}"
    );
    // Of one client no two operations overlap, or the picture would be wrong.
    let mut lanes: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for entry in of("clients", "X") {
        let (from, length) = (
            entry["ts"].as_f64().expect("a time"),
            entry["dur"].as_f64().expect("a length"),
        );
        lanes
            .entry(entry["tid"].as_u64().expect("a track"))
            .or_default()
            .push((from, from + length));
    }
    for lane in lanes.values_mut() {
        lane.sort_by(|one, other| one.partial_cmp(other).expect("times have an order"));
        assert!(
            lane.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-3),
            "{lane:?}"
        );
    }
    let tracks: BTreeSet<(u64, u64)> = entries
        .iter()
        .filter(|entry| entry["ph"] != "M")
        .map(|entry| {
            (
                entry["pid"].as_u64().unwrap_or(0),
                entry["tid"].as_u64().unwrap_or(0),
            )
        })
        .collect();
    let numbers: BTreeSet<u64> = tracks.iter().map(|(_, tid)| *tid).collect();
    assert_eq!(
        tracks.len(),
        numbers.len(),
        "no two groups share a track's number"
    );
}

fn table(path: &Path) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(path).expect("it is there")).expect("it is Parquet")
}

#[test]
fn tables_have_a_row_for_each_operation_record_and_event() {
    let bench = run();
    let ran = bench.run(&["export", "run", "--format", "parquet", "--out", "tables"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let history = history(&bench);
    let operations = table(&bench.path().join("tables/operations.parquet"));
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut happened = BTreeSet::new();
    for row in operations.get_row_iter(None).expect("it has rows") {
        let row = row.expect("it is whole");
        let outcome = row.get_string(11).expect("an outcome");
        *outcomes.entry(outcome.clone()).or_default() += 1;
        if outcome == "ok" {
            assert!(row.get_long(9).expect("a time") <= row.get_long(10).expect("a time"));
            happened.insert(row.get_long(0).expect("a number"));
        }
    }
    for word in ["ok", "fail", "info"] {
        assert_eq!(
            outcomes.get(word).copied().unwrap_or(0),
            kinds(&history, word),
            "{outcomes:?}"
        );
    }
    assert_eq!(outcomes.values().sum::<usize>(), kinds(&history, "invoke"));
    // What was acknowledged was read, at the same place.
    let records = table(&bench.path().join("tables/records.parquet"));
    let (mut written, mut read) = (BTreeSet::new(), BTreeSet::new());
    for row in records.get_row_iter(None).expect("it has rows") {
        let row = row.expect("it is whole");
        let kind = row.get_string(2).expect("a kind");
        let is_done = happened.contains(&row.get_long(0).expect("a number"));
        if kind == "send" && !is_done {
            continue;
        }
        let into = if kind == "poll" { &mut read } else { &mut written };
        into.insert((
            row.get_string(3).expect("a topic").clone(),
            row.get_long(4).expect("a partition"),
            row.get_long(5).expect("an offset"),
            row.get_long(6).expect("a value"),
        ));
    }
    assert!(
        written.len() > 1_000 && written.is_subset(&read),
        "{} {}",
        written.len(),
        read.len()
    );
    let events = table(&bench.path().join("tables/events.parquet"));
    let others = history.len()
        - 1
        - ["invoke", "ok", "fail", "info"]
            .map(|kind| kinds(&history, kind))
            .iter()
            .sum::<usize>();
    assert_eq!(events.metadata().file_metadata().num_rows(), others as i64);
}

#[test]
fn tables_want_a_directory_of_their_own() {
    let bench = run();
    for (arguments, part) in [
        (&["export", "run", "--format", "parquet"][..], "--out DIR"),
        (
            &["export", "run", "--format", "parquet", "--out", "run"][..],
            "not empty",
        ),
        (
            &[
                "export",
                "run",
                "--format",
                "perfetto",
                "--out",
                "run/history.jsonl",
            ][..],
            "history itself",
        ),
    ] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(part), "{}", ran.err);
    }
}
