//! Record, judge, publish: inside the sandbox, where there is one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use checkers::Validity;
use cluster::sim::VirtualClock;
use history::{Event, FORMAT, Header, VERSION, What};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::interrupt;
use super::keep::{self, KeepWhen, Kept};
use super::trial::Trial;
use crate::cli::ConductOptions;
use crate::directory::{RunDirectory, shown};
use crate::drivers;
use crate::exit::{Exit, Failure};
use crate::live::Watch;
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
    // Until all of it is over.
    let _lock = directory.lock();
    let runtime = runtime(&resolved, options.real_time).map_err(Failure::infrastructure)?;
    let recorded = runtime.block_on(record(options, &directory, &resolved));
    match recorded {
        Ok(None) => {
            runtime.shutdown_timeout(RUNTIME_SHUTDOWN_LIMIT);
            let verdict = conclude(options, &directory, &resolved, options.keep_data)?;
            Ok(verdict.into())
        }
        Ok(Some(kept)) => hold(options, &directory, &resolved, runtime, kept),
        Err(error) => {
            runtime.shutdown_timeout(RUNTIME_SHUTDOWN_LIMIT);
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

/// Judges a run whose cluster is up, holds that as long as somebody wants, and takes it down.
fn hold(
    options: &ConductOptions,
    directory: &RunDirectory,
    resolved: &Resolved,
    runtime: Runtime,
    kept: Kept,
) -> Result<Exit, Failure> {
    // Brokers run on the data.
    let verdict = conclude(options, directory, resolved, true)?;
    let when = options.keep.unwrap_or(KeepWhen::Violation);
    let held = runtime.block_on(keep::hold(kept, when, options.keep_for, verdict, directory));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_LIMIT);
    held.map_err(Failure::infrastructure)?;
    if verdict == Validity::Valid && !options.keep_data {
        let nodes: Vec<_> = (1..=resolved.plan.all_nodes()).collect();
        directory.remove_data(&nodes).map_err(Failure::infrastructure)?;
    }
    Ok(verdict.into())
}

/// The time of a simulated broker is that of a runtime which is paused: it passes as soon as everybody waits. Where people want to
/// watch, it passes as ours does.
fn runtime(resolved: &Resolved, real_time: bool) -> Result<Runtime> {
    let built = if resolved.plan.is_simulated() {
        Builder::new_current_thread()
            .enable_all()
            .start_paused(!real_time)
            .build()
    } else {
        Builder::new_multi_thread().worker_threads(2).enable_all().build()
    };
    built.context("start the runtime")
}

/// Records the trial. The history is closed whatever happens.
async fn record(
    options: &ConductOptions,
    directory: &RunDirectory,
    resolved: &Resolved,
) -> Result<Option<Kept>> {
    let broken = CancellationToken::new();
    let progress = Arc::new(Progress::new(options.plain));
    let watch = Arc::new(Watch::new(resolved.topics()));
    let (told, watching) = (Arc::clone(&progress), Arc::clone(&watch));
    let on_event = Box::new(move |event: &Event| {
        watching.event(event);
        if let What::Fault(fault) = &event.what {
            told.fault(event.time, fault);
        }
    });
    let simulated = resolved.plan.is_simulated().then(VirtualClock::default);
    let clock = simulated.clone().map_or_else(Clock::real, Clock::Virtual);
    let file = directory.history();
    let recording = Recording::create(&file, header(resolved), clock, broken.clone(), on_event)?;
    let interrupt = interrupt::watch(&progress)?;
    let trial = Trial {
        directory,
        resolved,
        env: options.env,
        inventory: options.inventory.as_deref(),
        recorder: recording.recorder(),
        progress: Arc::clone(&progress),
        watch,
        pcap: options.pcap.clone(),
        keep: options.keep.is_some(),
        interrupt: interrupt.token.clone(),
        broken: broken.clone(),
        simulated,
        attached: options.attached.clone(),
        // It is in the cache by now.
        client: drivers::program(resolved, true)?,
    };
    let outcome = trial.run().await;
    drop(trial);
    let outcome = match leave(options, resolved, &progress).await {
        Ok(()) => outcome,
        // What went wrong first is why.
        Err(error) => outcome.and(Err(error)),
    };
    progress.finish();
    // Where the history could not be written, that is why the trial could not go on.
    recording.close()?;
    let kept = outcome?.map(|court| Kept {
        court,
        interrupt,
        broken,
    });
    Ok(kept)
}

/// Takes the run's topics out of somebody else's cluster, however the trial ended.
async fn leave(options: &ConductOptions, resolved: &Resolved, progress: &Progress) -> Result<()> {
    let Some(attachment) = &options.attached else {
        return Ok(());
    };
    let topics: Vec<String> = resolved.topics().into_iter().map(|topic| topic.name).collect();
    attachment.delete(&topics).await?;
    progress.say(&format!(
        "the cluster is as it was: {} are deleted",
        topics.join(", ")
    ));
    Ok(())
}

fn header(resolved: &Resolved) -> Header {
    let members = resolved.plan.members();
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: resolved.plan.name.clone(),
        seed: resolved.seed,
        broker: if resolved.plan.is_attached() {
            "kafka".to_owned()
        } else {
            resolved.plan.broker.clone()
        },
        client: Some(resolved.plan.client.to_string()).filter(|_| !resolved.plan.is_simulated()),
        started: jiff::Timestamp::now().to_string(),
        nodes: members.brokers,
        controllers: members.controllers,
        zookeepers: members.zookeepers,
        topics: resolved.topics(),
        expect: resolved.expectation(),
    }
}

/// Judges and publishes. The last line names verdict, seed, directory and how to see it again.
fn conclude(
    options: &ConductOptions,
    directory: &RunDirectory,
    resolved: &Resolved,
    keep_data: bool,
) -> Result<Validity, Failure> {
    let history = judge::read(&directory.history())?;
    let verdict = judge::check(&history, resolved)?;
    if verdict.valid == Validity::Valid && !keep_data {
        directory
            .remove_data(&history.header.all_nodes())
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
    Ok(verdict.valid)
}

fn word(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "valid",
        Validity::Unknown => "unknown",
        Validity::Invalid => "violation",
    }
}
