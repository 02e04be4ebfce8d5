//! A running cluster of Kafka: launched, steered, and asked.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use async_trait::async_trait;
use history::{Key, NodeId, Offset, Recorder, Topic};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::{ACKS_LEADER, Place};
use super::config::{KafkaConfig, NodeAddress, PORTS};
use super::install::Install;
use super::java::Java;
use super::node::Node;
use super::node_files::{NodeFiles, random_id};
use super::observer::{Observed, Observer};
use super::prepare::Prepared;
use super::wire::Connection;
use super::{jvm, replica};
use crate::{Cluster, ClusterView, Environment, Exit, Links, Machine, Ports, ReplicaLog};

/// A broker that is up answers within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How often a broker that comes up, or a topic that is made, is asked for.
const POLL: Duration = Duration::from_millis(20);
/// A nudge is written within this time, however often the leader changes.
const NUDGE_WITHIN: Duration = Duration::from_secs(3);
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

/// A running cluster of Kafka. Ends with its environment.
pub struct KafkaCluster {
    environment: Arc<dyn Environment>,
    nodes: Vec<Arc<Node>>,
    topics: Vec<Topic>,
    view: Arc<ClusterView>,
    observer: Mutex<Option<Observer>>,
    times: LaunchTimes,
}

impl KafkaCluster {
    /// Formats every node, starts all brokers at once, waits until all of them are registered, and begins to
    /// observe them.
    ///
    /// # Errors
    /// A broker ends or is not registered in time: it is named, with the end of its log.
    pub async fn launch(launch: Launch) -> Result<Self> {
        launch.config.validate()?;
        let begun = Instant::now();
        let nodes = place(&launch)?;
        let started = Instant::now();
        let up = bring_up(&nodes, launch.within).await;
        let times = LaunchTimes {
            formatted: started - begun,
            registered: started.elapsed(),
        };
        if let Err(error) = up {
            for node in &nodes {
                let _ = node.kill().await;
            }
            return Err(error);
        }
        let view = Arc::new(ClusterView::default());
        let observed = Observed {
            nodes: nodes.clone(),
            topics: launch.topics.clone(),
            recorder: Arc::clone(&launch.recorder),
            view: Arc::clone(&view),
        };
        Ok(Self {
            observer: Mutex::new(Some(Observer::start(observed))),
            environment: launch.environment,
            nodes,
            topics: launch.topics,
            view,
            times,
        })
    }

    /// How long the launch took.
    pub fn times(&self) -> LaunchTimes {
        self.times
    }

    /// The levels of the cluster's features, as a node has them: `eligible.leader.replicas.version` and so on.
    pub async fn features(&self, node: NodeId) -> Result<BTreeMap<String, i16>> {
        let connection = Connection::open(self.node(node)?.broker(), ANSWER_WITHIN).await?;
        Ok(connection.features().clone())
    }

    /// The files of a node, for collecting.
    pub fn files(&self, node: NodeId) -> Result<&NodeFiles> {
        self.node(node).map(|node| &node.files)
    }

    /// Ends the observation: nothing is recorded of the cluster any more but starts and ends of processes.
    pub fn stop_observing(&self) {
        drop(
            self.observer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Ends the observation and asks all brokers at once to end; kills those that take longer.
    ///
    /// # Errors
    /// A process could not be ended. The others have been.
    pub async fn shut_down(&self, within: Duration) -> Result<()> {
        self.stop_observing();
        let mut stops = JoinSet::new();
        for node in &self.nodes {
            let node = Arc::clone(node);
            stops.spawn(async move { node.stop(within).await });
        }
        let ended = stops.join_all().await;
        ended.into_iter().try_for_each(|exit| exit.map(drop))
    }

    fn node(&self, node: NodeId) -> Result<&Arc<Node>> {
        let found = self.nodes.iter().find(|candidate| candidate.id() == node);
        found.ok_or_else(|| anyhow!("find node {node}: there is none"))
    }

    async fn nudge_leader(&self, key: Key) -> Result<()> {
        let (topic, partition) = replica::partition_of(&self.topics, key)?;
        let leader = self.view.partition(key).and_then(|view| view.leader);
        let leader = leader.with_context(|| format!("it is not known who leads {topic}-{partition}"))?;
        let mut connection = Connection::open(self.node(leader)?.broker(), ANSWER_WITHIN).await?;
        let metadata = connection.metadata(&self.topics, ANSWER_WITHIN).await?;
        let state = metadata
            .topics
            .get(topic)
            .with_context(|| format!("node {leader} knows no {topic}"))?;
        let at = Place {
            topic,
            id: state.id,
            partition,
            offset: 0,
        };
        Ok(connection.write(at, &[[]], ACKS_LEADER, ANSWER_WITHIN).await?)
    }
}

impl Drop for KafkaCluster {
    fn drop(&mut self) {
        for node in &self.nodes {
            node.forget();
        }
    }
}

#[async_trait]
impl Cluster for KafkaCluster {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        self.environment.machines()
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        self.environment.links()
    }

    fn ports(&self) -> Ports {
        PORTS
    }

    fn bootstrap(&self) -> String {
        let all: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("{}:{}", node.machine.address(), PORTS.client))
            .collect();
        all.join(",")
    }

