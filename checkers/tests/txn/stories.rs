//! What a reader is told.

use checkers::{Model, Verdict};
use history::{Format, Header, History, Mop, Names, ReadError, Scanned, Seen, Source};

use crate::dsl::{Spec, history, judge, parse};

/// The summary, and of each finding its story and cycle.
fn told(verdict: &Verdict) -> String {
    let mut lines = vec![verdict.summary.clone()];
    for (name, findings) in verdict.anomalies.iter().chain(&verdict.allowed) {
        for case in &findings.cases {
            lines.push(format!(
                "{name} {} at {} ms, ops {:?}",
                findings.count,
                case.time / 1_000_000,
                case.ops
            ));
            lines.extend(case.story.iter().map(|sentence| format!("  {sentence}")));
            let cycle = case.cycle.iter();
            for (place, operation) in cycle.clone().flat_map(|cycle| &cycle.operations).enumerate() {
                lines.push(format!(
                    "  T{} = {} ({})",
                    place + 1,
                    operation.text,
                    operation.outcome
                ));
            }
            for edge in cycle.flat_map(|cycle| &cycle.edges) {
                let key = edge.key.as_deref().unwrap_or("-");
                lines.push(format!("  {} -> {} {:?} {key}", edge.from, edge.to, edge.rel));
            }
        }
    }
    lines.join("\n")
}

fn lists(text: &str, consistency: &str) -> String {
    told(&named(text, Model::ListAppend, consistency))
}

fn registers(text: &str, consistency: &str) -> String {
    told(&named(text, Model::RwRegister, consistency))
}

/// A history whose keys have names.
struct Named {
    history: History,
    names: Names,
}

impl Source for Named {
    fn header(&self) -> &Header {
        &self.history.header
    }

