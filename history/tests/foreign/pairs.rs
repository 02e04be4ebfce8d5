//! Which number an operation has, and which invocation a completion belongs to.

use history::Format::JepsenEdn;
use history::{Event, What};

use crate::{lines, seen};

/// The numbers of operations of these processes, types and indices.
fn ops(said: &[(u32, &str, &str)]) -> Vec<u64> {
    let operation = |(process, kind, index): &(u32, &str, &str)| {
        format!("{{:process {process} :type :{kind} {index} :f :crash}}\n")
    };
    let text: String = said.iter().map(operation).collect();
    seen(JepsenEdn, text).events.iter().map(op).collect()
}

fn op(event: &Event) -> u64 {
    match &event.what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => op.op,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_completion_carries_its_invocations_index() {
    let said = [
        (0, "invoke", ":index 0"),
        (1, "invoke", ":index 1"),
        (1, "ok", ":index 2"),
        (0, "fail", ":index 3"),
        (1, "invoke", ":index 4"),
    ];
    assert_eq!(ops(&said), [0, 1, 1, 0, 4]);
}

#[test]
fn indices_may_have_gaps() {
    let said = [
        (0, "invoke", ":index 100"),
        (0, "ok", ":index 250"),
        (0, "invoke", ":index 900"),
    ];
    assert_eq!(ops(&said), [100, 100, 900]);
}

#[test]
fn without_indices_operations_are_counted() {
    let said = [
        (0, "invoke", ""),
        (0, "ok", ""),
        (1, "invoke", ":index nil"),
        (1, "info", ":index -3"),
    ];
    assert_eq!(ops(&said), [0, 0, 2, 2]);
}

#[test]
fn no_two_operations_have_one_number() {
    let said = [
        (0, "invoke", ":index 5"),
        (1, "invoke", ":index 5"),
        (2, "invoke", ":index 2"),
        (3, "invoke", ""),
        (4, "invoke", ":index 7"),
    ];
    assert_eq!(ops(&said), [5, 6, 7, 8, 9]);
}

#[test]
fn a_completion_without_an_invocation_is_an_operation_of_its_own() {
    let said = [
        (0, "ok", ":index 0"),
        (0, "ok", ":index 1"),
        (1, "info", ":index 2"),
    ];
    assert_eq!(ops(&said), [0, 1, 2]);
}

#[test]
fn a_second_invocation_leaves_the_first_open() {
    let said = [
        (0, "invoke", ":index 0"),
        (0, "invoke", ":index 1"),
        (0, "ok", ":index 2"),
        (0, "ok", ":index 3"),
    ];
    assert_eq!(ops(&said), [0, 1, 1, 3]);
}

/// Asserts what a transaction did whose completion has no value.
fn did(kind: &str, mops: &str) {
    let begun =
        "{:process 0 :type :invoke :f :txn :value [[:append 1 2] [:r 1 [5]] [:poll] [:w 3 4] [:send 5 6]]}";
    let ended = format!("{{:process 0 :type :{kind} :f :txn :value nil}}");
    let expected = format!(r#"{{"time":1,"{kind}":{{"process":0,"op":0,"f":{{"txn":{{"mops":{mops}}}}}}}}}"#);
    assert_eq!(lines(JepsenEdn, &format!("{begun}{ended}"))[1], expected);
}

#[test]
fn a_completion_without_a_value_did_what_was_begun_and_read_nothing_that_is_known() {
    did(
        "ok",
        r#"[{"append":[0,2]},{"write":[1,4]},{"send":{"key":2,"value":6}}]"#,
    );
    let all = r#"[{"append":[0,2]},{"read":[0,null]},{"poll":{"records":[]}},{"write":[1,4]},{"send":{"key":2,"value":6}}]"#;
    did("info", all);
    did("fail", all);
}

#[test]
fn every_kind_of_operation_may_complete_without_a_value() {
    for (f, value, expected) in [
        (":send", "[[:send 1 2]]", r#"{"send":{"key":0,"value":2}}"#),
        (":poll", "[[:poll]]", r#"{"poll":{"records":[]}}"#),
        (
            ":assign",
            "[1 2]",
            r#"{"assign":{"keys":[0,1],"from_beginning":false}}"#,
        ),
        (":subscribe", "[1 2]", r#"{"subscribe":{"keys":[0,1]}}"#),
        (":crash", "nil", r#""crash""#),
    ] {
        let text =
            format!("{{:process 0 :type :invoke :f {f} :value {value}}} {{:process 0 :type :info :f {f}}}");
        let expected = format!(r#"{{"time":1,"info":{{"process":0,"op":0,"f":{expected}}}}}"#);
        assert_eq!(lines(JepsenEdn, &text)[1], expected);
    }
}

#[test]
fn a_completion_with_neither_value_nor_invocation_does_nothing() {
    for (f, expected) in [
        (":send", r#"{"txn":{"mops":[]}}"#),
        (":poll", r#"{"poll":{"records":[]}}"#),
        (":assign", r#"{"assign":{"keys":[],"from_beginning":false}}"#),
        (":subscribe", r#"{"subscribe":{"keys":[]}}"#),
    ] {
        let text = format!("{{:process 0 :type :info :f {f}}}");
        let expected = format!(r#"{{"time":0,"info":{{"process":0,"op":0,"f":{expected}}}}}"#);
        assert_eq!(lines(JepsenEdn, &text), [expected]);
    }
}
