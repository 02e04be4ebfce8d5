//! One event, one line.

use history::{Event, HistoryWriter, What, from_line, to_line};
use proptest::prelude::*;

use crate::arbitrary::{damage, operation, what};
use crate::header;

proptest! {
    #[test]
    fn an_operation_is_written_and_read_as_serde_would(event in operation()) {
        let mut line = Vec::new();
        HistoryWriter::new(&mut line).write(&event).expect("memory takes all");
        let line = String::from_utf8(line).expect("JSON is text");
        let by_serde = serde_json::to_string(&event).expect("an event has only string keys");
        prop_assert_eq!(line.strip_suffix('\n'), Some(by_serde.as_str()));
        prop_assert_eq!(&from_line(&by_serde).expect("what was written reads back"), &event);
        prop_assert_eq!(serde_json::from_str::<Event>(&by_serde).expect("serde reads what it wrote"), event);
    }

    #[test]
    fn a_damaged_line_means_what_serde_says(event in operation(), damage in prop::collection::vec(damage(), 1..3)) {
        let mut line = to_line(&event).into_bytes();
        for damage in damage {
            damage.to(&mut line);
        }
        let line = String::from_utf8_lossy(&line);
        let expected = serde_json::from_str::<Event>(&line).map_err(|error| error.to_string());
        prop_assert_eq!(from_line(&line).map_err(|error| error.to_string()), expected);
    }

    #[test]
    fn every_event_is_one_line_and_reads_back(time: u64, what in what()) {
        let event = Event { time, what };
        let line = to_line(&event);
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(from_line(&line).expect("what was written reads back"), event);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = from_line(&text);
    }
}

#[test]
fn the_form_of_each_kind() {
    // The format is for other tools as well: a change here is a new version.
    for line in [
        r#"{"time":1,"phase":"final-reads"}"#,
        r#"{"time":1,"invoke":{"process":3,"op":7,"f":{"send":{"key":0,"value":5}}}}"#,
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"send":{"key":0,"value":5,"offset":9,"broker":2}}}}"#,
        r#"{"time":1,"fail":{"process":3,"op":7,"f":{"send":{"key":0,"value":5}},"error":"too large"}}"#,
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"poll":{"records":[[0,9,5],[1,0,6]]}}}}"#,
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"assign":{"keys":[0,1],"from_beginning":true}}}}"#,
        r#"{"time":1,"info":{"process":3,"op":7,"f":"crash"}}"#,
        r#"{"time":1,"fault":{"id":0,"kind":"kill","nodes":[1],"detail":"node 1","step":"injected"}}"#,
        r#"{"time":1,"fault":{"id":0,"kind":"kill","detail":"","step":{"healed":{"bit":true,"evidence":"gone"}}}}"#,
        r#"{"time":1,"observed":{"node":1,"incarnation":0,"asked":0,"answer":{"metadata":{"claims":[{"key":0,"leader":null,"epoch":3,"isr":[1]}]}}}}"#,
        r#"{"time":1,"observed":{"node":1,"incarnation":0,"asked":0,"answer":{"quorum":{"leader":1,"epoch":3,"high_watermark":9,"voters":[{"node":1,"end":9}]}}}}"#,
        r#"{"time":1,"observed":{"node":1,"incarnation":0,"asked":0,"answer":"not-leader"}}"#,
        r#"{"time":1,"observed":{"node":1,"incarnation":0,"asked":0,"answer":{"silent":{"asked_for":"quorum","reason":"error 7"}}}}"#,
        r#"{"time":1,"observed":{"node":1,"incarnation":0,"asked":0,"answer":{"log":{"key":0,"high_watermark":1,"last":true,"records":[[0,5,2]]}}}}"#,
        r#"{"time":1,"node":{"node":1,"incarnation":0,"state":"started","running":true}}"#,
        r#"{"time":1,"final-reads":{"complete":true,"ends":[9,0],"process":4}}"#,
        r#"{"time":1,"interrupted":true}"#,
    ] {
        let event = from_line(line).expect(line);
        assert_eq!(to_line(&event), line);
    }
}

#[test]
fn keys_may_come_in_any_order() {
    let event = from_line(r#"{"interrupted":true,"time":5}"#).expect("the order of keys says nothing");
    assert_eq!(
        event,
        Event {
            time: 5,
            what: What::Interrupted
        }
    );
}

#[test]
fn a_line_says_one_thing_at_one_time() {
    for (line, expected) in [
        (r#"{"interrupted":true}"#, "missing field `time`"),
        (r#"{"time":5}"#, "no kind of event in this line"),
        (
            r#"{"time":5,"phase":"heal","interrupted":true}"#,
            "a second kind of event, `interrupted`, in one line",
        ),
        (r#"{"time":5,"explode":1}"#, "unknown field `explode`"),
        (r#"{"time":-5,"phase":"heal"}"#, "invalid value: integer `-5`"),
        (r#"{"time":5,"phase":"lunch"}"#, "unknown variant `lunch`"),
        ("[1,2]", "expected an object with a time and one kind of event"),
    ] {
        let error = from_line(line).expect_err(line).to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn keys_are_dense_over_topics() {
    let header = header();
    assert_eq!(header.keys(), 5);
    assert_eq!(header.partition(1), Some(("orders", 1)));
    assert_eq!(header.partition(2), Some(("log", 0)));
    assert_eq!(header.partition(5), None);
    assert_eq!(
        (header.key_name(4), header.key_name(9)),
        ("log-2".to_owned(), "key 9".to_owned())
    );
    for key in 0..5 {
        let (topic, partition) = header.partition(key).expect("it is of this run");
        assert_eq!(header.key_of(topic, partition), Some(key));
    }
    assert_eq!(header.key_of("log", 3), None);
    assert_eq!(header.key_of("other", 0), None);
}

#[test]
fn a_hostile_number_of_partitions_overflows_nothing() {
    let mut header = header();
    header
        .topics
        .iter_mut()
        .for_each(|topic| topic.partitions = u32::MAX);
    assert_eq!(header.keys(), u32::MAX);
    assert_eq!(header.key_of("log", 1), None);
    assert_eq!(header.partition(u32::MAX), Some(("log", 0)));
}
