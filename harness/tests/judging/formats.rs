//! What histories come in and go out as, and what is said of wrong ones.

use serde_json::Value;

use crate::support::Bench;
use crate::{accused, concurrent, edn, judge_file, poll, send, serial};

#[test]
fn a_vector_of_tagged_operations_is_read_as_well() {
    let history = "[#jepsen.history.Op{:index 0, :time 5, :type :invoke, :process 0, :f :send, :value [[:send 0 1]]}\n \
        #jepsen.history.Op{:index 1, :time 9, :type :ok, :process 0, :f :send, :value [[:send 0 [0 1]]]}\n \
        #jepsen.history.Op{:index 2, :time 10, :type :info, :process :nemesis, :f :kill, :value nil}]";
    accused(&edn(history, &[]), &["unseen"], &[]);
}

#[test]
fn elle_json_is_read_as_lines_and_as_an_array() {
    let lines = "{\"type\":\"invoke\",\"process\":0,\"f\":\"txn\",\"value\":[[\"append\",\"x\",1]]}
\
        {\"type\":\"ok\",\"process\":0,\"f\":\"txn\",\"value\":[[\"append\",\"x\",1]]}
\
        {\"type\":\"invoke\",\"process\":0,\"f\":\"txn\",\"value\":[[\"r\",\"x\",null]]}
\
        {\"type\":\"ok\",\"process\":0,\"f\":\"txn\",\"value\":[[\"r\",\"x\",[1]]]}
";
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    for history in [lines, &array] {
        let said = judge_file("history.json", history, &[]);
        assert!(said.err.contains("format: elle-json"), "{}", said.err);
        assert_eq!(
            (said.model.as_str(), said.valid.as_str()),
            ("list-append", "valid"),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_bad_line_is_named_by_its_number() {
    let bench = Bench::new();
    bench.file(
        "history.edn",
        "{:process 0 :type :invoke :f :send :value [[:send 0 1]]}\n{:process 0 :type :ok :f ]}\n",
    );
    let ran = bench.run(&["check", "history.edn"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("line 2"), "{}", ran.err);
}

#[test]
fn choices_that_say_nothing_to_the_model_are_refused() {
    let bench = Bench::new();
    bench.file("kafka.edn", send(0, "ok", 1, "0", 10));
    bench.file("lists.edn", serial(&["[[:append 1 1]]"]));
    for (file, arguments, names) in [
        ("kafka.edn", ["--consistency", "serializable"], "--consistency"),
        ("lists.edn", ["--sub-via", "subscribe"], "--sub-via"),
        (
            "lists.edn",
            ["--model", "tables"],
            "kafka, list-append, rw-register",
        ),
        (
            "lists.edn",
            ["--consistency", "eventually"],
            "strict-serializable",
        ),
    ] {
        let ran = bench.run(&["check", file, arguments[0], arguments[1]]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(names), "{}", ran.err);
    }
}

#[test]
fn what_is_exported_gets_the_same_verdict() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let bench = Bench::new();
    bench.file("history.edn", sends + &poll(1, "1 [[0 10] [2 12]]"));
    for (format, name) in [("edn", "again.edn"), ("jsonl", "again.json")] {
        let ran = bench.run(&["export", "history.edn", "--format", format, "--out", name]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let ran = bench.run(&["check", name, "--json"]);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        let json: Value = serde_json::from_str(&ran.out).expect("a verdict");
        assert_eq!(json["anomalies"]["lost-write"]["count"], 1, "{json:#}");
    }
}

#[test]
fn a_page_is_written_where_one_is_asked_for() {
    let bench = Bench::new();
    bench.file(
        "history.edn",
        concurrent(&[
            "[[:r :x []] [:append :y 1]]",
            "[[:r :y []] [:append :x 1]]",
            "[[:r :x [1]] [:r :y [1]]]",
        ]),
    );
    let ran = bench.run(&["check", "history.edn", "--report", "page.html"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let page = std::fs::read_to_string(bench.path().join("page.html")).expect("a page");
    assert!(page.contains("<svg") && page.contains("G2-item"), "{page}");
}

#[test]
fn reading_alone_counts() {
    let bench = Bench::new();
    bench.file("history.edn", send(0, "ok", 1, "0", 10));
    let ran = bench.run(&["check", "history.edn", "--parse-only"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("2 events"), "{}", ran.err);
}
