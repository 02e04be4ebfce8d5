//! The questions that Tribunal asks a broker or controller, in its own words.

mod eligible;
mod leading;
mod probe;
mod produce;
mod transactions;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use history::{NodeId, Offset, Topic};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::produce_request::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    BrokerId, DescribeQuorumRequest, InitProducerIdRequest, MetadataRequest, TopicName,
    describe_quorum_request,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use uuid::Uuid;

pub(super) use leading::{Led, OffsetOrCode, OffsetsOrCodes};
pub(super) use probe::PROBE_TOPIC;
pub(super) use produce::Identity;

use super::wire::{Connection, WireError};

/// Who reads: a consumer. Never a broker's number, which would count as replication.
const CONSUMER: BrokerId = BrokerId(-1);
/// Who asks for offsets: a debugger, whom a replica tells the end of its own log, whether it leads or not
/// (Kafka's `ListOffsetsRequest.DEBUGGING_REPLICA_ID`).
const DEBUGGER: BrokerId = BrokerId(-2);
/// The version of `Fetch` from which on consumers read from followers too (KIP-392).
const FOLLOWERS_SERVE: i16 = 11;
/// `acks` that asks for the leader's word alone.
pub(super) const ACKS_LEADER: i16 = 1;
/// `acks` that asks for every replica that is in sync.
pub(super) const ACKS_ALL: i16 = -1;
/// The timestamp that stands for the end of the log.
const LATEST: i64 = -1;
/// The timestamp that stands for the start of the log.
const EARLIEST: i64 = -2;

/// What a broker's cache holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The brokers that are registered and not fenced.
    pub brokers: Vec<NodeId>,
    /// Each topic that was asked for and is known, by its name.
    pub topics: BTreeMap<String, TopicState>,
}

/// A topic in a broker's cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicState {
    /// Its identity: a topic that is made anew has another.
    pub id: Uuid,
    /// Its partitions, by number.
    pub partitions: BTreeMap<u32, PartitionState>,
}

/// A partition in a broker's cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionState {
    /// The leader, where there is one that is not fenced.
    pub leader: Option<NodeId>,
    /// Its epoch.
    pub epoch: i32,
    /// The in-sync replicas, in order.
    pub isr: Vec<NodeId>,
    /// All replicas, in the order of preference: the first is to lead where it can.
    pub replicas: Vec<NodeId>,
}

/// One partition and a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// Its identity.
    pub id: Uuid,
    /// The partition's number.
    pub partition: u32,
    /// The place.
    pub offset: Offset,
}

/// What a fetch brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The high watermark of the replica that answered.
    pub high_watermark: Offset,
    /// Batches as they lie in the log, the last of which may be cut short.
    pub batches: Bytes,
}

/// Either end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first record that is there.
    Earliest,
    /// One past the last record that is there, committed or not.
    Latest,
}

/// Kafka's number of the error that a topic is there already.
pub(super) const TOPIC_ALREADY_EXISTS: i16 = 36;

impl Connection {
    /// What this broker's cache holds of these topics.
    pub async fn metadata(&mut self, topics: &[Topic], within: Duration) -> Result<Metadata, WireError> {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        self.metadata_of(&names, within).await
    }

