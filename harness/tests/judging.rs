//! `tribunal check` and `export` on histories from elsewhere: small ones, whose verdict anybody can work out.

mod support;

use serde_json::Value;
use support::Bench;

/// What a check of one history said.
struct Said {
    code: Option<i32>,
    valid: String,
    model: String,
    anomalies: Vec<String>,
    allowed: Vec<String>,
    json: Value,
    err: String,
}

/// Judges a history in a file of that name.
#[track_caller]
fn judge_file(name: &str, history: &str, arguments: &[&str]) -> Said {
    let bench = Bench::new();
    bench.file(name, history);
    let mut all = vec!["check", name, "--json"];
    all.extend(arguments);
    let ran = bench.run(&all);
    let json: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.out, ran.err));
    let names = |part: &str| -> Vec<String> {
        let findings = json[part].as_object().expect("findings are an object");
        for found in findings.values() {
            let cases = found["cases"].as_array().expect("cases are a list");
            assert!(found["count"].as_u64().expect("a count") >= cases.len() as u64);
            assert!(
                cases
                    .iter()
                    .all(|case| !case["story"].as_array().expect("a story").is_empty())
            );
        }
        findings.keys().cloned().collect()
    };
    Said {
        code: ran.code,
        valid: json["valid"].as_str().expect("a validity").to_owned(),
        model: json["model"].as_str().expect("a model").to_owned(),
        anomalies: names("anomalies"),
        allowed: names("allowed"),
        json: json.clone(),
        err: ran.err,
    }
}

/// Judges EDN, and checks the exit code against the verdict.
#[track_caller]
fn edn(history: &str, arguments: &[&str]) -> Said {
    let said = judge_file("history.edn", history, arguments);
    let code = match said.valid.as_str() {
        "valid" => 0,
        "invalid" => 1,
        _ => 3,
    };
    assert_eq!(said.code, Some(code), "{}", said.err);
    assert!(said.err.contains("format: jepsen-edn"), "{}", said.err);
    said
}

/// An operation of a Kafka history with its completion, on lines of their own.
fn op(process: u32, f: &str, invoked: &str, kind: &str, completed: &str) -> String {
    format!(
        "{{:process {process}, :type :invoke, :f :{f}, :value {invoked}}}\n{{:process {process}, :type :{kind}, :f :{f}, :value {completed}}}\n"
    )
}

fn send(process: u32, kind: &str, key: u32, offset: &str, value: u32) -> String {
    let done = if kind == "ok" {
        format!("[[:send {key} [{offset} {value}]]]")
    } else {
        format!("[[:send {key} {value}]]")
    };
    op(process, "send", &format!("[[:send {key} {value}]]"), kind, &done)
}

fn poll(process: u32, records: &str) -> String {
    op(
        process,
        "poll",
        "[[:poll]]",
        "ok",
        &format!("[[:poll {{{records}}}]]"),
    )
}

fn txn(process: u32, kind: &str, value: &str) -> String {
    op(process, "txn", value, kind, value)
}

/// Accused of exactly these, in alphabetical order.
#[track_caller]
fn accused(said: &Said, anomalies: &[&str], allowed: &[&str]) {
    assert_eq!(said.anomalies, anomalies, "{}\n{:#}", said.err, said.json);
    assert_eq!(said.allowed, allowed, "{}\n{:#}", said.err, said.json);
    let valid = if anomalies.is_empty() { "valid" } else { "invalid" };
    assert_eq!(said.valid, valid, "{}", said.err);
}

#[test]
fn what_was_sent_and_polled_is_valid() {
    let history = send(0, "ok", 1, "0", 10) + &send(0, "ok", 1, "1", 11) + &poll(1, "1 [[0 10] [1 11]]");
    let said = edn(&history, &[]);
    accused(&said, &[], &[]);
    assert_eq!(said.model, "kafka");
}

#[test]
fn an_acknowledged_record_that_a_reader_went_past_is_lost() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let said = edn(&(sends + &poll(1, "1 [[0 10] [2 12]]")), &[]);
    accused(&said, &["int-poll-skip", "lost-write"], &[]);
    assert_eq!(said.json["anomalies"]["lost-write"]["cases"][0]["values"][0], 11);
}

#[test]
fn an_acknowledged_record_that_nobody_got_to_is_unseen() {
    let history = send(0, "ok", 1, "0", 10) + &send(0, "ok", 1, "1", 11) + &poll(1, "1 [[0 10]]");
    accused(&edn(&history, &[]), &["unseen"], &[]);
}

#[test]
fn a_write_of_unknown_outcome_may_be_missing_or_there() {
    let history = send(0, "info", 1, "", 10)
        + &send(2, "info", 1, "", 11)
        + &send(3, "ok", 1, "1", 12)
        + &poll(1, "1 [[0 10] [1 12]]");
    accused(&edn(&history, &[]), &[], &[]);
}

#[test]
fn a_failed_write_that_is_read_is_an_aborted_read() {
    let history = send(0, "fail", 1, "", 10) + &poll(1, "1 [[0 10]]");
    accused(&edn(&history, &[]), &["G1a"], &[]);
}

