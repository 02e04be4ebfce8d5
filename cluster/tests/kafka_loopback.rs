//! Three real brokers on loopback: launch, topics, belief, replicas, deaths, for each version that can be run.
//!
//! They need Java, the jars (in the cache, or the network) and some 20 s each, so a plain `cargo test` leaves
//! them out: `cargo test -p cluster --test kafka_loopback -- --ignored`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::kafka::{
    Formatting, InstallOptions, Java, KRAFT_VERSION, KafkaCluster, KafkaConfig, Launch, Level, LogPlace,
    Prepared, Progress, Quorum, install, install_agent, prepare, release,
};
use cluster::{
    Admin, Cluster, DeleteError, Elected, Election, Environment, LoopbackEnvironment, NewTopic,
    PartitionView, Releases, TopicPartition,
};
use history::{MemoryRecorder, Metric, Probe, Topic, What};

const SOON: Duration = Duration::from_secs(30);

/// So many values make some 8 MB, in batches of the largest size that a broker takes.
const LARGE: u64 = 400_000;

struct Trial {
    cluster: KafkaCluster,
    recorder: Arc<MemoryRecorder>,
    directory: tempfile::TempDir,
    topics: Vec<Topic>,
}

impl Trial {
    fn releases(&self) -> Arc<dyn Releases> {
        self.cluster.releases().expect("Kafka has versions")
    }
}

fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "log".to_owned(),
        partitions: 3,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        config: BTreeMap::new(),
    }]
}

fn ready(config: &KafkaConfig, environment: &LoopbackEnvironment, scratch: &Path) -> (Java, Prepared) {
    let report = |progress: Progress<'_>| {
        if let Progress::Preparing(text) | Progress::Warning(text) = progress {
            eprintln!("{text}");
        }
    };
    let version = &config.version;
    let options = InstallOptions::from_environment(false).expect("a cache");
    let started = Instant::now();
    let mut installs = Vec::new();
    for version in config.all_versions() {
        installs.push(install(version, &options, &report).expect("the jars can be had"));
    }
    let java = Java::find().expect("Java is installed");
    eprintln!("{version}: jars and Java after {:?}", started.elapsed());
    let formatting = Formatting::new(config, environment.machines());
    let mut prepared = prepare(&installs, &java, &formatting, &options.cache, scratch, &report)
        .expect("it can be formatted");
    prepared.agent = Some(install_agent(&options, &report).expect("the agent can be had"));
    eprintln!("{version}: prepared after {:?}", started.elapsed());
    (java, prepared)
}

fn version(version: &str) -> KafkaConfig {
    KafkaConfig {
        version: version.to_owned(),
        ..KafkaConfig::default()
    }
}

async fn launch(config: KafkaConfig) -> Trial {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let environment = LoopbackEnvironment::new(config.nodes, directory.path()).expect("writable");
    let (java, prepared) = ready(&config, &environment, directory.path());
    assert!(prepared.ready.iter().all(|ready| ready.archive.is_some()));
    let recorder = Arc::new(MemoryRecorder::default());
    let version = config.version.clone();
    let cluster = KafkaCluster::launch(Launch {
        environment: Arc::new(environment),
        config,
        java,
        prepared,
        topics: topics(),
        recorder: recorder.clone(),
        within: Duration::from_secs(60),
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}"));
    eprintln!("{version}: {:?}", cluster.times());
    Trial {
        cluster,
        recorder,
        directory,
        topics: topics(),
    }
}

/// Waits until this holds.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, attempt: impl Fn() -> F) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn whole(trial: &Trial) -> Vec<i64> {
    let started = Instant::now();
    let ends = until("every replica in the ISR", || async {
        match trial.cluster.settled().await {
            Ok(ends) => Some(ends),
            Err(error) => {
                eprintln!("{error:#}");
                None
            }
        }
    });
    let ends = ends.await;
    eprintln!("settled after {:?}: {ends:?}", started.elapsed());
    ends
}

/// What the table of versions says of one is what its brokers say.
async fn versions_say_what_the_table_says(trial: &Trial, config: &KafkaConfig) {
    for node in config.node_ids() {
        let version = config.version_of(node);
        let release = release(version).expect("it can be run");
        let known = trial.releases().abilities(node).await.expect("the node is up");
        let table = release
            .features()
            .map(|name| (name.to_owned(), release.levels(name)));
        let known = known.into_iter().map(|(name, levels)| (name, Some(levels)));
        assert_eq!(
            known.collect::<BTreeMap<_, _>>(),
            table.collect::<BTreeMap<_, _>>(),
            "{version}"
        );
        let mut finalised = trial.releases().finalised(node).await.expect("the node is up");
        let quorum = finalised.remove(KRAFT_VERSION);
        assert_eq!(finalised, config.finalised(), "{version}");
        assert_eq!(quorum.is_some(), config.quorum == Quorum::Dynamic, "{quorum:?}");
    }
}

