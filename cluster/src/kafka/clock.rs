//! What time it is on a node, by its broker's word: the time at which it appended a record.
//!
//! Each broker has a topic of its own for that, with its only replica there, so that no other broker and no link of the
//! data network stands between the question and the clock.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use history::Topic;
use tokio::time::Instant;
use uuid::Uuid;

use super::ask::{ACKS_LEADER, Place};
use super::launch::{ANSWER_WITHIN, POLL};
use super::node::Node;
use super::wire::Connection;
use crate::ClockReading;

/// The topics that brokers are asked for their time by, one a node, each with its number behind.
pub(super) const TIME_TOPIC: &str = "tribunal-time";
/// The topic is there, and its broker leads it, within this time.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// Asks the broker of a node.
pub(super) async fn reading(node: &Node) -> Result<ClockReading> {
    let mut connection = Connection::open(node.broker(), ANSWER_WITHIN).await?;
    let topic = Topic {
        name: format!("{TIME_TOPIC}-{}", node.id()),
        partitions: 1,
        replication_factor: 1,
        min_insync_replicas: 1,
        unclean_election: false,
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
    // The broker cuts its time off to whole milliseconds.
    let millisecond = |number: i64| number.saturating_mul(1_000_000);
    Ok(ClockReading {
        least: millisecond(appended) - after,
        most: millisecond(appended + 1) - before,
    })
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
