//! Histories written for others: what stands there, and that it reads back as it was.

use std::io::{self, Write};

use history::Format::{self, ElleJson, JepsenEdn};
use history::foreign::{ExportError, write_edn, write_elle_json, write_json_lines};
use history::{
    Event, F, Fault, FaultStep, Header, History, MemorySource, Mop, Names, Op, Phase, Poll, Record, Seen,
    Send, Source, Txn, What,
};
use proptest::prelude::*;

use crate::arbitrary::{histories, normal};
use crate::{opened, seen};

/// What is written of a history in memory.
pub fn written(format: Format, history: &History) -> String {
    let mut out = Vec::new();
    let mut source = MemorySource::new(history);
    let lines = match format {
        JepsenEdn => write_edn(&mut source, &mut out),
        _ => write_elle_json(&mut source, &mut out),
    };
    let out = String::from_utf8(out).expect("it is text");
    let expected = out.lines().filter(|line| line.contains("index")).count() as u64;
    assert_eq!(lines.expect("memory takes all"), expected);
    out
}

pub fn history(events: Vec<Event>) -> History {
    History {
        header: header(),
        events,
        truncated: false,
    }
}

fn header() -> Header {
    opened(JepsenEdn, "").header().clone()
}

/// Asserts what one event is in EDN and in JSON, after its index and time.
fn is(what: What, edn: &str, json: &str) {
    let history = history(vec![Event { time: 7, what }]);
    let expected = format!("{{:index 0, :time 7, {edn}}}\n");
    assert_eq!(written(JepsenEdn, &history), expected);
    let expected = format!("[{{\"index\":0,\"time\":7,{json}}}]\n");
    assert_eq!(written(ElleJson, &history), expected);
}

fn op(f: F) -> Op {
    Op::new(3, 0, f)
}

fn send(offset: Option<i64>) -> Send {
    Send {
        key: 17,
        value: 5,
        offset,
        broker: Some(1),
    }
}

#[test]
fn a_send() {
    is(
        What::Invoke(op(F::Send(send(None)))),
        ":process 3, :type :invoke, :f :send, :value [[:send 17 5]]",
        r#""process":3,"type":"invoke","f":"send","value":[["send",17,5]]"#,
    );
    is(
        What::Ok(op(F::Send(send(Some(3))))),
        ":process 3, :type :ok, :f :send, :value [[:send 17 [3 5]]]",
        r#""process":3,"type":"ok","f":"send","value":[["send",17,[3,5]]]"#,
    );
    is(
        What::Ok(op(F::Send(send(None)))),
        ":process 3, :type :ok, :f :send, :value [[:send 17 [nil 5]]]",
        r#""process":3,"type":"ok","f":"send","value":[["send",17,[null,5]]]"#,
    );
}

#[test]
fn an_error() {
    let mut failed = op(F::Send(send(None)));
    failed.error = Some("no \"leader\"\n".to_owned());
    is(
        What::Fail(failed),
        r#":process 3, :type :fail, :f :send, :value [[:send 17 5]], :error "no \"leader\"\n""#,
        r#""process":3,"type":"fail","f":"send","value":[["send",17,5]],"error":"no \"leader\"\n""#,
    );
}

#[test]
fn a_poll() {
    is(
        What::Invoke(op(F::Poll(Poll::default()))),
        ":process 3, :type :invoke, :f :poll, :value [[:poll]]",
        r#""process":3,"type":"invoke","f":"poll","value":[["poll"]]"#,
    );
    let records = [(2, 0, 5), (1, 4, 6), (2, 1, 7), (1, -1, 8)]
        .map(Record::from)
        .to_vec();
    let mut polled = op(F::Poll(Poll { records }));
    polled.rebalanced = vec![1, 2];
    is(
        What::Ok(polled),
        ":process 3, :type :ok, :f :poll, :value [[:poll {1 [[4 6] [nil 8]] 2 [[0 5] [1 7]]}]], :rebalance-log [{:keys [1 2]}]",
        r#""process":3,"type":"ok","f":"poll","value":[["poll",{"1":[[4,6],[null,8]],"2":[[0,5],[1,7]]}]],"rebalance-log":[{"keys":[1,2]}]"#,
    );
    is(
        What::Info(op(F::Poll(Poll::default()))),
        ":process 3, :type :info, :f :poll, :value [[:poll {}]]",
        r#""process":3,"type":"info","f":"poll","value":[["poll",{}]]"#,
    );
}

