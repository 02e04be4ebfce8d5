//! What Kafka keeps in `ZooKeeper`: who is the controller and in which term, which brokers are registered by which sessions, and who
//! leads which partition.

use std::collections::BTreeMap;
use std::time::Duration;

use history::{Claim, Key, NodeId, Topic};
use serde::Deserialize;
use tokio::time::Instant;

use super::client::{Client, Held};
use crate::kafka::replica;
use crate::kafka::wire::WireError;

const CONTROLLER: &str = "/controller";
const CONTROLLER_EPOCH: &str = "/controller_epoch";
const BROKERS: &str = "/brokers/ids";

/// What one node of `ZooKeeper` holds, at one time as far as the controller and its term go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::kafka) struct State {
    /// The controller and its term; none while none is elected.
    pub(in crate::kafka) controller: Option<(NodeId, i32)>,
    /// The brokers that are registered, each with the session by which it is.
    pub(in crate::kafka) sessions: BTreeMap<NodeId, i64>,
    /// Who leads the workload's partitions.
    pub(in crate::kafka) claims: Vec<Claim>,
}

/// `/controller`.
#[derive(Deserialize)]
struct Controller {
    brokerid: i64,
}

/// `/brokers/topics/T/partitions/P/state`.
#[derive(Deserialize)]
struct Partition {
    leader: i64,
    leader_epoch: i32,
    isr: Vec<i64>,
}

impl State {
    /// Asks one node for it.
    ///
    /// # Errors
    /// It does not answer in time, or what it holds is not Kafka's.
    pub(in crate::kafka) async fn ask(
        client: &mut Client,
        topics: &[Topic],
        within: Duration,
    ) -> Result<Self, WireError> {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        let brokers = client.children(BROKERS, left()).await?;
        let keys: Vec<(Key, String)> = replica::keys(topics)
            .map(|(key, topic, partition)| {
                let name = &topic.name;
                (
                    key,
                    format!("/brokers/topics/{name}/partitions/{partition}/state"),
                )
            })
            .collect();
        // The term before and after: where it is the same, the controller between is that of the term.
        let mut paths = [CONTROLLER_EPOCH, CONTROLLER, CONTROLLER_EPOCH]
            .map(str::to_owned)
            .to_vec();
        paths.extend(brokers.iter().map(|broker| format!("{BROKERS}/{broker}")));
        paths.extend(keys.iter().map(|(_, path)| path.clone()));
        let mut held = client.read_all(&paths, left()).await?.into_iter();
        let mut next = || held.next().flatten();
        let controller = controller_in(next(), next(), next())?;
        let mut sessions = BTreeMap::new();
        for broker in &brokers {
            if let (Ok(node), Some((_, stat))) = (broker.parse(), next())
                && let Some(session) = stat.session
            {
                sessions.insert(node, session);
            }
        }
        let mut claims = Vec::new();
        for (key, _) in keys {
            if let Some((data, _)) = next() {
                claims.push(claim(key, parse("a partition's state", &data)?));
            }
        }
        Ok(Self {
            controller,
            sessions,
            claims,
        })
    }
}

fn controller_in(
    before: Option<Held>,
    controller: Option<Held>,
    after: Option<Held>,
) -> Result<Option<(NodeId, i32)>, WireError> {
    let (Some((before, _)), Some((controller, _)), Some((after, _))) = (before, controller, after) else {
        return Ok(None);
    };
    if before != after {
        return Ok(None);
    }
    let term: i32 = parse("the controller's term", &after)?;
    let controller: Controller = parse("the controller", &controller)?;
    Ok(NodeId::try_from(controller.brokerid)
        .ok()
        .map(|node| (node, term)))
}

fn claim(key: Key, partition: Partition) -> Claim {
    // None leads where it says -1.
    let node = |number: i64| NodeId::try_from(number).ok();
    Claim {
        key,
        leader: node(partition.leader),
        epoch: partition.leader_epoch,
        isr: partition.isr.into_iter().filter_map(node).collect(),
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(what: &str, data: &'a [u8]) -> Result<T, WireError> {
    serde_json::from_slice(data).map_err(|error| WireError::Protocol(format!("{what} in ZooKeeper: {error}")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::jute::Stat;
    use super::*;

    fn held(data: &'static str) -> Held {
        (Bytes::from_static(data.as_bytes()), Stat { session: None })
    }

    #[test]
    fn a_controller_is_of_a_term_that_did_not_change_meanwhile() {
        let controller =
            held(r#"{"version":2,"brokerid":3,"timestamp":"1700000000000","kraftControllerEpoch":-1}"#);
        let term = |term: &'static str| Some(held(term));
        assert_eq!(
            controller_in(term("4"), Some(controller.clone()), term("4")),
            Ok(Some((3, 4)))
        );
        assert_eq!(controller_in(term("4"), Some(controller), term("5")), Ok(None));
        assert_eq!(controller_in(term("4"), None, term("4")), Ok(None));
        assert!(controller_in(term("4"), term("{}"), term("4")).is_err());
    }

    #[test]
    fn a_partition_without_a_leader_claims_none() {
        let data = r#"{"controller_epoch":1,"leader":-1,"version":1,"leader_epoch":7,"isr":[2]}"#;
        let partition: Partition = parse("it", data.as_bytes()).expect("it is well formed");
        let claim = claim(5, partition);
        assert_eq!(
            (claim.key, claim.leader, claim.epoch, claim.isr),
            (5, None, 7, vec![2])
        );
    }
}
