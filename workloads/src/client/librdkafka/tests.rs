//! librdkafka behind the traits, against its own mock brokers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{MemoryRecorder, Span, Topic};
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tempfile::NamedTempFile;

use super::super::library::{
    Advice, Change, Consumer, ConsumerSettings, FlightSettings, GroupSettings, Incoming, Library, Outgoing,
    Producer, ProducerSettings, ShareSettings, TransactionSettings,
};
use super::super::{GroupProtocol, Isolation, Shared};
use crate::arena::Arena;
use crate::scribe::End;

const PATIENCE: Duration = Duration::from_secs(20);
const CALL: Duration = Duration::from_secs(5);

struct Court {
    brokers: MockCluster<'static, DefaultProducerContext>,
    /// What the clients say.
    log: NamedTempFile,
    library: Arc<dyn Library>,
}

impl Court {
    fn new() -> Self {
        let brokers = MockCluster::new(3).expect("mock brokers");
        brokers.create_topic("log", 2, 3).expect("a topic");
        let log = NamedTempFile::new().expect("a file");
        let arena = Arena {
            client: None,
            client_settings: Vec::new(),
            bootstrap: brokers.bootstrap_servers(),
            topics: vec![Topic {
                name: "log".to_owned(),
                partitions: 2,
                replication_factor: 3,
                min_insync_replicas: 2,
                unclean_election: false,
                config: BTreeMap::new(),
            }],
            seed: 1,
            recorder: Arc::new(MemoryRecorder::default()),
            log_file: Some(log.path().to_owned()),
            transactions: None,
            disks_may_fail: false,
        };
        let shared = Shared::new(arena, Span::from_secs(2), Span::from_secs(1)).expect("no file");
        Self {
            brokers,
            log,
            library: shared.library.clone(),
        }
    }

    /// Waits until a client has said this.
    fn heard(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(self.log.path())
            .expect("the log")
            .contains(text)
        {
            assert!(Instant::now() < until, "nobody said: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn producer(&self, transaction: Option<&str>) -> Box<dyn Producer> {
        let settings = ProducerSettings {
            name: "writer".to_owned(),
            acks: "all",
            idempotence: true,
            max_in_flight: 5,
            linger: Duration::ZERO,
            batch_bytes: 100_000,
            gives_up_after: None,
            flight: FlightSettings::default(),
            transaction: transaction.map(|id| TransactionSettings {
                id: id.to_owned(),
                timeout: Duration::from_secs(5),
                init_within: PATIENCE,
            }),
        };
        self.library.producer(&settings).expect("a producer")
    }

    fn consumer(&self, group: Option<GroupSettings>) -> Box<dyn Consumer> {
        let settings = ConsumerSettings {
            name: "reader".to_owned(),
            isolation: Isolation::ReadUncommitted,
            fetch_wait: Duration::from_millis(50),
            group,
        };
        self.library.consumer(&settings).expect("a consumer")
    }
}

fn group() -> GroupSettings {
    GroupSettings {
        id: "g".to_owned(),
        protocol: GroupProtocol::Classic,
        instance: None,
        assignor: "range",
        session_timeout: Duration::from_secs(6),
        max_poll_interval: None,
        auto_commit: None,
    }
}

fn outgoing(value: u64) -> Outgoing {
    Outgoing {
        key: 0,
        value,
        bytes: 16,
        name: None,
        tombstone: false,
        timestamp: None,
    }
}

/// Sends them, and waits until each is acknowledged.
fn write(producer: &mut dyn Producer, records: &[Outgoing]) {
    for (token, record) in records.iter().enumerate() {
        producer.send(record, token as u64).expect("room for it");
    }
    let until = Instant::now() + PATIENCE;
    let mut reported = Vec::new();
    while reported.len() < records.len() {
        assert!(Instant::now() < until, "{} reports", reported.len());
        producer.poll(Duration::from_millis(100), &mut |token, delivery| {
            assert_eq!(delivery.end, End::Ok);
            assert!(delivery.offset.is_some() && delivery.timestamp.is_some());
            reported.push(token);
        });
    }
}

fn read(consumer: &mut dyn Consumer, count: usize) -> Vec<Incoming> {
    let until = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < until, "{records:?}");
        let polled = consumer.poll(count - records.len(), Duration::from_millis(100));
        assert_eq!(polled.lost, None);
        records.extend(polled.records);
    }
    records
}

#[test]
fn names_tombstones_and_times_come_back_as_they_went() {
    let court = Court::new();
    let mut producer = court.producer(None);
    producer.warm(CALL);
    let named = Outgoing {
        name: Some(77),
        timestamp: Some(1_700_000_000_000),
        ..outgoing(0)
    };
    let tombstone = Outgoing {
        name: Some(77),
        tombstone: true,
        ..outgoing(1)
    };
    write(&mut *producer, &[named, tombstone, outgoing(2)]);
    assert_eq!(producer.fatal(), None);
    let mut consumer = court.consumer(None);
    for _ in 0..3 {
        // Each assignment anew.
        consumer.assign(&BTreeMap::from([(0, 0)])).expect("an assignment");
        let records = read(&mut *consumer, 3);
        let seen: Vec<_> = records
            .iter()
            .map(|record| (record.offset, record.value, record.name, record.tombstone))
            .collect();
        let expected = [
            (0, Some(0), Some(77), false),
            (1, Some(1), Some(77), true),
            (2, Some(2), None, false),
        ];
        assert_eq!(seen, expected);
        assert_eq!(records[0].timestamp, Some(1_700_000_000_000));
    }
    assert_eq!(consumer.ends(0, CALL), Ok((0, 3)));
    producer.discard();
    consumer.close();
}