#[test]
fn a_transaction() {
    let mops = vec![
        Mop::Append(1, 2),
        Mop::Read(1, Seen::List(vec![1, 2])),
        Mop::Read(3, Seen::Nothing),
        Mop::Write(4, 5),
        Mop::Read(4, Seen::One(5)),
    ];
    is(
        What::Ok(op(F::Txn(Txn { mops }))),
        ":process 3, :type :ok, :f :txn, :value [[:append 1 2] [:r 1 [1 2]] [:r 3 nil] [:w 4 5] [:r 4 5]]",
        r#""process":3,"type":"ok","f":"txn","value":[["append",1,2],["r",1,[1,2]],["r",3,null],["w",4,5],["r",4,5]]"#,
    );
}

#[test]
fn what_a_transaction_did_not_come_to_stands_in_its_end_too() {
    let txn = |count: usize| {
        let mops = [
            Mop::Send(send(None)),
            Mop::Append(1, 2),
            Mop::Read(1, Seen::Nothing),
        ];
        op(F::Txn(Txn {
            mops: mops[..count].to_vec(),
        }))
    };
    let event = |what| Event { time: 0, what };
    for (end, expected) in [
        (
            What::Info(txn(1)),
            ":value [[:send 17 5] [:append 1 2] [:r 1 nil]]",
        ),
        (
            What::Fail(txn(0)),
            ":value [[:send 17 5] [:append 1 2] [:r 1 nil]]",
        ),
        (
            What::Info(txn(3)),
            ":value [[:send 17 5] [:append 1 2] [:r 1 nil]]",
        ),
        (What::Ok(txn(1)), ":value [[:send 17 [nil 5]]]"),
    ] {
        let text = written(JepsenEdn, &history(vec![event(What::Invoke(txn(3))), event(end)]));
        assert!(
            text.lines().nth(1).is_some_and(|line| line.contains(expected)),
            "{text}"
        );
    }
}

#[test]
fn what_a_consumer_reads_from() {
    let assign = |from_beginning| {
        F::Assign(history::Assign {
            keys: vec![1, 2],
            from_beginning,
        })
    };
    is(
        What::Ok(op(assign(false))),
        ":process 3, :type :ok, :f :assign, :value [1 2]",
        r#""process":3,"type":"ok","f":"assign","value":[1,2]"#,
    );
    is(
        What::Invoke(op(assign(true))),
        ":process 3, :type :invoke, :f :assign, :value [1 2], :seek-to-beginning? true",
        r#""process":3,"type":"invoke","f":"assign","value":[1,2],"seek-to-beginning?":true"#,
    );
    is(
        What::Ok(op(F::Subscribe(history::Subscribe { keys: vec![0] }))),
        ":process 3, :type :ok, :f :subscribe, :value [0]",
        r#""process":3,"type":"ok","f":"subscribe","value":[0]"#,
    );
    is(
        What::Info(op(F::Crash)),
        ":process 3, :type :info, :f :crash, :value nil",
        r#""process":3,"type":"info","f":"crash","value":null"#,
    );
}

