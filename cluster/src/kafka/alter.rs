//! What Tribunal asks a broker or the active controller to change, in its own words.

use std::collections::BTreeMap;
use std::time::Duration;

use history::{NodeId, Offset};
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, DescribeConfigsRequest, ElectLeadersRequest,
    IncrementalAlterConfigsRequest, ListPartitionReassignmentsRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::ask::{Place, by_topic, missing, named, nodes_in_order, topic_name};
use super::wire::{Connection, WireError};
use crate::{Elected, Election, NewTopic, Reassignment, TopicPartition};

/// The kind of resource that a topic's settings are of.
const TOPIC: i8 = 2;
/// Sets a setting.
const SET: i8 = 0;
/// Takes a setting's own value away.
const DELETE: i8 = 1;

/// Kafka's codes that are no errors to us.
mod code {
    pub(super) const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
    pub(super) use super::super::ask::TOPIC_ALREADY_EXISTS;
    pub(super) const ELECTION_NOT_NEEDED: i16 = 84;
    pub(super) const NO_REASSIGNMENT_IN_PROGRESS: i16 = 85;
}

impl Connection {
    /// Elects leaders, and says of each of these partitions what came of it.
    pub async fn elect_leaders(
        &mut self,
        election: Election,
        partitions: &[TopicPartition],
        within: Duration,
    ) -> Result<Vec<Elected>, WireError> {
        let asked = by_topic(
            partitions
                .iter()
                .map(|at| (at.topic.as_str(), at.partition as i32)),
        );
        let asked = asked.into_iter().map(|(topic, partitions)| {
            TopicPartitions::default()
                .with_topic(topic_name(topic))
                .with_partitions(partitions)
        });
        let request = ElectLeadersRequest::default()
            .with_election_type(match election {
                Election::Preferred => 0,
                Election::Unclean => 1,
            })
            .with_topic_partitions(Some(asked.collect()))
            .with_timeout_ms(millis(within));
        let answer = self.call(&request, within).await?;
        WireError::check(answer.error_code, || "ElectLeaders".to_owned())?;
        let mut results = BTreeMap::new();
        for topic in answer.replica_election_results {
            for result in topic.partition_result {
                let place = (topic.topic.to_string(), result.partition_id as u32);
                results.insert(place, (result.error_code, result.error_message));
            }
        }
        let result_of = |at: &TopicPartition| {
            let place = (at.topic.clone(), at.partition);
            let (code, message) = results.remove(&place).ok_or_else(|| missing("ElectLeaders"))?;
            if code == code::ELECTION_NOT_NEEDED {
                return Ok(Elected::NotNeeded);
            }
            WireError::check_told(code, message, || format!("ElectLeaders for {at}"))?;
            Ok(Elected::Yes)
        };
        partitions.iter().map(result_of).collect()
    }

    /// Gives partitions other replicas; `None` ends a change that is under way.
    pub async fn alter_reassignments(
        &mut self,
        moves: &[(TopicPartition, Option<Vec<NodeId>>)],
        within: Duration,
    ) -> Result<(), WireError> {
        let partition = |(at, replicas): &(TopicPartition, Option<Vec<NodeId>>)| {
            let ids = |nodes: &Vec<NodeId>| nodes.iter().map(|node| BrokerId(*node as i32)).collect();
            ReassignablePartition::default()
                .with_partition_index(at.partition as i32)
                .with_replicas(replicas.as_ref().map(ids))
        };
        let topics = by_topic(
            moves
                .iter()
                .map(|change| (change.0.topic.as_str(), partition(change))),
        );
        let topics = topics.into_iter().map(|(topic, partitions)| {
            ReassignableTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(partitions)
        });
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(millis(within))
            .with_topics(topics.collect());
        let answer = self.call(&request, within).await?;
        WireError::check_told(answer.error_code, answer.error_message, || {
            "AlterPartitionReassignments".to_owned()
        })?;
        let cancels = moves.iter().all(|(_, replicas)| replicas.is_none());
        for topic in answer.responses {
            for result in topic.partitions {
                if cancels && result.error_code == code::NO_REASSIGNMENT_IN_PROGRESS {
                    continue;
                }
                WireError::check_told(result.error_code, result.error_message, || {
                    let (topic, partition) = (&*topic.name, result.partition_index);
                    format!("AlterPartitionReassignments for {topic}-{partition}")
                })?;
            }
        }
        Ok(())
    }

