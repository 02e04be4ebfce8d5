//! Drivers that work, and drivers that do not: each is a short program in Python, and none may hold the run up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{F, MemoryRecorder, Span, Topic, What};

use super::{Described, Driver, Program};
use crate::arena::Arena;
use crate::client::library::{
    Advice, Consumer, ConsumerSettings, Delivery, FlightSettings, Library, Outgoing, Polled, Producer,
    ProducerSettings,
};
use crate::client::{Isolation, Shared};
use crate::scribe::End;

const PATIENCE: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_millis(200);

/// A driver that keeps records in its memory, and can be told in a `send` or a `poll` to go wrong. Its argument says how.
const DRIVER: &str = r#"
import base64, json, os, sys, time
how, count, log, at = sys.argv[1], 0, [], 0
print("hello from", how, file=sys.stderr)
def say(answer):
    print(json.dumps(answer), flush=True)
for line in sys.stdin:
    ask = json.loads(line)
    op, answer = ask["op"], {"id": ask["id"], "type": "ok"}
    if op == "hello":
        if how == "old": answer["protocol"] = 0
        else: answer["protocol"] = 1
        if how == "silent": time.sleep(600)
        answer.update(library="memory", version="1", capabilities=["groups"])
        if how == "refuses": answer = {"id": ask["id"], "type": "fail", "error": "not today"}
    elif op == "send":
        count += 1
        if count > 2:
            if how == "crash": os._exit(7)
            if how == "hang": time.sleep(600)
            if how == "chatter": say({"id": 999999, "type": "ok"})
            if how == "text": print("sent!", flush=True)
            if how == "types": answer["offset"] = "seven"
            if how == "flood":
                while True: sys.stdout.write("x" * 65536)
            if how == "shouts":
                for _ in range(200000): print("x" * 100, file=sys.stderr)
            if how == "twice": say(answer | {"offset": 1, "broker": 1})
            if how == "fatal": answer = {"id": ask["id"], "type": "info", "error": "fenced", "fatal": "fenced"}
            if how == "mute": answer["offset"] = None
            if how == "late": answer = {"id": ask["id"], "type": "info", "error": "too late", "expired": True, "in-flight": 3}
            if how == "huge": answer["in-flight"] = -1
            if how == "no": answer = {"id": ask["id"], "type": "fail", "error": "too large"}
        if answer["type"] == "ok" and "offset" not in answer:
            answer.update(offset=len(log), broker=2, timestamp=5)
        log.append(ask["value"])
    elif op == "poll":
        new = log[at:at + ask["most"]]
        answer["records"] = [{"topic": ask.get("topic", "log"), "partition": 0, "offset": at + i, "value": v} for i, v in enumerate(new)]
        if how == "brief" and at >= 2: os._exit(9)
        if how == "brief": answer["records"] = [{"topic": "log", "partition": 0, "offset": at + i} for i in range(2)]; at += 2
        if how == "many": answer["records"] = [{"topic": "log", "partition": 0, "offset": 0}] * 9999
        at += len(new)
        if not new: time.sleep(ask["within"] / 1000)
    elif op == "assign":
        at = ask["positions"][0][2]
        print("assigned from", at, file=sys.stderr, flush=True)
    say(answer)
"#;

struct Court {
    driver: Driver,
    recorder: Arc<MemoryRecorder>,
    _directory: tempfile::TempDir,
    log_file: std::path::PathBuf,
}