#[test]
fn faults_are_the_nemesis_in_edn_and_not_in_json() {
    let fault = |step| {
        What::Fault(Fault {
            id: 1,
            kind: "clock jump".to_owned(),
            nodes: vec![2],
            detail: "node 2".to_owned(),
            impairs: None,
            step,
        })
    };
    let healed = FaultStep::Healed {
        bit: true,
        evidence: "it shows".to_owned(),
    };
    let events = [
        What::Phase(Phase::Faults),
        fault(FaultStep::Injecting),
        fault(healed),
        What::Invoke(op(F::Crash)),
    ];
    let history = history(events.into_iter().map(|what| Event { time: 7, what }).collect());
    assert_eq!(
        written(JepsenEdn, &history),
        "{:index 0, :time 7, :process :nemesis, :type :info, :f :start-clock-jump, :value [\"node 2\"]}\n\
         {:index 1, :time 7, :process :nemesis, :type :info, :f :stop-clock-jump, :value [\"node 2\" \"it shows\"]}\n\
         {:index 2, :time 7, :process 3, :type :invoke, :f :crash, :value nil}\n"
    );
    assert_eq!(
        written(ElleJson, &history),
        "[{\"index\":0,\"time\":7,\"process\":3,\"type\":\"invoke\",\"f\":\"crash\",\"value\":null}]\n"
    );
    assert_eq!(seen(JepsenEdn, written(JepsenEdn, &history)).events.len(), 1);
}

#[test]
fn an_empty_history_is_written_too() {
    assert_eq!(written(JepsenEdn, &history(Vec::new())), "[]\n");
    assert_eq!(written(ElleJson, &history(Vec::new())), "[]\n");
}

/// Names of all kinds, as EDN has them, and as JSON has them after EDN was written as JSON.
const NAMED: &str = "{:index 0, :time 0, :process 0, :type :invoke, :f :txn, :value [[:w :x -1] [:w \"s\\n\" \"t\"] \
                     [:w 17 nil] [:w nil [1 #{2}]] [:w 1.5 true] [:append -3 99999999999999999999]]}\n";
const NAMED_JSON: &str = "{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"w\",\":x\",-1],\
                          [\"w\",\"s\\n\",\"t\"],[\"w\",17,null],[\"w\",null,\"[1 #{2}]\"],[\"w\",1.5,true],\
                          [\"append\",-3,99999999999999999999]]}\n";

#[test]
fn a_foreign_history_keeps_its_names() {
    let mut out = Vec::new();
    write_edn(&mut opened(JepsenEdn, NAMED), &mut out).expect("memory takes all");
    assert_eq!(String::from_utf8_lossy(&out), NAMED);
    out.clear();
    write_json_lines(&mut opened(JepsenEdn, NAMED), &mut out).expect("memory takes all");
    assert_eq!(String::from_utf8_lossy(&out), NAMED_JSON);
    out.clear();
    write_json_lines(&mut opened(ElleJson, NAMED_JSON), &mut out).expect("memory takes all");
    assert_eq!(String::from_utf8_lossy(&out), NAMED_JSON);
}

#[test]
fn keys_of_polls_are_in_quotes_in_json() {
    let text = "{:process 0 :type :ok :f :poll :value [[:poll {:a [[0 1]] \"b c\" [[0 2]] -5 [[0 3]] nil [[0 4]]}]]}";
    let mut out = Vec::new();
    write_json_lines(&mut opened(JepsenEdn, text), &mut out).expect("memory takes all");
    let expected = r#"[["poll",{":a":[[0,1]],"b c":[[0,2]],"-5":[[0,3]],"null":[[0,4]]}]]"#;
    let out = String::from_utf8(out).expect("it is text");
    assert!(out.contains(expected), "{out}");
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_goes_wrong_is_said() {
    let mut source = opened(JepsenEdn, NAMED);
    assert!(matches!(
        write_edn(&mut source, &mut Full),
        Err(ExportError::Write(_))
    ));
    let mut source = opened(JepsenEdn, "{:process}");
    let refused = write_edn(&mut source, &mut Vec::new()).expect_err("it cannot be read");
    assert_eq!(
        refused.to_string(),
        "line 1: the map's last key has no value (column 10)"
    );
}

proptest! {
    #[test]
    fn ours_reads_back_from_edn(events in histories()) {
        let history = history(events);
        let read = seen(JepsenEdn, written(JepsenEdn, &history));
        prop_assert_eq!(normal(&read.events, &read.names), normal(&history.events, &Names::default()));
    }

    #[test]
    fn ours_reads_back_from_json(events in histories()) {
        let history = history(events);
        let read = seen(ElleJson, written(ElleJson, &history));
        prop_assert_eq!(normal(&read.events, &read.names), normal(&history.events, &Names::default()));
    }
}
