//! The final reads: every partition from its start to its end through the cluster, then each replica's own copy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cluster::{Cluster, ReplicaLog};
use history::{
    Assign, F, FinalReads, Key, LogChunk, NodeId, Observed, Offset, Poll, Probe, Record, Silence, What,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message;
use tokio::task::JoinSet;

use super::librdkafka::{
    Context, by_assignment, client as settings, is_lost, is_of_a_connection, positions_list, record,
};
use super::{Isolation, Shared, undecided};
use crate::arena::nudge;
use crate::scribe::End;

/// The longest wait for a record.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// How many records one operation holds at most.
const POLL_RECORDS_MAX: usize = 1_000;
/// How many records one piece of a replica's log holds at most.
const CHUNK_RECORDS_MAX: usize = 1_000;
/// How long reading one replica's copy of one partition may take.
const REPLICA_WITHIN: Duration = Duration::from_secs(30);
/// How long asking for a partition's end may take, where the replicas never settled.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Carries the final reads out; whether they are complete.
pub(crate) async fn final_reads(
    shared: Arc<Shared>,
    cluster: Arc<dyn Cluster>,
    isolation: Isolation,
    ends: Result<Vec<Offset>, String>,
    within: Duration,
) -> bool {
    let process = shared.scribe.process();
    let reader = shared.clone();
    let (settled, unsettled) = match ends {
        Ok(ends) => (Some(ends), None),
        Err(reason) => (None, Some(reason)),
    };
    if isolation == Isolation::ReadCommitted {
        pass_markers(&shared, &*cluster).await;
    }
    let read = move || read_through(&reader, process, isolation, settled, within);
    let watch = async {
        if let Some(limits) = shared.transactions {
            undecided::watch(&shared, &cluster, limits).await;
        }
    };
    let (read, ()) = tokio::join!(tokio::task::spawn_blocking(read), watch);
    let (ends, unread) = match read {
        Ok(Ok((ends, unread))) => (ends, unread),
        Ok(Err(error)) => (Vec::new(), Some(format!("{error:#}"))),
        Err(panic) => (Vec::new(), Some(format!("the reader ended: {panic}"))),
    };
    read_replicas(&shared, &cluster).await;
    let reason = unsettled.or(unread);
    let complete = reason.is_none();
    shared.scribe.recorder().record(What::FinalReads(FinalReads {
        complete,
        reason,
        ends,
        process,
    }));
    complete
}

/// Writes an empty record to each partition: the last thing in it may be the mark of a transaction's end, which no client is
/// shown, and then nobody who reads sees that he has come to the end.
async fn pass_markers(shared: &Shared, cluster: &dyn Cluster) {
    for key in 0..shared.keys.count() {
        if let Err(error) = nudge(cluster, key, Instant::now() + END_WITHIN).await {
            let text = format!("cannot write after the last transaction: {error:#}");
            shared.line("final-reader", &text);
        }
    }
}

/// Reads every partition through the cluster: the ends that were read up to, and why not to there.
pub(crate) fn read_through(
    shared: &Arc<Shared>,
    process: u32,
    isolation: Isolation,
    settled: Option<Vec<Offset>>,
    within: Duration,
) -> anyhow::Result<(Vec<Offset>, Option<String>)> {
    let until = Instant::now() + within;
    let mut client = connect(shared, isolation)?;
    let ends = match settled {
        Some(ends) => ends,
        None => ends_now(shared, &client),
    };
    let mut positions = begin(shared, process, &client)?;
    let mut unread = None;
    while unread.is_none() && behind(&positions, &ends).is_some() {
        let op = shared.scribe.invoke(process, F::Poll(Poll::default()));
        let (records, lost) = poll(shared, &client, &mut positions, &ends, until);
        shared.scribe.end(process, op, F::Poll(Poll { records }), End::Ok);
        if lost.is_some() && Instant::now() < until && is_overtaken(shared, &client, &positions) {
            let before = std::mem::replace(&mut client, connect(shared, isolation)?);
            std::thread::spawn(move || drop(before));
            positions = begin(shared, process, &client)?;
            continue;
        }
        unread = lost.or_else(|| {
            let (key, position, end) = behind(&positions, &ends).filter(|_| Instant::now() >= until)?;
            let (topic, partition) = shared.keys.partition(key);
            let held_back = match isolation {
                Isolation::ReadCommitted => ": a transaction that nobody ended may hold the rest back",
                Isolation::ReadUncommitted => "",
            };
            Some(format!(
                "the reader stood at {position} of {end} in {topic}-{partition} after {within:?}{held_back}"
            ))
        });
    }
    std::thread::spawn(move || drop(client));
    Ok((ends, unread))
}

/// Begins to read where each partition begins: above 0 where records were deleted, by right or not. The checks know which.
fn begin(
    shared: &Shared,
    process: u32,
    client: &BaseConsumer<Context>,
) -> anyhow::Result<BTreeMap<Key, Offset>> {
    let positions = starts(shared, client);
    let assign = F::Assign(Assign {
        keys: positions.keys().copied().collect(),
        from_beginning: true,
    });
    let op = shared.scribe.invoke(process, assign.clone());
    client.assign(&positions_list(&shared.keys, &positions)?)?;
    shared.scribe.end(process, op, assign, End::Ok);
    Ok(positions)
}

/// Whether a partition begins behind where the reader stands by now: brokers go on removing what may go while everything is read.
fn is_overtaken(shared: &Shared, client: &BaseConsumer<Context>, positions: &BTreeMap<Key, Offset>) -> bool {
    let starts = starts(shared, client);
    positions.iter().any(|(key, position)| starts[key] > *position)
}

fn connect(shared: &Arc<Shared>, isolation: Isolation) -> anyhow::Result<BaseConsumer<Context>> {
    let name = "final-reader";
    let context = Context::new(&shared.place, name);
    let mut config = settings(&shared.place, name);
    config
        .set("fetch.wait.max.ms", "20")
        .set("fetch.message.max.bytes", "8000000")
        .set("fetch.max.bytes", "50000000")
        .set("queued.min.messages", "1000000");
    by_assignment(&mut config, isolation)
        .create_with_context(context)
        .context("make the final reader")
}

/// Where each partition begins, by its leader; where that does not answer, at 0.
fn starts(shared: &Shared, client: &BaseConsumer<Context>) -> BTreeMap<Key, Offset> {
    let start = |key| {
        let (topic, partition) = shared.keys.partition(key);
        let known = client.fetch_watermarks(topic, partition, END_WITHIN);
        (key, known.map_or(0, |(start, _)| start))
    };
    (0..shared.keys.count()).map(start).collect()
}

/// The ends as they are now, for a cluster that never settled: something to read up to.
fn ends_now(shared: &Shared, client: &BaseConsumer<Context>) -> Vec<Offset> {
    let end = |key| {
        let (topic, partition) = shared.keys.partition(key);
        client
            .fetch_watermarks(topic, partition, END_WITHIN)
            .map_or(0, |(_, end)| end)
    };
    (0..shared.keys.count()).map(end).collect()
}

/// The first partition that is not read to its end, with where it stands and its end.
fn behind(positions: &BTreeMap<Key, Offset>, ends: &[Offset]) -> Option<(Key, Offset, Offset)> {
    positions
        .iter()
        .zip(ends)
        .map(|((key, position), end)| (*key, *position, *end))
        .find(|(_, position, end)| position < end)
}

/// Gathers records until there are enough, or every end is passed. The error says why it cannot go on.
fn poll(
    shared: &Shared,
    client: &BaseConsumer<Context>,
    positions: &mut BTreeMap<Key, Offset>,
    ends: &[Offset],
    until: Instant,
) -> (Vec<Record>, Option<String>) {
    let mut records = Vec::new();
    while records.len() < POLL_RECORDS_MAX && behind(positions, ends).is_some() && Instant::now() < until {
        match client.poll(WAIT_MAX) {
            None => {}
            Some(Ok(message)) => {
                // By position, so that empty records and those of others count as read too.
                if let Some(key) = shared.keys.key(message.topic(), message.partition()) {
                    positions.insert(key, message.offset() + 1);
                }
                records.extend(record(&shared.keys, &message));
            }
            Some(Err(error)) if is_lost(&error) => return (records, Some(error.to_string())),
            Some(Err(error)) if is_of_a_connection(&error) => {}
            Some(Err(error)) => shared.line("final-reader", &error.to_string()),
        }
    }
    (records, None)
}

/// Reads each replica's own copy, all nodes at once.
pub(super) async fn read_replicas(shared: &Arc<Shared>, cluster: &Arc<dyn Cluster>) {
    let mut nodes = JoinSet::new();
    for node in cluster.brokers() {
        let (shared, cluster) = (shared.clone(), cluster.clone());
        nodes.spawn(async move {
            for key in 0..shared.keys.count() {
                read_replica(&shared, &cluster, node, key).await;
            }
        });
    }
    nodes.join_all().await;
}

async fn read_replica(shared: &Shared, cluster: &Arc<dyn Cluster>, node: NodeId, key: Key) {
    if !holds(cluster, node, key) {
        return;
    }
    let recorder = shared.scribe.recorder();
    let asked = recorder.now();
    let read = tokio::time::timeout(REPLICA_WITHIN, cluster.replica_log(node, key)).await;
    let answers = match read {
        Ok(Ok(log)) => chunks(key, &log),
        Ok(Err(error)) => vec![silent(key, format!("{error:#}"))],
        Err(_) => vec![silent(key, format!("no answer in {REPLICA_WITHIN:?}"))],
    };
    for answer in answers {
        recorder.record(What::Observed(Observed {
            node,
            incarnation: cluster.incarnation(node),
            asked,
            answer,
        }));
    }
}

/// Whether the node is a replica of the partition; where that is not known it is asked all the same.
fn holds(cluster: &Arc<dyn Cluster>, node: NodeId, key: Key) -> bool {
    let replicas = cluster.view().partition(key).map(|view| view.replicas);
    replicas.is_none_or(|replicas| replicas.is_empty() || replicas.contains(&node))
}

fn silent(key: Key, reason: String) -> Probe {
    Probe::Silent(Silence {
        asked_for: format!("log of key {key}"),
        reason,
    })
}

/// A replica's log in pieces; an empty log is one empty piece.
pub(crate) fn chunks(key: Key, log: &ReplicaLog) -> Vec<Probe> {
    let chunk = |records: &[(Offset, history::Value, i32)], last| {
        Probe::Log(LogChunk {
            key,
            high_watermark: log.high_watermark,
            last,
            records: records.to_vec(),
        })
    };
    let count = log.records.len().div_ceil(CHUNK_RECORDS_MAX);
    if count == 0 {
        return vec![chunk(&[], true)];
    }
    let pieces = log.records.chunks(CHUNK_RECORDS_MAX).enumerate();
    pieces
        .map(|(index, records)| chunk(records, index + 1 == count))
        .collect()
}
