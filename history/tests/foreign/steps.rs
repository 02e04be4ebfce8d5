//! What an operation does: every form of Jepsen's Kafka workload and of Elle's, in EDN and in JSON.

use crate::both;

/// Asserts what an operation of process 0 does, as our own line says it.
fn does(kind: &str, edn: &str, json: &str, f: &str) {
    both(
        &format!("{{:process 0 :type :{kind} {edn}}}"),
        &format!(r#"{{"process":0,"type":"{kind}",{json}}}"#),
        &format!(r#"{{"time":0,"{kind}":{{"process":0,"op":0,"f":{f}}}}}"#),
    );
}

#[test]
fn a_send_begins() {
    does(
        "invoke",
        ":f :send :value [[:send 17 5]]",
        r#""f":"send","value":[["send",17,5]]"#,
        r#"{"send":{"key":0,"value":5}}"#,
    );
}

#[test]
fn a_send_is_acknowledged_with_its_offset() {
    does(
        "ok",
        ":f :send :value [[:send 17 [3 5]]]",
        r#""f":"send","value":[["send",17,[3,5]]]"#,
        r#"{"send":{"key":0,"value":5,"offset":3}}"#,
    );
}

#[test]
fn a_send_is_acknowledged_without_an_offset() {
    does(
        "ok",
        ":f :send :value [[:send 17 [nil 5]]]",
        r#""f":"send","value":[["send",17,[null,5]]]"#,
        r#"{"send":{"key":0,"value":5}}"#,
    );
}

#[test]
fn a_send_is_not_acknowledged() {
    does(
        "info",
        ":f :send :value [[:send 17 5]]",
        r#""f":"send","value":[["send",17,5]]"#,
        r#"{"send":{"key":0,"value":5}}"#,
    );
}

#[test]
fn several_sends_are_a_transaction() {
    does(
        "ok",
        ":f :send :value [[:send 1 [0 5]] [:send 2 [9 6]]]",
        r#""f":"send","value":[["send",1,[0,5]],["send",2,[9,6]]]"#,
        r#"{"txn":{"mops":[{"send":{"key":0,"value":5,"offset":0}},{"send":{"key":1,"value":6,"offset":9}}]}}"#,
    );
}

#[test]
fn a_poll_begins() {
    does(
        "invoke",
        ":f :poll :value [[:poll]]",
        r#""f":"poll","value":[["poll"]]"#,
        r#"{"poll":{"records":[]}}"#,
    );
}

#[test]
fn a_poll_returns_records_by_key_in_their_order() {
    does(
        "ok",
        ":f :poll :value [[:poll {17 [[0 5] [2 6]], 4 [[9 7]]}]]",
        r#""f":"poll","value":[["poll",{"17":[[0,5],[2,6]],"4":[[9,7]]}]]"#,
        r#"{"poll":{"records":[[0,0,5],[0,2,6],[1,9,7]]}}"#,
    );
}

#[test]
fn a_poll_returns_nothing() {
    for (edn, json) in [
        ("{}", "{}"),
        ("{3 []}", r#"{"3":[]}"#),
        ("nil", "null"),
        ("[]", "[]"),
    ] {
        does(
            "ok",
            &format!(":f :poll :value [[:poll {edn}]]"),
            &format!(r#""f":"poll","value":[["poll",{json}]]"#),
            r#"{"poll":{"records":[]}}"#,
        );
    }
}

#[test]
fn a_record_without_an_offset_has_the_offset_of_none() {
    does(
        "ok",
        ":f :poll :value [[:poll {1 [[nil 5]]}]]",
        r#""f":"poll","value":[["poll",{"1":[[null,5]]}]]"#,
        r#"{"poll":{"records":[[0,-1,5]]}}"#,
    );
}

#[test]
fn a_transaction_sends_and_polls() {
    does(
        "ok",
        ":f :txn :value [[:poll {1 [[0 5]]}] [:send 1 [1 6]]]",
        r#""f":"txn","value":[["poll",{"1":[[0,5]]}],["send",1,[1,6]]]"#,
        r#"{"txn":{"mops":[{"poll":{"records":[[0,0,5]]}},{"send":{"key":0,"value":6,"offset":1}}]}}"#,
    );
}

#[test]
fn one_step_is_a_transaction_where_it_says_so() {
    does(
        "ok",
        ":f :txn :value [[:send 1 [1 6]]]",
        r#""f":"txn","value":[["send",1,[1,6]]]"#,
        r#"{"txn":{"mops":[{"send":{"key":0,"value":6,"offset":1}}]}}"#,
    );
}

#[test]
fn a_transaction_appends_and_reads_lists() {
    does(
        "ok",
        ":f :txn :value [[:append 9 1] [:r 9 [1 2]] [:r 8 nil] [:r 8 []] [:r 8]]",
        r#""f":"txn","value":[["append",9,1],["r",9,[1,2]],["r",8,null],["r",8,[]],["r",8]]"#,
        r#"{"txn":{"mops":[{"append":[0,1]},{"read":[0,[1,2]]},{"read":[1,null]},{"read":[1,[]]},{"read":[1,null]}]}}"#,
    );
}

#[test]
fn a_transaction_writes_and_reads_registers() {
    does(
        "ok",
        ":f :txn :value [[:w :x 1] [:r :x 1] [:r :y nil]]",
        r#""f":"txn","value":[["w","x",1],["r","x",1],["r","y",null]]"#,
        r#"{"txn":{"mops":[{"write":[0,1]},{"read":[0,1]},{"read":[1,null]}]}}"#,
    );
}

#[test]
fn a_transaction_needs_no_name() {
    let f = r#"{"txn":{"mops":[{"append":[0,1]}]}}"#;
    does("ok", ":value [[:append 9 1]]", r#""value":[["append",9,1]]"#, f);
    does(
        "ok",
        ":f nil :value ([:append 9 1])",
        r#""f":null,"value":[["append",9,1]]"#,
        f,
    );
    does(
        "ok",
        ":f :write :value ((:append 9 1))",
        r#""f":"write","value":[["append",9,1]]"#,
        f,
    );
}

#[test]
fn nothing_may_happen_in_a_transaction() {
    let f = r#"{"txn":{"mops":[]}}"#;
    does("ok", ":f :txn :value []", r#""f":"txn","value":[]"#, f);
    does("ok", ":value []", r#""value":[]"#, f);
    does("invoke", ":f :txn :value nil", r#""f":"txn","value":null"#, f);
}

#[test]
fn keywords_may_stand_in_json_with_their_colon() {
    does(
        "ok",
        ":f :txn :value [[:append 9 1]]",
        r#"":f":":txn",":value":[[":append",9,1]]"#,
        r#"{"txn":{"mops":[{"append":[0,1]}]}}"#,
    );
}

#[test]
fn an_assignment_names_keys() {
    does(
        "ok",
        ":f :assign :value [17 4]",
        r#""f":"assign","value":[17,4]"#,
        r#"{"assign":{"keys":[0,1],"from_beginning":false}}"#,
    );
}

#[test]
fn an_assignment_may_begin_at_the_beginning() {
    does(
        "ok",
        ":f :assign :value #{17} :seek-to-beginning? true",
        r#""f":"assign","value":["17"],"seek-to-beginning?":true"#,
        r#"{"assign":{"keys":[0],"from_beginning":true}}"#,
    );
}

#[test]
fn a_subscription_names_keys() {
    does(
        "invoke",
        ":f :subscribe :value (17 4)",
        r#""f":"subscribe","value":[17,4]"#,
        r#"{"subscribe":{"keys":[0,1]}}"#,
    );
}

#[test]
fn a_client_crashes() {
    does(
        "info",
        ":f :crash :value nil",
        r#""f":"crash","value":null"#,
        r#""crash""#,
    );
    does("invoke", ":f :crash", r#""f":"crash""#, r#""crash""#);
}