#[test]
fn a_value_at_two_offsets_is_a_duplicate() {
    let history = send(0, "ok", 1, "0", 10) + &poll(1, "1 [[0 10] [1 10]]");
    accused(&edn(&history, &[]), &["duplicate"], &[]);
}

#[test]
fn two_values_at_an_offset_are_inconsistent() {
    let history = send(0, "ok", 1, "0", 10)
        + &send(3, "info", 1, "", 11)
        + &poll(1, "1 [[0 10]]")
        + &poll(2, "1 [[0 11]]");
    accused(&edn(&history, &[]), &["inconsistent-offsets"], &[]);
}

#[test]
fn polls_that_skip_or_go_back_are_allowed_where_a_group_gives_the_partitions() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let skips = sends.clone()
        + &poll(1, "1 [[0 10]]")
        + &poll(1, "1 [[2 12]]")
        + &poll(2, "1 [[0 10] [1 11] [2 12]]");
    accused(&edn(&skips, &[]), &["poll-skip"], &[]);
    accused(&edn(&skips, &["--sub-via", "subscribe"]), &[], &["poll-skip"]);
    let back = sends + &poll(1, "1 [[0 10] [1 11] [2 12]]") + &poll(1, "1 [[1 11]]");
    accused(&edn(&back, &[]), &["nonmonotonic-poll"], &[]);
    accused(
        &edn(&back, &["--sub-via", "subscribe"]),
        &[],
        &["nonmonotonic-poll"],
    );
}

#[test]
fn an_assignment_lets_a_reader_begin_elsewhere() {
    let sends: String = (0..3).map(|n| send(0, "ok", 1, &n.to_string(), 10 + n)).collect();
    let other = op(1, "assign", "[2]", "ok", "[2]") + &op(1, "assign", "[1]", "ok", "[1]");
    let history = sends + &poll(1, "1 [[0 10] [1 11] [2 12]]") + &other + &poll(1, "1 [[0 10]]");
    accused(&edn(&history, &[]), &[], &[]);
}

#[test]
fn sends_that_a_transaction_interleaves_with_are_allowed_and_those_that_go_back_are_not() {
    let between = send(0, "ok", 1, "1", 11);
    let skips = txn(2, "ok", "[[:send 1 [0 10]] [:send 1 [2 12]]]");
    let all = poll(1, "1 [[0 10] [1 11] [2 12]]");
    accused(
        &edn(&(between.clone() + &skips + &all), &[]),
        &[],
        &["int-send-skip"],
    );
    let back = txn(2, "ok", "[[:send 1 [2 12]] [:send 1 [0 10]]]");
    accused(
        &edn(&(between + &back + &all), &[]),
        &["int-nonmonotonic-send"],
        &[],
    );
}

#[test]
fn a_producer_whose_later_send_lands_earlier_is_nonmonotonic() {
    let history = send(0, "ok", 1, "1", 10) + &send(0, "ok", 1, "0", 11) + &poll(1, "1 [[0 11] [1 10]]");
    accused(&edn(&history, &[]), &["nonmonotonic-send"], &[]);
}

#[test]
fn a_transaction_that_polls_its_own_send_read_too_early() {
    let history = txn(0, "ok", "[[:send 1 [0 10]] [:poll {1 [[0 10]]}]]");
    accused(&edn(&history, &[]), &["precommitted-read"], &[]);
}

#[test]
fn a_value_that_nobody_sent_is_a_phantom_and_the_rest_is_judged() {
    let history = send(0, "fail", 1, "", 10) + &poll(1, "1 [[0 10] [1 99]]");
    accused(&edn(&history, &[]), &["G1a", "phantom-read"], &[]);
}

#[test]
fn transactions_that_read_from_each_other_are_circular() {
    let history = "{:process 0 :type :invoke :f :txn :value [[:send 1 10] [:poll]]}\n\
        {:process 1 :type :invoke :f :txn :value [[:send 2 20] [:poll]]}\n\
        {:process 0 :type :ok :f :txn :value [[:send 1 [0 10]] [:poll {2 [[0 20]]}]]}\n\
        {:process 1 :type :ok :f :txn :value [[:send 2 [0 20]] [:poll {1 [[0 10]]}]]}\n";
    let said = edn(history, &[]);
    accused(&said, &["G1c"], &[]);
    let cycle = &said.json["anomalies"]["G1c"]["cases"][0]["cycle"];
    assert_eq!(cycle["operations"].as_array().map(Vec::len), Some(2), "{cycle:#}");
    assert_eq!(cycle["edges"].as_array().map(Vec::len), Some(2), "{cycle:#}");
    accused(&edn(history, &["--ww-deps"]), &[], &["G1c"]);
}

#[test]
fn the_last_reader_of_a_key_without_acknowledged_sends_leaves_nothing_unseen() {
    let history = send(0, "ok", 1, "0", 10)
        + &poll(1, "1 [[0 10]]")
        + &send(2, "info", 7, "", 70)
        + &poll(1, "7 [[0 70]]");
    accused(&edn(&history, &[]), &[], &[]);
}

