//! A consumer that its group gives partitions to: its settings, what came and went, and what it commits.

use history::{Key, Record};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::config::GroupProtocol;
use crate::client::{Context, Shared};

/// The group that all consumers of the workload are in.
const GROUP: &str = "tribunal-log";
/// When the group gives a member up, in the classic protocol: the least that brokers allow as they ship. In the newer one
/// this is the broker's own setting.
const SESSION_MS: &str = "6000";
const HEARTBEAT_MS: &str = "500";

/// Settings of a consumer that reads what its group gives it, from where the group stands or else from the start. It
/// commits itself, and only what it has written down: a member that dies makes others read again, never skip.
pub(crate) fn by_subscription(config: &mut ClientConfig, protocol: GroupProtocol) -> &mut ClientConfig {
    config
        .set("group.id", GROUP)
        .set("group.protocol", protocol.word())
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest");
    if protocol == GroupProtocol::Classic {
        config
            .set("session.timeout.ms", SESSION_MS)
            .set("heartbeat.interval.ms", HEARTBEAT_MS);
    }
    config
}

/// Joins the group for every topic of the workload.
pub(crate) fn subscribe(client: &BaseConsumer<Context>, shared: &Shared) -> KafkaResult<()> {
    let topics: Vec<&str> = shared.keys.topics().into_iter().collect();
    client.subscribe(&topics)
}

/// How far these records go. A partition that moved meanwhile is left out: it is somebody else's by now, or was given
/// anew.
pub(crate) fn commit_list(
    shared: &Shared,
    records: &[Record],
    moved: &[Key],
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for key in (0..shared.keys.count()).filter(|key| !moved.contains(key)) {
        let of_key = records.iter().filter(|record| record.key == key);
        if let Some(last) = of_key.map(|record| record.offset).max() {
            let (topic, partition) = shared.keys.partition(key);
            list.add_partition_offset(topic, partition, Offset::Offset(last + 1))?;
        }
    }
    Ok(list)
}

/// Tells the group. It is not waited for: where it fails, others read these records again.
pub(crate) fn commit(client: &BaseConsumer<Context>, list: &TopicPartitionList) -> KafkaResult<()> {
    if list.count() == 0 {
        return Ok(());
    }
    client.commit(list, CommitMode::Async)
}
