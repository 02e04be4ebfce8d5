//! The prober: whether each partition can be written with acks=all and read, from where the clients are, many times a
//! second.
//!
//! A client that was cut off tries again when its own back-off and TCP's let it, so gaps in a workload say too much of an
//! outage. The prober has connections of its own on the network that faults cut, waits for no attempt longer than
//! [`ATTEMPT_WITHIN`], and then takes a fresh connection, unless the old one is known to be whole: a broker that is frozen
//! would have one more to accept for each attempt, and its queue of them is short. What it writes are empty records, which
//! no check looks at. Who leads it asks by itself, and brokers that it can reach: the observer sees what clients cannot.

mod leaders;
mod scout;
mod streak;
mod target;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use history::{Key, NodeId, ProbeOf, Recorder, Topic};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::replica;
use super::wire::{WireError, dial, network};
use leaders::Leaders;
use scout::Scout;
use streak::Streak;
use target::Target;

/// How often each partition is written and read.
const PERIOD: Duration = Duration::from_millis(50);
/// An attempt that took longer has failed; what is answered later counts for the attempt that waits then. Enough for a fresh
/// connection over links with some delay.
const ATTEMPT_WITHIN: Duration = Duration::from_millis(500);
/// For so long a leader waits for its followers before it refuses a write: where one of them leaves the ISR meanwhile, the
/// write succeeds at that moment.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(1);
/// A connection that does not come about is tried anew beside the first try this often: the kernel itself repeats a
/// first packet that was lost only after a second, then after two more.
const DIAL_AGAIN: Duration = Duration::from_millis(50);
/// A connection without traffic is asked this often whether it is whole.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// The attempt that is under way when the prober is to end is waited for this long.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// What is probed.
pub(super) struct Probing {
    /// Each node and where clients find its broker.
    pub nodes: Vec<(NodeId, SocketAddrV4)>,
    /// The topics of the workload.
    pub topics: Vec<Topic>,
    /// At most so many partitions.
    pub partitions: u32,
    /// Where it is written down.
    pub recorder: Arc<dyn Recorder>,
}

/// A prober at work. Ends at once where it is dropped; [`Prober::stop`] loses nothing.
pub struct Prober {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Prober {
    /// Begins.
    pub(super) fn start(probing: &Probing) -> Self {
        let stop = watch::Sender::new(false);
        let leaders = Arc::new(Leaders::default());
        let mut tasks = JoinSet::new();
        for (node, address) in &probing.nodes {
            let scout = Scout {
                node: *node,
                address: *address,
                topics: probing.topics.clone(),
                leaders: Arc::clone(&leaders),
            };
            tasks.spawn(scout.run(stop.subscribe()));
        }
        for (key, topic, partition) in chosen(&probing.topics, probing.partitions) {
            for f in [ProbeOf::Write, ProbeOf::Read] {
                let target = Target::new(
                    (topic.clone(), partition),
                    f,
                    probing.nodes.iter().copied().collect(),
                    Arc::clone(&leaders),
                );
                let streak = Streak::new(key, f, Arc::clone(&probing.recorder));
                tasks.spawn(target.run(streak, stop.subscribe()));
            }
        }
        Self { tasks, stop }
    }

    /// Lets the attempts that are under way come to their end, and writes down what they came to.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Each attempt has a limit of its own; what would hang nonetheless is dropped.
        let _ = tokio::time::timeout(STOP_WITHIN, all).await;
    }
}

/// The partitions that are probed, where not all can be: the first of each topic, then the second of each, and so on.
fn chosen(topics: &[Topic], most: u32) -> Vec<(Key, String, u32)> {
    let mut all: Vec<(Key, String, u32)> = replica::keys(topics)
        .map(|(key, topic, partition)| (key, topic.name.clone(), partition))
        .collect();
    all.sort_by_key(|(key, _, partition)| (*partition, *key));
    all.truncate(most as usize);
    all
}

/// A connection, tried again and again side by side until one comes about.
async fn reach(address: SocketAddrV4) -> Result<tokio::net::TcpStream, WireError> {
    let mut tries = JoinSet::new();
    loop {
        tries.spawn(dial(address));
        let again = tokio::time::sleep(DIAL_AGAIN);
        tokio::select! {
            Some(made) = tries.join_next() => {
                let made = made.map_err(|error| WireError::Network(error.to_string()))?;
                return watched(made?);
            }
            () = again => {}
        }
    }
}

/// Lets the kernel give a connection up soon after its path is gone: what was sent is not acknowledged, or the question
/// whether anybody is there.
fn watched(stream: tokio::net::TcpStream) -> Result<tokio::net::TcpStream, WireError> {
    let socket = socket2::SockRef::from(&stream);
    let alive = socket2::TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE);
    let set = socket
        .set_tcp_keepalive(&alive)
        .and_then(|()| socket.set_tcp_user_timeout(Some(ATTEMPT_WITHIN)));
    set.map_err(|error| network(&error))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: u32) -> Topic {
        Topic {
            name: name.to_owned(),
            partitions,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn of_too_many_partitions_each_topic_keeps_its_first() {
        let topics = [topic("a", 3), topic("b", 1), topic("c", 2)];
        let keys = |most| -> Vec<Key> { chosen(&topics, most).iter().map(|it| it.0).collect() };
        assert_eq!(keys(16), [0, 3, 4, 1, 5, 2]);
        assert_eq!(keys(4), [0, 3, 4, 1]);
        assert!(keys(0).is_empty());
    }
}
