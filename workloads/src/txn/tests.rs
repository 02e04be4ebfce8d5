//! The clients against the client library's own mock brokers, in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Event, F, MemoryRecorder, Mop, Op, Span, Topic, What};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::TxnConfig;
use crate::arena::{Arena, Running, Workload};

/// Nothing here takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

struct Court {
    brokers: MockCluster<'static, DefaultProducerContext>,
    recorder: Arc<MemoryRecorder>,
}

impl Court {
    fn new() -> Self {
        let brokers = MockCluster::new(3).expect("mock brokers");
        brokers.create_topic("log", 4, 3).expect("a topic");
        Self {
            brokers,
            recorder: Arc::default(),
        }
    }

    async fn start(&self, config: &TxnConfig) -> Box<dyn Running> {
        let arena = Arena {
            bootstrap: self.brokers.bootstrap_servers(),
            client: None,
            client_settings: Vec::new(),
            topics: vec![Topic {
                name: "log".to_owned(),
                partitions: 4,
                replication_factor: 3,
                min_insync_replicas: 2,
                unclean_election: false,
                config: std::collections::BTreeMap::new(),
            }],
            seed: 7,
            recorder: self.recorder.clone(),
            log_file: None,
            transactions: None,
            disks_may_fail: false,
        };
        config.start(arena).await.expect("clients")
    }

    async fn wait(&self, what: &str, until: impl Fn(&[Event]) -> bool) {
        let begun = Instant::now();
        while !until(&self.recorder.events()) {
            assert!(begun.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The transactions that ended so.
fn ended(events: &[Event], how: fn(&What) -> Option<&Op>) -> Vec<&Op> {
    let ended = events.iter().filter_map(|event| how(&event.what));
    ended.filter(|op| matches!(op.f, F::Txn(_))).collect()
}

fn ok(what: &What) -> Option<&Op> {
    if let What::Ok(op) = what { Some(op) } else { None }
}

fn failed(what: &What) -> Option<&Op> {
    if let What::Fail(op) = what { Some(op) } else { None }
}

fn unknown(what: &What) -> Option<&Op> {
    if let What::Info(op) = what { Some(op) } else { None }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_has_its_places_and_what_is_aborted_says_so() {
    let court = Court::new();
    let config = TxnConfig {
        rate: 200,
        aborts: 30,
        ..TxnConfig::default()
    };
    let mut running = court.start(&config).await;
    let enough = |events: &[Event]| ended(events, ok).len() >= 100 && ended(events, failed).len() >= 20;
    court.wait("transactions", enough).await;
    running.stop().await;
    let events = court.recorder.events();
    for op in ended(&events, ok) {
        let F::Txn(txn) = &op.f else { continue };
        for mop in &txn.mops {
            if let Mop::Send(send) = mop {
                assert!(send.offset.is_some() && send.broker.is_some(), "{op:?}");
            }
        }
    }
    for op in ended(&events, failed) {
        assert!(
            op.error.as_deref().is_some_and(|error| error.contains("aborted")),
            "{op:?}"
        );
    }
    let begun = events
        .iter()
        .filter(|event| matches!(&event.what, What::Invoke(_)))
        .count();
    let over = |event: &&Event| matches!(&event.what, What::Ok(_) | What::Fail(_) | What::Info(_));
    assert_eq!(begun, events.iter().filter(over).count(), "each has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_crashes_leaves_its_transaction_in_doubt() {
    let court = Court::new();
    let config = TxnConfig {
        rate: 100,
        crash_every: Some(Span::from_secs(1)),
        ..TxnConfig::default()
    };
    let mut running = court.start(&config).await;
    court
        .wait("crashes", |events| ended(events, unknown).len() >= 3)
        .await;
    let before = ended(&court.recorder.events(), ok).len();
    court
        .wait("work after them", |events| ended(events, ok).len() > before + 20)
        .await;
    running.stop().await;
}