    fn format(&self) -> Format {
        Format::JepsenEdn
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn scan(
        &mut self,
        visit: &mut dyn FnMut(&[history::Event]) -> std::ops::ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        for event in &self.history.events {
            if visit(std::slice::from_ref(event)).is_break() {
                break;
            }
        }
        Ok(Scanned::default())
    }
}

fn named(text: &str, model: Model, consistency: &str) -> Verdict {
    let history = parse(text, model);
    let plain = judge(&history, model, consistency);
    let keys = ('a'..='z').map(String::from).collect();
    let names = Names {
        keys,
        values: [(9, ":nine".to_owned())].into(),
    };
    let options = checkers::Options {
        model: Some(model),
        consistency: Some(consistency.parse().expect("a consistency model")),
        ..checkers::Options::default()
    };
    let verdict = checkers::check(&mut Named { history, names }, &options).expect("memory can be read");
    assert_eq!(plain.stats, verdict.stats);
    verdict
}

#[test]
fn write_skew_is_told_edge_by_edge() {
    insta::assert_snapshot!(lists("rx1 ry ax2 / ax1 / rx1 ry ay9", "serializable"), @r#"
    not serializable: 1 G2-item in 3 transactions, which rules out repeatable-read
    G2-item 1 at 5 ms, ops [0, 2]
      T1 (op 0) and T2 (op 2) each came before the other.
      T1 read y as [], without the :nine that T2 appended.
      T2 read x as [1], without the 2 that T1 appended.
      T1 = read x [1], read y [], append x 2 (ok)
      T2 = read x [1], read y [], append y :nine (ok)
      0 -> 2 Rw y
      2 -> 0 Rw x
    "#);
}

#[test]
fn a_stale_read_is_told_by_the_clock() {
    insta::assert_snapshot!(lists("ax1 > ax2 > rx1 > rx12", "strict-serializable"), @r#"
    not strict-serializable: 1 G-single-item-realtime in 4 transactions, which rules out strong-snapshot-isolation
    G-single-item-realtime 1 at 5 ms, ops [2, 1]
      T1 (op 2) and T2 (op 1) each came before the other.
      T1 read x as [1], without the 2 that T2 appended next.
      T2 had completed at 0.003 s, before T1 began at 0.004 s.
      T1 = read x [1] (ok)
      T2 = append x 2 (ok)
      2 -> 1 Rw x
      1 -> 2 Realtime -
    "#);
}

#[test]
fn what_nobody_read_came_last() {
    insta::assert_snapshot!(lists("ax1 / ax2 ay1 / rx1 ry1", "serializable"), @r#"
    not serializable: 1 G-single-item in 3 transactions, which rules out consistent-view and repeatable-read
    G-single-item 1 at 5 ms, ops [2, 1]
      T1 (op 2) and T2 (op 1) each came before the other.
      T1 read x as [1], without the 2 that T2 appended.
      T1 read y as [1], which ends in the 1 that T2 appended.
      T1 = read x [1], read y [1] (ok)
      T2 = append x 2, append y 1 (ok)
      2 -> 1 Rw x
      1 -> 2 Wr y
    "#);
}

#[test]
fn sessions_are_told() {
    insta::assert_snapshot!(lists("1: ax1 > 1: rx", "strong-session-snapshot-isolation"), @r#"
    not strong-session-snapshot-isolation: 1 G-single-item-process in 2 transactions, which rules out strong-session-snapshot-isolation
    G-single-item-process 1 at 3 ms, ops [1, 0]
      T1 (op 1) and T2 (op 0) each came before the other.
      T1 read x as [], without the 1 that T2 appended.
      One process did T2 before T1.
      T1 = read x [] (ok)
      T2 = append x 1 (ok)
      1 -> 0 Rw x
      0 -> 1 Process -
    "#);
}

#[test]
fn circles_of_writes_are_told() {
    insta::assert_snapshot!(lists("ax1 ay1 / ax2 ay2 / rx12 ry21", "read-uncommitted"), @r#"
    not read-uncommitted: 1 G0 in 3 transactions, which rules out read-uncommitted
    G0 1 at 4 ms, ops [0, 1]
      T1 (op 0) and T2 (op 1) each came before the other.
      T2 appended 2 to x right after T1's 1.
      T1 appended 1 to y right after T2's 2.
      T1 = append x 1, append y 1 (ok)
      T2 = append x 2, append y 2 (ok)
      0 -> 1 Ww x
      1 -> 0 Ww y
    "#);
}

#[test]
fn dirty_reads_are_told() {
    insta::assert_snapshot!(lists("ax1! > ax2 ax3 > rx12 > rx1239", "read-committed"), @r#"
    not read-committed: 2 G1a, 1 garbage-read, 1 dirty-update and 1 G1b in 4 transactions, which rules out read-uncommitted
    G1a 2 at 5 ms, ops [2, 0]
      Op 2 read 1 from x and is committed; but op 0, which had written it, failed.
      Op 2 of process 2 (ok): read x [1 2].
      Op 0 of process 0 (fail): append x 1.
    G1a 2 at 7 ms, ops [3, 0]
      Op 3 read 1 from x and is committed; but op 0, which had written it, failed.
      Op 3 of process 3 (ok): read x [1 2 3 :nine].
      Op 0 of process 0 (fail): append x 1.
    G1b 1 at 5 ms, ops [2, 1]
      Op 2 read 2 as the state of x, which op 1 had only on its way: it wrote the key again later.
      Op 2 of process 2 (ok): read x [1 2].
      Op 1 of process 1 (ok): append x 2, append x 3.
    dirty-update 1 at 3 ms, ops [0, 1]
      Op 0 failed, and yet the 1 that it appended to x stayed, and op 1, which is committed, appended 2 behind it.
      Op 0 of process 0 (fail): append x 1.
      Op 1 of process 1 (ok): append x 2, append x 3.
    garbage-read 1 at 7 ms, ops [3]
      Op 3 read :nine from x, and nobody ever wrote that there.
      Op 3 of process 3 (ok): read x [1 2 3 :nine].
    G-single-item 1 at 5 ms, ops [2, 1]
      T1 (op 2) and T2 (op 1) each came before the other.
      T1 read x as [1 2], without the 3 that T2 appended next.
      T1 read x as [1 2], which ends in the 2 that T2 appended.
      T1 = read x [1 2] (ok)
      T2 = append x 2, append x 3 (ok)
      2 -> 1 Rw x
      1 -> 2 Wr x
    "#);
}

#[test]
fn contradictions_are_told() {
    insta::assert_snapshot!(
        lists("ax1 rx / ax2 rx12 rx2 / ay1 / ay2 / ry12 / ry21 / rz1 az1", "serializable"), @r#"
    not serializable: 2 incompatible-order, 2 internal and 1 future-read in 7 transactions, which rules out read-committed
    future-read 1 at 13 ms, ops [6]
      Op 6 read 1 from z and wrote it only afterwards.
      Op 6 of process 6 (ok): read z [1], append z 1.
    incompatible-order 2 at 8 ms, ops [1]
      Op 1 read x as [1 2], and op 1 read it as [2]: neither continues the other.
      Op 1 of process 1 (ok): append x 2, read x [1 2], read x [2].
    incompatible-order 2 at 12 ms, ops [4, 5]
      Op 4 read y as [1 2], and op 5 read it as [2 1]: neither continues the other.
      Op 4 of process 4 (ok): read y [1 2].
      Op 5 of process 5 (ok): read y [2 1].
    internal 2 at 7 ms, ops [0]
      Op 0 read x as [], though after its own steps before it was to be [… 1].
      Op 0 of process 0 (ok): append x 1, read x [].
    internal 2 at 8 ms, ops [1]
      Op 1 read x as [2], though after its own steps before it was to be [1 2].
      Op 1 of process 1 (ok): append x 2, read x [1 2], read x [2].
    "#
    );
}

#[test]
fn lost_updates_are_told() {
    insta::assert_snapshot!(lists("ax1 > rx1 ax2 / rx1 ax3 / rx1 ax4? / rx11", "snapshot-isolation"), @r#"
    not snapshot-isolation: 1 duplicate-elements and 1 lost-update in 5 transactions, which rules out read-uncommitted
    duplicate-elements 1 at 9 ms, ops [4]
      Op 4 read x with 1 twice, which was appended once.
      Op 4 of process 4 (ok): read x [1 1].
    lost-update 1 at 7 ms, ops [1, 2]
      Ops 1 and 2 each read x as [1] and then wrote it: all but one of these writes were made without seeing the others.
      Op 1 of process 1 (ok): read x [1], append x 2.
      Op 2 of process 2 (ok): read x [1], append x 3.
    G2-item 1 at 7 ms, ops [1, 2]
      T1 (op 1) and T2 (op 2) each came before the other.
      T1 read x as [1], without the 3 that T2 appended.
      T2 read x as [1], without the 2 that T1 appended.
      T1 = read x [1], append x 2 (ok)
      T2 = read x [1], append x 3 (ok)
      1 -> 2 Rw x
      2 -> 1 Rw x
    "#);
}

#[test]
fn a_transaction_s_own_order_is_told() {
    insta::assert_snapshot!(lists("ax1 ax2 ax3 / rx13 / ay1 ay2 / ry21", "read-uncommitted"), @r#"
    not read-uncommitted: 2 cyclic-versions in 4 transactions, which rules out read-uncommitted
    cyclic-versions 2 at 4 ms, ops [0]
      The versions of x come before each other in a circle.
      2 comes before 3: op 0 wrote 2 and then 3.
      3 comes before 2: nobody read 2, so it came after all that were read.
      Op 0 of process 0 (ok): append x 1, append x 2, append x 3.
    cyclic-versions 2 at 7 ms, ops [2, 3]
      The versions of y come before each other in a circle.
      1 comes before 2: op 2 wrote 1 and then 2.
      2 comes before 1: op 3 read 2 before 1.
      Op 2 of process 2 (ok): append y 1, append y 2.
      Op 3 of process 3 (ok): read y [2 1].
    G-single-item 1 at 5 ms, ops [1, 0]
      T1 (op 1) and T2 (op 0) each came before the other.
      T1 read x as [1 3], without the 2 that T2 appended.
      T1 read x as [1 3], which ends in the 3 that T2 appended.
      T1 = read x [1 3] (ok)
      T2 = append x 1, append x 2, append x 3 (ok)
      1 -> 0 Rw x
      0 -> 1 Wr x
    G1b 1 at 7 ms, ops [3, 2]
      Op 3 read 1 as the state of y, which op 2 had only on its way: it wrote the key again later.
      Op 3 of process 3 (ok): read y [2 1].
      Op 2 of process 2 (ok): append y 1, append y 2.
    "#);
}

#[test]
fn registers_are_told_with_what_orders_their_versions() {
    insta::assert_snapshot!(registers("wx1 wy1 / rx1 wx2 wy2 / rx1 ry2", "snapshot-isolation"), @r#"
    not snapshot-isolation: 1 G-single-item in 3 transactions, which rules out consistent-view
    G-single-item 1 at 5 ms, ops [2, 1]
      T1 (op 2) and T2 (op 1) each came before the other.
      T1 read x as 1, before T2 set it to 2: T2 read 1 and then wrote 2.
      T1 read y as 2, which T2 wrote.
      T1 = read x 1, read y 2 (ok)
      T2 = read x 1, write x 2, write y 2 (ok)
      2 -> 1 Rw x
      1 -> 2 Wr y
    "#);
}

#[test]
fn registers_are_told_with_who_came_first() {
    insta::assert_snapshot!(registers("wx1 > wx2 wy1 > rx2 > rx1 / ry", "strict-serializable"), @r#"
    not strict-serializable: 2 cyclic-versions and 1 G-single-item-realtime in 5 transactions, which rules out strong-snapshot-isolation
    G-single-item-realtime 1 at 9 ms, ops [4, 1]
      T1 (op 4) and T2 (op 1) each came before the other.
      T1 read y in its initial state, before T2 set it to 1.
      T2 had completed at 0.003 s, before T1 began at 0.007 s.
      T1 = read y nil (ok)
      T2 = write x 2, write y 1 (ok)
      4 -> 1 Rw y
      1 -> 4 Realtime -
    cyclic-versions 2 at 8 ms, ops [0, 1, 2, 3]
      The versions of x come before each other in a circle.
      1 comes before 2: op 0 had come upon 1 and completed before op 1 began, which came upon 2.
      2 comes before 1: op 2 had come upon 2 and completed before op 3 began, which came upon 1.
      Op 0 of process 0 (ok): write x 1.
      Op 1 of process 1 (ok): write x 2, write y 1.
      Op 2 of process 2 (ok): read x 2.
      Op 3 of process 3 (ok): read x 1.
    cyclic-versions 2 at 9 ms, ops [1, 4]
      The versions of y come before each other in a circle.
      1 comes before the initial state: op 1 had come upon 1 and completed before op 4 began, which came upon the initial state.
      The initial state comes before 1: nothing comes before the initial state.
      Op 1 of process 1 (ok): write x 2, write y 1.
      Op 4 of process 4 (ok): read y nil.
    "#);
}

#[test]
fn what_gives_no_answer_is_told() {
    insta::assert_snapshot!(lists("ax1 / ax1 / rx11 / ay1", "serializable"), @r#"
    nobody can say whether 4 transactions were serializable: a value was appended or written to one key more than once: whose write a read saw cannot be told
    duplicate-appends 1 at 5 ms, ops [0, 1]
      Op 0 and op 1 both wrote 1 to x.
      Op 0 of process 0 (ok): append x 1.
      Op 1 of process 1 (ok): append x 1.
    empty-transaction-graph 1 at 0 ms, ops []
      No transaction read or followed what another one wrote.
    "#);
}

#[test]
fn a_good_history_is_told() {
    insta::assert_snapshot!(lists("ax1 > rx1", "serializable"), @r#"
    serializable: nothing in 2 transactions contradicts it
    "#);
}

#[test]
fn long_lists_are_told_in_short() {
    let spec = |mops| Spec {
        process: 0,
        outcome: ' ',
        mops,
    };
    let append = |value| spec(vec![Mop::Append(7, value)]);
    let read = |length| spec(vec![Mop::Read(7, Seen::List((0..length).collect()))]);
    let specs: Vec<Spec> = (0..2_000).map(append).chain([read(2_000), read(1_990)]).collect();
    let events = specs.iter().zip(0..).flat_map(|(spec, op)| {
        let time = op * 1_000_000;
        [spec.event(op, time, false), spec.event(op, time + 1_000, true)]
    });
    let verdict = judge(
        &history(events.collect()),
        Model::ListAppend,
        "strict-serializable",
    );
    insta::assert_snapshot!(told(&verdict), @r#"
    not strict-serializable: 1 G-single-item-realtime in 2,002 transactions, which rules out strong-snapshot-isolation
    G-single-item-realtime 1 at 2001 ms, ops [2001, 1990]
      T1 (op 2001) and T2 (op 1990) each came before the other.
      T1 read key 7 as [0 1 2 … 1,978 more … 1981 1982 1983 1984 1985 1986 1987 1988 1989], without the 1990 that T2 appended next.
      T2 had completed at 1.990 s, before T1 began at 2.001 s.
      T1 = read 7 [0 1 2 … 1,978 more … 1981 1982 1983 1984 1985 1986 1987 1988 1989] (ok)
      T2 = append 7 1990 (ok)
      2001 -> 1990 Rw 7
      1990 -> 2001 Realtime -
    "#);
}
