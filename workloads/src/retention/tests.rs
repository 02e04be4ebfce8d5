//! The clients against the client library's own mock brokers, in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Event, F, MemoryRecorder, Send, Span, Topic, Value, What};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::RetentionConfig;
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

    async fn start(&self, config: &RetentionConfig) -> Box<dyn Running> {
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
        while acknowledged(&self.recorder.events()).count() < succeeded {
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

/// The writes that were acknowledged.
fn acknowledged(events: &[Event]) -> impl Iterator<Item = &Send> {
    events.iter().filter_map(|event| {
        let What::Ok(op) = &event.what else { return None };
        if let F::Send(send) = &op.f {
            Some(send)
        } else {
            None
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_tombstones_too_and_again_from_the_start() {
    let court = Court::new();
    let config = RetentionConfig {
        rate: 300,
        names: 5,
        tombstone_every: 3,
        compacted: true,
        reread_every: Span::from_secs(1),
        ..RetentionConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court.after(500, &mut running).await;
    let written: BTreeSet<Value> = acknowledged(&events).map(|send| send.value).collect();
    assert!(acknowledged(&events).all(|send| send.offset.is_some() && send.key < 2));
    let (mut read, mut begun) = (BTreeSet::new(), 0);
    for event in &events {
        let What::Ok(op) = &event.what else { continue };
        match &op.f {
            F::Poll(poll) => read.extend(poll.records.iter().map(|record| record.value)),
            F::Assign(_) => begun += 1,
            _ => {}
        }
    }
    let retention = config.retention();
    assert!(
        read.iter().any(|value| retention.is_tombstone(*value)),
        "no tombstone was read"
    );
    assert!(
        read.len() * 2 > written.len(),
        "{} of {}",
        read.len(),
        written.len()
    );
    assert!(begun > 2, "begun {begun} times");
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
