//! Brings a cluster up: its machines, what is made once, the brokers, the topics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use cluster::kafka::{Formatting, Install, InstallOptions, Java, KafkaCluster, Launch, Prepared};
use cluster::sim::SimCluster;
use cluster::{AttachedEnvironment, Attachment, Cluster, Environment};
use history::{Recorder, Topic};
use tokio::task::spawn_blocking;

use super::ground::Ground;
use super::trial::Trial;

/// How long the topics may take: a leader for each partition that every broker knows.
const TOPICS_WITHIN: Duration = Duration::from_secs(30);

/// A cluster that is up, with its topics.
pub struct Courtroom {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// What it is.
    pub kind: Kind,
}

/// What a cluster is.
pub enum Kind {
    /// Kafka, and where it is.
    Kafka(Arc<KafkaCluster>, Ground),
    /// Simulated.
    Simulated(Arc<SimCluster>),
}

/// Brings all of it up.
pub async fn bring_up(trial: &Trial<'_>) -> Result<Courtroom> {
    let kind = match &trial.simulated {
        Some(clock) => {
            let recorder: Arc<dyn Recorder> = trial.recorder.clone();
            let settings = trial.resolved.simulated();
            Kind::Simulated(SimCluster::launch(settings, recorder, clock.clone()))
        }
        None => bring_up_kafka(trial).await?,
    };
    let cluster: Arc<dyn Cluster> = match &kind {
        Kind::Kafka(cluster, _) => cluster.clone(),
        Kind::Simulated(cluster) => cluster.clone(),
    };
    cluster
        .create_topics(&trial.resolved.topics(), TOPICS_WITHIN)
        .await
        .context("create the topics")?;
    if matches!(kind, Kind::Kafka(..)) {
        let topics = trial.resolved.topics();
        follow(&*cluster, &topics)
            .await
            .context("see the replicas follow")?;
    }
    Ok(Courtroom { cluster, kind })
}

/// Waits until every replica has fetched. A new follower is in the ISR before it ever did, and on a machine that is short of time it
/// may not for seconds: the leader then shrinks the ISR to itself, and nothing that a fault does afterwards elects another.
async fn follow(cluster: &dyn Cluster, topics: &[Topic]) -> Result<()> {
    let partitions: u32 = topics.iter().map(|topic| topic.partitions).sum();
    let until = Instant::now() + TOPICS_WITHIN;
    for key in 0..partitions {
        workloads::nudge(cluster, key, until).await?;
    }
    let followed = workloads::settle(cluster, TOPICS_WITHIN).await;
    followed.map(drop).map_err(|reason| anyhow!(reason))
}

async fn bring_up_kafka(trial: &Trial<'_>) -> Result<Kind> {
    let Trial {
        directory, resolved, ..
    } = trial;
    if let Some(attachment) = &trial.attached {
        return attach(trial, attachment).await;
    }
    let ground = Ground::create(
        (trial.env, trial.inventory),
        directory,
        resolved,
        trial.broken.clone(),
    )
    .await?;
    ground.begin_capture(directory, &trial.pcap)?;
    let environment = ground.environment();
    let (java, prepared) = prepare(trial, &*environment).await?;
    let recorder: Arc<dyn Recorder> = trial.recorder.clone();
    let launch = Launch {
        environment,
        config: resolved.kafka(),
        java,
        prepared,
        topics: resolved.topics(),
        recorder,
        within: resolved.plan.limits.bring_up.duration(),
    };
    let cluster = Arc::new(
        KafkaCluster::launch(launch)
            .await
            .context("bring the cluster up")?,
    );
    cluster.keep_disks(directory.root().to_owned());
    Ok(Kind::Kafka(cluster, ground))
}

/// Takes hold of a cluster that runs already.
async fn attach(trial: &Trial<'_>, attachment: &Attachment) -> Result<Kind> {
    let environment = AttachedEnvironment::open(attachment, &trial.directory.nodes()).await;
    let environment = Arc::new(environment.context("take hold of the cluster")?);
    let recorder: Arc<dyn Recorder> = trial.recorder.clone();
    let cluster = KafkaCluster::attach(Arc::clone(&environment), trial.resolved.topics(), recorder);
    Ok(Kind::Kafka(Arc::new(cluster), Ground::Attached(environment)))
}

/// Finds the jars (all of them are in the cache by now), Java, and what is made once for both.
async fn prepare(trial: &Trial<'_>, environment: &dyn Environment) -> Result<(Java, Prepared)> {
    let versions = trial.resolved.versions();
    let formatting = Formatting::new(&trial.resolved.kafka(), environment.machines());
    let metrics = trial.resolved.has_metrics();
    let scratch = trial.directory.root().join("scratch");
    let progress = Arc::clone(&trial.progress);
    spawn_blocking(move || {
        let java = Java::find()?;
        let options = InstallOptions::from_environment(true)?;
        let report = |seen: cluster::kafka::Progress<'_>| progress.preparing(&seen);
        let install = |version: &String| cluster::kafka::install(version, &options, &report);
        let installs: Vec<Install> = versions.iter().map(install).collect::<Result<_>>()?;
        let mut prepared =
            cluster::kafka::prepare(&installs, &java, &formatting, &options.cache, &scratch, &report)?;
        if metrics {
            prepared.agent = Some(cluster::kafka::install_agent(&options, &report)?);
        }
        // Empty, unless something went wrong in it that somebody may want to look at.
        let _ = std::fs::remove_dir(&scratch);
        Ok((java, prepared))
    })
    .await
    .context("wait for what is made once")?
}
