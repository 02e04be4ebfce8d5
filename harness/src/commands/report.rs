//! `tribunal report`: judge run directories again and write verdict, test results and page anew.

use anyhow::{Context, Result};
use checkers::Verdict;
use history::Span;
use nemesis::Step;
use report::FailoverRun;

use crate::cli::{FailoverBy, ReportOptions};
use crate::directory::RunDirectory;
use crate::exit::{Exit, Failure};
use crate::{judge, print};

/// Writes each directory's files anew. Its exit says whether that worked, not what the verdicts are.
pub fn report(options: &ReportOptions) -> Result<Exit, Failure> {
    let mut histories = Vec::new();
    let mut failovers = Vec::new();
    for dir in &options.dirs {
        let directory = RunDirectory::open(dir).map_err(Failure::usage)?;
        let history = judge::read(&directory.history())?;
        let verdict = checkers::check_history(&history);
        judge::publish(&directory, &history, &verdict).map_err(Failure::infrastructure)?;
        eprintln!("{}: {}", directory.report().display(), verdict.summary);
        if options.failover.is_some() {
            failovers.extend(failover(&directory, &verdict).map_err(Failure::usage)?);
        }
        if options.faults {
            histories.push(history);
        }
    }
    if let Some(by) = options.failover {
        type Made = fn(&[FailoverRun]) -> String;
        let (table, plot): (Made, Made) = match by {
            FailoverBy::Faults => (report::failover_table, report::failover_plot),
            FailoverBy::Sizes => (report::sweep_table, report::sweep_plot),
            FailoverBy::Shapes => (report::shape_table, report::shape_plot),
        };
        if let Some(file) = &options.plot {
            let written =
                std::fs::write(file, plot(&failovers)).with_context(|| format!("write {}", file.display()));
            written.map_err(Failure::infrastructure)?;
        }
        print::data(table(&failovers).trim_end()).map_err(Failure::infrastructure)?;
    }
    if options.faults {
        print::data(report::fault_table(&histories).trim_end()).map_err(Failure::infrastructure)?;
    }
    Ok(Exit::Valid)
}

/// What a run says of failovers; nothing where it was not measured.
fn failover(directory: &RunDirectory, verdict: &Verdict) -> Result<Option<FailoverRun>> {
    let Some(availability) = verdict.availability.clone() else {
        return Ok(None);
    };
    let resolved = directory.resolved()?;
    let delay = resolved.steps.iter().filter_map(delay).max();
    Ok(Some(FailoverRun {
        timeouts: resolved.plan.timeouts.name().to_owned(),
        shape: resolved.plan.shape.name().to_owned(),
        nodes: resolved.plan.nodes,
        delay_ms: delay.map_or(0, Span::as_millis),
        availability,
    }))
}

/// By how much a step delays each packet, where that is what it does.
fn delay(step: &Step) -> Option<Span> {
    match &step.fault {
        nemesis::FaultSpec::Delay(delay) => Some(delay.by),
        _ => None,
    }
}
