//! `tribunal results`: what lies in a folder of results, what a run came to, and room for more.
//!
//! Whatever lies there may be half a run, damaged, or somebody's: it is listed as what it is, and only whole runs that found nothing are
//! ever removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use checkers::Validity;
use indicatif::HumanBytes;
use report::CampaignSummary;
use serde::Serialize;

use super::campaign::{IDENTITY, MARKDOWN, SUMMARY};
use crate::child::verdict;
use crate::cli::{ResultsCommand, ResultsOptions};
use crate::directory::{RESULTS, RunDirectory, shown};
use crate::exit::{Exit, Failure};
use crate::print;

/// Lists, shows or prunes.
pub fn results(options: &ResultsOptions) -> Result<Exit, Failure> {
    match options.command.as_ref() {
        None => list(Path::new(RESULTS), false),
        Some(ResultsCommand::List { dir, json }) => list(dir, *json),
        Some(ResultsCommand::Show { dir }) => show(dir),
        Some(ResultsCommand::Prune { dir, keep, dry_run }) => prune(dir, *keep, *dry_run),
    }
}

/// What a directory of results holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// A run that was judged.
    Run,
    /// A run without a verdict: it goes on, or was ended.
    Unfinished,
    /// A run whose verdict cannot be read.
    Damaged,
    /// A campaign.
    Campaign,
}

/// One of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    dir: PathBuf,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<Validity>,
    /// The verdict in a sentence, or why there is none.
    summary: String,
    bytes: u64,
    #[serde(skip)]
    changed: SystemTime,
}

impl Found {
    /// What a directory holds; `None` where it is nothing of ours. A link is not followed.
    fn read(dir: PathBuf) -> Option<Self> {
        let meta = dir.symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
        let run = RunDirectory::open(&dir).ok()?;
        let (kind, valid, summary) = if dir.join(IDENTITY).is_file() {
            (Kind::Campaign, None, campaign(&dir))
        } else if run.verdict().is_file() {
            match verdict(&run.verdict()) {
                Ok(verdict) => (Kind::Run, Some(verdict.valid), verdict.summary),
                Err(error) => (Kind::Damaged, None, format!("{error:#}")),
            }
        } else if run.plan().is_file() {
            let summary = "no verdict: it goes on, or was ended before it had one";
            (Kind::Unfinished, None, summary.to_owned())
        } else {
            return None;
        };
        Some(Self {
            kind,
            valid,
            summary,
            bytes: bytes_of(&dir),
            changed: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            dir,
        })
    }

    fn word(&self) -> &'static str {
        match (self.kind, self.valid) {
            (Kind::Campaign, _) => "campaign",
            (Kind::Unfinished, _) => "unfinished",
            (Kind::Damaged, _) => "damaged",
            (Kind::Run, Some(Validity::Valid)) => "valid",
            (Kind::Run, Some(Validity::Invalid)) => "violation",
            (Kind::Run, _) => "unknown",
        }
    }
}

fn campaign(dir: &Path) -> String {
    let summary = fs::read(dir.join(SUMMARY)).ok();
    let summary = summary.and_then(|bytes| serde_json::from_slice::<CampaignSummary>(&bytes).ok());
    summary.map_or_else(
        || "no summary: it goes on, or `tribunal campaign … --resume` does".to_owned(),
        |summary| summary.sentence(),
    )
}

/// Everything in a folder that is ours, the newest first.
fn found_in(folder: &Path) -> Result<Vec<Found>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", shown(folder)))?;
    let mut found: Vec<Found> = entries
        .flatten()
        .filter_map(|entry| Found::read(entry.path()))
        .collect();
    found.sort_by(|one, other| (other.changed, &other.dir).cmp(&(one.changed, &one.dir)));
    Ok(found)
}

fn list(folder: &Path, json: bool) -> Result<Exit, Failure> {
    let found = found_in(folder).map_err(Failure::usage)?;
    if json {
        print::json(&found).map_err(Failure::infrastructure)?;
        return Ok(Exit::Valid);
    }
    let lines: Vec<String> = found
        .iter()
        .map(|found| {
            let name = found.dir.file_name().unwrap_or_default().display().to_string();
            let bytes = HumanBytes(found.bytes).to_string();
            format!("{:<10} {bytes:>11}  {name}  {}", found.word(), found.summary)
        })
        .collect();
    print::data(&lines.join("\n")).map_err(Failure::infrastructure)?;
    let bytes = found.iter().map(|found| found.bytes).sum();
    eprintln!(
        "tribunal: {} in {}, {}",
        match found.len() {
            1 => "1 result".to_owned(),
            count => format!("{count} results"),
        },
        shown(folder),
        HumanBytes(bytes)
    );
    Ok(Exit::Valid)
}

fn show(dir: &Path) -> Result<Exit, Failure> {
    let Some(found) = Found::read(dir.canonicalize().unwrap_or_else(|_| dir.to_owned())) else {
        let dir = shown(dir);
        return Err(Failure::usage(anyhow!(
            "{dir} is neither a run's directory nor a campaign's"
        )));
    };
    let text = match found.kind {
        Kind::Run => {
            let run = RunDirectory::open(&found.dir).map_err(Failure::usage)?;
            report::text(&verdict(&run.verdict()).map_err(Failure::usage)?)
        }
        Kind::Campaign => fs::read_to_string(found.dir.join(MARKDOWN)).unwrap_or(found.summary),
        Kind::Unfinished | Kind::Damaged => found.summary,
    };
    print::data(text.trim_end()).map_err(Failure::infrastructure)?;
    Ok(Exit::Valid)
}

/// Removes runs that found nothing, but for the newest. Everything else stays: what failed is what somebody will want to see.
fn prune(folder: &Path, keep: usize, dry_run: bool) -> Result<Exit, Failure> {
    let found = found_in(folder).map_err(Failure::usage)?;
    let valid = found
        .iter()
        .filter(|found| found.kind == Kind::Run && found.valid == Some(Validity::Valid))
        // One whose cluster is kept up is in use.
        .filter(|found| !RunDirectory::open(&found.dir).is_ok_and(|run| run.goes_on()));
    let mut bytes = 0;
    let mut removed = 0;
    for found in valid.skip(keep) {
        if !dry_run {
            fs::remove_dir_all(&found.dir)
                .with_context(|| format!("remove {}", shown(&found.dir)))
                .map_err(Failure::infrastructure)?;
        }
        bytes += found.bytes;
        removed += 1;
        print::data(&shown(&found.dir)).map_err(Failure::infrastructure)?;
    }
    let latest = folder.join("latest");
    if !dry_run && latest.is_symlink() && !latest.exists() {
        // It names a run that is gone.
        let _ = fs::remove_file(&latest);
    }
    eprintln!(
        "tribunal: {} {removed} of {} results, {}",
        if dry_run { "would remove" } else { "removed" },
        found.len(),
        HumanBytes(bytes)
    );
    Ok(Exit::Valid)
}

/// What lies below a directory; what cannot be read counts for nothing, and links are not followed.
fn bytes_of(dir: &Path) -> u64 {
    let mut left = vec![dir.to_owned()];
    let mut bytes = 0;
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else {
                continue;
            };
            if meta.is_dir() {
                left.push(entry.path());
            } else {
                bytes += meta.len();
            }
        }
    }
    bytes
}
