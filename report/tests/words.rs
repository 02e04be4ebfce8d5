//! The terminal's lines and the build server's document, word for word.

mod support;

use report::{JunitInput, junit, text};
use support::{acks1, clean, hostile, verdicts};

#[test]
fn a_violation_in_the_terminal() {
    let history = acks1();
    insta::assert_snapshot!(text(&verdicts::acks1(&history)), @r"
    VIOLATION  514 of 830 acknowledged writes were lost, the first at 5.301 s on log-0, acknowledged by node 1 during fault 0, partition: leader of log-0 (node 1) cut from its peers, not from clients

    the first: lost-write in log-0 at offset 120, at 5.301 s
      - Client 0 wrote value 120 to log-0 (op 120); node 1 acknowledged it at offset 120 at 5.301 s.
      - Node 1 itself showed node 1 as leader in epoch 0 with ISR [1, 2, 3] at that time (inferred from its metadata: an acknowledgement does not name its epoch).
      - In force was fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients), since 5.300 s.
      - The next leader was node 2 in epoch 1, first shown by node 2 at 7.434 s with ISR [2, 3].
      - No client ever read it.
      - The final reads of log-0 passed its end and did not hold it: what was acknowledged is lost.

    found: lost-write 514
    allowed: duplicate 1
    ");
}

#[test]
fn a_clean_run_in_the_terminal() {
    let history = clean();
    insta::assert_snapshot!(text(&verdicts::clean(&history)), @"VALID      nothing was lost: 9519 acknowledged writes, 3 faults that bit, every record read back");
}

#[test]
fn an_unknown_run_in_the_terminal() {
    let history = clean();
    insta::assert_snapshot!(text(&verdicts::unknown(&history)), @r"
    UNKNOWN    nobody can say: the plan requires `pause` to bite, and it never did

    unknown because
      - effect: the plan requires `pause` to bite, and it never did
      - log: the final reads are not complete: replica 3 of log-0 never came back into the ISR
    ");
}

#[test]
fn hostile_text_cannot_move_the_cursor() {
    let history = hostile::history();
    let text = text(&hostile::verdict(&history));
    let controls = text
        .chars()
        .filter(|character| (character.is_control() && *character != '\n') || *character == '\u{202e}');
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
    assert_eq!(document.matches("<testcase ").count(), 6);
    assert!(!document.contains('\u{1b}') && !document.contains('\u{0}'));
}

fn document(history: &history::History, verdict: &checkers::Verdict) -> String {
    junit(&JunitInput {
        header: &history.header,
        verdict,
        replay: "tribunal run results/latest/resolved.toml",
    })
}
