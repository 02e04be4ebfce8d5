//! What cannot be read: what is said, and of which line.

use history::Format::{self, ElleJson, JepsenEdn};

use crate::{complaint, seen};

/// Asserts what is said of a text.
fn says(format: Format, text: &str, expected: &str) {
    assert_eq!(complaint(format, text), expected, "{text}");
}

const GOOD: &str = "{:process 0 :type :invoke :f :crash}\n";
const GOOD_JSON: &str = "{\"process\":0,\"type\":\"invoke\",\"f\":\"crash\"}\n";

/// Asserts what is said of the second line of EDN.
fn second(line: &str, expected: &str) {
    says(
        JepsenEdn,
        &format!("{GOOD}{line}\n{GOOD}"),
        &format!("line 2: {expected}"),
    );
}

/// Asserts what is said of the second line of JSON.
fn second_json(line: &str, expected: &str) {
    says(
        ElleJson,
        &format!("{GOOD_JSON}{line}\n{GOOD_JSON}"),
        &format!("line 2: {expected}"),
    );
}

#[test]
fn nothing_is_no_history() {
    says(JepsenEdn, "", "is empty: not even a header was written");
    says(ElleJson, "", "is empty: not even a header was written");
}

#[test]
fn only_maps_are_operations() {
    second(
        "5",
        "expected an operation, `{:process 0, :type :invoke, …}`, found `5` (column 1)",
    );
    second(
        "#{1}",
        "expected an operation, which is a map, found a set (column 1)",
    );
    second(
        "  ]",
        "expected an operation, `{:process 0, :type :invoke, …}`, found `]` (column 3)",
    );
    second_json(
        "5",
        "expected an operation, `{\"process\": 0, \"type\": \"invoke\", …}`, found `5` (column 1)",
    );
    says(
        JepsenEdn,
        "[{:process :a}\n [",
        "line 2: expected an operation, `{:process 0, :type :invoke, …}`, found `[` (column 2)",
    );
}

#[test]
fn brackets_have_to_match() {
    second("{:process 0 :value [1}}", "expected `]`, found `}` (column 22)");
    second("{:process 0 :value (1]}", "expected `)`, found `]` (column 22)");
    second("{:process 0 :value #{1]}", "expected `}`, found `]` (column 23)");
    second("{:process}", "the map's last key has no value (column 10)");
    second(
        "{:process 0 #_}",
        "expected a form to leave out, found `}` (column 15)",
    );
}

#[test]
fn a_line_that_does_not_end_is_seen_where_the_next_one_begins() {
    says(
        JepsenEdn,
        &format!("{GOOD}{{:process 0 :type :ok\n{GOOD}"),
        "line 3: expected a key of the operation, found a map (column 1)",
    );
    says(
        ElleJson,
        &format!("{GOOD_JSON}{{\"process\":0,\n{GOOD_JSON}"),
        "line 3: expected a key in quotes, found `{` (column 1)",
    );
}

#[test]
fn what_begins_with_a_strange_sign_is_nothing() {
    second("{:process @x}", "`@` begins nothing that can be read (column 11)");
    second(
        "{:process #<x>}",
        "`#<` begins nothing that can be read (column 11)",
    );
    second("{: 1}", "a keyword without a name (column 2)");
}

#[test]
fn an_operation_needs_a_process_and_a_type() {
    second(
        "{:type :ok :f :crash}",
        "an operation without a process (column 1)",
    );
    second("{:process 0 :f :crash}", "an operation without a type (column 1)");
    second(
        "{:process 0 :type :okay}",
        "expected the type :invoke, :ok, :fail or :info, found another (column 19)",
    );
    second(
        "{:process 0 :type 5}",
        "expected the type :invoke, :ok, :fail or :info, found a number (column 19)",
    );
}

/// Asserts what is said of an operation's value.
fn value(f: &str, value: &str, expected: &str) {
    field(&format!(":f {f} :value"), value, expected);
}

/// Asserts what is said of what an operation's last key has.
fn field(before: &str, value: &str, expected: &str) {
    let text = format!("{{:process 0 :type :ok {before}\n{value}}}");
    says(JepsenEdn, &text, &format!("line 2: {expected}"));
}

#[test]
fn a_transaction_that_is_not_understood_is_never_left_out() {
    value(
        ":txn",
        "5",
        "expected a vector of steps, such as [[:append 1 2]], found a number (column 1)",
    );
    value(
        ":txn",
        "[:append 1 2]",
        "expected a step, such as [:append 1 2], found a keyword (column 2)",
    );
    value(
        ":txn",
        "[[:inc 1 2]]",
        "expected :send, :poll, :append, :r or :w at the start of a step, found `:inc` (column 3)",
    );
    value(
        ":txn",
        "[[]]",
        "expected :send, :poll, :append, :r or :w at the start of a step, found nothing (column 2)",
    );
    value(
        ":txn",
        "[[5]]",
        "expected :send, :poll, :append, :r or :w at the start of a step, found a number (column 3)",
    );
    value(":txn", "[[:append]]", "a step without a key (column 2)");
    value(":txn", "[[:append 1]]", "a step without a value (column 2)");
    value(":txn", "[[:w 1]]", "a step without a value (column 2)");
    value(":txn", "[[:r]]", "a step without a key (column 2)");
}

