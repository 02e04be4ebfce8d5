//! The replicas' own logs: whether they agree, and what each holds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use history::{Key, NodeId, Offset, Topic};
use tokio::task::JoinSet;

use super::ask::{End, Metadata, PartitionState, Place};
use super::batches;
use super::node::Node;
use super::wire::Connection;
use crate::{ReplicaLog, WatermarkBehind};

/// A broker answers each question within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// One replica's log is read within this time.
const READ_WITHIN: Duration = Duration::from_secs(120);
/// How much one fetch asks for. A larger first batch is sent nonetheless.
const FETCH_BYTES: u32 = 4 << 20;
/// How often a fetch below the high watermark may bring nothing before it is an error.
const EMPTY_FETCHES_MAX: u32 = 20;
/// The pause after such a fetch.
const EMPTY_FETCH_PAUSE: Duration = Duration::from_millis(50);

/// The topic and the partition's number of a key.
pub(super) fn partition_of(topics: &[Topic], key: Key) -> Result<(&str, u32)> {
    history::partition_of(topics, key)
        .with_context(|| format!("find key {key}: the workload has no such partition"))
}

/// Every key with its topic and partition, in order.
pub(super) fn keys(topics: &[Topic]) -> impl Iterator<Item = (Key, &Topic, u32)> {
    let partitions = topics
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(move |partition| (topic, partition)));
    partitions
        .enumerate()
        .map(|(key, (topic, partition))| (key as Key, topic, partition))
}

/// What one node says of itself and of everybody.
struct Standing {
    node: NodeId,
    metadata: Metadata,
    /// For each key that this node replicates, the end of its log and its high watermark.
    ends: Vec<Option<(Offset, Offset)>>,
}

/// Each key's end, where every broker counts every replica into the ISR and all of them end there.
pub(super) async fn settled(nodes: &[Arc<Node>], topics: &[Topic]) -> Result<Vec<Offset>> {
    let mut asking = JoinSet::new();
    for node in nodes {
        let node = Arc::clone(node);
        let topics = topics.to_vec();
        asking.spawn(async move {
            let standing = standing(&node, &topics).await;
            standing.with_context(|| format!("ask node {}", node.id()))
        });
    }
    let mut standings = Vec::new();
    while let Some(standing) = asking.join_next().await {
        standings.push(standing.context("ask the nodes: a bug in Tribunal (panic)")??);
    }
    standings.sort_by_key(|standing| standing.node);
    keys(topics)
        .map(|(key, topic, partition)| settled_end(&standings, key, topic, partition))
        .collect()
}

async fn standing(node: &Node, topics: &[Topic]) -> Result<Standing> {
    let mut connection = Connection::open(node.broker(), ANSWER_WITHIN).await?;
    let metadata = connection.metadata(topics, ANSWER_WITHIN).await?;
    let mut ends = Vec::new();
    for (_, topic, partition) in keys(topics) {
        let known = metadata.topics.get(&topic.name);
        let state = known.and_then(|topic| topic.partitions.get(&partition));
        let (Some(known), true) = (
            known,
            state.is_some_and(|state| state.replicas.contains(&node.id())),
        ) else {
            ends.push(None);
            continue;
        };
        let at = Place {
            topic: &topic.name,
            id: known.id,
            partition,
            offset: 0,
        };
        let end = connection.log_end(at, End::Latest, ANSWER_WITHIN).await?;
        // A fetch at the end brings no record, but the high watermark: a follower learns it after the records.
        let at = Place { offset: end, ..at };
        let high_watermark = connection.fetch(at, 1, ANSWER_WITHIN).await?.high_watermark;
        ends.push(Some((end, high_watermark)));
    }
    Ok(Standing {
        node: node.id(),
        metadata,
        ends,
    })
}

fn settled_end(standings: &[Standing], key: Key, topic: &Topic, partition: u32) -> Result<Offset> {
    let name = format!("{}-{partition}", topic.name);
    let mut first: Option<(NodeId, &PartitionState)> = None;
    for standing in standings {
        let node = standing.node;
        let state = standing
            .metadata
            .topics
            .get(&topic.name)
            .and_then(|topic| topic.partitions.get(&partition));
        let state = state.with_context(|| format!("node {node} does not know {name}"))?;
        ensure!(
            state.leader.is_some(),
            "{name} has no leader in the eyes of node {node}"
        );
        ensure!(
            state.replicas.len() == topic.replication_factor as usize
                && is_same_set(&state.isr, &state.replicas),
            "the ISR of {name} is {:?} of {:?} in the eyes of node {node}",
            state.isr,
            state.replicas
        );
        let (other, same) = *first.get_or_insert((node, state));
        ensure!(
            (same.leader, same.epoch, &same.replicas) == (state.leader, state.epoch, &state.replicas),
            "nodes {other} and {node} differ in the leader of {name}"
        );
    }
    let (_, state) = first.with_context(|| format!("nobody was asked for {name}"))?;
    let mut end = None;
    let mut behind = None;
    for node in &state.replicas {
        let standing = standings.iter().find(|standing| standing.node == *node);
        let own = standing.and_then(|standing| standing.ends[key as usize]);
        let (own, high_watermark) = own.with_context(|| format!("node {node} has no replica of {name}"))?;
        let (other, same) = *end.get_or_insert((*node, own));
        ensure!(
            own == same,
            "{name} ends at {same} on node {other} and at {own} on node {node}"
        );
        if high_watermark != own {
            behind = behind.or(Some((*node, high_watermark)));
        }
    }
    let (_, end) = end.with_context(|| format!("{name} has no replica"))?;
    let Some((node, high_watermark)) = behind else {
        return Ok(end);
    };
    Err(WatermarkBehind {
        key,
        name,
        end,
        node,
        high_watermark,
    }
    .into())
}

