//! A workload's clients against the client library's own mock brokers, in this process: for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Event, MemoryRecorder, Topic};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::arena::{Arena, Running, Workload};

/// Nothing here takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A workload's clients and the brokers that they speak to.
pub(crate) struct Court {
    pub(crate) brokers: MockCluster<'static, DefaultProducerContext>,
    pub(crate) recorder: Arc<MemoryRecorder>,
}

impl Court {
    /// Three brokers with a topic `log` of two partitions.
    pub(crate) fn new() -> Self {
        let brokers = MockCluster::new(3).expect("mock brokers");
        brokers.create_topic("log", 2, 3).expect("a topic");
        Self {
            brokers,
            recorder: Arc::default(),
        }
    }

    pub(crate) async fn start(&self, config: &impl Workload) -> Box<dyn Running> {
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
            transactions: None,
            disks_may_fail: false,
        };
        config.start(arena).await.expect("clients")
    }

    /// Waits until so many operations have succeeded, as `done` counts them, stops the clients and gives the events.
    pub(crate) async fn after(
        &self,
        succeeded: usize,
        running: &mut Box<dyn Running>,
        done: impl Fn(&[Event]) -> usize,
    ) -> Vec<Event> {
        let begun = Instant::now();
        while done(&self.recorder.events()) < succeeded {
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
