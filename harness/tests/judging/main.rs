//! `tribunal check` and `export` on histories from elsewhere: small ones, whose verdict anybody can work out.

mod circles;
mod files;
mod formats;
mod kafka;
mod lists;
mod models;
mod order;
mod places;
mod registers;
#[path = "../support/mod.rs"]
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

/// What was said in one line: the anomalies, those that are allowed in parentheses, and `?` where nobody knows.
#[track_caller]
fn rule(history: &str, arguments: &[&str], expected: &str) {
    let said = edn(history, arguments);
    let mut line: Vec<String> = said.anomalies.clone();
    line.extend(said.allowed.iter().map(|name| format!("({name})")));
    match said.valid.as_str() {
        "unknown" => line.insert(0, "?".to_owned()),
        "valid" => assert!(said.anomalies.is_empty(), "{:#}", said.json),
        _ => assert!(!said.anomalies.is_empty(), "{:#}", said.json),
    }
    assert_eq!(
        line.join(" "),
        expected,
        "{history}\n{}\n{:#}",
        said.err,
        said.json
    );
}

/// A send that is acknowledged, by a client of its own for each key.
fn sent(key: u32, offset: u32, value: u32) -> String {
    send(100 + key, "ok", key, &offset.to_string(), value)
}

/// Values 10, 11 and so on at the offsets from 0 on of key 1.
fn sent_in_order(count: u32) -> String {
    (0..count).map(|offset| sent(1, offset, 10 + offset)).collect()
}

/// A poll that ends as one likes.
fn poll_as(kind: &str, process: u32, records: &str) -> String {
    op(
        process,
        "poll",
        "[[:poll]]",
        kind,
        &format!("[[:poll {{{records}}}]]"),
    )
}

/// What a transaction is written as: its process, where it is not its place, its outcome, where it is not `ok`, and
/// its steps.
fn parts(place: usize, text: &str) -> (u32, &str, &str) {
    let (words, _) = text.split_once("[[").expect("steps");
    let mut parts = (place as u32, "ok", &text[words.len()..]);
    for word in words.split_whitespace() {
        match word.parse() {
            Ok(process) => parts.0 = process,
            Err(_) => parts.1 = word,
        }
    }
    parts
}

/// Transactions one after the other, by processes of their own.
fn serial(transactions: &[&str]) -> String {
    let one = |(place, text): (usize, &&str)| {
        let (process, kind, value) = parts(place, text);
        txn(process, kind, value)
    };
    transactions.iter().enumerate().map(one).collect()
}

/// Transactions all open at once.
fn concurrent(transactions: &[&str]) -> String {
    let all: Vec<_> = (0..)
        .zip(transactions)
        .map(|(place, text)| parts(place, text))
        .collect();
    let line = |(process, _, value): &(u32, &str, &str), kind: &str| {
        format!("{{:process {process} :type :{kind} :f :txn :value {value}}}\n")
    };
    let begun = all.iter().map(|txn| line(txn, "invoke"));
    begun.chain(all.iter().map(|txn| line(txn, txn.1))).collect()
}