#[test]
fn a_vector_of_tagged_operations_is_read_as_well() {
    let history = "[#jepsen.history.Op{:index 0, :time 5, :type :invoke, :process 0, :f :send, :value [[:send 0 1]]}\n \
        #jepsen.history.Op{:index 1, :time 9, :type :ok, :process 0, :f :send, :value [[:send 0 [0 1]]]}\n \
        #jepsen.history.Op{:index 2, :time 10, :type :info, :process :nemesis, :f :kill, :value nil}]";
    accused(&edn(history, &[]), &["unseen"], &[]);
}

fn elle(value: &str) -> String {
    value.to_owned()
}

/// Transactions one after the other, by processes of their own.
fn serial(transactions: &[&str]) -> String {
    let one = |(process, value): (usize, &&str)| op(process as u32, "txn", value, "ok", &elle(value));
    transactions.iter().enumerate().map(one).collect()
}

/// Transactions all open at once.
fn concurrent(transactions: &[&str]) -> String {
    let line = |kind: &str, process: usize, value: &str| {
        format!("{{:process {process} :type :{kind} :f :txn :value {value}}}\n")
    };
    let begun = transactions
        .iter()
        .enumerate()
        .map(|(process, value)| line("invoke", process, value));
    let ended = transactions
        .iter()
        .enumerate()
        .map(|(process, value)| line("ok", process, value));
    begun.chain(ended).collect()
}

#[test]
fn write_skew_is_serializable_to_nobody_and_fine_under_snapshot_isolation() {
    let history = concurrent(&[
        "[[:r :x []] [:append :y 1]]",
        "[[:r :y []] [:append :x 1]]",
        "[[:r :x [1]] [:r :y [1]]]",
    ]);
    let said = edn(&history, &["--consistency", "serializable"]);
    accused(&said, &["G2-item"], &[]);
    assert_eq!(said.model, "list-append");
    accused(
        &edn(&history, &["--consistency", "snapshot-isolation"]),
        &[],
        &["G2-item"],
    );
}

#[test]
fn a_stale_read_breaks_strict_serializability_alone() {
    let history = serial(&["[[:append 1 1]]", "[[:r 1 []]]", "[[:r 1 [1]]]"]);
    let said = edn(&history, &[]);
    assert_eq!(said.valid, "invalid", "{:#}", said.json);
    assert_eq!(said.anomalies, ["G-single-item-realtime"], "{:#}", said.json);
    assert_eq!(edn(&history, &["--consistency", "serializable"]).valid, "valid");
}

#[test]
fn read_skew_is_g_single() {
    let history = concurrent(&[
        "[[:append :x 1] [:append :y 1]]",
        "[[:r :x []] [:r :y [1]]]",
        "[[:r :x [1]]]",
    ]);
    accused(
        &edn(&history, &["--consistency", "snapshot-isolation"]),
        &["G-single-item"],
        &[],
    );
    accused(
        &edn(&history, &["--consistency", "read-committed"]),
        &[],
        &["G-single-item"],
    );
}

#[test]
fn an_aborted_element_that_is_read_is_g1a() {
    let history = op(0, "txn", "[[:append :x 1]]", "fail", "[[:append :x 1]]") + &serial(&["[[:r :x [1]]]"]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert!(said.anomalies.contains(&"G1a".to_owned()), "{:#}", said.json);
    assert_eq!(said.valid, "invalid");
}

#[test]
fn an_intermediate_element_that_ends_a_read_is_g1b() {
    let history = concurrent(&[
        "[[:append :x 1] [:append :x 2]]",
        "[[:r :x [1]]]",
        "[[:r :x [1 2]]]",
    ]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert!(said.anomalies.contains(&"G1b".to_owned()), "{:#}", said.json);
}

#[test]
fn reads_that_extend_no_other_are_incompatible() {
    let history = concurrent(&[
        "[[:append :x 1]]",
        "[[:append :x 2]]",
        "[[:r :x [1 2]]]",
        "[[:r :x [2]]]",
    ]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert!(
        said.anomalies.contains(&"incompatible-order".to_owned()),
        "{:#}",
        said.json
    );
}

#[test]
fn a_register_read_that_its_own_write_contradicts_is_internal() {
    let history = serial(&["[[:w :x 1] [:r :x 2]]", "[[:w :x 2]]"]);
    let said = edn(&history, &["--consistency", "serializable"]);
    assert_eq!(said.model, "rw-register");
    assert!(said.anomalies.contains(&"internal".to_owned()), "{:#}", said.json);
}

#[test]
fn registers_that_read_each_others_writes_are_circular() {
    let history = concurrent(&["[[:w :x 1] [:r :y 1]]", "[[:w :y 1] [:r :x 1]]"]);
    let said = edn(&history, &["--consistency", "read-committed"]);
    assert_eq!(said.anomalies, ["G1c"], "{:#}", said.json);
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