#[test]
fn sends_and_polls_have_their_forms() {
    value(":send", "[[:send 1]]", "a step without a value (column 2)");
    value(
        ":send",
        "[[:send 1 [2]]]",
        "expected an offset and a value, such as [0 5] (column 11)",
    );
    value(
        ":send",
        "[[:send 1 [:a 2]]]",
        "expected an offset or nil, found a keyword (column 12)",
    );
    value(
        ":poll",
        "[[:poll 5]]",
        "expected what was polled, such as {1 [[0 5]]}, found a number (column 9)",
    );
    value(
        ":poll",
        "[[:poll {1 5}]]",
        "expected records, such as [[0 5] [1 6]], found a number (column 12)",
    );
    value(
        ":poll",
        "[[:poll {1 [5]}]]",
        "expected an offset and a value, such as [0 5] (column 13)",
    );
    value(
        ":poll",
        "[[:poll {1 [[0 5 6]]}]]",
        "expected an offset and a value, such as [0 5] (column 13)",
    );
    value(
        ":assign",
        "5",
        "expected keys, such as [1 2], found a number (column 1)",
    );
    field(
        ":f :crash :rebalance-log",
        "5",
        "expected a rebalance log, such as [{:keys [1 2]}], found a number (column 1)",
    );
}

#[test]
fn json_is_json() {
    second_json(
        "{process:0}",
        "expected a key in quotes or `}`, found `p` (column 2)",
    );
    second_json(
        "{\"process\" 0}",
        "expected `:` after a key, found `0` (column 12)",
    );
    second_json(
        "{\"process\":0 \"type\":1}",
        "expected `,` or the end of the bracket, found `\"` (column 14)",
    );
    second_json("{\"process\":nul}", "expected a value, found `n` (column 12)");
    second_json("{\"process\":01}", "expected a value, found `0` (column 12)");
    second_json("{\"a\":[1,]}", "expected a value, found `]` (column 9)");
    second_json("{\"a\":[1}]", "expected `]`, found `}` (column 8)");
    second_json("{\"a\":1,}", "expected a key in quotes, found `}` (column 8)");
    second_json("{\"a\":\"b\nc\"}", "a control character in a string (column 8)");
    says(
        ElleJson,
        &format!("[{GOOD_JSON}{GOOD_JSON}]"),
        "line 2: expected `,` or `]` after an operation, found `{` (column 1)",
    );
}

#[test]
fn nesting_has_an_end() {
    let deep = format!("{{:a {}", "[".repeat(300));
    second(&deep, "nested more than 256 deep (column 260)");
    let deep = format!("{{\"a\":{}", "[".repeat(300));
    second_json(&deep, "nested more than 256 deep (column 261)");
    assert_eq!(
        seen(
            JepsenEdn,
            format!("{{:process :a {}{}", "#_".repeat(3), " 1 2 3}")
        )
        .events,
        []
    );
}

#[test]
fn tokens_have_an_end() {
    let long = "x".repeat(2 << 20);
    for text in [
        format!("{{:a {long}}}"),
        format!("{{:a \"{long}\"}}"),
        format!("{{:a \"{long}"),
    ] {
        says(
            JepsenEdn,
            &text,
            "line 1: a token of more than 1048576 bytes (column 5)",
        );
    }
    let long = format!(
        "{{:process 0 :type :ok :value [[:w \"{}\" 1]]}}",
        "x".repeat(70_000)
    );
    says(
        JepsenEdn,
        &long,
        "line 1: more than 65536 bytes, which is too long for a name (column 35)",
    );
}

#[test]
fn operations_have_an_end() {
    let long = format!("{{:a [{}", format!("{} ", "x".repeat(1000)).repeat(18 << 10));
    says(
        JepsenEdn,
        &long,
        "line 1: more than 16777216 bytes without the end of an operation (column 1)",
    );
}

#[test]
fn what_is_never_completed_has_an_end() {
    let keys = "1 ".repeat(500_000);
    let operation = |process| format!("{{:process {process} :type :invoke :f :subscribe :value [{keys}]}}\n");
    let begun: String = (0..8).map(operation).collect();
    let text = begun + "{:process 0 :type :ok :f :crash}\n" + &operation(8) + &operation(9);
    says(
        JepsenEdn,
        &text,
        "line 11: more than 4194304 steps of operations that are not completed (column 1)",
    );
}

#[test]
fn what_is_no_utf_8_is_refused_where_it_matters() {
    let text = b"{:process 0 :type :ok :value [[:w \"\xff\" 1]]}";
    assert_eq!(complaint(JepsenEdn, text), "line 1: not UTF-8 (column 35)");
    let text = b"{:process 0 :type :ok :a \"\xff\" :value [[:w 1 1]]}";
    assert_eq!(seen(JepsenEdn, text).events.len(), 1);
}

#[test]
fn escapes_are_known_or_refused_where_they_matter() {
    let text = r#"{:process 0 :type :ok :value [[:w "\q" 1]]}"#;
    says(JepsenEdn, text, "line 1: an escape that is not known (column 35)");
}

#[test]
fn the_line_is_right_far_into_a_file() {
    let text = format!("{}5", GOOD.repeat(50_000));
    says(
        JepsenEdn,
        &text,
        "line 50001: expected an operation, `{:process 0, :type :invoke, …}`, found `5` (column 1)",
    );
    let one_line = GOOD.trim_end();
    let text = format!("\n[{}5", one_line.repeat(50_000));
    let column = one_line.len() * 50_000 + 2;
    says(
        JepsenEdn,
        &text,
        &format!(
            "line 2: expected an operation, `{{:process 0, :type :invoke, …}}`, found `5` (column {column})"
        ),
    );
}
