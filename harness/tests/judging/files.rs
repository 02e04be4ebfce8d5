//! What can be wrong with the files that are named, and by which code that ends.

use std::process::Stdio;

use crate::support::Bench;
use crate::{poll, sent, sent_in_order};

fn history() -> String {
    sent_in_order(1) + &poll(1, "1 [[0 10]]")
}

/// A directory with a history, and the code and the words that a command ends with.
#[track_caller]
fn ends(arguments: &[&str], code: i32, words: &str) {
    let bench = Bench::new();
    bench.file("history.edn", history());
    bench.file("binary.edn", [0, 159, 146, 150, 255, 1, 2]);
    bench.file("void.edn", "");
    bench.file("numbers.edn", "[1 2 3]");
    bench.file("cut.edn", history() + "{:process 1 :type :invoke :f :poll :va");
    std::fs::create_dir(bench.path().join("nothing")).expect("a directory can be made");
    let ran = bench.run(arguments);
    assert_eq!(ran.code, Some(code), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains(words), "{}", ran.err);
    let kept = std::fs::read_to_string(bench.path().join("history.edn")).expect("it is there");
    assert_eq!(kept, history());
}

#[test]
fn what_cannot_be_read_is_the_users_to_know() {
    for command in [&["check"][..], &["export", "--format", "edn"]] {
        for (file, words) in [
            ("missing.edn", "missing.edn cannot be read"),
            ("nothing", "nothing holds no history"),
            ("binary.edn", "is no history that can be read"),
            ("void.edn", "is empty"),
            ("numbers.edn", "is no history that can be read"),
            ("/dev/null", "is no regular file"),
        ] {
            ends(&[command, &[file]].concat(), 2, words);
        }
    }
}

#[test]
fn what_breaks_off_is_judged_as_far_as_it_goes() {
    ends(
        &["check", "cut.edn"],
        3,
        "breaks off in the middle of a line: whoever",
    );
}

#[test]
fn what_cannot_be_written_is_the_machines_fault_and_the_verdict_is_told_all_the_same() {
    for page in ["no/where/page.html", "nothing"] {
        ends(&["check", "history.edn", "--report", page], 4, "failed to write");
        ends(&["check", "history.edn", "--report", page], 4, "VALID");
    }
    ends(
        &["export", "history.edn", "--format", "edn", "--out", "no/where"],
        4,
        "failed to create",
    );
    ends(
        &["export", "history.edn", "--format", "edn", "--out", "/dev/full"],
        4,
        "failed to write",
    );
}

#[test]
fn nothing_is_written_over_the_history_itself() {
    ends(
        &["check", "history.edn", "--report", "history.edn"],
        2,
        "is the history itself",
    );
    ends(
        &["check", "history.edn", "--report", "./history.edn"],
        2,
        "is the history itself",
    );
    ends(
        &["export", "history.edn", "--format", "edn", "--out", "history.edn"],
        2,
        "is the history itself",
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new();
    let history: String = (0..20_000).map(|offset| sent(1, offset, offset)).collect();
    bench.file("history.edn", history);
    for (arguments, code) in [
        (&["check", "history.edn", "--json"][..], 1),
        (&["export", "history.edn", "--format", "edn"], 0),
    ] {
        let mut command = bench.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary can be started");
        drop(child.stdout.take());
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}
