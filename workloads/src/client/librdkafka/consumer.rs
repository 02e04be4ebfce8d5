//! A consumer of librdkafka's, by assignment or as a member of a group.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::payload::decode;
use history::{Key, Offset, Value};
use rdkafka::bindings::{RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, rd_kafka_destroy_flags};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Offset as Position, TopicPartitionList};

use super::super::GroupProtocol;
use super::super::library::{
    Advice, Consumer, ConsumerSettings, GroupSettings, Incoming, Membership, Polled, Rebalanced, Refusal,
};
use super::super::place::Place;
use super::commit::commit;
use super::producer::TOMBSTONE_VALUE;
use super::rebalance::member;
use super::settings::{
    Context, by_assignment, client, is_lost, is_of_a_connection, is_spent, positions_list,
};

/// How often a member of a group in the classic protocol says that it lives.
const HEARTBEAT_MS: &str = "500";
/// How long a member may take to leave its group in peace.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// How often it looks meanwhile whether it has left.
const LEAVE_POLL: Duration = Duration::from_millis(10);

pub(super) struct LibrdkafkaConsumer {
    place: Arc<Place>,
    settings: ConsumerSettings,
    client: BaseConsumer<Context>,
    /// Whether it has been assigned anything yet.
    assigned: bool,
}

impl LibrdkafkaConsumer {
    pub(super) fn make(place: &Arc<Place>, settings: &ConsumerSettings) -> Result<Self, Refusal> {
        Ok(Self {
            client: connect(place, settings)?,
            place: place.clone(),
            settings: settings.clone(),
            assigned: false,
        })
    }

    fn incoming(&self, message: &BorrowedMessage<'_>) -> Option<Incoming> {
        Some(Incoming {
            key: self.place.keys.key(message.topic(), message.partition())?,
            offset: message.offset(),
            value: match message.payload() {
                Some(bytes) => decode(bytes),
                None => value_of_tombstone(message),
            },
            name: message.key().and_then(number),
            tombstone: message.payload().is_none(),
            timestamp: message.timestamp().to_millis(),
            deliveries: None,
        })
    }

    fn list(&self, keys: &[Key]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for key in keys {
            let (topic, partition) = self.place.keys.partition(*key);
            list.add_partition(topic, partition);
        }
        list
    }
}

fn connect(place: &Arc<Place>, settings: &ConsumerSettings) -> Result<BaseConsumer<Context>, Refusal> {
    let mut config = client(place, &settings.name);
    by_assignment(&mut config, settings.isolation)
        .set("fetch.wait.max.ms", settings.fetch_wait.as_millis().to_string());
    if let Some(group) = &settings.group {
        by_subscription(&mut config, group);
    }
    config
        .create_with_context(Context::new(place, &settings.name))
        .map_err(|error| refused(&error))
}

/// Settings of a member of a group, which goes on from where that stands or else begins at the start.
fn by_subscription(config: &mut ClientConfig, group: &GroupSettings) {
    config
        .set("group.id", &group.id)
        .set("group.protocol", group.protocol.word())
        .set("auto.offset.reset", "earliest");
    if let Some(every) = group.auto_commit {
        config
            .set("enable.auto.commit", "true")
            .set("enable.auto.offset.store", "true")
            .set("auto.commit.interval.ms", every.as_millis().to_string());
    }
    if let Some(longest) = group.max_poll_interval {
        config.set("max.poll.interval.ms", longest.as_millis().to_string());
    }
    if let Some(instance) = &group.instance {
        config.set("group.instance.id", instance);
    }
    // In the newer protocol these are the broker's own.
    if group.protocol == GroupProtocol::Classic {
        config
            .set(
                "session.timeout.ms",
                group.session_timeout.as_millis().to_string(),
            )
            .set("heartbeat.interval.ms", HEARTBEAT_MS)
            .set("partition.assignment.strategy", group.assignor);
    }
}

impl Consumer for LibrdkafkaConsumer {
    /// A client that is assigned anew again and again can end with an assertion of librdkafka's
    /// (`rd_kafka_assignment_partition_stopped`, seen with 2.12): so each assignment has a client of its own.
    fn assign(&mut self, positions: &BTreeMap<Key, Offset>) -> Result<(), Refusal> {
        if self.assigned {
            let before = std::mem::replace(&mut self.client, connect(&self.place, &self.settings)?);
            std::thread::spawn(move || drop(before));
        }
        self.assigned = true;
        let list = positions_list(&self.place.keys, positions).map_err(|error| refused(&error))?;
        self.client.assign(&list).map_err(|error| refused(&error))
    }

    fn subscribe(&mut self, topics: &[&str]) -> Result<(), Refusal> {
        self.client.subscribe(topics).map_err(|error| refused(&error))
    }

