//! A last write to each partition, once the producers are closed: where the group delivers it, it served that partition to the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::Key;

use super::config::QueueConfig;
use crate::client::{FlightSettings, Outgoing, Producer, ProducerSettings, Shared};
use crate::log::{OpenSends, Written};
use crate::scribe::End;

/// How often a write is tried, each time with another value.
const ATTEMPTS: u32 = 3;
/// How long one wait for a report takes at most.
const POLL_MAX: Duration = Duration::from_millis(20);

/// Writes the last record of each partition.
pub(super) fn write(shared: &Arc<Shared>, config: &QueueConfig, sends: &OpenSends, values: &AtomicU64) {
    let producers = config.producers();
    let made = shared.library.producer(&ProducerSettings {
        name: "producer-last".to_owned(),
        acks: "all",
        idempotence: true,
        max_in_flight: 1,
        linger: Duration::ZERO,
        batch_bytes: producers.batch_bytes,
        gives_up_after: None,
        flight: FlightSettings::default(),
        transaction: None,
    });
    let mut client = match made {
        Ok(client) => client,
        Err(refusal) => return shared.line("producer-last", &refusal.text),
    };
    for key in 0..shared.keys.count() {
        for _ in 0..ATTEMPTS {
            if write_one(&mut *client, config, sends, values.fetch_add(1, Relaxed), key) {
                break;
            }
        }
    }
    sends.abandon("the producer was closed before it had a report");
    client.discard();
}

/// Whether it was acknowledged.
fn write_one(
    client: &mut dyn Producer,
    config: &QueueConfig,
    sends: &OpenSends,
    value: u64,
    key: Key,
) -> bool {
    let op = sends.begin(key, value, Instant::now());
    let record = Outgoing {
        key,
        value,
        bytes: config.record_bytes,
        name: None,
        tombstone: false,
        timestamp: None,
    };
    if let Err(refusal) = client.send(&record, op) {
        sends.end(op, Written::default(), End::Fail(refusal.text));
        return false;
    }
    let mut acknowledged = false;
    let until = Instant::now() + config.deadline.duration();
    while !sends.is_empty() && Instant::now() < until {
        client.poll(POLL_MAX, &mut |op, delivery| {
            acknowledged = delivery.end == End::Ok;
            sends.reported(op, delivery);
        });
        sends.expire(Instant::now());
    }
    acknowledged
}