    /// All changes of replicas that are under way.
    pub async fn list_reassignments(&mut self, within: Duration) -> Result<Vec<Reassignment>, WireError> {
        let request = ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(millis(within))
            .with_topics(None);
        let answer = self.call(&request, within).await?;
        WireError::check_told(answer.error_code, answer.error_message, || {
            "ListPartitionReassignments".to_owned()
        })?;
        let mut found = Vec::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                found.push(Reassignment {
                    partition: TopicPartition {
                        topic: topic.name.to_string(),
                        partition: partition.partition_index as u32,
                    },
                    replicas: nodes_in_order(partition.replicas),
                    adding: nodes_in_order(partition.adding_replicas),
                    removing: nodes_in_order(partition.removing_replicas),
                });
            }
        }
        Ok(found)
    }

    /// Settings of a topic; `None` where one has no value.
    pub async fn describe_topic(
        &mut self,
        topic: &str,
        names: &[&str],
        within: Duration,
    ) -> Result<BTreeMap<String, Option<String>>, WireError> {
        let keys = names.iter().map(|name| StrBytes::from_string((*name).to_owned()));
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(StrBytes::from_string(topic.to_owned()))
            .with_configuration_keys(Some(keys.collect()));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let answer = self.call(&request, within).await?.results.into_iter().next();
        let answer = answer.ok_or_else(|| missing("DescribeConfigs"))?;
        WireError::check_told(answer.error_code, answer.error_message, || {
            format!("DescribeConfigs for {topic}")
        })?;
        let settings = answer.configs.into_iter().map(|config| {
            let value = config.value.map(|value| value.to_string());
            (config.name.to_string(), value)
        });
        Ok(settings.collect())
    }

    /// Changes one setting of a topic; `None` takes its own value away.
    pub async fn alter_topic(
        &mut self,
        topic: &str,
        name: &str,
        value: Option<&str>,
        within: Duration,
    ) -> Result<(), WireError> {
        let config = AlterableConfig::default()
            .with_name(StrBytes::from_string(name.to_owned()))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.map(|value| StrBytes::from_string(value.to_owned())));
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(StrBytes::from_string(topic.to_owned()))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        for result in self.call(&request, within).await?.responses {
            WireError::check_told(result.error_code, result.error_message, || {
                format!("IncrementalAlterConfigs for {topic}")
            })?;
        }
        Ok(())
    }

    /// Gives a topic more partitions, so that it has this many.
    pub async fn create_partitions(
        &mut self,
        topic: &str,
        total: u32,
        within: Duration,
    ) -> Result<(), WireError> {
        let asked = CreatePartitionsTopic::default()
            .with_name(topic_name(topic))
            .with_count(total as i32)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![asked])
            .with_timeout_ms(millis(within));
        for result in self.call(&request, within).await?.results {
            WireError::check_told(result.error_code, result.error_message, || {
                format!("CreatePartitions for {topic}")
            })?;
        }
        Ok(())
    }

    /// Makes topics as the brokers make them by default. One that is there already is no error.
    pub async fn make_topics(&mut self, topics: &[NewTopic], within: Duration) -> Result<(), WireError> {
        let asked = topics.iter().map(|topic| {
            CreatableTopic::default()
                .with_name(topic_name(&topic.name))
                .with_num_partitions(topic.partitions as i32)
                .with_replication_factor(topic.replication_factor as i16)
        });
        let request = CreateTopicsRequest::default()
            .with_topics(asked.collect())
            .with_timeout_ms(millis(within));
        for topic in self.call(&request, within).await?.topics {
            if topic.error_code != code::TOPIC_ALREADY_EXISTS {
                WireError::check_told(topic.error_code, topic.error_message, || {
                    format!("CreateTopics for {}", *topic.name)
                })?;
            }
        }
        Ok(())
    }

    /// Deletes topics. One that is not there is no error.
    pub async fn delete_topics(&mut self, names: &[String], within: Duration) -> Result<(), WireError> {
        let mut request = DeleteTopicsRequest::default().with_timeout_ms(millis(within));
        // Up to version 5 a list of names, from 6 on names or identities; each is written only where it counts.
        if self.version::<DeleteTopicsRequest>()? >= 6 {
            let topics = names
                .iter()
                .map(|name| DeleteTopicState::default().with_name(Some(topic_name(name))));
            request.topics = topics.collect();
        } else {
            request.topic_names = names.iter().map(|name| topic_name(name)).collect();
        }
        for result in self.call(&request, within).await?.responses {
            if result.error_code != code::UNKNOWN_TOPIC_OR_PARTITION {
                WireError::check_told(result.error_code, result.error_message, || {
                    let name = result.name.map(|name| name.to_string()).unwrap_or_default();
                    format!("DeleteTopics for {name}")
                })?;
            }
        }
        Ok(())
    }

    /// Deletes the records of a partition below `at.offset`: the low watermark that the leader answers with.
    pub async fn delete_records(&mut self, at: Place<'_>, within: Duration) -> Result<Offset, WireError> {
        let partition = DeleteRecordsPartition::default()
            .with_partition_index(at.partition as i32)
            .with_offset(at.offset);
        let topic = DeleteRecordsTopic::default()
            .with_name(topic_name(at.topic))
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(millis(within));
        let answer = self.call(&request, within).await?.topics.into_iter().next();
        let partition = answer.and_then(|topic| topic.partitions.into_iter().next());
        let partition = partition.ok_or_else(|| missing("DeleteRecords"))?;
        WireError::check(partition.error_code, || named("DeleteRecords", at))?;
        Ok(partition.low_watermark)
    }
}