    /// The same of topics by their names.
    pub(super) async fn metadata_of(
        &mut self,
        names: &[impl AsRef<str>],
        within: Duration,
    ) -> Result<Metadata, WireError> {
        let asked = names
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name.as_ref()))));
        let request = MetadataRequest::default()
            .with_topics(Some(asked.collect()))
            .with_allow_auto_topic_creation(false);
        self.ask_metadata(&request, within).await
    }

    /// What this broker's cache holds of all topics, internal ones too.
    pub async fn metadata_of_all(&mut self, within: Duration) -> Result<Metadata, WireError> {
        let request = MetadataRequest::default()
            .with_topics(None)
            .with_allow_auto_topic_creation(false);
        self.ask_metadata(&request, within).await
    }

    async fn ask_metadata(
        &mut self,
        request: &MetadataRequest,
        within: Duration,
    ) -> Result<Metadata, WireError> {
        let answer = self.call(request, within).await?;
        let known = answer
            .topics
            .into_iter()
            .filter(|topic| topic.error_code == 0)
            .filter_map(|topic| {
                let partitions = topic.partitions.iter().map(partition_state).collect();
                Some((
                    topic.name?.to_string(),
                    TopicState {
                        id: topic.topic_id,
                        partitions,
                    },
                ))
            });
        Ok(Metadata {
            brokers: nodes(answer.brokers.iter().map(|broker| broker.node_id)),
            topics: known.collect(),
        })
    }

    /// The quorum as this controller sees it. One that does not lead answers error 6.
    pub async fn quorum(&mut self, within: Duration) -> Result<history::Quorum, WireError> {
        const METADATA_TOPIC: &str = "__cluster_metadata";
        let topic = describe_quorum_request::TopicData::default()
            .with_topic_name(topic_name(METADATA_TOPIC))
            .with_partitions(vec![describe_quorum_request::PartitionData::default()]);
        let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
        let answer = self.call(&request, within).await?;
        let of = || "DescribeQuorum".to_owned();
        WireError::check(answer.error_code, of)?;
        let partition = answer
            .topics
            .into_iter()
            .next()
            .and_then(|topic| topic.partitions.into_iter().next());
        let partition = partition.ok_or_else(|| missing("DescribeQuorum"))?;
        WireError::check(partition.error_code, of)?;
        let voter = |voter: &kafka_protocol::messages::describe_quorum_response::ReplicaState| {
            Some(history::QuorumReplica {
                node: node(voter.replica_id)?,
                end: voter.log_end_offset,
            })
        };
        Ok(history::Quorum {
            leader: node(partition.leader_id).ok_or_else(|| missing("DescribeQuorum"))?,
            epoch: partition.leader_epoch,
            high_watermark: partition.high_watermark,
            voters: partition.current_voters.iter().filter_map(voter).collect(),
        })
    }

    /// One end of this replica's own log, whether it leads or follows.
    pub async fn log_end(&mut self, at: Place<'_>, end: End, within: Duration) -> Result<Offset, WireError> {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(at.partition as i32)
            .with_timestamp(match end {
                End::Earliest => EARLIEST,
                End::Latest => LATEST,
            });
        let topic = ListOffsetsTopic::default()
            .with_name(topic_name(at.topic))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_replica_id(DEBUGGER)
            .with_topics(vec![topic]);
        let answer = self.call(&request, within).await?;
        let partition = answer
            .topics
            .into_iter()
            .next()
            .and_then(|topic| topic.partitions.into_iter().next());
        let partition = partition.ok_or_else(|| missing("ListOffsets"))?;
        WireError::check(partition.error_code, || named("ListOffsets", at))?;
        Ok(partition.offset)
    }

    /// Reads from this replica's own log as a consumer does, whether it leads or follows: at most up to its
    /// high watermark. Does not wait for more than is there.
    pub async fn fetch(
        &mut self,
        at: Place<'_>,
        bytes_max: u32,
        within: Duration,
    ) -> Result<Fetched, WireError> {
        let partition = FetchPartition::default()
            .with_partition(at.partition as i32)
            .with_fetch_offset(at.offset);
        // Before consumers could read from followers, whoever looks into a replica had to say so.
        let reader = if self.version::<FetchRequest>()? < FOLLOWERS_SERVE {
            DEBUGGER
        } else {
            CONSUMER
        };
        let answers = self
            .fetch_each(
                (at.topic, at.id),
                vec![partition],
                (reader, bytes_max as i32),
                within,
            )
            .await?;
        let partition = answers.into_iter().next().ok_or_else(|| missing("Fetch"))?;
        WireError::check(partition.error_code, || named("Fetch", at))?;
        Ok(Fetched {
            high_watermark: partition.high_watermark,
            batches: partition.records.unwrap_or_default(),
        })
    }

    /// Reads partitions of one topic in one request, so many bytes at most: what is said of each.
    async fn fetch_each(
        &mut self,
        (topic, id): (&str, Uuid),
        mut partitions: Vec<FetchPartition>,
        (reader, bytes_max): (BrokerId, i32),
        within: Duration,
    ) -> Result<Vec<PartitionData>, WireError> {
        for partition in &mut partitions {
            partition.partition_max_bytes = bytes_max;
        }
        // Up to version 12 the name counts, from 13 on the identity; each is written only where it counts.
        let asked = FetchTopic::default()
            .with_topic(topic_name(topic))
            .with_topic_id(id)
            .with_partitions(partitions);
        let request = FetchRequest::default()
            .with_replica_id(reader)
            .with_max_bytes(bytes_max)
            .with_topics(vec![asked]);
        let answer = self.call(&request, within).await?;
        WireError::check(answer.error_code, || format!("Fetch for {topic}"))?;
        let topics = answer.responses.into_iter();
        Ok(topics.flat_map(|topic| topic.partitions).collect())
    }

    /// Writes one batch of records with these values, with acks 1 or -1 (all); `at.offset` means nothing. Says when the
    /// broker appended it, in milliseconds since 1970 by its own clock, where the topic notes that and not the time of
    /// creation; otherwise -1.
    pub async fn write(
        &mut self,
        at: Place<'_>,
        values: &[impl AsRef<[u8]>],
        acks: i16,
        within: Duration,
    ) -> Result<i64, WireError> {
        self.write_and_wait(at, values, acks, within, within).await
    }

    /// The same, where the broker is to give up after a time of its own.
    pub(super) async fn write_and_wait(
        &mut self,
        at: Place<'_>,
        values: &[impl AsRef<[u8]>],
        acks: i16,
        theirs: Duration,
        within: Duration,
    ) -> Result<i64, WireError> {
        let partitions = [at.partition];
        let written = self.produce_each((at.topic, at.id), &partitions, values, (acks, theirs), within);
        let partition = written.await?.into_iter().next();
        let partition = partition.ok_or_else(|| missing("Produce"))?;
        WireError::check(partition.error_code, || named("Produce", at))?;
        Ok(partition.log_append_time_ms)
    }

    /// Writes one and the same batch to partitions of one topic in one request: what is said of each. The broker is told how
    /// many are to have it, and when to give up.
    async fn produce_each(
        &mut self,
        (topic, id): (&str, Uuid),
        partitions: &[u32],
        values: &[impl AsRef<[u8]>],
        (acks, theirs): (i16, Duration),
        within: Duration,
    ) -> Result<Vec<PartitionProduceResponse>, WireError> {
        let records =
            batch_of(values, Author::NOBODY).map_err(|error| WireError::Protocol(format!("{error:#}")))?;
        let data = partitions.iter().map(|partition| {
            PartitionProduceData::default()
                .with_index(*partition as i32)
                .with_records(Some(records.clone()))
        });
        let topic = TopicProduceData::default()
            .with_name(topic_name(topic))
            .with_topic_id(id)
            .with_partition_data(data.collect());
        let request = ProduceRequest::default()
            .with_acks(acks)
            .with_timeout_ms(theirs.as_millis() as i32)
            .with_topic_data(vec![topic]);
        let topics = self.call(&request, within).await?.responses.into_iter();
        Ok(topics.flat_map(|topic| topic.partition_responses).collect())
    }

    /// Asks for a producer's id, which nobody will use. A broker fetches its block of ids from the controller only
    /// once it is asked for one, and tells who asks first to come again: clients do after half a second.
    pub async fn warm_producer_ids(&mut self, within: Duration) -> Result<(), WireError> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(within.as_millis() as i32);
        self.call(&request, within).await.map(drop)
    }

    /// Makes topics, with what the run sets on each.
    pub async fn create_topics(&mut self, topics: &[Topic], within: Duration) -> Result<(), WireError> {
        self.create(topics.iter().map(creatable).collect(), within).await
    }

    /// Makes a topic of one partition, whose one replica is on that node and which notes when a record was appended.
    pub async fn create_log_of_times(
        &mut self,
        name: &str,
        node: NodeId,
        within: Duration,
    ) -> Result<(), WireError> {
        let assignment = CreatableReplicaAssignment::default()
            .with_partition_index(0)
            .with_broker_ids(vec![BrokerId(node as i32)]);
        let topic = CreatableTopic::default()
            .with_name(topic_name(name))
            // Both follow from the assignment.
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment])
            .with_configs(vec![config("message.timestamp.type", "LogAppendTime".to_owned())]);
        self.create(vec![topic], within).await
    }

    async fn create(&mut self, topics: Vec<CreatableTopic>, within: Duration) -> Result<(), WireError> {
        let request = CreateTopicsRequest::default()
            .with_topics(topics)
            .with_timeout_ms(within.as_millis() as i32);
        for topic in self.call(&request, within).await?.topics {
            // The cluster is new, so nobody else made it: a broker passes the request on to the active controller and asks again by
            // itself where the first answer did not come.
            if topic.error_code != TOPIC_ALREADY_EXISTS {
                WireError::check_told(topic.error_code, topic.error_message, || {
                    format!("CreateTopics for {}", *topic.name)
                })?;
            }
        }
        Ok(())
    }
}

