//! The clients against the client library's own mock brokers, in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Event, F, Key, MemoryRecorder, Mop, Op, Seen, Span, Topic, Value, What};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::ListAppendConfig;
use crate::arena::{Arena, Running, Workload};
use crate::client::ReadBy;

/// Nothing here takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

struct Court {
    brokers: MockCluster<'static, DefaultProducerContext>,
    recorder: Arc<MemoryRecorder>,
}

impl Court {
    fn new() -> Self {
        let brokers = MockCluster::new(3).expect("mock brokers");
        brokers.create_topic("log", 2, 3).expect("a topic");
        Self {
            brokers,
            recorder: Arc::default(),
        }
    }

    async fn start(&self, config: &ListAppendConfig) -> Box<dyn Running> {
        let arena = Arena {
            bootstrap: self.brokers.bootstrap_servers(),
            client_settings: Vec::new(),
            client: None,
            topics: vec![Topic {
                name: "log".to_owned(),
                partitions: 2,
                replication_factor: 3,
                min_insync_replicas: 2,
                unclean_election: false,
                config: BTreeMap::new(),
            }],
            seed: 7,
            recorder: self.recorder.clone(),
            log_file: None,
            disks_may_fail: false,
        };
        config.start(arena).await.expect("clients")
    }

    /// Waits for so many operations that succeeded, stops the clients and gives the events.
    async fn after(&self, succeeded: usize, running: &mut Box<dyn Running>) -> Vec<Event> {
        let begun = Instant::now();
        while done(&self.recorder.events()).count() < succeeded {
            assert!(
                begun.elapsed() < PATIENCE,
                "no {succeeded} operations in {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.stop().await;
        self.recorder.events()
    }
}

/// The operations that succeeded, by what they did.
fn done(events: &[Event]) -> impl Iterator<Item = (&Op, &Mop)> {
    events.iter().filter_map(|event| {
        let What::Ok(op) = &event.what else { return None };
        let F::Txn(txn) = &op.f else { return None };
        txn.mops.first().map(|mop| (op, mop))
    })
}

/// Each list's reads, in the order in which they ended.
fn reads(events: &[Event]) -> BTreeMap<Key, Vec<Vec<Value>>> {
    let mut reads: BTreeMap<Key, Vec<Vec<Value>>> = BTreeMap::new();
    for (_, mop) in done(events) {
        if let Mop::Read(list, Seen::List(values)) = mop {
            reads.entry(*list).or_default().push(values.clone());
        }
    }
    reads
}

async fn lists_have_one_order(read: ReadBy) {
    let court = Court::new();
    let config = ListAppendConfig {
        rate: 400,
        appends: 10,
        // So often that some readers are made anew.
        reread_every: Span::from_secs(1),
        read,
        ..ListAppendConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court.after(500, &mut running).await;
    let reads = reads(&events);
    assert!(reads.len() > 6, "{} lists were read", reads.len());
    for (list, mut seen) in reads {
        seen.sort_by_key(Vec::len);
        for pair in seen.windows(2) {
            assert!(pair[1].starts_with(&pair[0]), "list {list}: {pair:?}");
        }
        assert!(seen.iter().all(|values| values.len() <= 10));
    }
    let begun = events
        .iter()
        .filter(|event| matches!(&event.what, What::Invoke(_)));
    let over = |event: &&Event| matches!(&event.what, What::Ok(_) | What::Fail(_) | What::Info(_));
    assert_eq!(
        begun.count(),
        events.iter().filter(over).count(),
        "each has ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_read_behind_a_barrier_have_one_order() {
    lists_have_one_order(ReadBy::Barrier).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_read_to_the_end_have_one_order() {
    lists_have_one_order(ReadBy::End).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_appended_the_next_read_shows() {
    let court = Court::new();
    let config = ListAppendConfig {
        clients: 1,
        rate: 300,
        ..ListAppendConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court.after(300, &mut running).await;
    let mut lists: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
    let mut compared = 0;
    for (op, mop) in done(&events) {
        match mop {
            Mop::Append(list, value) => lists.entry(*list).or_default().push(*value),
            Mop::Read(list, seen) => {
                let expected = lists.get(list).cloned().unwrap_or_default();
                let seen = match seen {
                    Seen::List(values) => values.clone(),
                    _ => Vec::new(),
                };
                assert_eq!(seen, expected, "{op:?}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(compared > 50, "{compared} reads");
}
