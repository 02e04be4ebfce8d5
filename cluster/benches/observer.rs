//! What being observed costs a broker: `cargo bench -p cluster --bench observer`. Needs Java and the jars.
//!
//! Three brokers on loopback with a topic of four partitions and no client: their CPU time while the observer asks all its
//! questions, and after it has ended. First they are left to compile their code. What a question costs later is less still,
//! so what is measured first, with the observer, is rather too much.
//!
//! A version as argument says which Kafka, a number how many seconds each stretch takes (30).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cluster::kafka::{
    DEFAULT_VERSION, Formatting, InstallOptions, Java, KafkaCluster, KafkaConfig, Launch, install, prepare,
};
use cluster::{Cluster, Environment, LoopbackEnvironment};
use history::{MemoryRecorder, Topic};

/// The brokers compile their code within this time.
const WARMING_UP: Duration = Duration::from_secs(60);
/// One stretch takes this time.
const STRETCH: u64 = 30;
/// What observing may cost a node, in percent of a core.
const GOAL: f64 = 3.0;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let seconds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(STRETCH);
    let version = words.iter().find(|word| word.split('.').count() == 3);
    let version = version.map_or(DEFAULT_VERSION, String::as_str);
    tokio::runtime::Runtime::new()?.block_on(measure(version, Duration::from_secs(seconds)))
}

async fn measure(version: &str, stretch: Duration) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let cluster = launch(version, directory.path()).await?;
    tokio::time::sleep(WARMING_UP).await;
    let observed = used(&cluster, stretch).await?;
    cluster.stop_observing();
    let alone = used(&cluster, stretch).await?;
    println!(
        "Kafka {version}, percent of a core, over {} s each:",
        stretch.as_secs()
    );
    let mut most = f64::MIN;
    for (node, (with, without)) in observed.iter().zip(&alone).enumerate() {
        most = most.max(with - without);
        println!(
            "node {}: {with:.1} observed, {without:.1} alone: {:.1}",
            node + 1,
            with - without
        );
    }
    cluster.shut_down(Duration::from_secs(2)).await?;
    ensure!(
        most < GOAL,
        "observe a node for less than {GOAL} % of a core: it was {most:.1} %"
    );
    Ok(())
}

async fn launch(version: &str, directory: &std::path::Path) -> Result<KafkaCluster> {
    let config = KafkaConfig {
        version: version.to_owned(),
        ..KafkaConfig::default()
    };
    let environment = LoopbackEnvironment::new(config.nodes, directory)?;
    let options = InstallOptions::from_environment(false)?;
    let installed = install(version, &options, &|_| ())?;
    let java = Java::find()?;
    let formatting = Formatting::new(&config, environment.machines());
    let prepared = prepare(
        &[installed],
        &java,
        &formatting,
        &options.cache,
        directory,
        &|_| (),
    )?;
    let topics = vec![Topic {
        name: "log".to_owned(),
        partitions: 4,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    }];
    let cluster = KafkaCluster::launch(Launch {
        environment: Arc::new(environment),
        config,
        java,
        prepared,
        topics: topics.clone(),
        recorder: Arc::new(MemoryRecorder::default()),
        within: Duration::from_secs(60),
    });
    let cluster = cluster.await?;
    cluster.create_topics(&topics, Duration::from_secs(30)).await?;
    Ok(cluster)
}

/// What each node used of a core over a stretch of time, in percent.
async fn used(cluster: &KafkaCluster, stretch: Duration) -> Result<Vec<f64>> {
    let before = cpu_times(cluster).await?;
    let begun = std::time::Instant::now();
    tokio::time::sleep(stretch).await;
    let (after, took) = (cpu_times(cluster).await?, begun.elapsed());
    let share = |(before, after): (&Duration, &Duration)| {
        100.0 * after.saturating_sub(*before).as_secs_f64() / took.as_secs_f64()
    };
    Ok(before.iter().zip(&after).map(share).collect())
}

async fn cpu_times(cluster: &KafkaCluster) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for machine in cluster.machines() {
        let time = machine.cpu_time().await?;
        times.push(time.with_context(|| format!("find the CPU time of node {}", machine.node()))?);
    }
    Ok(times)
}