async fn a_cluster_lives(version: &str) {
    let config = self::version(version);
    let trial = launch(config.clone()).await;
    let cluster = &trial.cluster;
    versions_say_what_the_table_says(&trial, &config).await;
    let started = Instant::now();
    cluster
        .create_topics(&trial.topics, SOON)
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    eprintln!("{version}: topics after {:?}", started.elapsed());
    assert_eq!(whole(&trial).await, [0, 0, 0]);

    let leader = until("a leader and a controller", || async {
        cluster.view().controller()?;
        cluster.view().partition(0)?.leader
    });
    let leader = leader.await;
    for _ in 0..3 {
        cluster.nudge(0).await.unwrap_or_else(|error| panic!("{error:#}"));
    }
    write_values(&trial, 0, 1000, 100).await;
    write_values(&trial, 1, LARGE, LARGE / 8).await;
    assert_eq!(whole(&trial).await, [1003, LARGE as i64, 0]);
    replicas_agree(&trial).await;

    administration(cluster).await;
    deaths(&trial, leader).await;
    replicas_agree(&trial).await;
    cluster.shut_down(Duration::from_secs(4)).await.expect("they end");
    history_is_whole(&trial);
    let log =
        std::fs::read_to_string(trial.directory.path().join("n1/logs/broker.log")).expect("it has a log");
    eprintln!(
        "{version}: {} lines of log, like {:?}",
        log.lines().count(),
        log.lines().nth(5)
    );
}

/// Every request of the administration once, on a topic beside the workload's.
async fn administration(cluster: &KafkaCluster) {
    let admin = &*cluster.admin().expect("Kafka has one");
    let topic = NewTopic {
        name: "other".to_owned(),
        partitions: 1,
        replication_factor: 2,
    };
    for _ in 0..2 {
        // The second time it is there already.
        let made = admin.create_topics(std::slice::from_ref(&topic)).await;
        made.expect("made");
    }
    leaders(admin).await;
    settings(admin).await;
    records(cluster, admin).await;
    let quorum = admin.quorum().await.expect("there is one");
    let active = Some((quorum.leader, quorum.epoch));
    assert_eq!((quorum.voters.len(), cluster.view().controller()), (3, active));
    for _ in 0..2 {
        // The second time it is gone already.
        admin
            .delete_topics(std::slice::from_ref(&topic.name))
            .await
            .expect("deleted");
    }
    let gone = || async { admin.partitions(1, "other").await.ok()?.is_empty().then_some(()) };
    until("the other topic gone", gone).await;
}

fn partition(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition {
        topic: topic.to_owned(),
        partition,
    }
}

/// Another replica, another order, another leader.
async fn leaders(admin: &dyn Admin) {
    let other = [partition("other", 0)];
    let known = || async {
        let partition = admin.partitions(1, "other").await.ok()?.remove(&0)?;
        partition.leader.is_some().then_some(partition)
    };
    let before = until("the other topic", known).await;
    let preferred = before.replicas.first().copied();
    assert_eq!((before.replicas.len(), before.leader), (2, preferred));
    let elected = admin.elect(Election::Preferred, &other).await.expect("asked");
    assert_eq!(elected, [Elected::NotNeeded]);
    let missing: Vec<u32> = (1..=3).filter(|node| !before.replicas.contains(node)).collect();
    let turned: Vec<u32> = before.replicas.iter().rev().chain(&missing).copied().collect();
    let moves = [(other[0].clone(), turned.clone())];
    admin.reassign(&moves).await.expect("under way");
    let over = || async { admin.reassignments().await.ok()?.is_empty().then_some(()) };
    until("the end of the reassignment", over).await;
    let whole = |it: &PartitionView| it.replicas == turned && it.isr.len() == 3;
    let grown = || async { known().await.filter(whole) };
    until("all replicas in sync", grown).await;
    let elected = admin.elect(Election::Preferred, &other).await.expect("asked");
    assert_eq!(elected, [Elected::Yes]);
    let led = |it: &PartitionView| it.leader == Some(turned[0]) && it.epoch > before.epoch;
    let elsewhere = || async { known().await.filter(led) };
    until("another leader in a newer epoch", elsewhere).await;
    let none = admin.cancel_reassignments(&other).await;
    none.expect("that none is under way is no error");
    let unknown = [partition("other", 9)];
    assert!(admin.elect(Election::Unclean, &unknown).await.is_err());
}

