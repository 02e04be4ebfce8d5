//! What real brokers of the oldest and the newest version wrote is what the reader of disks reads: records of every codec,
//! epochs, checkpoints, the metadata log.
//!
//! It needs Java, the jars and some 30 s, so a plain `cargo test` leaves it out:
//! `cargo test -p cluster --test kafka_disks -- --ignored`. With `KEEP_DISKS=DIR` the files of node 1 are left there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::kafka::disk::node::{Contents, Look, Shown};
use cluster::kafka::disk::{log, names, notes};
use cluster::kafka::{
    Connection, Formatting, InstallOptions, Java, KafkaCluster, KafkaConfig, Launch, LogPlace, install,
    prepare,
};
use cluster::{Cluster, LoopbackEnvironment, ReplicaLog};
use history::{Key, MemoryRecorder, Ruling, Topic};

const SOON: Duration = Duration::from_secs(30);
const NODES: u32 = 3;
/// Kafka's error: this broker does not lead the partition.
const NOT_LEADER: i16 = 6;
/// The topics by their codec; the last is not compressed, and its log has several segments.
const CODECS: [&str; 5] = ["gzip", "snappy", "lz4", "zstd", "uncompressed"];

fn topics() -> Vec<Topic> {
    let topic = |name: &&str| Topic {
        name: (*name).to_owned(),
        partitions: 1,
        replication_factor: NODES,
        min_insync_replicas: 1,
        unclean_election: false,
        config: BTreeMap::new(),
    };
    CODECS.iter().map(topic).collect()
}

async fn launch(version: &str, directory: &Path) -> KafkaCluster {
    let environment = LoopbackEnvironment::new(NODES, directory).expect("writable");
    let config = KafkaConfig {
        version: version.to_owned(),
        nodes: NODES,
        ..KafkaConfig::default()
    };
    let options = InstallOptions::from_environment(false).expect("a cache");
    let install = install(version, &options, &|_| ()).expect("the jars can be had");
    let java = Java::find().expect("Java is installed");
    let machines = cluster::Environment::machines(&environment);
    let formatting = Formatting::new(&config, machines);
    let prepared = prepare(&[install], &java, &formatting, &options.cache, directory, &|_| ());
    let cluster = KafkaCluster::launch(Launch {
        environment: Arc::new(environment),
        config,
        java,
        prepared: prepared.expect("it can be formatted"),
        topics: topics(),
        recorder: Arc::new(MemoryRecorder::default()),
        within: Duration::from_secs(60),
    });
    cluster.await.unwrap_or_else(|error| panic!("{error:#}"))
}

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

async fn set(cluster: &KafkaCluster, topic: &str, name: &str, value: &str) {
    let admin = cluster.admin().expect("Kafka has one");
    let set = admin.set_topic_config(topic, name, Some(value)).await;
    set.expect("it is a setting");
}

/// Writes values of 40 bytes to a key's leader, in batches of ten.
async fn write(cluster: &KafkaCluster, key: Key, values: std::ops::Range<u64>) {
    for first in values.clone().step_by(10) {
        let batch: Vec<Vec<u8>> = (first..values.end.min(first + 10))
            .map(|value| history::payload::encode(value, 40))
            .collect();
        until("a leader that takes it", || write_batch(cluster, key, &batch)).await;
    }
}

/// None where nobody leads, or who is thought to lead does not.
async fn write_batch(cluster: &KafkaCluster, key: Key, batch: &[Vec<u8>]) -> Option<()> {
    let leader = cluster.view().partition(key)?.leader?;
    let machine = (cluster as &dyn Cluster).machine(leader).ok()?.address();
    let address = std::net::SocketAddrV4::new(machine, cluster.ports().client);
    let mut connection = Connection::open(address, SOON).await.ok()?;
    let metadata = connection.metadata(&topics(), SOON).await.ok()?;
    let topic = CODECS[key as usize];
    let at = LogPlace {
        topic,
        id: metadata.topics[topic].id,
        partition: 0,
        offset: 0,
    };
    match connection.write(at, batch, -1, SOON).await {
        Ok(_) => Some(()),
        Err(error) if error.code() == Some(NOT_LEADER) => None,
        Err(error) => panic!("{topic}: {error:#}"),
    }
}

async fn settled(cluster: &KafkaCluster) -> Vec<i64> {
    until("every replica in the ISR", || async {
        cluster.settled().await.ok()
    })
    .await
}

