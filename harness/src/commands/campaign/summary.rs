//! What a campaign came to: from its journal to its summary, its files and the exit code.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use report::{CampaignRun, CampaignSummary, RunState, campaign_junit, campaign_markdown};

use super::folder::Identity;
use crate::campaign::{Expect, Outcome, Standing, Standings};
use crate::directory::{shown, write_whole};
use crate::exit::Exit;
use crate::print;

/// The summary, as data.
pub const SUMMARY: &str = "summary.json";
/// The same, for people.
pub const MARKDOWN: &str = "summary.md";

/// What the runs of a campaign, or of a part of it, came to.
pub fn of(identity: &Identity, standings: &Standings) -> CampaignSummary {
    let runs = identity.ours().map(|(_, job)| {
        let cell = identity.cell(job);
        let mut run = run(standings.of(&job.name), cell.expect);
        run.name.clone_from(&job.name);
        run.axes.clone_from(&cell.axes);
        run.seed = job.seed;
        run
    });
    CampaignSummary::new(
        identity.name.clone(),
        identity.about.clone(),
        identity.seed,
        identity.fingerprint.clone(),
        runs.collect(),
    )
}

fn run(standing: Option<&Standing>, expect: Expect) -> CampaignRun {
    let expected = match expect {
        Expect::Valid => "valid",
        Expect::Violation => "violation",
    };
    let Some((standing, record)) = standing.and_then(|standing| Some((standing, standing.outcome()?))) else {
        return CampaignRun {
            expect: expected.to_owned(),
            summary: "it was not made".to_owned(),
            ..CampaignRun::default()
        };
    };
    let confirmed = standing.confirmed();
    CampaignRun {
        expect: expected.to_owned(),
        state: match record.outcome {
            outcome if outcome.is(expect) => RunState::AsExpected,
            Outcome::Violation => RunState::Violation,
            Outcome::Valid => RunState::Missed,
            Outcome::Unknown => RunState::Unknown,
            Outcome::Infrastructure => RunState::Infrastructure,
        },
        summary: record.summary.clone(),
        dir: record.dir.clone(),
        confirmed: (confirmed.1 > 0).then_some(confirmed),
        failures: standing.failures(),
        anomalies: record.anomalies.clone(),
        acknowledged: record.acknowledged,
        lost: record.lost,
        faults: record.faults,
        seconds: record.seconds,
        ..CampaignRun::default()
    }
}

/// Writes what a campaign came to beside its runs, and says it: to people, and as JSON where that is asked for.
pub fn publish(root: &Path, summary: &CampaignSummary, json: bool) -> Result<()> {
    let mut data = serde_json::to_vec_pretty(summary).context("a summary always has a form in JSON")?;
    data.push(b'\n');
    let markdown = campaign_markdown(summary);
    write_whole(&root.join(SUMMARY), &data)?;
    write_whole(&root.join("junit.xml"), campaign_junit(summary).as_bytes())?;
    write_whole(&root.join(MARKDOWN), markdown.as_bytes())?;
    if json {
        print::json(summary)?;
    }
    tell(root, summary);
    append_to_job(&markdown)
}

fn tell(root: &Path, summary: &CampaignSummary) {
    for run in &summary.runs {
        if matches!(run.state, RunState::AsExpected | RunState::NotMade) {
            continue;
        }
        let again = run.confirmed.map_or_else(String::new, |(again, of)| {
            format!(" (again in {again} of {of} further runs)")
        });
        eprintln!("{:<14} {}{again}: {}", run.state.word(), run.name, run.summary);
    }
    if let Some(said) = summary.quotable() {
        eprintln!("tribunal: {said}");
    }
    eprintln!(
        "tribunal: campaign {}: {} · {}",
        summary.name,
        summary.sentence(),
        shown(&root.join(MARKDOWN))
    );
}

/// GitHub shows what a step appends to the file that this names beside the job's log ("Workflow commands", "Adding a job summary").
fn append_to_job(markdown: &str) -> Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, markdown.as_bytes()))
        .with_context(|| format!("write the job's summary {}", Path::new(&path).display()))
}

/// The gravest of what was not expected.
pub fn exit(summary: &CampaignSummary) -> Exit {
    let totals = &summary.totals;
    if totals.violations + totals.missed > 0 {
        Exit::Violation
    } else if totals.infrastructure > 0 {
        Exit::Infrastructure
    } else if totals.unknown + totals.not_made > 0 {
        Exit::Unknown
    } else {
        Exit::Valid
    }
}
