//! The clients against the client library's own mock brokers, in this process.

use std::collections::BTreeSet;

use history::{Event, F, Send, Span, Value, What};

use super::RetentionConfig;
use crate::client::court::Court;

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
    let events = court
        .after(500, &mut running, |events| acknowledged(events).count())
        .await;
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
