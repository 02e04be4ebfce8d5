//! What time it is on a node, by its broker's word: the time at which it appended a record. Who is no broker has a log of its own, in
//! which it notes what it is asked.
//!
//! Each broker has a topic of its own for that, with its only replica there, so that no other broker and no link of the
//! data network stands between the question and the clock.

use std::net::SocketAddrV4;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use history::Topic;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use uuid::Uuid;

use super::ask::{ACKS_LEADER, Place};
use super::config::Role;
use super::launch::{ANSWER_WITHIN, POLL};
use super::node::Node;
use super::wire::{Connection, dial};
use crate::ClockReading;

/// The topics that brokers are asked for their time by, one a node, each with its number behind.
pub(super) const TIME_TOPIC: &str = "tribunal-time";
/// A request of a kind that there is none of: a length, a number of a kind, a version, a correlation and no client's name.
const STRANGE_REQUEST: &[u8] = &[0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/// It stands in the log within this time of the connection's end.
const NOTED_WITHIN: Duration = Duration::from_secs(2);
/// No answer is longer.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// The topic is there, and its broker leads it, within this time.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// Asks the process of a node.
pub(super) async fn reading(node: &Node) -> Result<ClockReading> {
    match node.role {
        Role::Combined | Role::Broker => appended(node).await,
        Role::Controller => noted(node, node.controller(), STRANGE_REQUEST).await,
        Role::ZooKeeper => noted(node, node.zookeeper(), b"srvr").await,
    }
}

/// By what it writes into its log when it is sent this, with the port that it came from; it closes the connection after that. Kafka
/// notes requests that it does not know, and `ZooKeeper` words of four letters.
async fn noted(node: &Node, address: SocketAddrV4, question: &[u8]) -> Result<ClockReading> {
    let begins = node.files.log_length();
    let mut stream = dial(address).await?;
    let from = stream.local_addr().context("see where a question comes from")?;
    let before = now();
    stream
        .write_all(question)
        .await
        .context("ask for a line in the log")?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(ANSWER_BYTES_MAX);
    let closed = tokio::time::timeout(ANSWER_WITHIN, bounded.read_to_end(&mut answer)).await;
    // One that is reset is closed as well.
    _ = closed.context("wait for a line in the log")?;
    let after = now();
    let deadline = Instant::now() + NOTED_WITHIN;
    loop {
        node.machine.fetch(&node.files.log()).await?;
        if let Some(noted) = node.files.noted_since(begins, from.port())? {
            return Ok(between(noted, before, after));
        }
        if Instant::now() + POLL >= deadline {
            bail!("it noted no request that came from {from} in its log");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What a process that says so many milliseconds since 1970, cut off to whole ones, at some time between these two tells of its clock.
fn between(milliseconds: i64, before: i64, after: i64) -> ClockReading {
    let nanoseconds = |number: i64| number.saturating_mul(1_000_000);
    ClockReading {
        least: nanoseconds(milliseconds) - after,
        most: nanoseconds(milliseconds + 1) - before,
    }
}

/// By the time at which its broker appends a record.
async fn appended(node: &Node) -> Result<ClockReading> {
    let mut connection = Connection::open(node.broker(), ANSWER_WITHIN).await?;
    let topic = Topic {
        name: format!("{TIME_TOPIC}-{}", node.id()),
        partitions: 1,
        replication_factor: 1,
        min_insync_replicas: 1,
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    };
    let at = Place {
        topic: &topic.name,
        id: ready(&mut connection, node, &topic).await?,
        partition: 0,
        offset: 0,
    };
    let before = now();
    let appended = connection.write(at, &[[]], ACKS_LEADER, ANSWER_WITHIN).await?;
    let after = now();
    if appended < 0 {
        bail!("{} does not note when a record was appended", topic.name);
    }
    Ok(between(appended, before, after))
}

/// Waits until the node leads the topic, which is made where there is none; gives its identity.
async fn ready(connection: &mut Connection, node: &Node, topic: &Topic) -> Result<Uuid> {
    let deadline = Instant::now() + READY_WITHIN;
    let topics = std::slice::from_ref(topic);
    let mut asked_for = false;
    loop {
        let metadata = connection.metadata(topics, ANSWER_WITHIN).await?;
        match metadata.topics.get(&topic.name) {
            Some(state) if state.partitions.values().any(|one| one.leader == Some(node.id())) => {
                return Ok(state.id);
            }
            Some(_) => {}
            None if asked_for => {}
            None => {
                asked_for = true;
                let made = connection
                    .create_log_of_times(&topic.name, node.id(), ANSWER_WITHIN)
                    .await;
                made.with_context(|| format!("make the topic {}", topic.name))?;
            }
        }
        if Instant::now() + POLL >= deadline {
            bail!(
                "it did not lead {} within {} s",
                topic.name,
                READY_WITHIN.as_secs()
            );
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The true time, in nanoseconds since 1970: no clock of this process is ever shifted.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as i64)
}