fn partition_state(partition: &MetadataResponsePartition) -> (u32, PartitionState) {
    let state = PartitionState {
        leader: node(partition.leader_id),
        epoch: partition.leader_epoch,
        isr: nodes(partition.isr_nodes.iter().copied()),
        replicas: nodes_in_order(partition.replica_nodes.iter().copied()),
    };
    (partition.partition_index as u32, state)
}

fn creatable(topic: &Topic) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(topic.partitions as i32)
        .with_replication_factor(topic.replication_factor as i16)
        .with_configs(
            [
                config("min.insync.replicas", topic.min_insync_replicas.to_string()),
                config(
                    "unclean.leader.election.enable",
                    topic.unclean_election.to_string(),
                ),
            ]
            .into_iter()
            .chain(
                topic
                    .config
                    .iter()
                    .map(|(name, value)| config(name, value.clone())),
            )
            .collect(),
        )
}

fn config(name: &str, value: String) -> CreatableTopicConfig {
    CreatableTopicConfig::default()
        .with_name(StrBytes::from_string(name.to_owned()))
        .with_value(Some(StrBytes::from_string(value)))
}

/// In whose name a batch is written.
#[derive(Clone, Copy)]
struct Author {
    transactional: bool,
    producer: i64,
    epoch: i16,
    /// The number of the first record.
    sequence: i32,
}

