//! How EDN and JSON may be written.

use history::Format::{ElleJson, JepsenEdn};

use crate::{is, lines, seen};

const EXPECTED: &str = r#"{"time":0,"ok":{"process":0,"op":0,"f":{"txn":{"mops":[{"write":[0,2]}]}}}}"#;

/// Asserts that a text says that process 0 wrote 2.
fn says(edn: &str) {
    is(JepsenEdn, edn, EXPECTED);
}

#[test]
fn commas_are_blanks() {
    says(",,{:process,0,:type,:ok,:value[[:w,1,2,]],},,");
}

#[test]
fn brackets_and_quotes_need_no_blanks() {
    says(r#"{:process 0"a""b":type :ok :value[[:w 1 2]]:c{}:d()}"#);
}

#[test]
fn comments_go_to_the_end_of_their_line() {
    says("; {:process 0\n{:process 0 ;; } \"\n :type :ok ;\n :value [[:w 1 2]]};no end");
}

#[test]
fn forms_may_be_left_out() {
    says(
        "#_{:process 1} {:process 0 :type :ok #_ #_ :value [[:w 1 3]] :value [[:w #_9 1 #_[1 [2]] 2]] #_ :end}#_x ",
    );
}

#[test]
fn tags_are_passed_over() {
    says("#a/b #c {:process #long 0 :type #t :ok :at #inst \"2026-01-01\" :value #vec [#mop [:w 1 2]]}");
    says("#:jepsen{:process 0 :type :ok :value [[:w 1 2]]}");
}

#[test]
fn metadata_is_passed_over() {
    says("^{:a 1} {:process 0 :type :ok :value ^:v [[:w 1 2]]}");
}

#[test]
fn every_kind_of_form_may_stand_where_nothing_is_looked_at() {
    says(
        r#"{:a nil :b true :c false :d 1.0E9 :e -1/2 :f2 10M :g 0x5e :h "\\ \" } \u00e9" :i \} :j \newline :k \u0041
            :l foo/bar :m + :n -x :o ##Inf :p #"[a-z]\"" :q #{1 2} :r (1 (2 [3 {4 5}])) :s \ :t #object[a.b$c 0x1f "d"]
            :u :a/b :v ... :w a#b' :x \\ :process 0 :type :ok :value [[:w 1 2]]}"#,
    );
}

#[test]
fn a_mark_of_byte_order_is_passed_over() {
    says("\u{feff}{:process 0 :type :ok :value [[:w 1 2]]}");
    is(
        ElleJson,
        "\u{feff}{\"process\":0,\"type\":\"ok\",\"value\":[[\"w\",1,2]]}",
        EXPECTED,
    );
}

#[test]
fn json_may_have_blanks_anywhere() {
    is(
        ElleJson,
        " \n [ \t{ \"process\" : 0 , \"type\" : \"ok\" ,\r\n \"value\" : [ [ \"w\" , 1 , 2 ] ] } \n ] \n ",
        EXPECTED,
    );
}

#[test]
fn every_kind_of_json_may_stand_where_nothing_is_looked_at() {
    is(
        ElleJson,
        r#"{"a":null,"b":true,"c":false,"d":-1.5e-3,"e":[],"f2":{},"g":[[],{"h":[1,"\\\"",{}]}],"i":"\ud83d",
            "process":0,"type":"ok","value":[["w",1,2]],"j":0}"#,
        EXPECTED,
    );
}

/// One operation each of processes 0, 1 and 2.
const EDN: [&str; 3] = [
    "{:process 0 :type :invoke :f :crash}",
    "{:process 1 :type :invoke :f :crash}",
    "{:process 2 :type :invoke :f :crash}",
];
const JSON: [&str; 3] = [
    r#"{"process":0,"type":"invoke","f":"crash"}"#,
    r#"{"process":1,"type":"invoke","f":"crash"}"#,
    r#"{"process":2,"type":"invoke","f":"crash"}"#,
];

#[test]
fn operations_stand_one_a_line_or_in_one_bracket() {
    let expected: Vec<String> = (0..3)
        .map(|n| format!(r#"{{"time":{n},"invoke":{{"process":{n},"op":{n},"f":"crash"}}}}"#))
        .collect();
    let bracket = |open, separator, close| format!("{open}{}{close}", EDN.join(separator));
    for text in [
        EDN.join("\n"),
        EDN.join(" "),
        EDN.join(""),
        bracket("[", "\n", "]\n"),
        bracket("(", " ", ")"),
        bracket("#h [", ", ", "]"),
        bracket("[", "] #_[1] [", "]"),
    ] {
        assert_eq!(lines(JepsenEdn, &text), expected, "{text}");
    }
    for text in [
        JSON.join("\n"),
        JSON.join(""),
        format!("[{}]", JSON.join(",")),
        format!("[{}]\n", JSON.join(",\n")),
    ] {
        assert_eq!(lines(ElleJson, &text), expected, "{text}");
    }
}

#[test]
fn there_may_be_no_operations() {
    for (format, text) in [
        (JepsenEdn, "[]"),
        (JepsenEdn, "()"),
        (JepsenEdn, "; nothing\n"),
        (JepsenEdn, " "),
        (JepsenEdn, "#_{:a 1}"),
        (ElleJson, "[]"),
        (ElleJson, "\n"),
    ] {
        let seen = seen(format, text);
        assert_eq!((seen.events.len(), seen.scanned.truncated), (0, false), "{text}");
    }
}
