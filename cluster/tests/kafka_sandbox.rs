//! Three real brokers in a sandbox: what is made once is made inside, links are cut, belief differs, and heals.
//!
//! It needs Java, the jars, namespaces and a TUN device, so a plain `cargo test` leaves it out:
//! `cargo test -p cluster --test kafka_sandbox -- --ignored [VERSION]`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cluster::kafka::{
    DEFAULT_VERSION, Formatting, InstallOptions, Java, KafkaCluster, KafkaConfig, Launch, Progress, install,
    prepare,
};
use cluster::{Cluster, Cut, Environment, LoopbackEnvironment, Place, SandboxEnvironment, SandboxOptions};
use history::{Claim, MemoryRecorder, NodeId, Probe, Topic, What};
use sandbox::Entered;

const SOON: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let outcome = match sandbox::entry() {
        Ok(Entered::Outside) => outside(),
        Ok(Entered::Inside { arguments }) => {
            let words: Vec<String> = arguments
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            inside(&words)
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn outside() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if !words.iter().any(|word| word == "--ignored") {
        println!("test kafka_in_a_sandbox ... ignored, starts three real brokers");
        return Ok(());
    }
    let version = words
        .iter()
        .find(|word| !word.starts_with('-'))
        .map_or(DEFAULT_VERSION, String::as_str);
    let options = InstallOptions::from_environment(false)?;
    install(version, &options, &|_| ())?;
    let directory = tempfile::tempdir()?.keep();
    Err(sandbox::reexec([version.to_owned(), directory.display().to_string()]).into())
}

fn inside(words: &[String]) -> Result<()> {
    let [version, directory] = words else {
        anyhow::bail!("read the arguments {words:?}")
    };
    let directory = Path::new(directory);
    let tried = tokio::runtime::Runtime::new()?.block_on(trial(version, directory));
    if tried.is_ok() {
        std::fs::remove_dir_all(directory)?;
        println!("test kafka_in_a_sandbox ... ok");
    }
    tried.with_context(|| format!("pass; see {}", directory.display()))
}

fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "log".to_owned(),
        partitions: 2,
        replication_factor: 3,
        min_insync_replicas: 1,
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    }]
}

async fn launch(
    version: &str,
    environment: Arc<dyn Environment>,
    directory: &Path,
) -> Result<(KafkaCluster, Arc<MemoryRecorder>)> {
    let report = |progress: Progress<'_>| eprintln!("{progress:?}");
    let options = InstallOptions::from_environment(true)?;
    let install = install(version, &options, &report)?;
    let java = Java::find()?;
    let config = KafkaConfig {
        version: version.to_owned(),
        ..KafkaConfig::default()
    };
    let formatting = Formatting::new(&config, environment.machines());
    let prepared = prepare(&[install], &java, &formatting, &options.cache, directory, &report)?;
    let recorder = Arc::new(MemoryRecorder::default());
    let cluster = KafkaCluster::launch(Launch {
        environment,
        config,
        java,
        prepared,
        topics: topics(),
        recorder: recorder.clone(),
        within: Duration::from_secs(60),
    });
    Ok((cluster.await?, recorder))
}

async fn trial(version: &str, directory: &Path) -> Result<()> {
    let bare = directory.join("bare");
    let (cluster, _) = launch(version, Arc::new(LoopbackEnvironment::new(3, &bare)?), directory).await?;
    let bare = cluster.times();
    drop(cluster);
    let started = Instant::now();
    let environment = Arc::new(SandboxEnvironment::create(
        3,
        directory,
        &SandboxOptions::default(),
    )?);
    eprintln!("sandbox after {:?}", started.elapsed());
    let (cluster, recorder) = launch(version, environment, directory).await?;
    eprintln!(
        "{version} on loopback: {bare:?}\n{version} in the sandbox: {:?}",
        cluster.times()
    );
    let started = Instant::now();
    cluster.create_topics(&topics(), SOON).await?;
    eprintln!("topics after {:?}", started.elapsed());
    settle(&cluster).await?;
    let leader = leader_but(&cluster, None).await?;
    leader_cut_off(&cluster, &recorder, leader).await?;
    settle(&cluster).await?;
    isr_shrunk(&cluster).await?;
    let started = Instant::now();
    cluster.shut_down(Duration::from_secs(2)).await?;
    drop(cluster);
    eprintln!("down after {:?}", started.elapsed());
    Ok(())
}