impl Author {
    /// A producer that nobody tells from others.
    const NOBODY: Self = Self {
        transactional: false,
        producer: NO_PRODUCER_ID,
        epoch: NO_PRODUCER_EPOCH,
        sequence: NO_SEQUENCE,
    };
}

fn batch_of(values: &[impl AsRef<[u8]>], author: Author) -> anyhow::Result<Bytes> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_millis() as i64;
    let record = |(index, value): (usize, &[u8])| Record {
        transactional: author.transactional,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: author.producer,
        producer_epoch: author.epoch,
        timestamp_type: TimestampType::Creation,
        offset: index as i64,
        // The same distance from the offset in every record, or the encoder begins another batch.
        sequence: author.sequence + index as i32,
        timestamp: now,
        // A compacted topic takes no record without a key.
        key: Some(Bytes::new()),
        value: Some(Bytes::copy_from_slice(value)),
        headers: kafka_protocol::indexmap::IndexMap::new(),
    };
    let records: Vec<Record> = values.iter().map(AsRef::as_ref).enumerate().map(record).collect();
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut batch, &records, &options)?;
    Ok(batch.freeze())
}

pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// A node's number; what is negative stands for none.
pub(super) fn node(id: BrokerId) -> Option<NodeId> {
    NodeId::try_from(id.0).ok()
}

fn nodes(ids: impl Iterator<Item = BrokerId>) -> Vec<NodeId> {
    let mut list = nodes_in_order(ids);
    list.sort_unstable();
    list
}

/// The same in the order in which they were named.
pub(super) fn nodes_in_order(ids: impl IntoIterator<Item = BrokerId>) -> Vec<NodeId> {
    ids.into_iter().filter_map(node).collect()
}

/// What is asked of each partition, gathered by topic.
pub(super) fn by_topic<'a, T>(asked: impl Iterator<Item = (&'a str, T)>) -> BTreeMap<&'a str, Vec<T>> {
    let mut topics: BTreeMap<&str, Vec<T>> = BTreeMap::new();
    for (topic, what) in asked {
        topics.entry(topic).or_default().push(what);
    }
    topics
}

pub(super) fn missing(request: &str) -> WireError {
    WireError::Protocol(format!("the answer to {request} lacks what was asked for"))
}

pub(super) fn named(request: &str, at: Place<'_>) -> String {
    format!("{request} for {}-{}", at.topic, at.partition)
}
