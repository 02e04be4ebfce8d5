//! How far a partition is decided, and who holds it back: asked of its leader, and of all coordinators.

use std::sync::Arc;

use anyhow::{Context, Result};
use history::{Key, OpenTransaction, Told, Topic, Undecided};

use super::ask::Place;
use super::launch::ANSWER_WITHIN;
use super::node::Node;
use super::replica;
use super::wire::Connection;

/// Where the coordinators keep what they know.
const COORDINATORS_TOPIC: &str = "__transaction_state";

/// Asks the leader of a partition how far it is decided and, where that is not all of it, everybody who knows why.
pub(super) async fn ask(
    leader: &Node,
    brokers: &[Arc<Node>],
    topics: &[Topic],
    key: Key,
) -> Result<Undecided> {
    let (topic, partition) = replica::partition_of(topics, key)?;
    let mut connection = Connection::open(leader.broker(), ANSWER_WITHIN).await?;
    let at = Place {
        topic,
        id: uuid::Uuid::nil(),
        partition,
        offset: 0,
    };
    let (last_stable, high_watermark) = connection.decided(at, ANSWER_WITHIN).await?;
    let mut undecided = Undecided {
        key,
        last_stable,
        high_watermark,
        open: Vec::new(),
        told: Told::All,
    };
    if last_stable >= high_watermark {
        return Ok(undecided);
    }
    match connection.open_in(at, ANSWER_WITHIN).await {
        Ok(Some(open)) => {
            undecided.open = open;
            undecided.told = match ask_coordinators(brokers, &mut undecided.open).await {
                Ok(told) => told,
                Err(error) => Told::Silent(format!("{error:#}")),
            };
        }
        Ok(None) => undecided.told = Told::CannotTell,
        Err(error) => undecided.told = Told::Silent(error.to_string()),
    }
    Ok(undecided)
}

/// Notes what the coordinators know of open transactions. Any broker may be the coordinator of any producer, and one that is none says
/// nothing: so all of them have to answer, and each part of what coordinators know has to have one.
async fn ask_coordinators(brokers: &[Arc<Node>], open: &mut [OpenTransaction]) -> Result<Told> {
    let producers: Vec<i64> = open.iter().map(|open| open.producer).collect();
    for broker in brokers {
        let asked = async {
            let mut connection = Connection::open(broker.broker(), ANSWER_WITHIN).await?;
            connection.transactions_of(&producers, ANSWER_WITHIN).await
        };
        let known = asked
            .await
            .with_context(|| format!("ask node {} as a coordinator", broker.id()))?;
        let Some(known) = known else {
            return Ok(Told::CannotTell);
        };
        for coordinated in known {
            let own = open
                .iter_mut()
                .filter(|open| open.producer == coordinated.producer);
            for open in own {
                open.transactional_id = Some(coordinated.id.clone());
                open.state = Some(coordinated.state.clone());
            }
        }
    }
    // Asked last: what had no coordinator by then may have had none before.
    see_coordinators(brokers).await?;
    Ok(Told::All)
}

/// Whether each part of what coordinators know has a coordinator.
async fn see_coordinators(brokers: &[Arc<Node>]) -> Result<()> {
    let first = brokers.first().context("there is no broker")?;
    let mut connection = Connection::open(first.broker(), ANSWER_WITHIN).await?;
    let metadata = connection
        .metadata_of(&[COORDINATORS_TOPIC], ANSWER_WITHIN)
        .await?;
    let topic = metadata.topics.get(COORDINATORS_TOPIC);
    let topic = topic.with_context(|| format!("node {} knows no {COORDINATORS_TOPIC}", first.id()))?;
    let led = topic
        .partitions
        .values()
        .all(|partition| partition.leader.is_some());
    anyhow::ensure!(led, "{COORDINATORS_TOPIC} has a partition without a leader");
    Ok(())
}
