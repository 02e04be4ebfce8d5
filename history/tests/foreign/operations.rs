//! The fields of an operation beside what it does.

use history::Format::{self, ElleJson, JepsenEdn};

use crate::{both, is, lines, seen};

#[test]
fn the_time_is_taken() {
    both(
        "{:process 3, :type :ok, :f :crash, :time 123456789012, :index 7}",
        r#"{"process":3,"type":"ok","f":"crash","time":123456789012,"index":7}"#,
        r#"{"time":123456789012,"ok":{"process":3,"op":7,"f":"crash"}}"#,
    );
}

#[test]
fn a_time_may_be_a_float() {
    both(
        "{:process 0, :type :ok, :f :crash, :time 1.0E9}",
        r#"{"process":0,"type":"ok","f":"crash","time":1.0E9}"#,
        r#"{"time":1000000000,"ok":{"process":0,"op":0,"f":"crash"}}"#,
    );
}

/// The times of operations that say these.
fn times(said: &[&str]) -> Vec<u64> {
    let operation = |time: &&str| format!("{{:process 0 :type :invoke :f :crash {time}}}\n");
    let text: String = said.iter().map(operation).collect();
    seen(JepsenEdn, text)
        .events
        .iter()
        .map(|event| event.time)
        .collect()
}

#[test]
fn without_times_operations_are_counted() {
    assert_eq!(
        times(&["", ":time nil", ":time -1", ":time \"then\""]),
        [0, 1, 2, 3]
    );
}

#[test]
fn time_never_goes_back() {
    assert_eq!(times(&[":time 9", ":time 4", "", ":time 10"]), [9, 9, 9, 10]);
}

#[test]
fn a_tag_is_passed_over() {
    is(
        JepsenEdn,
        "#jepsen.history.Op{:index 2, :time 5, :type :fail, :process 1, :f :crash, :value nil}",
        r#"{"time":5,"fail":{"process":1,"op":2,"f":"crash"}}"#,
    );
}

#[test]
fn fields_may_come_in_any_order_and_others_mean_nothing() {
    both(
        "{:value [[:w 1 2]] :node \"n1\" :exception {:via [{:a 1}]} :f :txn :type :ok :process 0}",
        r#"{"value":[["w",1,2]],"node":"n1","exception":{"via":[{"a":1}]},"f":"txn","type":"ok","process":0}"#,
        r#"{"time":0,"ok":{"process":0,"op":0,"f":{"txn":{"mops":[{"write":[0,2]}]}}}}"#,
    );
}

/// Asserts what an operation's error is.
fn error(format: Format, said: &str, expected: &str) {
    let text = match format {
        JepsenEdn => format!("{{:process 0 :type :info :f :crash :error {said}}}"),
        _ => format!(r#"{{"process":0,"type":"info","f":"crash","error":{said}}}"#),
    };
    let said = &lines(format, &text)[0];
    let expected = format!(r#"{{"time":0,"info":{{"process":0,"op":0,"f":"crash"{expected}}}}}"#);
    assert_eq!(*said, expected);
}

#[test]
fn an_error_is_text() {
    error(JepsenEdn, "nil", "");
    error(JepsenEdn, r#""timed out""#, r#","error":"timed out""#);
    error(JepsenEdn, ":timeout", r#","error":":timeout""#);
    error(
        JepsenEdn,
        "[:kafka, \"no\\nleader\"]",
        r#","error":"[:kafka \"no\\nleader\"]""#,
    );
    error(JepsenEdn, "{:b 1, :a #{2 1}}", r#","error":"{:a #{1 2} :b 1}""#);
    error(ElleJson, "null", "");
    error(ElleJson, r#""a\u00e9\/\ud83d\ude00""#, r#","error":"aé/😀""#);
    error(ElleJson, r#"["kafka",3]"#, r#","error":"[\"kafka\" 3]""#);
}

#[test]
fn an_error_that_cannot_be_read_is_no_error() {
    error(JepsenEdn, r#""a\qb""#, r#","error":"…""#);
    let long = format!("[{}]", "x ".repeat(100_000));
    let text = format!("{{:process 0 :type :info :f :crash :error {long}}}");
    assert!(lines(JepsenEdn, &text)[0].len() < 70_000);
}

#[test]
fn a_rebalance_log_names_what_may_be_skipped() {
    both(
        "{:process 0 :type :ok :f :poll :value [[:poll {}]] :rebalance-log [{:op :assigned :keys [5 6]} {:keys (5)} {:keys nil}]}",
        r#"{"process":0,"type":"ok","f":"poll","value":[["poll",{}]],"rebalance-log":[{"op":"assigned","keys":[5,6]},{"keys":["5"]},{}]}"#,
        r#"{"time":0,"ok":{"process":0,"op":0,"f":{"poll":{"records":[]}},"rebalanced":[0,1,0]}}"#,
    );
}

/// The processes and the count of what was skipped.
fn processes(format: Format, said: &[&str]) -> (Vec<u32>, u64) {
    let operation = |process: &&str| match format {
        JepsenEdn => format!("{{:process {process} :type :invoke :f :crash}}\n"),
        _ => format!("{{\"process\":{process},\"type\":\"invoke\",\"f\":\"crash\"}}\n"),
    };
    let text: String = said.iter().map(operation).collect();
    let seen = seen(format, text);
    let process = |event: &history::Event| match &event.what {
        history::What::Invoke(op) => op.process,
        other => panic!("{other:?}"),
    };
    (seen.events.iter().map(process).collect(), seen.scanned.skipped)
}

#[test]
fn only_clients_are_looked_at() {
    let said = ["0", ":nemesis", "7", "nil", "\"9\"", "1.5"];
    assert_eq!(processes(JepsenEdn, &said), (vec![0, 7], 0));
    assert_eq!(
        processes(ElleJson, &["0", "\"nemesis\"", "\"7\"", "null"]),
        (vec![0, 7], 0)
    );
}

#[test]
fn a_process_beyond_our_numbers_gets_one() {
    let said = ["-1", "5000000000", "2147483647", "2147483648", "-1"];
    let expected = vec![1 << 31, (1 << 31) + 1, (1 << 31) - 1, (1 << 31) + 2, 1 << 31];
    assert_eq!(processes(JepsenEdn, &said), (expected, 0));
}

#[test]
fn what_no_check_knows_is_counted_and_the_rest_goes_on() {
    let text = "{:process 0 :type :invoke :f :read :value nil}
                {:process 0 :type :ok :f :read :value 5}
                {:process 1 :type :invoke :f :cas :value [1 2]}
                {:process 1 :type :invoke :f :foo :value []}
                {:process 1 :type :invoke :f \"bar\" :value [[:inc 1 2]]}
                {:process :nemesis :type :info :f :start :value :majority}
                {:process 1 :type :invoke :f :debug-topic-partitions :value [1 2]}
                {:process 2 :type :invoke :f :crash}";
    let seen = seen(JepsenEdn, text);
    assert_eq!(
        (seen.events.len(), seen.scanned.skipped, seen.scanned.events),
        (1, 5, 1)
    );
}
