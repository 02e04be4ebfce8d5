//! The probe topic: one partition for each node, on which it is tried out what a broker serves.
//!
//! It is a topic of Tribunal's own and no key of a run: no client, fault, check or final read looks at it.

use std::time::Duration;

use history::{NodeId, Topic};
use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};

use super::{config, creatable, topic_name};
use crate::kafka::wire::{Connection, WireError};

/// Its name.
pub(in crate::kafka) const PROBE_TOPIC: &str = "tribunal-probe";
/// The replicas of each of its partitions, where there are as many nodes, and the workload's topics have as many.
const REPLICAS: u32 = 3;

impl Connection {
    /// Makes topics, with what the run sets on each, and the probe topic for these nodes.
    pub(in crate::kafka) async fn create_topics_and_probe(
        &mut self,
        topics: &[Topic],
        nodes: &[NodeId],
        within: Duration,
    ) -> Result<(), WireError> {
        let probe = probe_topic(nodes, replicas(topics, nodes.len()));
        self.create(topics.iter().map(creatable).chain([probe]).collect(), within)
            .await
    }
}

/// No more than the workload's topics have: a node that can be taken away from them can be taken away from this one.
fn replicas(topics: &[Topic], nodes: usize) -> usize {
    let most = topics.iter().map(|topic| topic.replication_factor).max();
    (most.unwrap_or(REPLICAS).clamp(1, REPLICAS) as usize).min(nodes)
}

fn probe_topic(nodes: &[NodeId], replicas: usize) -> CreatableTopic {
    let partitions = placed(nodes, replicas)
        .into_iter()
        .enumerate()
        .map(|(partition, replicas)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(partition as i32)
                .with_broker_ids(replicas.into_iter().map(|node| BrokerId(node as i32)).collect())
        });
    CreatableTopic::default()
        .with_name(topic_name(PROBE_TOPIC))
        // Both follow from the assignment.
        .with_num_partitions(-1)
        .with_replication_factor(-1)
        .with_assignments(partitions.collect())
        .with_configs(vec![
            config("min.insync.replicas", "1".to_owned()),
            config("unclean.leader.election.enable", "false".to_owned()),
        ])
}

/// The replicas of each partition: the first, which is to lead, is another node for each, and those after it follow.
fn placed(nodes: &[NodeId], replicas: usize) -> Vec<Vec<NodeId>> {
    let turn = |first: usize| nodes.iter().cycle().skip(first).take(replicas).copied();
    (0..nodes.len()).map(|first| turn(first).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_is_to_lead_one_partition() {
        assert_eq!(placed(&[1, 2, 3], 3), [[1, 2, 3], [2, 3, 1], [3, 1, 2]]);
        assert_eq!(placed(&[1, 2, 3, 4, 5], 3)[4], [5, 1, 2]);
        assert_eq!(placed(&[1], 1), [[1]]);
    }

    #[test]
    fn it_has_no_more_replicas_than_the_workload() {
        let topic = |replication_factor| Topic {
            name: "log".to_owned(),
            partitions: 1,
            replication_factor,
            min_insync_replicas: 1,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        };
        assert_eq!(replicas(&[topic(2), topic(1)], 3), 2);
        assert_eq!(replicas(&[topic(5)], 5), 3);
        assert_eq!(replicas(&[], 2), 2);
    }
}
