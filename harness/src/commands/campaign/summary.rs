//! What a campaign came to: from its journal to its summary, its files and the exit code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use report::{
    CampaignRun, CampaignSummary, GateRule, RunState, annotations, campaign_junit, campaign_markdown,
    campaign_sarif,
};
use statistics::Decision;

use super::folder::Identity;
use super::page::{self, PAGE};
use crate::campaign::{Expect, Job, Outcome, Record, Standing, Standings};
use crate::directory::{shown, write_whole};
use crate::exit::Exit;

/// The summary, as data.
pub const SUMMARY: &str = "summary.json";
/// The findings, for tools that keep them over time.
pub const SARIF: &str = "sarif.json";
/// The same, for people.
pub const MARKDOWN: &str = "summary.md";

/// What the runs of a campaign, or of a part of it, came to.
pub fn of(identity: &Identity, standings: &Standings) -> CampaignSummary {
    let of_runs = |runs: Vec<CampaignRun>| {
        let mut summary = CampaignSummary::new(
            identity.name.clone(),
            identity.about.clone(),
            identity.seed,
            identity.fingerprint.clone(),
            runs,
        );
        summary.gate = identity.gate;
        summary
    };
    let runs = identity.ours().map(|(_, job)| named(identity, standings, job));
    let mut summary = of_runs(runs.collect());
    if let Some(rule) = identity.gate.filter(|_| identity.part.is_none()) {
        leave_out(&mut summary, rule);
        summary = of_runs(summary.runs);
    }
    summary
}

/// One run of it, as it stands.
pub fn named(identity: &Identity, standings: &Standings, job: &Job) -> CampaignRun {
    let cell = identity.cell(job);
    CampaignRun {
        name: job.name.clone(),
        axes: cell.axes.clone(),
        seed: job.seed,
        ..run(standings.of(&job.name), cell.expect)
    }
}

/// What a campaign came to, as its directory says.
pub fn read(dir: &Path) -> Result<CampaignSummary> {
    let path = dir.join(SUMMARY);
    let bytes =
        fs::read(&path).with_context(|| format!("read {}: is it a campaign that ended?", shown(&path)))?;
    serde_json::from_slice(&bytes).with_context(|| format!("read {} as a campaign's summary", shown(&path)))
}

/// Nothing hangs on a run any more that was not made of a cell that was decided; of none, where the campaign fails.
fn leave_out(summary: &mut CampaignSummary, rule: GateRule) {
    let decided = summary.decide(rule);
    let fails = decided.decision == Decision::Fails;
    let done = decided
        .cells
        .iter()
        .filter(|cell| cell.decision != Decision::Open);
    let done: BTreeSet<&str> = done.map(|cell| cell.cell.as_str()).collect();
    let not_made = summary
        .runs
        .iter_mut()
        .filter(|run| run.state == RunState::NotMade);
    for run in not_made {
        if fails || run.expect == "valid" && done.contains(run.cell().as_str()) {
            run.state = RunState::NotNeeded;
            "it was not needed: the gate had decided".clone_into(&mut run.summary);
        }
    }
}

fn run(standing: Option<&Standing>, expect: Expect) -> CampaignRun {
    let known = standing.and_then(|standing| Some((standing, standing.outcome()?)));
    let Some((standing, record)) = known else {
        return CampaignRun {
            expect: expect.word().to_owned(),
            summary: "it was not made".to_owned(),
            set_aside: standing.map_or(0, |standing| standing.set_aside),
            lost_then: standing.map_or(0, |standing| standing.lost_then),
            ..CampaignRun::default()
        };
    };
    let confirmed = standing.confirmed();
    CampaignRun {
        confirmed: (confirmed.1 > 0).then_some(confirmed),
        failures: standing.failures(),
        set_aside: standing.set_aside,
        lost_then: standing.lost_then,
        ..of_record(record, expect)
    }
}

/// What one run came to by itself, however often it was tried.
pub fn of_record(record: &Record, expect: Expect) -> CampaignRun {
    CampaignRun {
        expect: expect.word().to_owned(),
        state: match record.outcome {
            outcome if outcome.is(expect) => RunState::AsExpected,
            Outcome::Violation => RunState::Violation,
            Outcome::Valid => RunState::Missed,
            Outcome::Unknown => RunState::Unknown,
            Outcome::Infrastructure => RunState::Infrastructure,
        },
        summary: record.summary.clone(),
        dir: record.dir.clone(),
        figures: record.figures.as_deref().cloned(),
        anomalies: record.anomalies.clone(),
        acknowledged: record.acknowledged,
        lost: record.lost,
        faults: record.faults,
        seconds: record.seconds,
        ..CampaignRun::default()
    }
}

/// Writes what a campaign came to beside its runs, and says it to whoever runs this as a job. The place is the one that people know it by.
pub fn publish(
    root: &Path,
    identity: &Identity,
    summary: &CampaignSummary,
    trend: &[PathBuf],
    place: &str,
) -> Result<()> {
    let mut data = serde_json::to_vec_pretty(summary).context("a summary always has a form in JSON")?;
    data.push(b'\n');
    let markdown = campaign_markdown(summary);
    write_whole(&root.join(SUMMARY), &data)?;
    write_whole(&root.join("junit.xml"), campaign_junit(summary).as_bytes())?;
    write_whole(&root.join(SARIF), campaign_sarif(summary, None).as_bytes())?;
    write_whole(&root.join(MARKDOWN), markdown.as_bytes())?;
    page::write(root, identity, summary, trend)?;
    annotate(&annotations(summary, None, place));
    append_to_job(&markdown)
}

/// Says what a campaign came to, and where it lies, to people.
pub fn tell(summary: &CampaignSummary, place: &str) {
    for run in &summary.runs {
        if matches!(
            run.state,
            RunState::AsExpected | RunState::NotMade | RunState::NotNeeded
        ) {
            continue;
        }
        let again = run.confirmed.map_or_else(String::new, |(again, of)| {
            format!(" (again in {again} of {of} further runs)")
        });
        eprintln!("{:<14} {}{again}: {}", run.state.word(), run.name, run.summary);
    }
    if let Some(rule) = summary.gate {
        for line in summary.decide(rule).lines() {
            eprintln!("gate: {line}");
        }
    }
    if let Some(said) = summary.quotable() {
        eprintln!("tribunal: {said}");
    }
    eprintln!(
        "tribunal: campaign {}: {} · {place}/{PAGE}",
        summary.name,
        summary.sentence()
    );
}

/// In a workflow of GitHub's, shows these beside the change. Standard output is for data, and the runner reads both.
pub fn annotate(lines: &[String]) {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        for line in lines {
            eprintln!("{line}");
        }
    }
}

/// GitHub shows what a step appends to the file that this names beside the job's log ("Workflow commands", "Adding a job summary").
pub fn append_to_job(markdown: &str) -> Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, markdown.as_bytes()))
        .with_context(|| format!("write the job's summary {}", Path::new(&path).display()))
}

/// The gravest of what was not expected. Where the campaign says by what it passes, that decides what its violations come to.
pub fn exit(summary: &CampaignSummary) -> Exit {
    let totals = &summary.totals;
    let decision = summary.gate.map(|rule| summary.decide(rule).decision);
    let fails = decision.map_or(totals.violations > 0, |decision| decision == Decision::Fails);
    if fails || totals.missed > 0 {
        Exit::Violation
    } else if totals.infrastructure > 0 {
        Exit::Infrastructure
    } else if totals.unknown + totals.not_made > 0 || totals.runs == 0 || decision == Some(Decision::Open) {
        Exit::Unknown
    } else {
        Exit::Valid
    }
}