    fn view(&self) -> &ClusterView {
        &self.view
    }

    async fn create_topics(&self, topics: &[Topic], within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let first = self.nodes.first().context("create topics: there is no node")?;
        let mut connection = Connection::open(first.broker(), within)
            .await
            .context("create topics")?;
        connection
            .create_topics(topics, within)
            .await
            .context("create topics")?;
        drop(connection);
        let mut waits = JoinSet::new();
        for node in &self.nodes {
            let node = Arc::clone(node);
            let topics = topics.to_vec();
            waits.spawn(async move {
                let known = wait_for_leaders(&node, &topics, deadline).await;
                known.with_context(|| format!("create topics within {} s", within.as_secs()))
            });
        }
        waits.join_all().await.into_iter().collect()
    }

    fn incarnation(&self, node: NodeId) -> u32 {
        self.node(node).map_or(0, |node| node.life().incarnation)
    }

    async fn start_node(&self, node: NodeId) -> Result<()> {
        self.node(node)?.start().await
    }

    async fn kill_node(&self, node: NodeId) -> Result<Exit> {
        self.node(node)?.kill().await
    }

    async fn stop_node(&self, node: NodeId, within: Duration) -> Result<Exit> {
        self.node(node)?.stop(within).await
    }

    async fn answers(&self, node: NodeId, within: Duration) -> bool {
        let ask = async {
            let mut connection = Connection::open(self.node(node)?.broker(), within).await?;
            anyhow::Ok(connection.metadata(&[], within).await?)
        };
        matches!(tokio::time::timeout(within, ask).await, Ok(Ok(_)))
    }

    async fn nudge(&self, key: Key) -> Result<()> {
        let deadline = Instant::now() + NUDGE_WITHIN;
        loop {
            let error = match tokio::time::timeout_at(deadline, self.nudge_leader(key)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => anyhow!("no answer in {} s", NUDGE_WITHIN.as_secs()),
            };
            if Instant::now() + POLL >= deadline {
                return Err(error.context(format!("write a record to key {key}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn settled(&self) -> Result<Vec<Offset>> {
        replica::settled(&self.nodes, &self.topics).await
    }

    async fn replica_log(&self, node: NodeId, key: Key) -> Result<ReplicaLog> {
        let (topic, partition) = replica::partition_of(&self.topics, key)?;
        let read = replica::read(self.node(node)?, &self.topics, topic, partition).await;
        read.with_context(|| format!("read node {node}'s own copy of {topic}-{partition}"))
    }
}

/// Writes every node's files.
fn place(launch: &Launch) -> Result<Vec<Arc<Node>>> {
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
    let cluster_id = random_id();
    let place = |(machine, address): (&Arc<dyn Machine>, &NodeAddress)| {
        let files = NodeFiles::new(machine.directory());
        files.write_configuration(&launch.config, *address, &addresses)?;
        files.format(&cluster_id, machine.node(), &launch.prepared.bootstrap)?;
        let archive = launch.prepared.archive.as_deref();
        let command = jvm::broker(&launch.java, &launch.install, &files, archive);
        Ok(Arc::new(Node::new(
            Arc::clone(machine),
            files,
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
async fn bring_up(nodes: &[Arc<Node>], within: Duration) -> Result<()> {
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
                    up.map_err(|error| anyhow!("it was not registered within {} s: {error:#}", within.as_secs()))
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

async fn wait_for_leaders(node: &Node, topics: &[Topic], deadline: Instant) -> Result<()> {
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
    awaited: impl Fn(&super::ask::Metadata) -> Result<()>,
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
) -> Result<super::ask::Metadata> {
    let open = match connection.take() {
        Some(open) => open,
        None => Connection::open(node.broker(), within).await?,
    };
    Ok(connection.insert(open).metadata(topics, within).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProcessSpec;

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
