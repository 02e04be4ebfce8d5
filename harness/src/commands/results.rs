//! `tribunal results`: what lies in a folder of results, what a run came to, and room for more.
//!
//! Whatever lies there may be half a run, damaged, or somebody's: it is listed as what it is, and only whole runs that found nothing are
//! ever removed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use checkers::Validity;
use indicatif::HumanBytes;

use super::campaign::MARKDOWN;
use crate::child::verdict;
use crate::cli::{ResultsCommand, ResultsOptions};
use crate::directory::{RESULTS, RunDirectory, shown};
use crate::exit::{Exit, Failure};
use crate::found::{Found, Kind, found_in};
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

/// What it is, in a word.
fn word(found: &Found) -> &'static str {
    match (found.kind, found.valid) {
        (Kind::Campaign, _) => "campaign",
        (Kind::Unfinished, _) => "unfinished",
        (Kind::Damaged, _) => "damaged",
        (Kind::Run, Some(Validity::Valid)) => "valid",
        (Kind::Run, Some(Validity::Invalid)) => "violation",
        (Kind::Run, _) => "unknown",
    }
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
            let name = found.name();
            let bytes = HumanBytes(found.bytes).to_string();
            format!("{:<10} {bytes:>11}  {name}  {}", word(found), found.summary)
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
