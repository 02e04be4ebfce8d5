//! From machines to registered brokers: each node's files, all processes at once, and the wait for them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use history::{NodeId, Recorder, Topic};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::Metadata;
use super::config::{KafkaConfig, NodeAddress};
use super::install::Install;
use super::java::Java;
use super::jvm;
use super::node::{Format, Node};
use super::node_files::{NodeFiles, random_id};
use super::prepare::Prepared;
use super::wire::Connection;
use crate::{Environment, Machine};

/// A broker that is up answers within this time.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How often a broker that comes up, or a topic that is made, is asked for.
pub(super) const POLL: Duration = Duration::from_millis(20);
/// How much of a broker's log an error shows.
const TAIL_LINES: usize = 30;

/// What a launch needs.
pub struct Launch {
    /// Where the nodes run. It ends with the cluster.
    pub environment: Arc<dyn Environment>,
    /// What the plan says of Kafka.
    pub config: KafkaConfig,
    /// Its jars.
    pub install: Install,
    /// What runs them.
    pub java: Java,
    /// What was made once for them.
    pub prepared: Prepared,
    /// The topics of the workload: the keys of the run.
    pub topics: Vec<Topic>,
    /// Where starts, ends and observations go.
    pub recorder: Arc<dyn Recorder>,
    /// Every broker is registered within this time, or the launch has failed.
    pub within: Duration,
}

/// How long the parts of a launch took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaunchTimes {
    /// Writing each node's files.
    pub formatted: Duration,
    /// From the start of the processes until every broker was registered and not fenced, in the eyes of all.
    pub registered: Duration,
}

/// Writes every node's files.
pub(super) fn place(launch: &Launch) -> Result<Vec<Arc<Node>>> {
    let machines = launch.environment.machines();
    let numbers: Vec<NodeId> = machines.iter().map(|machine| machine.node()).collect();
    ensure!(
        numbers == launch.config.node_ids(),
        "place {} nodes: the environment has the machines {numbers:?}",
        launch.config.nodes
    );
    let addresses: Vec<NodeAddress> = machines
        .iter()
        .map(|machine| address_of(machine.as_ref()))
        .collect();
    let format = Format {
        cluster_id: random_id(),
        bootstrap: launch.prepared.bootstrap.clone(),
    };
    let place = |(machine, address): (&Arc<dyn Machine>, &NodeAddress)| {
        let files = NodeFiles::new(machine.directory());
        files.write_configuration(&launch.config, *address, &addresses)?;
        files.format(&format.cluster_id, machine.node(), &format.bootstrap)?;
        let archive = launch.prepared.archive.as_deref();
        let command = jvm::broker(&launch.java, &launch.install, &files, archive);
        Ok(Arc::new(Node::new(
            Arc::clone(machine),
            files,
            format.clone(),
            command,
            Arc::clone(&launch.recorder),
        )))
    };
    machines.iter().zip(&addresses).map(place).collect()
}

/// A machine whose side channel is another address listens on all it has; one without has but the one.
fn address_of(machine: &dyn Machine) -> NodeAddress {
    let advertised = machine.address();
    let one = machine.side_address() == advertised;
    NodeAddress {
        node: machine.node(),
        advertised,
        bind: if one { advertised } else { Ipv4Addr::UNSPECIFIED },
    }
}

/// Starts all nodes at once and waits until each of them counts all as registered.
pub(super) async fn bring_up(nodes: &[Arc<Node>], within: Duration) -> Result<()> {
    let mut all: Vec<NodeId> = nodes.iter().map(|node| node.id()).collect();
    all.sort_unstable();
    let deadline = Instant::now() + within;
    let mut waits = JoinSet::new();
    for node in nodes {
        let node = Arc::clone(node);
        let all = all.clone();
        waits.spawn(async move {
            node.start().await?;
            tokio::select! {
                up = wait_for_brokers(&node, &all, deadline) => {
                    up.map_err(|error| anyhow!("it was not registered within {within:?}: {error:#}"))
                }
                exit = node.ended(within + ANSWER_WITHIN) => {
                    Err(anyhow!("its process {}", exit.map_or("did not end".to_owned(), |exit| exit.to_string())))
                }
            }
            .map_err(|error| {
                let (id, tail) = (node.id(), node.files.log_tail(TAIL_LINES));
                anyhow!("bring up the broker of node {id}: {error:#}; the end of its log:\n{tail}")
            })
        });
    }
    while let Some(up) = waits.join_next().await {
        up.context("bring up the brokers: a bug in Tribunal (panic)")??;
    }
    Ok(())
}

