//! `tribunal gate`: whether a campaign lets a release pass, by itself or against an earlier one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use report::{CampaignSummary, RunState};

use super::campaign::{SUMMARY, exit};
use crate::campaign::{Change, Comparison, compare};
use crate::cli::GateOptions;
use crate::directory::shown;
use crate::exit::{Exit, Failure};
use crate::print;

/// Says what is new, still there and resolved, and ends as a pipeline is to go on.
pub fn gate(options: &GateOptions) -> Result<Exit, Failure> {
    let now = read(&options.dir).map_err(Failure::usage)?;
    let before = options.baseline.as_deref().map(read).transpose();
    let Some(before) = before.map_err(Failure::usage)? else {
        tell(&now);
        return Ok(exit(&now));
    };
    let comparison = compare(&now, &before);
    if options.json {
        print::json(&comparison).map_err(Failure::infrastructure)?;
    }
    for finding in &comparison.findings {
        let (found, runs) = finding.here;
        let before = finding.before.map_or_else(
            || "a cell that the baseline has not".to_owned(),
            |(found, runs)| format!("{found} of {runs} before"),
        );
        let word = match finding.change {
            Change::New => "new",
            Change::Still => "still there",
            Change::Resolved => "resolved",
            Change::NotSeen => "not seen, which may be chance",
        };
        eprintln!(
            "{word}: {} in {}: {found} of {runs} runs, {before}",
            finding.anomaly, finding.cell
        );
    }
    for cell in &comparison.missing {
        eprintln!("not judged: {cell}, which the baseline has");
    }
    tell(&now);
    Ok(passes(&now, &comparison, options.strict))
}

/// What is known already lets a release pass, unless it is not to; what is not known never does.
fn passes(now: &CampaignSummary, comparison: &Comparison, strict: bool) -> Exit {
    let has = |change| comparison.findings.iter().any(|finding| finding.change == change);
    let missed = now.runs.iter().any(|run| run.state == RunState::Missed);
    if has(Change::New) || missed || strict && has(Change::Still) {
        Exit::Violation
    } else if now.totals.infrastructure > 0 {
        Exit::Infrastructure
    } else if now.totals.unknown + now.totals.not_made > 0 || !comparison.missing.is_empty() {
        Exit::Unknown
    } else {
        Exit::Valid
    }
}

fn tell(now: &CampaignSummary) {
    if let Some(said) = now.quotable() {
        eprintln!("tribunal: {said}");
    }
    eprintln!("tribunal: campaign {}: {}", now.name, now.sentence());
}

fn read(dir: &Path) -> Result<CampaignSummary> {
    let path = dir.join(SUMMARY);
    let bytes =
        fs::read(&path).with_context(|| format!("read {}: is it a campaign that ended?", shown(&path)))?;
    serde_json::from_slice(&bytes).with_context(|| format!("read {} as a campaign's summary", shown(&path)))
}
