//! Jepsen's histories as they are written down: what is told of them calls keys and values as they do.

use std::io::Cursor;

use checkers::{Options, Verdict};
use history::Format;
use history::foreign::ForeignSource;

use crate::{brief, told};

fn judge(text: &str) -> Verdict {
    let text = Cursor::new(text.to_owned().into_bytes());
    let mut source = ForeignSource::new(text, Format::JepsenEdn).expect("it is Jepsen's");
    checkers::check(&mut source, &Options::default()).expect("it can be read")
}

/// Lines of operations, each begun and over at once: the process, its type, what it does.
fn operations(lines: &[(u32, &str, &str, &str, &str)]) -> String {
    let mut text = String::new();
    for (index, (process, kind, f, begun, over)) in (0..).zip(lines) {
        let map = |index: usize, kind: &str, value: &str| {
            let time = index * 1_000_000;
            format!(
                "{{:index {index} :time {time} :process {process} :type :{kind} :f :{f} :value {value}}}\n"
            )
        };
        text += &map(2 * index, "invoke", begun);
        text += &map(2 * index + 1, kind, over);
    }
    text
}

#[test]
fn everything_is_called_by_its_name() {
    let text = operations(&[
        (0, "ok", "send", "[[:send :x \"a\"]]", "[[:send :x [0 \"a\"]]]"),
        (0, "ok", "send", "[[:send :x \"b\"]]", "[[:send :x [1 \"b\"]]]"),
        (0, "ok", "send", "[[:send 7 \"a\"]]", "[[:send 7 [0 \"a\"]]]"),
        (0, "fail", "send", "[[:send 7 -3]]", "[[:send 7 -3]]"),
        (0, "ok", "send", "[[:send :x 5]]", "[[:send :x [2 5]]]"),
        (
            1,
            "ok",
            "poll",
            "[[:poll]]",
            "[[:poll {:x [[0 \"a\"] [2 5]], 7 [[nil \"c\"] [1 -3]]}]]",
        ),
    ]);
    insta::assert_snapshot!(told(&judge(&text)), @r##"
    2 of 4 acknowledged writes were lost, the first at 0.003 s on :x; also 1 × G1a, 1 × phantom-read, 1 × int-poll-skip
    [log] lost-write: 2 found; the first: Client 0 wrote value "b" to :x (op 2); the cluster acknowledged it at offset 1 at 0.003 s.
      G1a: 1 found; the first: Client 0 wrote value -3 to key 7 (op 6), and that failed for certain at 0.007 s; yet a client read it.
      phantom-read: 1 found; the first: Value "c" stood at an unknown offset of key 7, and no client ever sent it.
      int-poll-skip: 1 found; the first: Client 1 passed over records of :x: offset 0 (value "a", op 10) at 0.011 s, then offset 2 (value 5, op 10) at 0.011 s.
    G1a:
      Client 0 wrote value -3 to key 7 (op 6), and that failed for certain at 0.007 s; yet a client read it.
      At offset 1 of key 7: read by client 1 at 0.011 s (op 10).
    int-poll-skip:
      Client 1 passed over records of :x: offset 0 (value "a", op 10) at 0.011 s, then offset 2 (value 5, op 10) at 0.011 s.
      Between them stood 1 record: value "b" at offset 1.
    lost-write:
      Client 0 wrote value "b" to :x (op 2); the cluster acknowledged it at offset 1 at 0.003 s.
      No client ever read it.
      Client 1 read :x from offset 0 to offset 2, which it reached at 0.011 s, and value "b" was not among what it got.
    lost-write:
      Client 0 wrote value "a" to key 7 (op 4); the cluster acknowledged it at offset 0 at 0.005 s.
      No client ever read it.
      Client 1 read key 7 from offset 0 to offset 1, which it reached at 0.011 s, and value "a" was not among what it got.
    phantom-read:
      Value "c" stood at an unknown offset of key 7, and no client ever sent it.
      At an unknown offset of key 7: read by client 1 at 0.011 s (op 10).
    "##);
}

#[test]
fn values_are_told_apart_by_their_keys() {
    let text = operations(&[
        (0, "ok", "send", "[[:send 1 1]]", "[[:send 1 [0 1]]]"),
        (0, "ok", "send", "[[:send 2 1]]", "[[:send 2 [0 1]]]"),
        (0, "ok", "send", "[[:send 2 2]]", "[[:send 2 [1 2]]]"),
        (0, "info", "send", "[[:send 1 2]]", "[[:send 1 2]]"),
        (
            1,
            "ok",
            "poll",
            "[[:poll]]",
            "[[:poll {1 [[0 1]], 2 [[0 1] [1 2]]}]]",
        ),
    ]);
    assert_eq!(brief(&judge(&text)), "valid");
}

#[test]
fn a_lost_write_is_told_by_what_was_read_beyond_it() {
    let text = operations(&[
        (0, "ok", "send", "[[:send 3 10]]", "[[:send 3 [0 10]]]"),
        (0, "ok", "send", "[[:send 3 11]]", "[[:send 3 [4 11]]]"),
        (0, "ok", "send", "[[:send 3 12]]", "[[:send 3 [9 12]]]"),
        (1, "ok", "assign", "[3]", "[3]"),
        (1, "ok", "poll", "[[:poll]]", "[[:poll {3 [[0 10]]}]]"),
        (2, "ok", "assign", "[3]", "[3]"),
        (2, "ok", "poll", "[[:poll]]", "[[:poll {3 [[9 12]]}]]"),
    ]);
    insta::assert_snapshot!(told(&judge(&text)), @r##"
    1 of 3 acknowledged writes was lost, the first at 0.003 s on key 3
    [log] lost-write: 1 found; the first: Client 0 wrote value 11 to key 3 (op 2); the cluster acknowledged it at offset 4 at 0.003 s.
    lost-write:
      Client 0 wrote value 11 to key 3 (op 2); the cluster acknowledged it at offset 4 at 0.003 s.
      No client ever read it.
      It stood at offset 4 of key 3, and offset 9 was read by client 2 at 0.013 s (op 12), which holds value 12.
    "##);
}

#[test]
fn a_torn_transaction_is_told_by_the_part_that_was_read() {
    let text = operations(&[
        (
            0,
            "info",
            "txn",
            "[[:send 3 10] [:send 4 1]]",
            "[[:send 3 [0 10]] [:send 4 [0 1]]]",
        ),
        (1, "ok", "send", "[[:send 3 11]]", "[[:send 3 [2 11]]]"),
        (2, "ok", "poll", "[[:poll]]", "[[:poll {3 [[2 11]], 4 [[0 1]]}]]"),
    ]);
    insta::assert_snapshot!(told(&judge(&text)), @r##"
    1 write that had happened was lost, the first at 0.001 s on key 3
    [log] lost-write: 1 found; the first: Client 0 wrote value 10 to key 3 (op 0, begun at 0.000 s) and never heard what became of it.
    lost-write:
      Client 0 wrote value 10 to key 3 (op 0, begun at 0.000 s) and never heard what became of it.
      Another record of the same transaction was read, value 1 of key 4: so all of it happened.
      No client ever read it.
      Client 2 read key 3 from offset 0 to offset 2, which it reached at 0.005 s, and value 10 was not among what it got.
    "##);
}