/// A setting there and back, and a partition more.
async fn settings(admin: &dyn Admin) {
    let name = "min.insync.replicas";
    for (value, described) in [(Some("2"), "2"), (None, "1")] {
        let set = admin.set_topic_config("other", name, value).await;
        set.expect("set");
        let so = || async {
            let mut told = admin.topic_config(3, "other", &[name]).await.ok()?;
            told.remove(name)?.filter(|it| it == described)
        };
        until("the setting as node 3 describes it", so).await;
    }
    admin.create_partitions("other", 2).await.expect("made");
    let two = || async { (admin.partitions(2, "other").await.ok()?.len() == 2).then_some(()) };
    until("two partitions", two).await;
}

/// Four records, of which three are deleted.
async fn records(cluster: &KafkaCluster, admin: &dyn Admin) {
    let log = partition("log", 2);
    let empty = admin.log_range(&log).await.expect("it has a leader");
    assert_eq!(empty, (0, 0));
    for _ in 0..4 {
        cluster.nudge(2).await.expect("written");
    }
    let committed = || async { (admin.log_range(&log).await.ok()? == (0, 4)).then_some(()) };
    until("four records", committed).await;
    let more_than_there_is = admin.delete_records(&log, 9).await;
    assert!(matches!(more_than_there_is, Err(DeleteError::Refused(_))));
    let low_watermark = admin.delete_records(&log, 3).await.expect("deleted");
    assert_eq!(low_watermark, 3);
    let left = admin.log_range(&log).await.expect("it has a leader");
    assert_eq!(left, (3, 4));
}

/// Writes as many values to a key, from 0 on, in batches of a size.
async fn write_values(trial: &Trial, key: u32, values: u64, batch: u64) {
    let leader = trial
        .cluster
        .view()
        .partition(key)
        .and_then(|view| view.leader)
        .expect("it is known");
    let machine = (&trial.cluster as &dyn Cluster)
        .machine(leader)
        .expect("it is one")
        .address();
    let address = std::net::SocketAddrV4::new(machine, trial.cluster.ports().client);
    let mut connection = cluster::kafka::Connection::open(address, SOON)
        .await
        .expect("it is up");
    let metadata = connection
        .metadata(&trial.topics, SOON)
        .await
        .expect("it answers");
    let at = LogPlace {
        topic: "log",
        id: metadata.topics["log"].id,
        partition: key,
        offset: 0,
    };
    for first in (0..values).step_by(batch as usize) {
        let values: Vec<[u8; 8]> = (first..first + batch).map(u64::to_be_bytes).collect();
        connection
            .write(at, &values, -1, SOON)
            .await
            .expect("it is the leader");
    }
}

/// Key 0 has three empty records before its values, key 1 has more than one fetch brings.
async fn replicas_agree(trial: &Trial) {
    for (key, empty, values) in [(0, 3, 1000), (1, 0, LARGE)] {
        for node in 1..=3 {
            let log = trial
                .cluster
                .replica_log(node, key)
                .await
                .unwrap_or_else(|error| panic!("{error:#}"));
            assert_eq!(log.high_watermark, empty + values as i64, "node {node}");
            let expected = (0..values).map(|value| (value as i64 + empty, value, 0));
            assert!(
                log.records.iter().copied().eq(expected),
                "node {node}'s copy of key {key}"
            );
        }
    }
}

async fn deaths(trial: &Trial, leader: u32) {
    let cluster = &trial.cluster;
    let exit = cluster.kill_node(leader).await.expect("it runs");
    assert_eq!(exit.to_string(), "killed by signal 9");
    assert!(!cluster.answers(leader, Duration::from_secs(1)).await);
    let started = Instant::now();
    let next = until("another leader", || async {
        cluster.view().partition(0)?.leader.filter(|next| *next != leader)
    });
    let next = next.await;
    eprintln!("another leader after {:?}", started.elapsed());
    assert!(cluster.settled().await.is_err());
    cluster.start_node(leader).await.expect("it can be started");
    assert!(cluster.start_node(leader).await.is_err());
    whole(trial).await;
    let machine = (cluster as &dyn Cluster).machine(next).expect("it is one");
    machine.signal(libc::SIGSTOP).await.expect("it runs");
    until("it stands still", || async {
        (machine.process_state().await.expect("it runs")? == 'T').then_some(())
    })
    .await;
    assert!(!cluster.answers(next, Duration::from_millis(300)).await);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    machine.signal(libc::SIGCONT).await.expect("it runs");
    whole(trial).await;
}

