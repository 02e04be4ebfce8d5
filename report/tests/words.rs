//! The terminal's lines and the build server's document, word for word.

mod support;

use report::{JunitInput, junit, text};
use support::{acks1, clean, hostile, verdicts};

#[test]
fn a_violation_in_the_terminal() {
    let history = acks1();
    insta::assert_snapshot!(text(&verdicts::acks1(&history)), @"");
}

#[test]
fn a_clean_run_in_the_terminal() {
    let history = clean();
    insta::assert_snapshot!(text(&verdicts::clean(&history)), @"");
}

#[test]
fn an_unknown_run_in_the_terminal() {
    let history = clean();
    insta::assert_snapshot!(text(&verdicts::unknown(&history)), @"");
}

#[test]
fn hostile_text_cannot_move_the_cursor() {
    let history = hostile::history();
    let text = text(&hostile::verdict(&history));
    let controls = text
        .chars()
        .filter(|character| character.is_control() && *character != '\n');
    assert_eq!(controls.count(), 0);
}

#[test]
fn junit_of_a_violation() {
    let history = acks1();
    insta::assert_snapshot!(document(&history, &verdicts::acks1(&history)));
}

#[test]
fn junit_of_an_unknown_run() {
    let history = clean();
    insta::assert_snapshot!(document(&history, &verdicts::unknown(&history)));
}

#[test]
fn junit_of_hostile_text_is_well_formed() {
    let history = hostile::history();
    let document = document(&history, &hostile::verdict(&history));
    assert!(!document.contains("<script>") && !document.contains("<img"));
    assert_eq!(document.matches("<testcase ").count(), 5);
    assert!(!document.contains('\u{1b}') && !document.contains('\u{0}'));
}

fn document(history: &history::History, verdict: &checkers::Verdict) -> String {
    junit(&JunitInput {
        header: &history.header,
        verdict,
        replay: "tribunal run results/latest/resolved.toml",
    })
}