fn millis(within: Duration) -> i32 {
    i32::try_from(within.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

    use bytes::{Bytes, BytesMut};
    use kafka_protocol::messages::api_versions_response::ApiVersion;
    use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
    use kafka_protocol::messages::delete_records_response::{
        DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
    };
    use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
    use kafka_protocol::messages::list_partition_reassignments_response::{
        OngoingPartitionReassignment, OngoingTopicReassignment,
    };
    use kafka_protocol::messages::{
        ApiVersionsResponse, CreatePartitionsResponse, DeleteRecordsResponse, DeleteTopicsResponse,
        ElectLeadersResponse, ListPartitionReassignmentsResponse, RequestHeader, ResponseHeader,
    };
    use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, Request};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const API_VERSIONS_VERSION: i16 = 3;

    async fn request(stream: &mut TcpStream) -> Bytes {
        let length = stream.read_u32().await.expect("a request");
        let mut frame = vec![0; length as usize];
        stream.read_exact(&mut frame).await.expect("all of it");
        frame.into()
    }

    async fn answer<M: Encodable>(stream: &mut TcpStream, id: i32, header: i16, body: &M, version: i16) {
        let mut frame = BytesMut::new();
        let head = ResponseHeader::default().with_correlation_id(id);
        head.encode(&mut frame, header).expect("it fits");
        body.encode(&mut frame, version).expect("it fits");
        stream.write_u32(frame.len() as u32).await.expect("it is read");
        stream.write_all(&frame).await.expect("it is read");
    }

    /// A broker that knows one kind of request, of this version, and answers the first of it so. It returns that.
    async fn broker<R>(listener: TcpListener, version: i16, response: R::Response) -> R
    where
        R: Request + Decodable,
        R::Response: Encodable,
    {
        let (mut stream, _) = listener.accept().await.expect("a client");
        request(&mut stream).await;
        let key = ApiVersion::default()
            .with_api_key(R::KEY)
            .with_min_version(0)
            .with_max_version(version);
        let known = ApiVersionsResponse::default().with_api_keys(vec![key]);
        answer(&mut stream, 1, 0, &known, API_VERSIONS_VERSION).await;
        let mut frame = request(&mut stream).await;
        let header = R::header_version(version);
        RequestHeader::decode(&mut frame, header).expect("a header");
        let asked = R::decode(&mut frame, version).expect("the request that was meant");
        let header = R::Response::header_version(version);
        answer(&mut stream, 2, header, &response, version).await;
        asked
    }

    /// A connection to a broker that answers so, and what that is asked.
    async fn connected<R>(version: i16, response: R::Response) -> (Connection, tokio::task::JoinHandle<R>)
    where
        R: Request + Decodable + Send + 'static,
        R::Response: Encodable + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let Ok(SocketAddr::V4(address)) = listener.local_addr() else {
            unreachable!("it was bound to an address of version 4")
        };
        let asked = tokio::spawn(broker::<R>(listener, version, response));
        let address = SocketAddrV4::new(*address.ip(), address.port());
        (Connection::open(address, SOON).await.expect("it answers"), asked)
    }

    fn log(partition: u32) -> TopicPartition {
        TopicPartition {
            topic: "log".to_owned(),
            partition,
        }
    }

    fn elected(results: &[(i32, i16)]) -> ElectLeadersResponse {
        let partition = |(number, code): &(i32, i16)| {
            PartitionResult::default()
                .with_partition_id(*number)
                .with_error_code(*code)
                .with_error_message((*code != 0).then(|| StrBytes::from_static_str("why")))
        };
        let topic = ReplicaElectionResult::default()
            .with_topic(topic_name("log"))
            .with_partition_result(results.iter().map(partition).collect());
        ElectLeadersResponse::default().with_replica_election_results(vec![topic])
    }

    #[tokio::test]
    async fn an_election_says_of_each_partition_what_came_of_it() {
        // In another order than was asked for.
        let answer = elected(&[(1, 84), (0, 0)]);
        let (mut controller, asked) = connected::<ElectLeadersRequest>(2, answer).await;
        let outcome = controller
            .elect_leaders(Election::Unclean, &[log(0), log(1)], SOON)
            .await;
        assert_eq!(outcome, Ok(vec![Elected::Yes, Elected::NotNeeded]));
        let asked = asked.await.expect("it was asked");
        let partitions = asked.topic_partitions.expect("some are named");
        assert_eq!((asked.election_type, partitions.len()), (1, 1));
        assert_eq!(partitions[0].partitions, [0, 1]);
    }

    #[tokio::test]
    async fn an_election_that_is_refused_names_its_partition() {
        let (mut controller, _asked) = connected::<ElectLeadersRequest>(2, elected(&[(1, 83)])).await;
        let outcome = controller.elect_leaders(Election::Unclean, &[log(1)], SOON).await;
        let error = outcome.expect_err("nobody can be elected");
        assert_eq!(
            error.to_string(),
            "error 83 (EligibleLeadersNotAvailable) of ElectLeaders for log-1: why"
        );
        let (mut controller, _asked) = connected::<ElectLeadersRequest>(2, elected(&[(1, 0)])).await;
        let outcome = controller
            .elect_leaders(Election::Preferred, &[log(0)], SOON)
            .await;
        assert!(matches!(outcome, Err(WireError::Protocol(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn reassignments_keep_the_order_of_their_replicas() {
        let ids = |nodes: &[i32]| nodes.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let partition = OngoingPartitionReassignment::default()
            .with_partition_index(3)
            .with_replicas(ids(&[4, 2, 1]))
            .with_adding_replicas(ids(&[4]))
            .with_removing_replicas(ids(&[1]));
        let topic = OngoingTopicReassignment::default()
            .with_name(topic_name("log"))
            .with_partitions(vec![partition]);
        let answer = ListPartitionReassignmentsResponse::default().with_topics(vec![topic]);
        let (mut controller, _asked) = connected::<ListPartitionReassignmentsRequest>(0, answer).await;
        let expected = Reassignment {
            partition: log(3),
            replicas: vec![4, 2, 1],
            adding: vec![4],
            removing: vec![1],
        };
        assert_eq!(controller.list_reassignments(SOON).await, Ok(vec![expected]));
    }

    #[tokio::test]
    async fn what_deletes_records_answers_with_the_low_watermark() {
        let at = |code| {
            let partition = DeleteRecordsPartitionResult::default()
                .with_low_watermark(7)
                .with_error_code(code);
            let topic = DeleteRecordsTopicResult::default().with_partitions(vec![partition]);
            DeleteRecordsResponse::default().with_topics(vec![topic])
        };
        let place = Place {
            topic: "log",
            id: uuid::Uuid::nil(),
            partition: 2,
            offset: 7,
        };
        let (mut leader, asked) = connected::<DeleteRecordsRequest>(2, at(0)).await;
        assert_eq!(leader.delete_records(place, SOON).await, Ok(7));
        let asked = asked.await.expect("it was asked");
        let partition = &asked.topics[0].partitions[0];
        assert_eq!((partition.partition_index, partition.offset), (2, 7));
        let (mut leader, _asked) = connected::<DeleteRecordsRequest>(2, at(1)).await;
        let error = leader
            .delete_records(place, SOON)
            .await
            .expect_err("out of range");
        assert_eq!(
            error.to_string(),
            "error 1 (OffsetOutOfRange) of DeleteRecords for log-2"
        );
    }

    #[tokio::test]
    async fn topics_are_deleted_by_name_in_each_version() {
        for version in [5, 6] {
            let answer = DeleteTopicsResponse::default();
            let (mut controller, asked) = connected::<DeleteTopicsRequest>(version, answer).await;
            let names = ["burst-1".to_owned()];
            assert_eq!(controller.delete_topics(&names, SOON).await, Ok(()));
            let asked = asked.await.expect("it was asked");
            let by_state = asked.topics.into_iter().filter_map(|topic| topic.name);
            let deleted: Vec<String> = by_state
                .chain(asked.topic_names)
                .map(|name| name.to_string())
                .collect();
            assert_eq!(deleted, names, "in version {version}");
        }
    }

    #[tokio::test]
    async fn what_was_said_of_a_refusal_is_said_again() {
        let result = CreatePartitionsTopicResult::default()
            .with_error_code(37)
            .with_error_message(Some(StrBytes::from_static_str(
                "the topic has 5 partitions already",
            )));
        let answer = CreatePartitionsResponse::default().with_results(vec![result]);
        let (mut controller, _asked) = connected::<CreatePartitionsRequest>(3, answer).await;
        let error = controller.create_partitions("log", 4, SOON).await;
        assert_eq!(
            error.expect_err("it is refused").to_string(),
            "error 37 (InvalidPartitions) of CreatePartitions for log: the topic has 5 partitions already"
        );
        let versions = <CreatePartitionsRequest as Message>::VERSIONS;
        assert!(versions.min <= 3 && versions.max >= 3);
    }
}
