//! From machines to registered brokers: each node's files, all processes at once, and the wait for them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use history::{NodeId, Recorder, Topic};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::Metadata;
use super::config::{KafkaConfig, NodeAddress, Program, Quorum, Role};
use super::formatting::{Bootstrap, directory_of};
use super::install::Agent;
use super::java::Java;
use super::jvm;
use super::node::{self, Format, Node};
use super::node_files::{NodeFiles, random_id};
use super::prepare::{Prepared, Ready};
use super::wire::{Connection, WireError};
use super::zookeeper;
use crate::{Environment, Machine, Mode};

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
    /// What runs it.
    pub java: Java,
    /// Its versions, and what was made once for them.
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

/// What a node is written and started with: kept, so that it can be written anew for another version.
pub(super) struct Layout {
    config: KafkaConfig,
    java: Java,
    ready: Vec<Ready>,
    bootstrap: Bootstrap,
    addresses: Vec<NodeAddress>,
    /// By what each node knows its cluster that was moved already.
    modes: Mutex<BTreeMap<NodeId, Mode>>,
    /// What tells the brokers' own metrics, and on which address of each node.
    agent: Option<Agent>,
    side: BTreeMap<NodeId, Ipv4Addr>,
}

impl Layout {
    fn new(launch: &Launch) -> Self {
        let machines = launch.environment.machines().iter();
        Self {
            config: launch.config.clone(),
            java: launch.java.clone(),
            ready: launch.prepared.ready.clone(),
            bootstrap: launch.prepared.bootstrap.clone(),
            modes: Mutex::default(),
            addresses: machines
                .clone()
                .map(|machine| NodeAddress::of(machine.as_ref()))
                .collect(),
            agent: launch.prepared.agent.clone(),
            side: machines
                .map(|machine| (machine.node(), machine.side_address()))
                .collect(),
        }
    }

    /// Whether the voters can change.
    pub(super) fn quorum(&self) -> Quorum {
        self.config.quorum
    }

    /// Whether `ZooKeeper` holds what the controller knows, at first.
    pub(super) fn has_zookeeper(&self) -> bool {
        self.config.has_zookeeper()
    }

    /// Whether the cluster can be moved from `ZooKeeper` to controllers of its own.
    pub(super) fn can_move(&self) -> bool {
        self.config.can_move()
    }

    /// By what a node knows its cluster, from its next start on.
    pub(super) fn mode(&self, node: NodeId) -> Mode {
        let modes = self.modes.lock().unwrap_or_else(PoisonError::into_inner);
        modes.get(&node).copied().unwrap_or(self.config.first_mode())
    }

    /// A node knows its cluster by that from its next start on: to be written yet.
    pub(super) fn set_mode(&self, node: NodeId, mode: Mode) {
        let mut modes = self.modes.lock().unwrap_or_else(PoisonError::into_inner);
        modes.insert(node, mode);
    }

    /// With what a node of a cluster is formatted that the quorum controls.
    pub(super) fn kraft_format(&self, cluster_id: String) -> Format {
        Format::KRaft {
            cluster_id,
            bootstrap: self.bootstrap.clone(),
        }
    }

    /// Whether the brokers tell their own metrics.
    pub(super) fn tells_metrics(&self) -> bool {
        self.agent.is_some()
    }

    /// The versions that nodes can run.
    pub(super) fn versions(&self) -> Vec<String> {
        let installs = self.ready.iter();
        installs.map(|ready| ready.install.version.clone()).collect()
    }

    /// Writes a node's configuration for a version, and gives the command that runs it.
    pub(super) fn write(&self, node: NodeId, files: &NodeFiles, version: &str) -> Result<Vec<String>> {
        let ready = self.ready.iter().find(|ready| ready.install.version == version);
        let Some(Ready { install, archive }) = ready else {
            let known = self.versions().join(", ");
            bail!("run Kafka {version} on node {node}: only {known} were made ready for this run");
        };
        let own = self.addresses.iter().find(|address| address.node == node);
        let own = *own.with_context(|| format!("find the address of node {node}"))?;
        let program = Program {
            version,
            mode: self.mode(node),
        };
        files.write_configuration(&self.config, program, own, &self.addresses)?;
        let options = self.config.jvm_of(node);
        if self.config.role(node) == Role::ZooKeeper {
            return Ok(jvm::zookeeper(
                &self.java,
                install,
                files,
                archive.as_deref(),
                options,
            ));
        }
        let agent = self.agent.as_ref().map(|agent| agent.jar.as_path());
        let agent = agent.zip(self.side.get(&node).copied());
        Ok(jvm::broker(
            &self.java,
            install,
            files,
            archive.as_deref(),
            agent,
            options,
        ))
    }
}

