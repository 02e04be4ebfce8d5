//! A running cluster of Kafka: launched, steered, and asked.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use history::{Key, Moment, NodeId, Offset, Recorder, Topic, Undecided};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::admin::KafkaAdmin;
use super::ask::{ACKS_LEADER, Place};
use super::broker_log::BrokerLines;
use super::clock;
use super::config::{PORTS, Quorum, Role};
use super::controllers::Controllers;
use super::disk::keeper::{self, Keeper};
use super::files;
use super::launch::{
    ANSWER_WITHIN, Launch, LaunchTimes, Layout, POLL, answer_at_all, bring_up, place, wait_for_leaders,
};
use super::migration::KafkaMigration;
use super::node::{self, Node};
use super::node_files::NodeFiles;
use super::observer::{Observed, Observer};
use super::prober::{Prober, Probing};
use super::releases::KafkaReleases;
use super::replica;
use super::undecided;
use super::voters::KafkaVoters;
use super::wire::Connection;
use crate::{
    Admin, ClockReading, Cluster, ClusterView, Environment, Exit, FileKind, Files, Links, Machine, Migration,
    Ports, Recovery, Releases, ReplicaLog, Voters, Wiped,
};

/// A nudge is written within this time, however often the leader changes.
const NUDGE_WITHIN: Duration = Duration::from_secs(3);

/// A running cluster of Kafka. Ends with its environment.
pub struct KafkaCluster {
    environment: Arc<dyn Environment>,
    nodes: Vec<Arc<Node>>,
    /// How its nodes are written; nothing where they are somebody else's.
    layout: Option<Arc<Layout>>,
    topics: Vec<Topic>,
    view: Arc<ClusterView>,
    observer: Mutex<Option<Observer>>,
    recorder: Arc<dyn Recorder>,
    times: LaunchTimes,
    keeper: OnceLock<Keeper>,
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
        let (nodes, layout) = place(&launch)?;
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
        let observed = Observed {
            nodes,
            topics: launch.topics,
            recorder: launch.recorder,
            view: Arc::new(ClusterView::default()),
            metrics: layout.tells_metrics(),
            tries_deposed: true,
        };
        Ok(Self::observe(
            launch.environment,
            observed,
            Some(Arc::new(layout)),
            times,
        ))
    }

    /// Takes hold of a cluster whose nodes run, and begins to observe them.
    pub(super) fn observe(
        environment: Arc<dyn Environment>,
        observed: Observed,
        layout: Option<Arc<Layout>>,
        times: LaunchTimes,
    ) -> Self {
        Self {
            observer: Mutex::new(Some(Observer::start(observed.clone()))),
            environment,
            nodes: observed.nodes,
            layout,
            topics: observed.topics,
            recorder: observed.recorder,
            view: observed.view,
            times,
            keeper: OnceLock::new(),
        }
    }

    /// How long the launch took.
    pub fn times(&self) -> LaunchTimes {
        self.times
    }

    /// Begins to probe whether partitions can be written and read, at most so many of them, from where the clients are.
    /// Whoever takes the topics' ends has to stop it before.
    pub fn probe(&self, partitions: u32) -> Prober {
        let address = |node: &Arc<Node>| SocketAddrV4::new(node.machine.address(), PORTS.client);
        Prober::start(&Probing {
            nodes: self
                .brokers()
                .iter()
                .map(|node| (node.id(), address(node)))
                .collect(),
            topics: self.topics.clone(),
            partitions,
            recorder: Arc::clone(&self.recorder),
        })
    }

    /// The files of a node, for collecting.
    pub fn files(&self, node: NodeId) -> Result<&NodeFiles> {
        self.node(node).map(|node| &node.files)
    }

    /// From now on the nodes' disks are copied before what is on them may be destroyed, to `evidence/` in the run's directory, and
    /// what the copies hold is recorded.
    pub fn keep_disks(&self, run: PathBuf) {
        self.keeper.get_or_init(|| {
            Keeper::new(keeper::Place {
                run,
                topics: self.topics.clone(),
                recorder: Arc::clone(&self.recorder),
            })
        });
    }

    /// Records what lies on the nodes' disks at the end, where they are kept. Their processes have ended.
    pub async fn look_at_disks(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.end(&self.nodes).await;
        }
    }

    /// Makes what is here of each node what it is there: its log, its disk where that is kept or read at the end, and what else it
    /// wrote. Says what could not be had.
    pub async fn collect(&self, disks: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for node in &self.nodes {
            let data = disks.then(|| node.files.data());
            for path in [Some(node.files.log()), data].into_iter().flatten() {
                if let Err(error) = node.machine.fetch(&path).await {
                    problems.push(format!(
                        "fetch {} of node {}: {error:#}",
                        path.display(),
                        node.id()
                    ));
                }
            }
        }
        problems
    }

    /// Where each broker's own log lies.
    pub fn logs(&self) -> BTreeMap<NodeId, PathBuf> {
        let nodes = self.nodes.iter();
        nodes.map(|node| (node.id(), node.files.log())).collect()
    }

    /// What the brokers say of leadership in their own logs. `opened` is when the run's clock began, in milliseconds since
    /// 1970. Reads files, and may take a moment.
    pub fn broker_lines(&self, opened: i64) -> BrokerLines {
        let logs: Vec<_> = self
            .nodes
            .iter()
            .map(|node| (node.id(), node.files.log()))
            .collect();
        let logs: Vec<_> = logs.iter().map(|(node, path)| (*node, path.as_path())).collect();
        BrokerLines::read(&logs, &self.topics, opened)
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
        node::find(&self.nodes, node)
    }

    fn brokers(&self) -> Vec<Arc<Node>> {
        node::brokers(&self.nodes)
    }

    fn controllers(&self) -> Controllers {
        Controllers {
            nodes: self.nodes.clone(),
            view: Arc::clone(&self.view),
        }
    }

    /// With `ZooKeeper` a broker that is not the controller passes nothing on.
    async fn create_at_controller(&self, topics: &[Topic], all: &[NodeId], within: Duration) -> Result<()> {
        let create = |mut controller: Connection| async move {
            controller.create_topics_and_probe(topics, all, within).await
        };
        self.controllers().ask(create).await
    }

    /// In a cluster of somebody else's: its own topics alone, which were not there before.
    async fn create_in_others(&self, topics: &[Topic], within: Duration) -> Result<()> {
        let create = |mut broker: Connection| async move { broker.create_topics(topics, within).await };
        self.controllers().ask(create).await.context("create topics")
    }

    /// Waits for what is under way, and until every broker knows a leader of every partition.
    async fn know_leaders(
        &self,
        mut waits: JoinSet<Result<()>>,
        topics: &[Topic],
        deadline: Instant,
    ) -> Result<()> {
        for node in self.brokers() {
            let topics = topics.to_vec();
            waits.spawn(async move { wait_for_leaders(&node, &topics, deadline).await });
        }
        let known: Result<()> = waits.join_all().await.into_iter().collect();
        known.context("create topics: see that every broker knows their leaders")
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
        connection.write(at, &[[]], ACKS_LEADER, ANSWER_WITHIN).await?;
        Ok(())
    }
}

