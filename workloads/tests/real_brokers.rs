//! The `log` workload against three real brokers on loopback, of which one is killed on the way.
//!
//! It needs Java, the jars (in the cache, or the network) and some 20 s, so a plain `cargo test` leaves it out:
//! `cargo test -p workloads --test real_brokers -- --ignored`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::kafka::{Formatting, InstallOptions, Java, KafkaCluster, KafkaConfig, Launch, install, prepare};
use cluster::{Cluster, Environment, LoopbackEnvironment, TopicPartition};
use history::{Event, F, MemoryRecorder, Observed, Op, Phase, Probe, Recorder, Topic, What};
use workloads::{Arena, LogConfig, WorkloadConfig, settle};

const SOON: Duration = Duration::from_secs(60);

fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "log".to_owned(),
        partitions: 4,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    }]
}

async fn launch(directory: &Path, recorder: Arc<MemoryRecorder>) -> Arc<dyn Cluster> {
    let config = KafkaConfig::default();
    let options = InstallOptions::from_environment(false).expect("a cache");
    let install = install(&config.version, &options, &|_| {}).expect("the jars can be had");
    let java = Java::find().expect("Java is installed");
    let environment =
        LoopbackEnvironment::new(config.nodes, directory).expect("a directory that is writable");
    let formatting = Formatting::new(&config, environment.machines());
    let prepared = prepare(&[install], &java, &formatting, &options.cache, directory, &|_| {})
        .expect("it can be formatted");
    let launch = Launch {
        environment: Arc::new(environment),
        config,
        java,
        prepared,
        topics: topics(),
        recorder,
        within: SOON,
    };
    let cluster = KafkaCluster::launch(launch)
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    cluster
        .create_topics(&topics(), SOON)
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    Arc::new(cluster)
}

fn records(events: &[Event]) -> BTreeSet<u64> {
    let polls = events.iter().filter_map(|event| match &event.what {
        What::Ok(Op { f: F::Poll(poll), .. }) => Some(&poll.records),
        _ => None,
    });
    polls.flatten().map(|record| record.value).collect()
}

/// How many records of a partition were read.
fn records_of(events: &[Event], key: u32) -> usize {
    let polls = events.iter().filter_map(|event| match &event.what {
        What::Ok(Op { f: F::Poll(poll), .. }) => Some(&poll.records),
        _ => None,
    });
    polls.flatten().filter(|record| record.key == key).count()
}

fn acknowledged(events: &[Event]) -> BTreeSet<u64> {
    let value = |event: &Event| match &event.what {
        What::Ok(Op { f: F::Send(send), .. }) => Some(send.value),
        _ => None,
    };
    events.iter().filter_map(value).collect()
}

fn of_replica(events: &[Event], replica: u32) -> BTreeSet<u64> {
    let chunks = events.iter().filter_map(|event| match &event.what {
        What::Observed(Observed {
            node,
            answer: Probe::Log(chunk),
            ..
        }) if *node == replica => Some(&chunk.records),
        _ => None,
    });
    chunks.flatten().map(|(_, value, _)| *value).collect()
}

/// What a replica said instead of its log.
fn silence(events: &[Event]) -> Option<&Observed> {
    events.iter().find_map(|event| match &event.what {
        What::Observed(
            observed @ Observed {
                answer: Probe::Silent(silence),
                ..
            },
        ) if silence.asked_for.starts_with("log") => Some(observed),
        _ => None,
    })
}

/// Deletes the first records of key 0, so that its log does not begin at 0.
async fn cut_the_beginning(cluster: &dyn Cluster) -> i64 {
    let log = TopicPartition {
        topic: "log".to_owned(),
        partition: 0,
    };
    for _ in 0..4 {
        cluster.nudge(0).await.unwrap_or_else(|error| panic!("{error:#}"));
    }
    let admin = cluster.admin().expect("Kafka has one");
    let begun = Instant::now();
    while admin.log_range(&log).await.ok() != Some((0, 4)) {
        assert!(begun.elapsed() < SOON, "the records are not committed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    admin.delete_records(&log, 3).await.expect("there are so many")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars"]
async fn what_is_acknowledged_is_read_back_from_every_replica() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let recorder = Arc::new(MemoryRecorder::default());
    let cluster = launch(directory.path(), recorder.clone()).await;
    assert_eq!(cut_the_beginning(&*cluster).await, 3);
    let log_file = directory.path().join("clients.log");
    let arena = Arena {
        client: None,
        client_settings: Vec::new(),
        bootstrap: cluster.bootstrap(),
        topics: topics(),
        seed: 1,
        recorder: recorder.clone(),
        log_file: Some(log_file.clone()),
        transactions: None,
        disks_may_fail: false,
    };
    let begun = Instant::now();
    let mut running = WorkloadConfig::Log(LogConfig::default())
        .start(arena)
        .await
        .expect("clients that can be made");
    eprintln!("clients at work after {:?}", begun.elapsed());
    let counters = running.counters();
    while counters.seen().ok == 0 {
        assert!(begun.elapsed() < SOON, "no acknowledgement");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    eprintln!("first acknowledgement after {:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(3)).await;
    eprintln!("steady: {:?}", counters.seen());
    cluster.kill_node(2).await.expect("it runs");
    tokio::time::sleep(Duration::from_secs(5)).await;
    eprintln!("one node down: {:?}", counters.seen());
    cluster.start_node(2).await.expect("it is down");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let stopping = Instant::now();
    running.stop().await;
    eprintln!("stopped after {:?}: {:?}", stopping.elapsed(), counters.seen());
    let settling = Instant::now();
    let ends = settle(&*cluster, SOON).await;
    eprintln!("settled after {:?}: {ends:?}", settling.elapsed());
    recorder.record(What::Phase(Phase::FinalReads));
    let before = recorder.events().len();
    let reading = Instant::now();
    let complete = running.final_reads(cluster.clone(), ends, SOON).await;
    eprintln!("final reads after {:?}", reading.elapsed());
    let events = recorder.events();
    let log = std::fs::read_to_string(log_file).expect("the clients' log");
    eprintln!("{} lines of the clients' log", log.lines().count());
    assert!(complete, "{:?}", events.last());
    // A consumer that begins at 0, where nothing is any more, goes on from where the log begins.
    let read_before = records_of(&events[..before], 0);
    assert!(read_before > 100, "{read_before} records of key 0 read");
    let acknowledged = acknowledged(&events);
    assert!(acknowledged.len() > 1_000, "{} acknowledged", acknowledged.len());
    let read = records(&events[before..]);
    assert!(acknowledged.is_subset(&read));
    for node in cluster.nodes() {
        assert!(
            of_replica(&events, node) == read,
            "node {node}: {:?}",
            silence(&events)
        );
    }
}