fn is_same_set(one: &[NodeId], other: &[NodeId]) -> bool {
    one.len() == other.len() && one.iter().all(|node| other.contains(node))
}

/// Reads a node's own copy, from its start to the high watermark that it names first.
pub(super) async fn read(node: &Node, topics: &[Topic], topic: &str, partition: u32) -> Result<ReplicaLog> {
    let read = tokio::time::timeout(READ_WITHIN, read_all(node, topics, topic, partition)).await;
    read.with_context(|| format!("it took longer than {} s", READ_WITHIN.as_secs()))?
}

async fn read_all(node: &Node, topics: &[Topic], topic: &str, partition: u32) -> Result<ReplicaLog> {
    let mut connection = Connection::open(node.broker(), ANSWER_WITHIN).await?;
    let metadata = connection.metadata(topics, ANSWER_WITHIN).await?;
    let id = metadata
        .topics
        .get(topic)
        .context("the node does not know the topic")?
        .id;
    let mut at = Place {
        topic,
        id,
        partition,
        offset: 0,
    };
    at.offset = connection.log_end(at, End::Earliest, ANSWER_WITHIN).await?;
    let mut log = ReplicaLog::default();
    let mut first = true;
    let mut empty = 0;
    loop {
        let fetched = connection.fetch(at, FETCH_BYTES, ANSWER_WITHIN).await?;
        if first {
            log.high_watermark = fetched.high_watermark;
            first = false;
        }
        let decoded = batches::decode(fetched.batches, at.offset, log.high_watermark)?;
        empty = if decoded.next > at.offset { 0 } else { empty + 1 };
        log.records.extend(decoded.records);
        at.offset = decoded.next;
        if at.offset >= log.high_watermark {
            return Ok(log);
        }
        ensure!(
            empty < EMPTY_FETCHES_MAX,
            "{empty} fetches at offset {} brought nothing, with the high watermark at {}",
            at.offset,
            log.high_watermark
        );
        if empty > 0 {
            tokio::time::sleep(EMPTY_FETCH_PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::ask::TopicState;
    use super::*;

    fn topic(name: &str, partitions: u32) -> Topic {
        Topic {
            name: name.to_owned(),
            partitions,
            replication_factor: 2,
            min_insync_replicas: 1,
            unclean_election: false,
            config: BTreeMap::new(),
        }
    }

    #[test]
    fn keys_count_through_all_topics() {
        let topics = [topic("a", 2), topic("b", 1)];
        let all: Vec<(Key, &str, u32)> = keys(&topics)
            .map(|(key, topic, partition)| (key, topic.name.as_str(), partition))
            .collect();
        assert_eq!(all, [(0, "a", 0), (1, "a", 1), (2, "b", 0)]);
        for (key, name, partition) in all {
            assert_eq!(partition_of(&topics, key).expect("it is one"), (name, partition));
        }
        assert!(partition_of(&topics, 3).is_err());
    }

    /// A node that sees this leader and ISR, and whose own log has this end and high watermark.
    fn standing(
        node: NodeId,
        leader: Option<NodeId>,
        isr: &[NodeId],
        own: Option<(Offset, Offset)>,
    ) -> Standing {
        let state = PartitionState {
            leader,
            epoch: 4,
            isr: isr.to_vec(),
            replicas: vec![1, 2],
        };
        let state = TopicState {
            partitions: [(0, state)].into(),
            ..TopicState::default()
        };
        let metadata = Metadata {
            brokers: vec![1, 2, 3],
            topics: BTreeMap::from([("a".to_owned(), state)]),
        };
        Standing {
            node,
            metadata,
            ends: vec![own],
        }
    }

    fn check(standings: &[Standing], expected: &str) {
        let found = settled_end(standings, 0, &topic("a", 1), 0);
        assert_eq!(
            found.map_or_else(|error| error.to_string(), |end| end.to_string()),
            expected
        );
    }

    #[test]
    fn settled_is_every_replica_in_the_isr_with_one_end() {
        let fine = |node| standing(node, Some(1), &[1, 2], Some((7, 7)));
        let outsider = standing(3, Some(1), &[1, 2], None);
        check(&[fine(1), fine(2), outsider], "7");
        check(
            &[fine(1), standing(2, Some(1), &[1], Some((7, 7)))],
            "the ISR of a-0 is [1] of [1, 2] in the eyes of node 2",
        );
        check(
            &[fine(1), standing(2, None, &[1, 2], Some((7, 7)))],
            "a-0 has no leader in the eyes of node 2",
        );
        check(
            &[fine(1), standing(2, Some(2), &[1, 2], Some((7, 7)))],
            "nodes 1 and 2 differ in the leader of a-0",
        );
        check(
            &[fine(1), standing(2, Some(1), &[1, 2], Some((6, 6)))],
            "a-0 ends at 7 on node 1 and at 6 on node 2",
        );
        check(
            &[fine(1), standing(2, Some(1), &[1, 2], Some((7, 5)))],
            "a-0 ends at 7 on node 2, whose high watermark is 5",
        );
        let behind = [fine(1), standing(2, Some(1), &[1, 2], Some((7, 5)))];
        let error = settled_end(&behind, 0, &topic("a", 1), 0).expect_err("not yet");
        let behind: &WatermarkBehind = error.downcast_ref().expect("that is all");
        assert_eq!((behind.key, behind.node, behind.high_watermark), (0, 2, 5));
        check(
            &[fine(1), standing(2, Some(1), &[1, 2], None)],
            "node 2 has no replica of a-0",
        );
        check(&[], "nobody was asked for a-0");
    }
}