#[test]
fn a_member_of_a_group_commits_and_the_next_goes_on_from_there() {
    let court = Court::new();
    let mut producer = court.producer(None);
    let records: Vec<_> = (0..4).map(outgoing).collect();
    write(&mut *producer, &records);
    let mut member = court.consumer(Some(group()));
    assert!(member.membership().is_none(), "it has not joined yet");
    member.subscribe(&["log"]).expect("a subscription");
    assert_eq!(read(&mut *member, 4).len(), 4);
    let given = member.rebalanced();
    assert_eq!(
        (given[0].change, &given[0].keys[..]),
        (Change::Given, &[0, 1][..])
    );
    let membership = member.membership().expect("a member by now");
    assert_eq!(given[0].member, membership.member);
    assert_eq!(given[0].generation, membership.generation);
    member.commit(&BTreeMap::from([(0, 3)]), CALL).expect("a commit");
    let committed = member.committed(&[0, 1], CALL).expect("an answer");
    assert_eq!(committed, BTreeMap::from([(0, Some(3)), (1, None)]));
    member.close();
    let mut next = court.consumer(Some(group()));
    next.subscribe(&["log"]).expect("a subscription");
    assert_eq!(read(&mut *next, 1)[0].offset, 3);
    next.discard();
}

#[test]
fn a_member_whose_coordinator_is_gone_leaves_in_time_all_the_same() {
    let court = Court::new();
    let mut producer = court.producer(None);
    write(&mut *producer, &[outgoing(0)]);
    let of_group = MockCoordinator::Group("g".to_owned());
    court.brokers.coordinator(of_group, 2).expect("a coordinator");
    let mut member = court.consumer(Some(group()));
    member.subscribe(&["log"]).expect("a subscription");
    assert_eq!(read(&mut *member, 1).len(), 1);
    court.brokers.broker_down(2).expect("a broker that is gone");
    let (sender, left) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        member.close();
        // Nobody waits for it where it took too long.
        let _ = sender.send(());
    });
    assert_eq!(left.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_member_whose_name_another_has_taken_says_that_it_cannot_go_on() {
    let court = Court::new();
    let mut producer = court.producer(None);
    write(&mut *producer, &[outgoing(0)]);
    let mut member = court.consumer(Some(GroupSettings {
        instance: Some("reader".to_owned()),
        ..group()
    }));
    member.subscribe(&["log"]).expect("a subscription");
    assert_eq!(read(&mut *member, 1).len(), 1);
    let fenced = RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    court.brokers.request_errors(RDKafkaApiKey::Heartbeat, &[fenced]);
    let until = Instant::now() + PATIENCE;
    let reason = loop {
        assert!(Instant::now() < until, "it was never told");
        if let Some(reason) = member.poll(1, Duration::from_millis(100)).lost {
            break reason;
        }
    };
    assert!(reason.contains("FencedInstanceId"), "{reason}");
    member.close();
}

#[test]
fn a_transaction_is_committed_and_one_that_is_not_its_own_is_refused() {
    let court = Court::new();
    let mut producer = court.producer(Some("t"));
    let before = producer.commit(CALL).expect_err("none was begun");
    assert_ne!(before.advice, Advice::Again);
    let mut producer = court.producer(Some("t"));
    producer.begin().expect("a transaction");
    producer.send(&outgoing(0), 9).expect("room for it");
    producer.commit(PATIENCE).expect("a commit");
    let mut reported = None;
    producer.poll(PATIENCE, &mut |token, delivery| {
        reported = Some((token, delivery.end));
    });
    assert_eq!(reported, Some((9, End::Ok)));
}

#[test]
fn a_client_whose_abort_takes_back_what_it_sent_is_of_no_further_use() {
    let court = Court::new();
    court
        .brokers
        .partition_leader("log", 0, Some(1))
        .expect("a leader");
    let of_transactions = MockCoordinator::Transaction("t".to_owned());
    court
        .brokers
        .coordinator(of_transactions, 2)
        .expect("a coordinator");
    let mut producer = court.producer(Some("t"));
    producer.begin().expect("a transaction");
    write(&mut *producer, &[outgoing(0)]);
    producer.abort(PATIENCE).expect("an abort");
    assert_eq!(producer.fatal(), None, "all that was sent was reported");
    producer.begin().expect("a transaction");
    // The request was under way, and nobody knows what became of it: it waits for another attempt.
    let slow = court.brokers.broker_round_trip_time(1, 2 * PATIENCE);
    slow.expect("a slow broker");
    producer.send(&outgoing(1), 1).expect("room for it");
    court.heard("Timed out ProduceRequest in flight");
    producer.abort(PATIENCE).expect("an abort");
    assert!(
        producer
            .fatal()
            .is_some_and(|why| why.contains("sequence number")),
        "{:?}",
        producer.fatal()
    );
}

#[test]
fn share_groups_are_refused_by_name() {
    let settings = ShareSettings {
        name: "s".to_owned(),
        group: "g".to_owned(),
    };
    let refused = Court::new()
        .library
        .share_consumer(&settings)
        .map(drop)
        .expect_err("none");
    assert_eq!(refused.advice, Advice::Refused);
    assert!(refused.text.contains("client = \"java\""), "{}", refused.text);
}