/// Makes the first idempotent producer's start faster. Where it fails the producer is slower, and no worse.
async fn warm_producer_ids(node: Arc<Node>) -> Result<()> {
    if let Ok(mut connection) = Connection::open(node.broker(), ANSWER_WITHIN).await {
        let _ = connection.warm_producer_ids(ANSWER_WITHIN).await;
    }
    Ok(())
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

    fn controllers_alone(&self) -> Vec<NodeId> {
        let alone = self.nodes.iter().filter(|node| node.role == Role::Controller);
        alone.map(|node| node.id()).collect()
    }

    fn zookeepers(&self) -> Vec<NodeId> {
        let own = self.nodes.iter().filter(|node| node.role == Role::ZooKeeper);
        own.map(|node| node.id()).collect()
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        self.environment.links()
    }

    fn releases(&self) -> Option<Arc<dyn Releases>> {
        Some(Arc::new(KafkaReleases {
            nodes: self.nodes.clone(),
            layout: Arc::clone(self.layout.as_ref()?),
        }))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        Some(Arc::new(KafkaAdmin(self.controllers())))
    }

    fn voters(&self) -> Option<Arc<dyn Voters>> {
        let can_change = self.layout.as_ref()?.quorum() == Quorum::Dynamic;
        can_change.then(|| Arc::new(KafkaVoters(self.controllers())) as Arc<dyn Voters>)
    }

    fn migration(&self) -> Option<Arc<dyn Migration>> {
        let layout = self.layout.as_ref().filter(|layout| layout.can_move())?;
        Some(Arc::new(KafkaMigration {
            controllers: self.controllers(),
            layout: Arc::clone(layout),
        }))
    }

    fn ports(&self) -> Ports {
        PORTS
    }

    fn bootstrap(&self) -> String {
        let all: Vec<String> = self
            .brokers()
            .iter()
            .map(|node| format!("{}:{}", node.machine.address(), PORTS.client))
            .collect();
        all.join(",")
    }

    fn files_of(&self, kind: FileKind) -> Files {
        files::of(kind)
    }

    fn view(&self) -> &ClusterView {
        &self.view
    }

    async fn create_topics(&self, topics: &[Topic], within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let brokers = self.brokers();
        let first = brokers.first().context("create topics: there is no node")?;
        let mut waits = JoinSet::new();
        for node in &brokers {
            waits.spawn(warm_producer_ids(Arc::clone(node)));
        }
        let all: Vec<NodeId> = brokers.iter().map(|node| node.id()).collect();
        let Some(layout) = &self.layout else {
            self.create_in_others(topics, within).await?;
            return self.know_leaders(waits, topics, deadline).await;
        };
        if layout.has_zookeeper() {
            self.create_at_controller(topics, &all, within).await
        } else {
            let mut connection = Connection::open(first.broker(), within)
                .await
                .context("create topics")?;
            connection
                .create_topics_and_probe(topics, &all, within)
                .await
                .map_err(Into::into)
        }
        .context("create topics")?;
        self.know_leaders(waits, topics, deadline).await
    }

    fn incarnation(&self, node: NodeId) -> u32 {
        self.node(node).map_or(0, |node| node.life().incarnation)
    }

    async fn start_node(&self, node: NodeId) -> Result<()> {
        let started = self.node(node)?;
        if let Some(keeper) = self.keeper.get()
            && !started.life().running
        {
            keeper.keep(&[Arc::clone(started)], &Moment::BeforeStart).await;
        }
        started.start().await
    }

    async fn kill_node(&self, node: NodeId) -> Result<Exit> {
        self.node(node)?.kill().await
    }

    async fn stop_node(&self, node: NodeId, within: Duration) -> Result<Exit> {
        self.node(node)?.stop(within).await
    }

    async fn wipe_node(&self, node: NodeId) -> Result<Wiped> {
        let wiped = self.node(node)?;
        if let Some(keeper) = self.keeper.get() {
            keeper.keep(&[Arc::clone(wiped)], &Moment::BeforeWipe).await;
        }
        wiped.wipe().await
    }

    async fn keep(&self, nodes: &[NodeId], moment: Moment) {
        let Some(keeper) = self.keeper.get() else {
            return;
        };
        // One that does not run is kept before it is started: until then nothing happens to it.
        let is_at_risk = |node: &&Arc<Node>| {
            nodes.contains(&node.id()) && (node.life().running || !matches!(moment, Moment::BeforeHeal(_)))
        };
        let kept: Vec<_> = self.nodes.iter().filter(is_at_risk).cloned().collect();
        keeper.keep(&kept, &moment).await;
    }

    async fn recovery(&self, node: NodeId) -> Result<Recovery> {
        self.node(node)?.recovery().await
    }

    async fn answers(&self, node: NodeId, within: Duration) -> bool {
        let ask = async {
            answer_at_all(self.node(node)?, within).await?;
            anyhow::Ok(())
        };
        matches!(tokio::time::timeout(within, ask).await, Ok(Ok(())))
    }

    async fn clock_reading(&self, node: NodeId) -> Result<ClockReading> {
        let reading = clock::reading(self.node(node)?).await;
        reading.with_context(|| format!("ask node {node} for its time"))
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
        replica::settled(&self.brokers(), &self.topics).await
    }

    async fn undecided(&self, key: Key) -> Result<Option<(NodeId, Undecided)>> {
        let leader = self.view.partition(key).and_then(|view| view.leader);
        let leader = leader.with_context(|| format!("it is not known who leads key {key}"))?;
        let asked = undecided::ask(self.node(leader)?, &self.brokers(), &self.topics, key).await;
        let said = asked.with_context(|| format!("ask node {leader} how far key {key} is decided"))?;
        Ok(Some((leader, said)))
    }

    async fn replica_log(&self, node: NodeId, key: Key) -> Result<ReplicaLog> {
        let (topic, partition) = replica::partition_of(&self.topics, key)?;
        let read = replica::read(self.node(node)?, &self.topics, topic, partition).await;
        read.with_context(|| format!("read node {node}'s own copy of {topic}-{partition}"))
    }
}
