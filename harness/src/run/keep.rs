//! `--keep`: a cluster that stays up after its verdict, for people to look at.
//!
//! The trial is over by then. The disks were read while every broker was stopped in its place, as they would have been read after its end,
//! and nothing that is done to the cluster from then on is in the history: so whoever looks changes no verdict. The process that waits holds
//! everything, and with it everything ends.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use checkers::Validity;
use clap::ValueEnum;
use cluster::Cluster;
use cluster::Machine;
use cluster::kafka::KafkaCluster;
use history::Span;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::bring_up::{Courtroom, Kind};
use super::interrupt::Interrupt;
use crate::directory::RunDirectory;

/// How long a broker may take to stop in its place.
const STOPPED_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(5);

/// When a cluster is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepWhen {
    /// After a violation.
    Violation,
    /// Whatever the verdict.
    Always,
}

impl KeepWhen {
    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Always => "always",
        }
    }

    fn wants(self, verdict: Validity) -> bool {
        self == Self::Always || verdict == Validity::Invalid
    }
}

/// A cluster that is up after its trial.
pub struct Kept {
    /// The cluster.
    pub court: Courtroom,
    /// Ctrl-C, which ends it.
    pub interrupt: Interrupt,
    /// Cancelled when a node's machine is gone.
    pub broken: CancellationToken,
}

/// Reads the disks of brokers that go on afterwards: all of them are stopped in their places meanwhile.
pub async fn look_at_stopped(cluster: &Arc<KafkaCluster>) -> Result<()> {
    cluster.stop_observing();
    let machines = cluster.machines();
    let mut stopped = Vec::new();
    for machine in machines {
        // A broker that does not run is as still as one that was stopped.
        if machine.process_state().await?.is_some_and(|state| state != 'Z') {
            machine
                .signal(libc::SIGSTOP)
                .await
                .context("stop a broker in its place")?;
            stopped.push(machine);
        }
    }
    let mut outcome = Ok(());
    for machine in &stopped {
        outcome = outcome.and(until_stopped(&***machine).await);
    }
    if outcome.is_ok() {
        cluster.look_at_disks().await;
    }
    for machine in stopped {
        outcome = outcome.and(machine.signal(libc::SIGCONT).await.context("let a broker go on"));
    }
    outcome
}

async fn until_stopped(machine: &dyn Machine) -> Result<()> {
    let until = Instant::now() + STOPPED_WITHIN;
    while !matches!(machine.process_state().await?, Some('T') | None) {
        if Instant::now() > until {
            anyhow::bail!("stop the broker of node {} in its place", machine.node());
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// Holds a cluster whose verdict it is kept for, and takes it down.
pub async fn hold(
    kept: Kept,
    when: KeepWhen,
    time: Span,
    verdict: Validity,
    directory: &RunDirectory,
) -> Result<()> {
    if kept.interrupt.token.is_cancelled() {
        eprintln!("tribunal: interrupted: the cluster is not kept");
    } else if when.wants(verdict) {
        wait(&kept, time, directory).await;
    } else {
        eprintln!("tribunal: no violation: the cluster is not kept (--keep always keeps it)");
    }
    match &kept.court.kind {
        Kind::Kafka(cluster, _) => cluster
            .shut_down(Duration::ZERO)
            .await
            .context("take the cluster down"),
        Kind::Simulated(_) => Ok(()),
    }
}

async fn wait(kept: &Kept, time: Span, directory: &RunDirectory) {
    kept.interrupt.hold();
    let nodes: Vec<u32> = kept
        .court
        .cluster
        .machines()
        .iter()
        .map(|machine| machine.node())
        .collect();
    let keys = std::io::stdin().is_terminal();
    for line in told(
        &directory.shown(),
        &nodes,
        &kept.court.cluster.bootstrap(),
        time,
        keys,
    ) {
        eprintln!("{line}");
    }
    let enter = async {
        if !keys || enter().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let over = tokio::select! {
        () = kept.interrupt.token.cancelled() => "as asked",
        () = enter => "as asked",
        () = sleep(time.duration()) => "its time is over",
        () = kept.broken.cancelled() => "a node's machine is gone",
    };
    eprintln!("tribunal: the cluster goes down: {over}");
}

/// How to get at it, and how to end it.
fn told(dir: &str, nodes: &[u32], bootstrap: &str, time: Span, keys: bool) -> Vec<String> {
    let names: Vec<String> = nodes.iter().map(|node| format!("n{node}")).collect();
    let (first, all) = (names.first().map_or("n1", String::as_str), names.join(","));
    let end = if keys {
        "Enter or ctrl-C ends it"
    } else {
        "ctrl-C (SIGINT) ends it"
    };
    vec![
        format!("tribunal: the cluster is kept up for {time}: {end}"),
        format!("  a shell on a node:  tribunal shell {dir} {first}   ({all})"),
        format!("  data and logs:      {dir}/nodes/{first}/data, {dir}/nodes/{first}/logs"),
        format!("  brokers:            {bootstrap} (from a shell on a node)"),
    ]
}

/// Waits for a line on standard input. The thread that reads it cannot be ended; the process soon is.
async fn enter() -> Result<()> {
    let (told, read) = oneshot::channel();
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || {
            let mut line = String::new();
            // Where nobody can type any more, nobody does.
            if std::io::stdin()
                .lock()
                .read_line(&mut line)
                .is_ok_and(|read| read > 0)
            {
                let _ = told.send(());
            }
        })
        .context("start the thread that reads keys")?;
    read.await.context("wait for Enter")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_kept_for_what_it_was_asked_for() {
        let verdicts = [Validity::Valid, Validity::Unknown, Validity::Invalid];
        assert_eq!(
            verdicts.map(|verdict| KeepWhen::Violation.wants(verdict)),
            [false, false, true]
        );
        assert_eq!(verdicts.map(|verdict| KeepWhen::Always.wants(verdict)), [true; 3]);
    }

    #[test]
    fn it_is_told_how_to_get_at_it_and_how_to_end_it() {
        let lines = told(
            "results/x",
            &[1, 2],
            "n1:9092,n2:9092",
            Span::from_secs(1800),
            true,
        );
        assert!(lines[0].contains("Enter or ctrl-C"), "{lines:?}");
        assert!(
            lines[1].contains("tribunal shell results/x n1   (n1,n2)"),
            "{lines:?}"
        );
        assert!(lines[2].contains("results/x/nodes/n1/data"), "{lines:?}");
        assert!(lines[3].contains("n1:9092,n2:9092"), "{lines:?}");
        assert!(told("x", &[1], "", Span::from_secs(1), false)[0].contains("SIGINT"));
    }
}
