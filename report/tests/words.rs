//! The terminal's lines and the build server's document, word for word.

mod support;

use report::{JunitInput, junit, text};
use support::{acks1, clean, cycles, hostile, verdicts};

#[test]
fn a_story_in_the_terminal() {
    let history = acks1();
    let told = text(&verdicts::acks1(&history));
    let told: Vec<&str> = told.lines().take(5).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    the first: lost-write in log-0 at offsets 120 to 633, from 5.301 s on
      - 514 acknowledged writes are lost: offsets 120 to 633 of log-0.
      - Then they were thrown away by node 1, at 11.200 s: `Truncating to offset 120`.

    found: lost-write 514
    ");
}

#[test]
fn a_violation_in_the_terminal() {
    let history = acks1();
    // A verdict of an earlier version, or of a range that no story was made of.
    let mut verdict = verdicts::acks1(&history);
    verdict.stories.clear();
    insta::assert_snapshot!(text(&verdict), @r"
    the first: lost-write in log-0 at offset 120, at 5.301 s
      - Client 0 wrote value 120 to log-0 (op 120); node 1 acknowledged it at offset 120 at 5.301 s.
      - Node 1 itself showed node 1 as leader in epoch 0 with ISR [1, 2, 3] at that time (inferred from its metadata: an acknowledgement does not name its epoch).
      - In force was fault 0 (partition: leader of log-0 (node 1) cut from its peers, not from clients), since 5.300 s.
      - The next leader was node 2 in epoch 1, first shown by node 2 at 7.434 s with ISR [2, 3].
      - No client ever read it.
      - The final reads of log-0 passed its end and did not hold it: what was acknowledged is lost.

    found: lost-write 514
    allowed: duplicate 1
      - duplicate: The producers promised to write at least once, so that one write may stand in the log several times.

    VIOLATION  514 of 830 acknowledged writes were lost, the first at 5.301 s on log-0, acknowledged by node 1 during fault 0, partition: leader of log-0 (node 1) cut from its peers, not from clients
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
    unknown because
      - effect: the plan requires `pause` to bite, and it never did
      - log: the final reads are not complete: replica 3 of log-0 never came back into the ISR

    UNKNOWN    nobody can say: the plan requires `pause` to bite, and it never did
    ");
}

#[test]
fn cycles_in_the_terminal() {
    let mut verdict = cycles::list_append();
    verdict.anomalies.retain(|name, _| name == "G2-item");
    insta::assert_snapshot!(text(&verdict), @r"
    the first: G2-item, at 0.100 s
        T1 = r x [1 2], append y 7  (op 12 of process 3, ok, 0.100 s to 0.240 s)
        T2 = r y [], append x 3  (op 14 of process 5, ok, 0.130 s to 0.205 s)
        T1 came before T2 (rw on x): Op 12 read x as [1 2], and op 14 appended 3 right after 2.
        T2 came before T1 (rw on y): Op 14 read y as [], and op 12 appended 7 as its first element.
        So T1 came before itself: a contradiction. These 2 operations have no order in which all of that holds.

    found: G2-item 1
    allowed: lost-update 1
      - lost-update: The consistency model that this history was held to does not forbid it.

    VIOLATION  the history is not strict-serializable: 1 × G2-item, the first: two transactions that each missed the other's append
    ");
}

#[test]
fn a_foreign_kafka_history_in_the_terminal() {
    let mut verdict = cycles::kafka();
    verdict.allowed.remove("int-send-skip");
    insta::assert_snapshot!(text(&verdict), @r"
    the first: lost-write in key 1 at offset 17, at 2.304 s
      - Op 300 sent 412 to 1, and it was acknowledged at offset 17.
      - Readers got to offset 40 of 1, and none of them read it.

    found: lost-write 1
    allowed: G0 1
      - G0: Kafka isolates no writes: those of several producers, in transactions or not, may stand between each other.

    VIOLATION  1 of 880 acknowledged writes was lost, the first at 2.304 s on 1
    ");
}

#[test]
fn one_reason_for_several_names_is_told_once() {
    assert_eq!(
        text(&cycles::kafka()).matches("Kafka isolates no writes").count(),
        1
    );
}

#[test]
fn a_history_without_a_clock_in_the_terminal() {
    let mut verdict = cycles::list_append();
    verdict.stats.duration = 0;
    let cycle = cycles::without_clock(cycles::hundreds(30));
    verdict.anomalies =
        std::iter::once(("G0".to_owned(), verdicts::findings(vec![cycles::case(cycle)]))).collect();
    insta::assert_snapshot!(text(&verdict), @r"
    the first: G0
        T1 = append 0 0  (op 0 of process 0, ok)
        T2 = append 1 1  (op 1 of process 1, ok)
        T3 = append 2 2  (op 2 of process 2, ok)
        T4 = append 3 3  (op 3 of process 3, ok)
        T5 = append 4 4  (op 4 of process 4, ok)
        T6 = append 5 5  (op 5 of process 5, ok)
        … 19 more operations …
        T26 = append 25 25  (op 25 of process 5, ok)
        T27 = append 26 26  (op 26 of process 6, ok)
        T28 = append 27 27  (op 27 of process 7, ok)
        T29 = append 28 28  (op 28 of process 8, ok)
        T30 = append 29 29  (op 29 of process 9, ok)
        T1 came before T2 (ww on x): The second appended right after the first.
        T2 came before T3 (ww on x): The second appended right after the first.
        T3 came before T4 (ww on x): The second appended right after the first.
        T4 came before T5 (ww on x): The second appended right after the first.
        T5 came before T6 (ww on x): The second appended right after the first.
        T6 came before T7 (ww on x): The second appended right after the first.
        … 19 more such steps …
        T26 came before T27 (ww on x): The second appended right after the first.
        T27 came before T28 (ww on x): The second appended right after the first.
        T28 came before T29 (ww on x): The second appended right after the first.
        T29 came before T30 (ww on x): The second appended right after the first.
        T30 came before T1 (ww on x): The second appended right after the first.
        So T1 came before itself: a contradiction. These 30 operations have no order in which all of that holds.

    found: G0 1
    allowed: lost-update 1
      - lost-update: The consistency model that this history was held to does not forbid it.

    VIOLATION  the history is not strict-serializable: 1 × G2-item, the first: two transactions that each missed the other's append
    ");
}

#[test]
fn the_last_line_is_the_verdict() {
    let (acks1, clean) = (acks1(), clean());
    let verdicts = [
        verdicts::acks1(&acks1),
        verdicts::clean(&clean),
        verdicts::unknown(&clean),
        cycles::list_append(),
        cycles::kafka(),
        cycles::serializable(),
    ];
    for verdict in &verdicts {
        let text = text(verdict);
        let last = text.lines().last().expect("a line");
        assert!(last.ends_with(&verdict.summary), "{last}");
        assert!(text.ends_with('\n') && !text.contains("\n\n\n") && !text.starts_with('\n'));
    }
}

#[test]
fn junit_of_a_foreign_history() {
    let mut verdict = cycles::list_append();
    verdict
        .anomalies
        .retain(|name, _| ["G1a", "G2-item"].contains(&name.as_str()));
    let document = junit(&JunitInput {
        header: &cycles::foreign_header(),
        verdict: &verdict,
        replay: "tribunal check history.edn",
    });
    insta::assert_snapshot!(document);
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

#[test]
fn what_each_fault_did_is_a_table() {
    let runs = [acks1(), clean()];
    insta::assert_snapshot!(report::fault_table(&runs));
}