/// Writes every node's files.
pub(super) fn place(launch: &Launch) -> Result<(Vec<Arc<Node>>, Layout)> {
    let machines = launch.environment.machines();
    let numbers: Vec<NodeId> = machines.iter().map(|machine| machine.node()).collect();
    ensure!(
        numbers == launch.config.node_ids(),
        "place {} nodes: the environment has the machines {numbers:?}",
        launch.config.node_ids().len()
    );
    let layout = Layout::new(launch);
    let cluster_id = random_id();
    let place = |machine: &Arc<dyn Machine>| {
        let (node, files) = (machine.node(), NodeFiles::new(machine.directory()));
        let version = launch.config.version_of(node);
        let command = layout.write(node, &files, version)?;
        let directory_id = match launch.config.quorum {
            Quorum::Static => random_id(),
            Quorum::Dynamic => directory_of(node),
        };
        let format = match (launch.config.role(node), launch.config.has_zookeeper()) {
            (Role::ZooKeeper, _) => Format::ZooKeeper,
            (_, true) => Format::Nothing,
            (_, false) => layout.kraft_format(cluster_id.clone()),
        };
        format.apply(&files, node, &directory_id)?;
        let recorder = Arc::clone(&launch.recorder);
        Ok(Arc::new(Node::new(
            (Arc::clone(machine), launch.config.role(node)),
            files,
            format,
            (version.to_owned(), command),
            recorder,
        )))
    };
    let nodes = machines.iter().map(place).collect::<Result<_>>()?;
    Ok((nodes, layout))
}

/// Starts all nodes at once and waits until each broker counts all brokers as registered, which takes the controllers.
pub(super) async fn bring_up(nodes: &[Arc<Node>], within: Duration) -> Result<()> {
    let mut all: Vec<NodeId> = node::brokers(nodes).iter().map(|node| node.id()).collect();
    all.sort_unstable();
    let deadline = Instant::now() + within;
    let mut waits = JoinSet::new();
    for node in nodes.iter().filter(|node| begins(node)) {
        let node = Arc::clone(node);
        let all = all.clone();
        waits.spawn(async move {
            node.start().await?;
            let up = tokio::select! {
                up = wait_until_up(&node, &all, deadline) => {
                    up.map_err(|error| anyhow!("it was not registered within {within:?}: {error:#}"))
                }
                exit = node.ended(within + ANSWER_WITHIN) => {
                    Err(anyhow!("its process {}", exit.map_or("did not end".to_owned(), |exit| exit.to_string())))
                }
            };
            if up.is_err() {
                // Without it the error says what it can.
                let _ = node.machine.fetch(&node.files.log()).await;
            }
            up.map_err(|error| {
                let (id, tail) = (node.id(), node.files.log_tail(TAIL_LINES));
                let what = if node.role.is_broker() { "the broker of " } else { "" };
                anyhow!("bring up {what}node {id}: {error:#}; the end of its log:\n{tail}")
            })
        });
    }
    while let Some(up) = waits.join_next().await {
        up.context("bring up the brokers: a bug in Tribunal (panic)")??;
    }
    Ok(())
}

/// Whether a node runs from the beginning on: controllers that are to take over from `ZooKeeper` do not.
fn begins(node: &Node) -> bool {
    !(node.role == Role::Controller && node.is_unformatted())
}

async fn wait_until_up(node: &Node, all: &[NodeId], deadline: Instant) -> Result<()> {
    if node.role.is_broker() {
        return wait_for_brokers(node, all, deadline).await;
    }
    while let Err(error) = answer_at_all(node, ANSWER_WITHIN).await {
        if Instant::now() + POLL >= deadline {
            return Err(error.into());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Asks a node, whatever it is, for something that it answers as soon as it serves.
pub(super) async fn answer_at_all(node: &Node, within: Duration) -> Result<(), WireError> {
    match node.role {
        Role::ZooKeeper => zookeeper::standing(node.zookeeper(), within).await.map(drop),
        Role::Controller => Connection::open(node.controller(), within).await.map(drop),
        Role::Combined | Role::Broker => {
            let mut connection = Connection::open(node.broker(), within).await?;
            connection.metadata(&[], within).await.map(drop)
        }
    }
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
