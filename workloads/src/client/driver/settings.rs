//! What a driver's clients are set to, in the names of Kafka's own documentation.

use serde_json::{Map, Value, json};

use super::super::GroupProtocol;
use super::super::library::{ConsumerSettings, GroupSettings, ProducerSettings, ShareSettings};
use super::super::place::Place;

/// Without end: the largest number that Java's settings hold.
const NEVER_MS: u64 = 2_147_483_647;

/// Settings that every client has. Whatever waits is short: a fault must show as soon as it can.
fn common(place: &Place, name: &str) -> Map<String, Value> {
    let mut settings = Map::new();
    let mut set = |name: &str, value: String| settings.insert(name.to_owned(), Value::String(value));
    set("bootstrap.servers", place.bootstrap.clone());
    set("client.id", name.to_owned());
    set(
        "request.timeout.ms",
        place.request_timeout.as_millis().to_string(),
    );
    set(
        "metadata.max.age.ms",
        place.metadata_refresh.as_millis().to_string(),
    );
    set("reconnect.backoff.ms", "10".to_owned());
    set("reconnect.backoff.max.ms", "300".to_owned());
    set("retry.backoff.ms", "20".to_owned());
    set("retry.backoff.max.ms", "300".to_owned());
    set("socket.connection.setup.timeout.ms", "2000".to_owned());
    for (name, value) in &place.client_settings {
        set(name, value.clone());
    }
    settings
}

pub(super) fn of_producer(place: &Place, producer: &ProducerSettings) -> Value {
    let mut settings = common(place, &producer.name);
    let mut set = |name: &str, value: String| settings.insert(name.to_owned(), Value::String(value));
    let millis = |time: std::time::Duration| time.as_millis() as u64;
    let mut gives_up_after = producer.gives_up_after.map_or(NEVER_MS, millis);
    if let Some(transaction) = &producer.transaction {
        let timeout = millis(transaction.timeout);
        set("transactional.id", transaction.id.clone());
        set("transaction.timeout.ms", timeout.to_string());
        // A record cannot outlive its transaction.
        gives_up_after = gives_up_after.min(timeout);
    }
    set("acks", producer.acks.to_owned());
    set("enable.idempotence", producer.idempotence.to_string());
    set(
        "max.in.flight.requests.per.connection",
        producer.max_in_flight.to_string(),
    );
    set("linger.ms", producer.linger.as_millis().to_string());
    set("batch.size", producer.batch_bytes.to_string());
    set("delivery.timeout.ms", gives_up_after.to_string());
    Value::Object(settings)
}

pub(super) fn of_consumer(place: &Place, consumer: &ConsumerSettings) -> Value {
    let mut settings = common(place, &consumer.name);
    let mut set = |name: &str, value: String| settings.insert(name.to_owned(), Value::String(value));
    set("isolation.level", consumer.isolation.word().to_owned());
    set("fetch.max.wait.ms", consumer.fetch_wait.as_millis().to_string());
    set("check.crcs", "true".to_owned());
    match &consumer.group {
        None => {
            set("auto.offset.reset", "none".to_owned());
            set("enable.auto.commit", "false".to_owned());
        }
        Some(group) => of_group(group, &mut settings),
    }
    Value::Object(settings)
}

fn of_group(group: &GroupSettings, settings: &mut Map<String, Value>) {
    let mut set = |name: &str, value: String| settings.insert(name.to_owned(), Value::String(value));
    set("group.id", group.id.clone());
    set("group.protocol", group.protocol.word().to_owned());
    set("auto.offset.reset", "earliest".to_owned());
    set("enable.auto.commit", group.auto_commit.is_some().to_string());
    if let Some(every) = group.auto_commit {
        set("auto.commit.interval.ms", every.as_millis().to_string());
    }
    if let Some(longest) = group.max_poll_interval {
        set("max.poll.interval.ms", longest.as_millis().to_string());
    }
    if let Some(instance) = &group.instance {
        set("group.instance.id", instance.clone());
    }
    // In the newer protocol these are the broker's own.
    if group.protocol == GroupProtocol::Classic {
        set(
            "session.timeout.ms",
            group.session_timeout.as_millis().to_string(),
        );
        set("heartbeat.interval.ms", "500".to_owned());
        set("partition.assignment.strategy", group.assignor.to_owned());
    }
}

pub(super) fn of_share(place: &Place, share: &ShareSettings) -> Value {
    let mut settings = common(place, &share.name);
    settings.insert("group.id".to_owned(), json!(share.group));
    // A setting of the group: the driver gives it to it before the member joins.
    settings.insert("share.auto.offset.reset".to_owned(), json!("earliest"));
    Value::Object(settings)
}