/// What brokers that lead answered as leaders.
#[derive(Default)]
struct Leading {
    partitions: u32,
    answered: BTreeMap<u32, u32>,
    refused: Vec<String>,
    /// By partition of the probe topic, who served it.
    served: BTreeMap<u32, Vec<u32>>,
}

impl Leading {
    fn hear(&mut self, node: u32, answer: &Probe) {
        match answer {
            Probe::Partitions(known) => {
                self.partitions += 1;
                let whole = |it: &history::Eligible| it.leader.is_some() && !it.isr.is_empty();
                assert!(
                    known.partitions.len() <= 3 && known.partitions.iter().any(whole)
                        || known.partitions.is_empty()
                );
            }
            Probe::Stands(stands) => {
                for stand in &stands.stands {
                    if let Some(why) = &stand.refused {
                        self.refused.push(why.clone());
                        continue;
                    }
                    assert!(
                        stand.end >= stand.high_watermark && stand.end.is_some(),
                        "{stand:?}"
                    );
                    *self.answered.entry(node).or_default() += 1;
                }
            }
            Probe::Served(served) => {
                for service in &served.served {
                    match (&service.write, &service.read) {
                        (history::Answer::Done(_), history::Answer::Done(_)) => {
                            let nodes = self.served.entry(service.partition).or_default();
                            nodes.push(node);
                        }
                        _ => self.refused.push(format!("{service:?}")),
                    }
                }
            }
            _ => {}
        }
    }

    fn is_whole(&self) {
        let refused = self
            .refused
            .iter()
            .map(String::as_str)
            .collect::<std::collections::BTreeSet<_>>();
        eprintln!(
            "{} partitions, stood by {:?}, refused {refused:#?}",
            self.partitions, self.answered
        );
        assert!(self.partitions > 0, "every version knows the request since 3.8");
        assert_eq!(self.answered.len(), 3, "every node led something");
        for node in 1..=3 {
            let first = self.served.get(&(node - 1)).and_then(|nodes| nodes.first());
            assert_eq!(
                first,
                Some(&node),
                "each leads its partition of the probe topic first"
            );
        }
    }
}

