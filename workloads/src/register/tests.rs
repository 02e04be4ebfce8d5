//! The clients against the client library's own mock brokers, in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Event, F, Key, MemoryRecorder, Mop, Op, Seen, Span, Topic, Value, What};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::RegisterConfig;
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
        brokers.create_topic("log", 2, 3).expect("a topic");
        Self {
            brokers,
            recorder: Arc::default(),
        }
    }

    async fn start(&self, config: &RegisterConfig) -> Box<dyn Running> {
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

#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_set_its_next_read_shows() {
    let court = Court::new();
    let config = RegisterConfig {
        clients: 1,
        rate: 300,
        // So often that the reader is made anew.
        reread_every: Span::from_secs(1),
        ..RegisterConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court.after(300, &mut running).await;
    let mut registers: BTreeMap<Key, Value> = BTreeMap::new();
    let mut compared = 0;
    for (op, mop) in done(&events) {
        match mop {
            Mop::Write(register, value) => {
                registers.insert(*register, *value);
            }
            Mop::Read(register, seen) => {
                let expected = registers.get(register).copied();
                assert_eq!(*seen, expected.map_or(Seen::Nothing, Seen::One), "{op:?}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(compared > 50, "{compared} reads");
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
