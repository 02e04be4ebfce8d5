//! Which format a file is of.

use history::Format::{self, ElleJson, JepsenEdn, Tribunal};
use history::foreign::sniff;

/// Asserts what each of some beginnings is taken for.
fn all(format: impl Into<Option<Format>>, beginnings: &[&str]) {
    let format = format.into();
    for text in beginnings {
        assert_eq!(sniff(text.as_bytes()), format, "{text}");
    }
}

#[test]
fn ours() {
    all(
        Tribunal,
        &[
            r#"{"time":0,"header":{"format":"tribunal-history""#,
            r#"{"time":12345,"invoke":{"process":0"#,
            r#"{"time":12345,"final-reads":{"#,
        ],
    );
}

#[test]
fn edn() {
    all(
        JepsenEdn,
        &[
            "{:index 0",
            "{:index 0, :time 5",
            "#jepsen.history.Op{:index 0",
            "[{:type :ok",
            "[ \n #jepsen.history.Op{:index",
            "({:type :ok",
            "; a comment\n{:type",
            "[; a comment\n{\"type\"",
            "#_{:a 1}",
            "{ , :type",
            ",",
            "^{:a 1} [",
            "\u{feff}{:index 0",
        ],
    );
}

#[test]
fn json() {
    all(
        ElleJson,
        &[
            r#"{"index":0"#,
            r#"[{"index":0"#,
            "[\n  {\n \"type\": \"invoke\"",
            r#"{"time":5,"process":0"#,
            r#"{"time":5}"#,
            "[]",
            "{}",
            "\u{feff}[{\"type\"",
        ],
    );
}

#[test]
fn none() {
    all(
        None,
        &[
            "", " \n", "hello", "[", "[1 2]", "5", "<html>", "\u{0}", "\"a\"", "[[",
        ],
    );
}