impl Court {
    /// With a driver that goes wrong so; none, and a word about it, where there is no Python.
    fn new(how: &str) -> Option<Self> {
        if std::process::Command::new("python3").arg("-V").output().is_err() {
            eprintln!("skipped: there is no python3");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("driver.py");
        std::fs::write(&file, DRIVER).expect("a file");
        let recorder = Arc::new(MemoryRecorder::default());
        let log_file = directory.path().join("clients.log");
        let arena = Arena {
            client: None,
            client_settings: Vec::new(),
            bootstrap: "127.0.0.1:1".to_owned(),
            topics: vec![Topic {
                name: "log".to_owned(),
                partitions: 2,
                replication_factor: 1,
                min_insync_replicas: 1,
                unclean_election: false,
                config: BTreeMap::new(),
            }],
            seed: 1,
            recorder: recorder.clone(),
            log_file: Some(log_file.clone()),
            transactions: None,
            disks_may_fail: false,
        };
        let shared = Shared::new(arena, Span::from_secs(2), Span::from_secs(1)).expect("a log file");
        let program = Program {
            name: format!("exec:{how}"),
            command: vec!["python3".to_owned(), file.display().to_string(), how.to_owned()],
            directory: None,
        };
        Some(Self {
            driver: Driver::new(shared.place.clone(), program),
            recorder,
            _directory: directory,
            log_file,
        })
    }

    fn producer(&self) -> Box<dyn Producer> {
        let settings = ProducerSettings {
            name: "writer".to_owned(),
            acks: "all",
            idempotence: true,
            max_in_flight: 5,
            linger: Duration::ZERO,
            batch_bytes: 100_000,
            gives_up_after: None,
            flight: FlightSettings::default(),
            transaction: None,
        };
        self.driver.producer(&settings).expect("a producer")
    }

    fn consumer(&self) -> Box<dyn Consumer> {
        let settings = ConsumerSettings {
            name: "reader".to_owned(),
            isolation: Isolation::ReadUncommitted,
            fetch_wait: Duration::from_millis(50),
            group: None,
        };
        let mut consumer = self.driver.consumer(&settings).expect("a consumer");
        consumer.assign(&BTreeMap::from([(0, 0)])).expect("an assignment");
        consumer
    }

    /// The reasons for which processes were ended, as the history has them.
    fn crashes(&self) -> Vec<String> {
        let crash = |event: history::Event| match event.what {
            What::Info(op) if op.f == F::Crash => op.error,
            _ => None,
        };
        self.recorder.events().into_iter().filter_map(crash).collect()
    }

    /// Waits until one was.
    fn crash(&self) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(reason) = self.crashes().pop() {
                return reason;
            }
            assert!(Instant::now() < until, "no process was ended");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Sends four records: how each ended.
fn send_four(producer: &mut dyn Producer) -> Vec<Delivery> {
    let mut ended = BTreeMap::new();
    for value in 0..4 {
        let record = Outgoing {
            key: 0,
            value,
            bytes: 8,
            name: None,
            tombstone: false,
            timestamp: None,
        };
        if let Err(refusal) = producer.send(&record, value) {
            // It certainly never left.
            let delivery = Delivery::ended(End::Fail(refusal.text));
            ended.insert(value, delivery);
        }
    }
    let until = Instant::now() + PATIENCE;
    while ended.len() < 4 {
        assert!(Instant::now() < until, "only these ended: {ended:?}");
        producer.poll(CALL, &mut |token, delivery| {
            assert_eq!(ended.insert(token, delivery), None, "{token} ended twice");
        });
    }
    ended.into_values().collect()
}

fn words(ended: &[Delivery]) -> Vec<&'static str> {
    let word = |delivery: &Delivery| match delivery.end {
        End::Ok => "ok",
        End::Fail(_) => "fail",
        End::Info(_) => "info",
    };
    ended.iter().map(word).collect()
}

#[test]
fn a_driver_that_works_writes_and_reads() {
    let Some(court) = Court::new("works") else { return };
    let mut producer = court.producer();
    let ended = send_four(&mut *producer);
    assert_eq!(words(&ended), ["ok"; 4]);
    assert_eq!(
        (ended[3].offset, ended[3].broker, ended[3].timestamp),
        (Some(3), Some(2), Some(5))
    );
    let mut consumer = court.consumer();
    let polled = consumer.poll(3, CALL);
    let values: Vec<_> = polled.records.iter().map(|record| record.value).collect();
    assert_eq!(values, [Some(0), Some(1), Some(2)]);
    producer.discard();
    consumer.close();
    drop(court.driver);
    std::thread::sleep(CALL);
    let log = std::fs::read_to_string(&court.log_file).expect("a log");
    assert!(log.contains("exec:works memory 1 is at work"), "{log}");
    assert!(log.contains("exec:works hello from works"), "{log}");
}

#[test]
fn what_a_driver_says_of_a_write_is_what_is_written_down() {
    let Some(court) = Court::new("no") else { return };
    assert_eq!(
        words(&send_four(&mut *court.producer())),
        ["ok", "ok", "fail", "fail"]
    );
    // No word from a broker is no acknowledgement.
    let Some(court) = Court::new("mute") else { return };
    assert_eq!(
        words(&send_four(&mut *court.producer())),
        ["ok", "ok", "info", "info"]
    );
    let Some(court) = Court::new("fatal") else { return };
    let mut producer = court.producer();
    assert_eq!(words(&send_four(&mut *producer)), ["ok", "ok", "info", "info"]);
    assert_eq!(producer.fatal().as_deref(), Some("fenced"));
    assert_eq!(court.crashes(), [""; 0], "the others of the process go on");
    let Some(court) = Court::new("late") else { return };
    let flights: Vec<_> = send_four(&mut *court.producer())
        .iter()
        .map(|delivery| (delivery.expired, delivery.in_flight))
        .collect();
    let (none, late) = ((false, None), (true, Some(3)));
    assert_eq!(flights, [none, none, late, late]);
}

/// A driver that goes wrong in its third write is ended for that reason, what is open ends in doubt, and the next one works.
#[track_caller]
fn assert_contained(how: &str, reason: &str) {
    let Some(court) = Court::new(how) else { return };
    let mut producer = court.producer();
    let ended = send_four(&mut *producer);
    let words = words(&ended);
    assert_eq!(words[2], "info", "{how}");
    // The last was under way, or came when the driver had ended already.
    assert!(matches!(words[3], "info" | "fail"), "{how}: {}", words[3]);
    let crash = court.crash();
    assert!(crash.contains(reason), "{how}: {crash}");
    assert!(producer.fatal().is_some_and(|fatal| fatal.contains(reason)));
    let log = std::fs::read_to_string(&court.log_file).expect("a log");
    assert!(log.contains(reason), "{log}");
    let mut next = court.producer();
    assert_eq!(next.fatal(), None);
    let record = Outgoing {
        key: 0,
        value: 9,
        bytes: 8,
        name: None,
        tombstone: false,
        timestamp: None,
    };
    next.send(&record, 1).expect("a driver anew");
    let mut is_written = false;
    next.poll(PATIENCE, &mut |_, delivery| is_written = delivery.end == End::Ok);
    assert!(is_written, "{how}");
}

#[test]
fn a_driver_that_crashes_is_started_anew() {
    assert_contained("crash", "it ended by itself (exit status: 7)");
}

#[test]
fn a_driver_that_hangs_is_ended() {
    assert_contained("hang", "it gave no sign of life");
}

#[test]
fn a_driver_that_answers_nonsense_is_ended() {
    assert_contained("text", "it answered nonsense: no JSON");
    assert_contained("chatter", "an answer to request 999999, which is not open");
    assert_contained("types", "`offset` is no whole number");
    assert_contained("huge", "`in-flight` is out of range");
}

#[test]
fn a_driver_that_floods_is_ended() {
    assert_contained("flood", "a line of more than 16777216 bytes");
}

#[test]
fn an_answer_given_twice_is_one_that_nobody_asked_for() {
    let Some(court) = Court::new("twice") else { return };
    let mut producer = court.producer();
    let ended = send_four(&mut *producer);
    let words = words(&ended);
    assert_eq!(words[..3], ["ok"; 3]);
    // It was under way, or came when the driver had ended already.
    assert!(matches!(words[3], "info" | "fail"), "{}", words[3]);
    assert!(court.crash().contains("which is not open"));
}

#[test]
fn a_driver_that_shouts_is_heard_only_for_a_while() {
    let Some(court) = Court::new("shouts") else { return };
    assert_eq!(words(&send_four(&mut *court.producer())), ["ok"; 4]);
    // What it shouts is read beside what it answers.
    let until = Instant::now() + PATIENCE;
    let log = || std::fs::read_to_string(&court.log_file).expect("a log");
    while !log().contains("says more on its standard error than is kept") {
        assert!(Instant::now() < until, "nobody says so");
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = log();
    assert!(log.len() < 3 << 20, "{} bytes", log.len());
}

#[test]
fn a_consumer_goes_on_where_it_stood_when_its_driver_ends() {
    let Some(court) = Court::new("brief") else { return };
    let mut consumer = court.consumer();
    let offsets =
        |polled: Polled| -> Vec<i64> { polled.records.iter().map(|record| record.offset).collect() };
    assert_eq!(offsets(consumer.poll(10, CALL)), [0, 1]);
    assert!(consumer.poll(10, CALL).records.is_empty());
    assert!(court.crash().contains("exit status: 9"));
    // The new one is told where the last one stood; as that is where this driver ends, it never gets further.
    let until = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(&court.log_file)
        .expect("a log")
        .contains("assigned from 2")
    {
        assert!(Instant::now() < until, "it does not go on");
        assert!(consumer.poll(10, CALL).records.is_empty());
    }
}

#[test]
fn more_records_than_were_asked_for_are_nonsense() {
    let Some(court) = Court::new("many") else { return };
    let mut consumer = court.consumer();
    assert!(consumer.poll(10, CALL).records.is_empty());
    assert!(court.crash().contains("9999 records where 10 were asked for"));
    let refused = consumer
        .commit(&BTreeMap::from([(0, 1)]), CALL)
        .expect_err("no member");
    assert_eq!(refused.advice, Advice::Refused);
}

#[test]
fn what_a_driver_says_of_itself_is_asked_before_anything_starts() {
    if Court::new("works").is_none() {
        return;
    }
    let describe = |how: &str| {
        let court = Court::new(how).expect("Python");
        super::describe(&court.driver.core.place, &court.driver.core.program)
    };
    let described = describe("works").expect("a driver");
    let expected = Described {
        library: "memory".to_owned(),
        version: "1".to_owned(),
        capabilities: vec!["groups".to_owned()],
    };
    assert_eq!(described, expected);
    assert_eq!(described.lacks(&["groups", "transactions"]), ["transactions"]);
    let old = describe("old").expect_err("another protocol");
    assert!(
        old.contains("version 0 of the driver protocol, and this is version 1"),
        "{old}"
    );
    let refuses = describe("refuses").expect_err("it says no");
    assert!(refuses.contains("not today"), "{refuses}");
}
