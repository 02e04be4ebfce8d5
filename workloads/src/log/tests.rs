//! The clients against the client library's own mock brokers, in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Event, F, MemoryRecorder, Op, Record, Span, Topic, What};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::LogConfig;
use crate::arena::{Arena, Running, Workload};
use crate::client::{Isolation, Shared, read_through};

const PARTITIONS: u32 = 4;
/// Nothing here takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

struct Court {
    brokers: MockCluster<'static, DefaultProducerContext>,
    recorder: Arc<MemoryRecorder>,
}

impl Court {
    fn new() -> Self {
        let brokers = MockCluster::new(3).expect("mock brokers");
        brokers
            .create_topic("log", PARTITIONS as i32, 3)
            .expect("a topic");
        Self {
            brokers,
            recorder: Arc::default(),
        }
    }

    fn topics() -> Vec<Topic> {
        vec![Topic {
            name: "log".to_owned(),
            partitions: PARTITIONS,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_election: false,
            config: BTreeMap::new(),
        }]
    }

    fn arena(&self, recorder: Arc<MemoryRecorder>) -> Arena {
        Arena {
            client: None,
            client_settings: Vec::new(),
            bootstrap: self.brokers.bootstrap_servers(),
            topics: Self::topics(),
            seed: 1,
            recorder,
            log_file: None,
            transactions: None,
            disks_may_fail: false,
        }
    }

    async fn start(&self, config: &LogConfig) -> Box<dyn Running> {
        let arena = self.arena(self.recorder.clone());
        config.start(arena).await.expect("clients that can be made")
    }

