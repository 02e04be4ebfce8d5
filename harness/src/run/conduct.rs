//! Inside the sandbox: record, judge, publish.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use cluster::sim::VirtualClock;
use history::{FORMAT, Fault, Header, VERSION};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::capture::Links;
use super::interrupt;
use super::trial::Trial;
use crate::cli::ConductOptions;
use crate::directory::{RunDirectory, shown};
use crate::exit::{Exit, Failure};
use crate::plan::Resolved;
use crate::progress::Progress;
use crate::recorder::{Clock, Recording};
use crate::{judge, print};

/// Tasks that still hang when the trial is over are left behind after this time: the process ends anyway.
const RUNTIME_SHUTDOWN_LIMIT: Duration = Duration::from_millis(200);

/// The whole of a run inside the sandbox.
pub fn conduct(options: &ConductOptions) -> Result<Exit, Failure> {
    let directory = RunDirectory::open(&options.dir).map_err(Failure::usage)?;
    let resolved = directory.resolved().map_err(Failure::usage)?;
    let runtime = runtime(&resolved).map_err(Failure::infrastructure)?;
    let recorded = runtime.block_on(record(&directory, &resolved, &options.pcap));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_LIMIT);
    match recorded {
        Ok(()) => conclude(options, &directory, &resolved),
        Err(error) => {
            // What was seen until then is still worth a page; the exit says that it is no verdict on the broker.
            if let Ok(history) = judge::read(&directory.history()) {
                let _ = judge::publish(&directory, &history, &checkers::check_history(&history));
            }
            eprintln!(
                "tribunal: no verdict · seed {} · what there is lies in {}",
                resolved.seed,
                directory.shown()
            );
            Err(Failure::infrastructure(error))
        }
    }
}

/// The time of a simulated broker is that of a runtime which is paused: it passes as soon as everybody waits.
fn runtime(resolved: &Resolved) -> Result<Runtime> {
    let built = if resolved.plan.is_simulated() {
        Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
    } else {
        Builder::new_multi_thread().worker_threads(2).enable_all().build()
    };
    built.context("start the runtime")
}

/// Records the trial. The history is closed whatever happens.
async fn record(directory: &RunDirectory, resolved: &Resolved, pcap: &[Links]) -> Result<()> {
    let broken = CancellationToken::new();
    let progress = Arc::new(Progress::new());
    let watched = Arc::clone(&progress);
    let on_fault = Box::new(move |time, fault: &Fault| watched.fault(time, fault));
    let simulated = resolved.plan.is_simulated().then(VirtualClock::default);
    let clock = simulated.clone().map_or_else(Clock::real, Clock::Virtual);
    let file = directory.history();
    let recording = Recording::create(&file, header(resolved), clock, broken.clone(), on_fault)?;
    let trial = Trial {
        directory,
        resolved,
        recorder: recording.recorder(),
        progress: Arc::clone(&progress),
        pcap: pcap.to_vec(),
        interrupt: interrupt::watch()?,
        broken,
        simulated,
    };
    let outcome = trial.run().await;
    drop(trial);
    progress.finish();
    // Where the history could not be written, that is why the trial could not go on.
    recording.close()?;
    outcome
}

fn header(resolved: &Resolved) -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: resolved.plan.name.clone(),
        seed: resolved.seed,
        broker: resolved.plan.broker.clone(),
        started: jiff::Timestamp::now().to_string(),
        nodes: (1..=resolved.plan.nodes).collect(),
        topics: resolved.topics(),
        expect: resolved.expectation(),
    }
}

/// Judges and publishes. The last line names verdict, seed, directory and how to see it again.
fn conclude(
    options: &ConductOptions,
    directory: &RunDirectory,
    resolved: &Resolved,
) -> Result<Exit, Failure> {
    let history = judge::read(&directory.history())?;
    let verdict = judge::check(&history, resolved)?;
    if verdict.valid == checkers::Validity::Valid && !options.keep_data {
        directory
            .remove_data(&history.header.nodes)
            .map_err(Failure::infrastructure)?;
    }
    judge::publish(directory, &history, &verdict).map_err(Failure::infrastructure)?;
    if options.json {
        let printed = judge::Printed::new(&verdict, &history.header, Some(directory.root()));
        print::json(&printed).map_err(Failure::infrastructure)?;
    }
    eprint!("{}", report::text(&verdict));
    let made_of = judge::read_made_of(directory);
    eprintln!("report: {}", shown(&directory.report()));
    eprintln!(
        "tribunal: {} · seed {} · {} · again: {}",
        word(verdict.valid),
        resolved.seed,
        directory.shown(),
        made_of.replay
    );
    Ok(verdict.valid.into())
}

fn word(validity: checkers::Validity) -> &'static str {
    match validity {
        checkers::Validity::Valid => "valid",
        checkers::Validity::Unknown => "unknown",
        checkers::Validity::Invalid => "violation",
    }
}