/// Writes to all, and changes leaders on the way.
async fn live(cluster: &KafkaCluster) {
    cluster
        .create_topics(&topics(), SOON)
        .await
        .expect("they are made");
    for topic in CODECS {
        let codec = topic.replace("uncompressed", "producer");
        set(cluster, topic, "compression.type", &codec).await;
        set(cluster, topic, "segment.ms", "1000").await;
    }
    for key in 0..CODECS.len() as Key {
        write(cluster, key, 0..100).await;
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    settled(cluster).await;
    let leader = cluster
        .view()
        .partition(0)
        .and_then(|view| view.leader)
        .expect("it is known");
    cluster.kill_node(leader).await.expect("it runs");
    for key in 0..CODECS.len() as Key {
        until("another leader", || async {
            cluster
                .view()
                .partition(key)?
                .leader
                .filter(|next| *next != leader)
        })
        .await;
        write(cluster, key, 100..200).await;
    }
    cluster.start_node(leader).await.expect("it can be started");
    settled(cluster).await;
}

fn look(data: &Path, shown: &mut Shown) -> Contents {
    let look = Look {
        data,
        root: data,
        topics: &topics(),
        starts: &BTreeMap::new(),
        threads: 2,
    };
    look.read(shown)
}

async fn reads_what_was_written(version: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cluster = launch(version, directory.path()).await;
    live(&cluster).await;
    let mut fetched: BTreeMap<(u32, Key), ReplicaLog> = BTreeMap::new();
    for node in 1..=NODES {
        for key in 0..CODECS.len() as Key {
            let log = cluster.replica_log(node, key).await;
            fetched.insert((node, key), log.unwrap_or_else(|error| panic!("{error:#}")));
        }
    }
    let views: Vec<_> = (0..CODECS.len() as Key)
        .map(|key| cluster.view().partition(key).expect("it was seen"))
        .collect();
    let started = Instant::now();
    cluster.shut_down(Duration::ZERO).await.expect("they end");
    eprintln!("{version}: killed within {:?}", started.elapsed());
    for node in 1..=NODES {
        let data = cluster.files(node).expect("it is one").data();
        let mut shown = Shown::default();
        let contents = look(&data, &mut shown);
        assert_eq!(contents.problems, Vec::<String>::new(), "{version}, node {node}");
        for (key, codec) in CODECS.iter().enumerate() {
            let (log, raw) = (&contents.logs[key], &fetched[&(node, key as Key)]);
            assert_eq!(raw.records.len(), 200);
            assert_eq!(log.records, raw.records, "{version}, node {node}, {codec}");
            assert_eq!((log.start, log.from, log.end), (0, 0, raw.high_watermark));
            assert_eq!(log.holes, []);
            // Leaders note epochs without records, too.
            assert!(log.epochs.iter().all(|epoch| log.noted_epochs.contains(epoch)));
            let segments = log::segments(&data.join(format!("{codec}-0"))).expect("it is there");
            assert!(segments.len() > 1, "{codec}: {segments:?}");
        }
        // Of one the leader was killed.
        assert!(contents.logs.iter().any(|log| log.epochs.len() > 1));
        let metadata = contents.metadata.expect("it is a controller");
        for (key, view) in views.iter().enumerate() {
            let last: &Ruling = metadata
                .rulings
                .iter()
                .rfind(|ruling| ruling.key == key as Key)
                .expect("it was made");
            assert_eq!(last.leader, view.leader, "{version}: {last:?}");
            assert_eq!(last.epoch, view.epoch, "{version}: {last:?}");
            assert_eq!(last.isr.len(), NODES as usize, "{version}: {last:?}");
            let mine: Vec<_> = metadata
                .rulings
                .iter()
                .filter(|ruling| ruling.key == key as Key)
                .collect();
            // A ruling begins an epoch exactly where it names a leader, so no epoch is ever skipped.
            assert!(mine.windows(2).all(|pair| pair[1].epoch - pair[0].epoch <= 1));
            assert!(
                mine.windows(2)
                    .all(|pair| pair[1].partition_epoch == pair[0].partition_epoch + 1)
            );
            assert!(mine.iter().any(|ruling| ruling.isr.len() == 2), "{mine:?}");
        }
        assert!(contents.quorum.expect("it is a voter").term > 0);
        let again = look(&data, &mut shown);
        assert!(
            again
                .logs
                .iter()
                .all(|log| log.records.is_empty() && log.from == log.end)
        );
        let metadata = again.metadata.expect("it is a controller");
        assert!(metadata.batches.is_empty() && metadata.rulings.is_empty());
        let identity = notes::identity(&data.join("meta.properties")).expect("it is one");
        assert_eq!(identity.expect("it is there").node, Some(node));
        let topic = notes::topic_id(&data.join("zstd-0/partition.metadata")).expect("it is one");
        assert!(topic.is_some());
    }
    if let Some(kept) = std::env::var_os("KEEP_DISKS") {
        keep(
            &cluster.files(1).expect("it is one").data(),
            &Path::new(&kept).join(version),
        );
    }
}

/// Copies the files that the reader reads.
fn keep(data: &Path, kept: &Path) {
    for entry in std::fs::read_dir(data).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let name = path
            .file_name()
            .expect("it has one")
            .to_string_lossy()
            .into_owned();
        let partition = names::partition_directory(&name).filter(|_| path.is_dir());
        let read = name.ends_with("checkpoint")
            || names::segment_base(&name).is_some()
            || ["meta.properties", "partition.metadata", "quorum-state"].contains(&name.as_str());
        if partition.is_some_and(|of| !of.topic.starts_with("__") || name == names::METADATA) {
            keep(&path, &kept.join(name));
        } else if read && path.is_file() {
            std::fs::create_dir_all(kept).expect("writable");
            std::fs::copy(&path, kept.join(name)).expect("writable");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts three real brokers"]
async fn of_3_9_2() {
    reads_what_was_written("3.9.2").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts three real brokers"]
async fn of_4_4_0() {
    reads_what_was_written("4.4.0").await;
}