async fn until<T, F: Future<Output = Result<T>>>(what: &str, attempt: impl Fn() -> F) -> Result<T> {
    let started = Instant::now();
    loop {
        let error = match attempt().await {
            Ok(found) => {
                eprintln!("{what} after {:?}", started.elapsed());
                return Ok(found);
            }
            Err(error) => error,
        };
        ensure!(started.elapsed() < SOON, "see within {SOON:?} {what}: {error:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn settle(cluster: &KafkaCluster) -> Result<Vec<i64>> {
    until("every replica in the ISR", || cluster.settled()).await
}

async fn leader_but(cluster: &KafkaCluster, old: Option<NodeId>) -> Result<NodeId> {
    until("a leader", || async {
        let leader = cluster.view().partition(0).and_then(|view| view.leader);
        leader
            .filter(|leader| Some(*leader) != old)
            .context("nobody leads")
    })
    .await
}

/// The leader cut from its peers is deposed, says so to nobody, and comes back.
async fn leader_cut_off(cluster: &KafkaCluster, recorder: &MemoryRecorder, leader: NodeId) -> Result<()> {
    let links = cluster.links().context("find the links")?;
    let whole = |from, to| Cut {
        from,
        to,
        destination_port: None,
        source_port: None,
    };
    let peers = (1..=3).filter(|node| *node != leader).map(Place::Node);
    let cuts: Vec<Cut> = peers
        .flat_map(|peer| [whole(peer, Place::Node(leader)), whole(Place::Node(leader), peer)])
        .collect();
    let id = links.cut(&cuts)?;
    let next = leader_but(cluster, Some(leader)).await?;
    ensure!(
        cluster.answers(leader, Duration::from_secs(1)).await,
        "reach node {leader} over the side channel"
    );
    let said = last_claim(recorder, leader).context("find what the old leader said")?;
    ensure!(
        said.leader == Some(leader),
        "see node {leader} still believe in itself: it says {said:?}"
    );
    until("the deposed leader answer, acknowledge and serve", || async {
        goes_on(recorder, leader)
    })
    .await?;
    let dropped = links.heal(id).dropped;
    eprintln!("{leader} was deposed by {next}: {dropped:?}");
    ensure!(dropped.frames > 0, "see frames dropped");
    Ok(())
}

/// A deposed leader answers as leader of key 0 after another did in a newer epoch, and so it is on the probe topic's partition
/// that it is to lead.
fn goes_on(recorder: &MemoryRecorder, deposed: NodeId) -> Result<()> {
    let (mut newer, mut answered) = (None, false);
    let (mut elsewhere, mut served) = (None, false);
    for event in &recorder.events() {
        let What::Observed(seen) = &event.what else {
            continue;
        };
        let own = seen.node == deposed;
        if let Probe::Stands(stands) = &seen.answer {
            let of_key = |stand: &&history::Stand| stand.key == 0 && stand.refused.is_none();
            for stand in stands.stands.iter().filter(of_key) {
                match newer {
                    None if !own && stand.epoch > 0 => newer = Some((event.time, stand.epoch)),
                    Some((since, epoch)) => answered |= own && stand.epoch < epoch && seen.asked > since,
                    None => {}
                }
            }
        }
        if let Probe::Served(services) = &seen.answer {
            let its = |service: &&history::Service| service.partition + 1 == deposed;
            for service in services.served.iter().filter(its) {
                let done = [&service.write, &service.read]
                    .into_iter()
                    .all(|answer| matches!(answer, history::Answer::Done(_)));
                match elsewhere {
                    None if !own && done => elsewhere = Some((event.time, service.epoch)),
                    Some((since, epoch)) => {
                        served |= own && done && service.epoch < epoch && seen.asked > since;
                    }
                    None => {}
                }
            }
        }
    }
    ensure!(
        answered,
        "see node {deposed} answer as leader; the newer epoch: {newer:?}"
    );
    ensure!(
        served,
        "see node {deposed} serve the probe topic; the newer epoch: {elsewhere:?}"
    );
    Ok(())
}

/// The last that a node said of key 0.
fn last_claim(recorder: &MemoryRecorder, node: NodeId) -> Option<Claim> {
    recorder
        .events()
        .iter()
        .rev()
        .find_map(|event| match &event.what {
            What::Observed(seen) if seen.node == node => match &seen.answer {
                Probe::Metadata(said) => said.claims.iter().find(|claim| claim.key == 0).cloned(),
                _ => None,
            },
            _ => None,
        })
}

/// Followers cut from the leader's client port alone, and one record: the ISR becomes the leader alone.
async fn isr_shrunk(cluster: &KafkaCluster) -> Result<()> {
    let leader = leader_but(cluster, None).await?;
    let links = cluster.links().context("find the links")?;
    let cut = |node| Cut {
        from: Place::Node(node),
        to: Place::Node(leader),
        destination_port: Some(cluster.ports().client),
        source_port: None,
    };
    let followers = (1..=3).filter(|node| *node != leader);
    let id = links.cut(&followers.map(cut).collect::<Vec<_>>())?;
    cluster.nudge(0).await?;
    until("the ISR shrunk to the leader", || async {
        let isr = cluster.view().partition(0).context("find the partition")?.isr;
        ensure!(isr == [leader], "it is {isr:?}");
        Ok(())
    })
    .await?;
    ensure!(links.heal(id).dropped.frames > 0, "see frames dropped");
    let ends = settle(cluster).await?;
    ensure!(ends[0] == 1, "find one record, not {}", ends[0]);
    for node in 1..=3 {
        let log = cluster.replica_log(node, 0).await?;
        ensure!(
            log.high_watermark == 1 && log.records.is_empty(),
            "read node {node}'s copy: {log:?}"
        );
    }
    Ok(())
}