    /// Waits until the history holds what is asked for.
    async fn wait(&self, what: &str, holds: impl Fn(&[Event]) -> bool) {
        let begun = Instant::now();
        while !holds(&self.recorder.events()) {
            assert!(
                begun.elapsed() < PATIENCE,
                "{what} within {PATIENCE:?}: {:?}",
                ends(&self.recorder.events())
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn config() -> LogConfig {
    LogConfig {
        producers: 2,
        consumers: 2,
        rate: 500,
        request_timeout: Span::from_millis(500),
        delivery_timeout: Span::from_secs(1),
        deadline: Span::from_secs(2),
        poll_timeout: Span::from_millis(20),
        ..LogConfig::default()
    }
}

/// How many writes ended `ok`, `fail` and `info`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ends {
    ok: usize,
    fail: usize,
    info: usize,
}

fn ends(events: &[Event]) -> Ends {
    let mut ends = Ends::default();
    for event in events {
        match &event.what {
            What::Ok(Op { f: F::Send(_), .. }) => ends.ok += 1,
            What::Fail(Op { f: F::Send(_), .. }) => ends.fail += 1,
            What::Info(Op { f: F::Send(_), .. }) => ends.info += 1,
            _ => {}
        }
    }
    ends
}

fn records(events: &[Event]) -> BTreeMap<u64, Record> {
    let polls = events.iter().filter_map(|event| match &event.what {
        What::Ok(Op { f: F::Poll(poll), .. }) => Some(&poll.records),
        _ => None,
    });
    polls.flatten().map(|record| (record.value, *record)).collect()
}

/// What holds of every history: operations are numbered without gaps, each ends once, a process has at most one
/// open and none after one that ended `info`, and no value is written twice.
fn assert_sound(events: &[Event]) {
    let mut open = BTreeMap::new();
    let mut retired = BTreeSet::new();
    let mut values = BTreeSet::new();
    let mut next_op = 0;
    for event in events {
        match &event.what {
            What::Invoke(op) => {
                next_op += 1;
                assert!(!retired.contains(&op.process), "a retired process: {op:?}");
                assert!(
                    open.insert(op.process, op.op).is_none(),
                    "a second operation: {op:?}"
                );
                if let F::Send(send) = &op.f {
                    assert!(values.insert(send.value), "written twice: {op:?}");
                }
            }
            What::Ok(op) | What::Fail(op) | What::Info(op) => {
                assert_eq!(
                    open.remove(&op.process),
                    Some(op.op),
                    "ends what is not open: {op:?}"
                );
                if matches!(event.what, What::Info(_)) {
                    retired.insert(op.process);
                }
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "never ended: {open:?}");
    let numbers: BTreeSet<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Invoke(op) => Some(op.op),
            _ => None,
        })
        .collect();
    assert_eq!(
        numbers.last().map(|last| last + 1),
        Some(next_op),
        "operations are dense"
    );
    assert_eq!(
        values.last().map(|last| last + 1),
        Some(values.len() as u64),
        "values are dense"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_acknowledged_and_read_back() {
    let court = Court::new();
    let mut running = court.start(&config()).await;
    court.wait("300 writes", |events| ends(events).ok >= 300).await;
    court
        .wait("300 reads", |events| records(events).len() >= 300)
        .await;
    running.stop().await;
    let events = court.recorder.events();
    assert_sound(&events);
    let seen = running.counters().seen();
    let ends = ends(&events);
    assert_eq!((ends.fail, ends.info), (0, 0));
    assert_eq!(seen.ok, ends.ok as u64);
    let read = records(&events);
    for event in &events {
        let What::Ok(Op { f: F::Send(send), .. }) = &event.what else {
            continue;
        };
        let offset = send.offset.expect("an acknowledgement names the offset");
        let broker = send.broker.expect("and who gave it");
        assert!((1..=3).contains(&broker));
        if let Some(record) = read.get(&send.value) {
            assert_eq!((record.key, record.offset), (send.key, offset));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_a_broker_refused_certainly_failed() {
    let court = Court::new();
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    court
        .brokers
        .request_errors(RDKafkaApiKey::Produce, &[refusal; 20]);
    let mut running = court
        .start(&LogConfig {
            idempotence: false,
            ..config()
        })
        .await;
    court
        .wait("20 refusals and a write", |events| {
            ends(events).fail >= 20 && ends(events).ok > 0
        })
        .await;
    running.stop().await;
    let events = court.recorder.events();
    assert_sound(&events);
    assert_eq!(ends(&events).info, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_nobody_answered_is_in_doubt() {
    let court = Court::new();
    let mut running = court.start(&config()).await;
    court.wait("a write", |events| ends(events).ok > 0).await;
    for broker in 1..=3 {
        // Requests arrive, and their answers come long after the client has given up.
        court
            .brokers
            .broker_round_trip_time(broker, PATIENCE)
            .expect("a broker");
    }
    court
        .wait("a write in doubt", |events| ends(events).info > 0)
        .await;
    running.stop().await;
    assert_sound(&court.recorder.events());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_producer_gave_up_before_it_was_sent_certainly_failed() {
    let court = Court::new();
    let mut running = court
        .start(&LogConfig {
            idempotence: false,
            ..config()
        })
        .await;
    court.wait("a write", |events| ends(events).ok > 0).await;
    for broker in 1..=3 {
        court.brokers.broker_down(broker).expect("a broker");
    }
    court.wait("a failure", |events| ends(events).fail > 0).await;
    running.stop().await;
    assert_sound(&court.recorder.events());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_gives_nothing_up_and_the_deadline_ends_it() {
    let court = Court::new();
    let mut running = court.start(&config()).await;
    court.wait("a write", |events| ends(events).ok > 0).await;
    for broker in 1..=3 {
        court.brokers.broker_down(broker).expect("a broker");
    }
    court
        .wait("a write in doubt", |events| ends(events).info > 0)
        .await;
    for broker in 1..=3 {
        court.brokers.broker_up(broker).expect("a broker");
    }
    let before = ends(&court.recorder.events()).ok;
    court
        .wait("writes again", |events| ends(events).ok > before + 50)
        .await;
    running.stop().await;
    let events = court.recorder.events();
    assert_sound(&events);
    assert_eq!(ends(&events).fail, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_crash_are_replaced() {
    let court = Court::new();
    let crashing = LogConfig {
        crash_every: Some(Span::from_secs(1)),
        ..config()
    };
    let mut running = court.start(&crashing).await;
    let crashes = |events: &[Event]| {
        let crash = |event: &&Event| matches!(&event.what, What::Info(Op { f: F::Crash, .. }));
        events.iter().filter(crash).count()
    };
    court.wait("6 crashes", |events| crashes(events) >= 6).await;
    let before = ends(&court.recorder.events()).ok;
    court
        .wait("writes after them", |events| ends(events).ok > before + 50)
        .await;
    running.stop().await;
    assert_sound(&court.recorder.events());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_reader_passes_every_end() {
    let court = Court::new();
    let no_consumers = LogConfig {
        consumers: 0,
        ..config()
    };
    let mut running = court.start(&no_consumers).await;
    court.wait("300 writes", |events| ends(events).ok >= 300).await;
    running.stop().await;
    let written = ends(&court.recorder.events()).ok;
    let recorder = Arc::new(MemoryRecorder::default());
    let arena = court.arena(recorder.clone());
    let (request_timeout, refresh) = (config().request_timeout, config().metadata_refresh);
    let shared = Shared::new(arena, request_timeout, refresh).expect("no file");
    let reader = shared.clone();
    let read = tokio::task::spawn_blocking(move || {
        read_through(&reader, 0, Isolation::ReadUncommitted, None, PATIENCE)
    });
    let (ends, unread) = read.await.expect("no panic").expect("a reader");
    assert_eq!(unread, None);
    assert_eq!(ends.iter().sum::<i64>(), written as i64);
    let events = recorder.events();
    assert_eq!(records(&events).len(), written);
    let beyond = ends.iter().map(|end| end + 1).collect();
    let short = Duration::from_millis(500);
    let read = tokio::task::spawn_blocking(move || {
        read_through(&shared, 0, Isolation::ReadUncommitted, Some(beyond), short)
    });
    let (_, unread) = read.await.expect("no panic").expect("a reader");
    assert!(unread.is_some_and(|reason| reason.contains("the reader stood at")));
}

/// The records that were read, and the partitions that moved, by process.
fn members(events: &[Event]) -> BTreeMap<u32, (Vec<Record>, BTreeSet<u32>)> {
    let mut members: BTreeMap<u32, (Vec<Record>, BTreeSet<u32>)> = BTreeMap::new();
    for event in events {
        if let What::Ok(op) = &event.what
            && let F::Poll(poll) = &op.f
        {
            let member = members.entry(op.process).or_default();
            member.0.extend(&poll.records);
            member.1.extend(&op.rebalanced);
        }
    }
    members
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_share_the_partitions_and_say_what_moved() {
    let court = Court::new();
    let config = LogConfig {
        consume_by: super::ConsumeBy::Subscribe,
        consumers: 2,
        rate: 200,
        ..LogConfig::default()
    };
    let mut running = court.start(&config).await;
    let begun = Instant::now();
    let shared = |events: &[Event]| {
        let members = members(events);
        let reading = members.values().filter(|(records, _)| !records.is_empty());
        reading.count() == 2
    };
    while !shared(&court.recorder.events()) && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.stop().await;
    let events = court.recorder.events();
    assert!(shared(&events), "both members read something");
    let subscribed = events.iter().filter(|event| match &event.what {
        What::Ok(op) => matches!(&op.f, F::Subscribe(subscribe) if subscribe.keys.len() == 4),
        _ => false,
    });
    assert_eq!(subscribed.count(), 2);
    for (records, moved) in members(&events).values() {
        let unasked = records.iter().find(|record| !moved.contains(&record.key));
        assert_eq!(unasked, None, "nobody reads what it was not given");
    }
}