async fn wait_for_brokers(node: &Node, all: &[NodeId], deadline: Instant) -> Result<()> {
    poll(node, &[], deadline, |metadata| {
        ensure!(
            metadata.brokers == all,
            "it counts {:?} of {all:?} as registered",
            metadata.brokers
        );
        Ok(())
    })
    .await
}

/// Waits until a broker knows a leader of every partition.
pub(super) async fn wait_for_leaders(node: &Node, topics: &[Topic], deadline: Instant) -> Result<()> {
    poll(node, topics, deadline, |metadata| {
        for topic in topics {
            let known = metadata.topics.get(&topic.name);
            let led = known.map_or(0, |state| {
                state
                    .partitions
                    .values()
                    .filter(|partition| partition.leader.is_some())
                    .count()
            });
            if led != topic.partitions as usize {
                bail!(
                    "node {} knows {led} leaders of {}'s {}",
                    node.id(),
                    topic.name,
                    topic.partitions
                );
            }
        }
        Ok(())
    })
    .await
}

/// Asks a broker for Metadata until it says what is awaited; the error is why it did not last.
async fn poll(
    node: &Node,
    topics: &[Topic],
    deadline: Instant,
    awaited: impl Fn(&Metadata) -> Result<()>,
) -> Result<()> {
    let mut connection = None;
    loop {
        let left = deadline
            .saturating_duration_since(Instant::now())
            .min(ANSWER_WITHIN);
        let outcome = match ask_metadata(&mut connection, node, topics, left).await {
            Ok(metadata) => awaited(&metadata),
            Err(error) => {
                connection = None;
                Err(error)
            }
        };
        if outcome.is_ok() || Instant::now() + POLL >= deadline {
            return outcome;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn ask_metadata(
    connection: &mut Option<Connection>,
    node: &Node,
    topics: &[Topic],
    within: Duration,
) -> Result<Metadata> {
    let open = match connection.take() {
        Some(open) => open,
        None => Connection::open(node.broker(), within).await?,
    };
    Ok(connection.insert(open).metadata(topics, within).await?)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{Exit, ProcessSpec};

    struct Somewhere(Ipv4Addr, Ipv4Addr);

    #[async_trait]
    impl Machine for Somewhere {
        fn node(&self) -> NodeId {
            1
        }
        fn host(&self) -> &'static str {
            "n1"
        }
        fn address(&self) -> Ipv4Addr {
            self.0
        }
        fn side_address(&self) -> Ipv4Addr {
            self.1
        }
        fn directory(&self) -> std::path::PathBuf {
            "/".into()
        }
        async fn start(&self, _: &ProcessSpec) -> Result<()> {
            bail!("it runs nothing")
        }
        async fn signal(&self, _: i32) -> Result<()> {
            bail!("it runs nothing")
        }
        async fn process_state(&self) -> Result<Option<char>> {
            Ok(None)
        }
        async fn exited(&self) -> Result<Exit> {
            bail!("it runs nothing")
        }
    }

    #[test]
    fn a_broker_listens_on_the_side_channel_where_there_is_one() {
        let [data, side] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1)];
        assert_eq!(address_of(&Somewhere(data, side)).bind, Ipv4Addr::UNSPECIFIED);
        assert_eq!(address_of(&Somewhere(data, data)).bind, data);
    }
}