    fn poll(&mut self, most: usize, within: Duration) -> Polled {
        let until = Instant::now() + within;
        let mut polled = Polled::default();
        while polled.records.len() < most {
            let left = until.saturating_duration_since(Instant::now());
            // Once there is something, what else lies ready is taken along.
            let wait = if polled.records.is_empty() {
                left
            } else {
                Duration::ZERO
            };
            match self.client.poll(wait) {
                None if wait.is_zero() => break,
                None => {}
                Some(Ok(message)) => polled.records.extend(self.incoming(&message)),
                Some(Err(error)) if is_lost(&error) || is_spent(&error) => {
                    polled.lost = Some(error.to_string());
                    break;
                }
                // The client goes on by itself.
                Some(Err(error)) if is_of_a_connection(&error) => {}
                Some(Err(error)) => self.place.line(&self.settings.name, &error.to_string()),
            }
        }
        polled
    }

    fn rebalanced(&mut self) -> Vec<Rebalanced> {
        self.client.context().rebalances.take()
    }

    fn membership(&mut self) -> Option<Membership> {
        // In this order: who is a member still was one when the handle was made. A handle of none is one that brokers let pass.
        let handle = Box::new(self.client.group_metadata()?);
        let (member, generation) = member(&self.client)?;
        Some(Membership {
            member,
            generation,
            handle,
        })
    }

    fn commit(&mut self, offsets: &BTreeMap<Key, Offset>, within: Duration) -> Result<(), Refusal> {
        let list = positions_list(&self.place.keys, offsets).map_err(|error| refused(&error))?;
        commit(&self.client, &list, within)
    }

    fn committed(
        &mut self,
        keys: &[Key],
        within: Duration,
    ) -> Result<BTreeMap<Key, Option<Offset>>, Refusal> {
        let list = self.client.committed_offsets(self.list(keys), within);
        offsets(&self.place, &list.map_err(|error| again(&error))?)
    }

    fn ends(&mut self, key: Key, within: Duration) -> Result<(Offset, Offset), Refusal> {
        let (topic, partition) = self.place.keys.partition(key);
        self.client
            .fetch_watermarks(topic, partition, within)
            .map_err(|error| again(&error))
    }

    fn at_time(&mut self, key: Key, timestamp: i64, within: Duration) -> Result<Option<Offset>, Refusal> {
        let of_key = BTreeMap::from([(key, timestamp)]);
        let list = positions_list(&self.place.keys, &of_key).map_err(|error| refused(&error))?;
        let list = self.client.offsets_for_times(list, within);
        let found = offsets(&self.place, &list.map_err(|error| again(&error))?)?;
        Ok(found.get(&key).copied().flatten())
    }

    fn close(self: Box<Self>) {
        leave(self.client, self.settings.group.is_some());
    }

    fn discard(self: Box<Self>) {
        std::thread::spawn(move || crash(self.client));
    }
}

/// Ends a client, after it has left its group in peace; where nobody lets it go in time, as if it had crashed.
///
/// Dropping a client waits for the group without end, and at full speed: where the coordinator does not answer, two that wait leave brokers on
/// two cores no time to answer. Seen after members had been given up for not polling.
fn leave(client: BaseConsumer<Context>, is_member: bool) {
    if !is_member {
        drop(client);
        return;
    }
    let until = Instant::now() + LEAVE_WITHIN;
    let asked = client.close_queue().is_ok();
    while asked && !client.closed() && Instant::now() < until {
        // What it was given is taken from it in here; there may be more to do, or nothing, without a wait.
        let _ = client.poll(LEAVE_POLL);
        std::thread::sleep(LEAVE_POLL);
    }
    if client.closed() {
        crash(client);
    } else {
        std::thread::spawn(move || crash(client));
    }
}

/// Ends a client without a word to its group.
fn crash(client: BaseConsumer<Context>) {
    let client = ManuallyDrop::new(client);
    // SAFETY: the client is destroyed once: it is not used again, and what would destroy it is never dropped. Its context
    // is read out after that, when nothing calls back any more, and dropped in its stead.
    unsafe {
        rd_kafka_destroy_flags(client.client().native_ptr(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        drop(std::ptr::read(client.client().context()));
    }
}

/// The offsets of an answer, by key; an error where one of them has one.
fn offsets(place: &Place, list: &TopicPartitionList) -> Result<BTreeMap<Key, Option<Offset>>, Refusal> {
    let mut found = BTreeMap::new();
    for element in list.elements() {
        element.error().map_err(|error| again(&error))?;
        if let Some(key) = place.keys.key(element.topic(), element.partition()) {
            found.insert(key, offset(&element));
        }
    }
    Ok(found)
}

fn offset(element: &TopicPartitionListElem<'_>) -> Option<Offset> {
    match element.offset() {
        Position::Offset(offset) => Some(offset),
        _ => None,
    }
}

/// Which value a record without bytes stands for, as its header says.
pub(super) fn value_of_tombstone(message: &BorrowedMessage<'_>) -> Option<Value> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == TOMBSTONE_VALUE)?;
    header.value.and_then(number)
}

/// Eight big-endian bytes.
fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn refused(error: &KafkaError) -> Refusal {
    Refusal {
        text: error.to_string(),
        advice: Advice::Refused,
    }
}

/// A question has changed nothing: it can be asked again.
fn again(error: &KafkaError) -> Refusal {
    Refusal {
        text: error.to_string(),
        advice: Advice::Again,
    }
}