fn history_is_whole(trial: &Trial) {
    let events = trial.recorder.events();
    let mut changes = Vec::new();
    let mut observed = 0;
    let (mut metadata, mut quorum, mut followers, mut silent) = (0, 0, 0, Vec::new());
    let mut leading = Leading::default();
    let mut metrics: BTreeMap<u32, BTreeMap<Metric, i64>> = BTreeMap::new();
    for event in &events {
        match &event.what {
            What::Node(change) => changes.push((change.node, change.incarnation, change.state.clone())),
            What::Observed(seen) => {
                observed += 1;
                assert!(seen.asked <= event.time);
                match &seen.answer {
                    Probe::Metadata(_) => metadata += 1,
                    Probe::Quorum(_) => quorum += 1,
                    Probe::NotLeader => followers += 1,
                    Probe::Silent(silence) => silent.push((seen.node, seen.incarnation, silence.clone())),
                    Probe::Log(_) => panic!("nobody reads logs here"),
                    Probe::Metrics(told) => metrics.entry(seen.node).or_default().extend(&told.values),
                    other => leading.hear(seen.node, other),
                }
            }
            other => panic!("nobody records {other:?} here"),
        }
    }
    eprintln!("{observed} observations: {metadata} metadata, {quorum} quorum, {followers} not leader");
    leading.is_whole();
    eprintln!("{silent:#?}\n{changes:?}");
    for question in ["metadata", "partitions", "stands", "served", "quorum"] {
        for reason in ["connection refused", "no answer in 500 ms"] {
            let so = |silence: &history::Silence| silence.asked_for == question && silence.reason == reason;
            assert!(
                silent.iter().any(|(_, _, silence)| so(silence)),
                "{question}: {reason}"
            );
        }
    }
    assert!(metadata > 0 && quorum > 0 && followers > 0);
    // What no version in KRaft mode has, or 3.9.2 has not.
    let some = [Metric::Elections, Metric::ElrElections];
    for node in 1..=3 {
        let told = metrics
            .get(&node)
            .unwrap_or_else(|| panic!("node {node} told no metrics"));
        let lacking: Vec<Metric> = Metric::ALL
            .into_iter()
            .filter(|metric| !told.contains_key(metric) && !some.contains(metric))
            .collect();
        assert_eq!(lacking, [], "node {node}");
    }
    assert_eq!(
        changes.iter().filter(|(_, _, state)| state == "started").count(),
        4
    );
    assert_eq!(
        changes
            .iter()
            .filter(|(_, incarnation, _)| *incarnation == 1)
            .count(),
        2
    );
    // The one that was killed, and at the end perhaps those that find no controller to say goodbye to: the last, and the one
    // before it, where its own controller and the first one's have gone by then.
    let killed = changes
        .iter()
        .filter(|(_, _, state)| state == "killed by signal 9");
    let killed = killed.count();
    assert!((1..=3).contains(&killed), "{killed} were killed: {changes:?}");
    assert_eq!(changes.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts three real brokers"]
async fn kafka_4_4_0_lives() {
    a_cluster_lives("4.4.0").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts three real brokers"]
async fn kafka_4_3_1_lives() {
    a_cluster_lives("4.3.1").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts three real brokers"]
async fn kafka_3_9_2_lives() {
    a_cluster_lives("3.9.2").await;
}

/// One broker of each version that no other test starts, with the features and the quorum that a plan can ask for.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts real brokers, one after the other"]
async fn every_version_comes_up_with_what_was_asked_for() {
    let elr = ("eligible.leader.replicas.version".to_owned(), Level(0));
    let metadata = ("metadata.version".to_owned(), Level(21));
    for (version, features, quorum) in [
        ("4.2.2", vec![elr], Quorum::Dynamic),
        ("4.1.1", vec![metadata], Quorum::Static),
        ("4.0.1", vec![], Quorum::Static),
        ("3.9.2", vec![], Quorum::Dynamic),
    ] {
        let config = KafkaConfig {
            nodes: 1,
            features: features.into_iter().collect(),
            quorum,
            ..self::version(version)
        };
        let trial = launch(config.clone()).await;
        versions_say_what_the_table_says(&trial, &config).await;
        trial.cluster.shut_down(Duration::ZERO).await.expect("it ends");
    }
}

/// Three nodes of three versions, one of which takes on another.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts three real brokers"]
async fn versions_can_be_mixed_and_changed() {
    let config = KafkaConfig {
        versions: [(2, "3.9.2".to_owned()), (3, "4.3.1".to_owned())].into(),
        ..version("4.4.0")
    };
    let trial = launch(config.clone()).await;
    versions_say_what_the_table_says(&trial, &config).await;
    let cluster = &trial.cluster;
    cluster
        .create_topics(&trial.topics, SOON)
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    let releases = trial.releases();
    assert!(releases.change(2, "4.4.0").await.is_err(), "it runs");
    cluster.stop_node(2, SOON).await.expect("it runs");
    assert!(
        releases.change(2, "4.1.1").await.is_err(),
        "it was not made ready"
    );
    releases.change(2, "4.4.0").await.expect("it was made ready");
    cluster.start_node(2).await.expect("it can be started");
    whole(&trial).await;
    let known = releases.abilities(2).await.expect("the node is up");
    assert_eq!(known["metadata.version"], (7, 33));
    assert_eq!(releases.of(2).as_deref(), Some("4.4.0"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a real broker"]
async fn a_broker_that_is_too_slow_is_named() {
    let error = launch_one(&[], Duration::from_millis(700)).await;
    assert!(
        error.starts_with("bring up the broker of node 1: it was not registered within 700ms: "),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a real broker"]
async fn a_broker_that_does_not_come_up_is_named_with_the_end_of_its_log() {
    let error = launch_one(&[("num.io.threads", "none")], SOON).await;
    assert!(
        error.starts_with("bring up the broker of node 1: its process exited with status 1"),
        "{error}"
    );
    assert!(error.contains("num.io.threads"), "{error}");
}

/// The error of a launch that fails.
async fn launch_one(properties: &[(&str, &str)], within: Duration) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let properties = properties
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let config = KafkaConfig {
        nodes: 1,
        properties,
        ..KafkaConfig::default()
    };
    let environment = LoopbackEnvironment::new(1, directory.path()).expect("writable");
    let (java, prepared) = ready(&config, &environment, directory.path());
    let launched = KafkaCluster::launch(Launch {
        environment: Arc::new(environment),
        config,
        java,
        prepared,
        topics: topics(),
        recorder: Arc::new(MemoryRecorder::default()),
        within,
    });
    let error = launched.await.err().expect("it cannot come up").to_string();
    eprintln!("{error}");
    error
}
