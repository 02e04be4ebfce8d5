//! What lies in a folder of results: whatever it is, it is listed as what it is.
//!
//! Half a run, a damaged one, somebody's letters: nothing that lies there keeps the others from being shown.

mod campaign;
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use checkers::Validity;
use serde::Serialize;

use crate::child::verdict;
use crate::directory::shown;

pub use campaign::{CampaignFound, damaged_runs, is_campaign, is_held, read_summary};
pub use run::{damage, is_run, quiet_seconds};

/// What a directory of results holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A run that was judged.
    Run,
    /// A run without a verdict: it goes on, or was ended.
    Unfinished,
    /// A run or a campaign that cannot be read as what it was.
    Damaged,
    /// A campaign.
    Campaign,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Found {
    /// Where it lies.
    pub dir: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// A run's verdict; of a campaign that ended, whether all came out as expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<Validity>,
    /// The verdict in a sentence, or why there is none.
    pub summary: String,
    /// What lies there, in bytes.
    pub bytes: u64,
    /// Whether it is a campaign, also where that cannot be read.
    #[serde(skip)]
    pub is_campaign: bool,
    /// Whether a process has it in hand.
    #[serde(skip)]
    pub goes_on: bool,
    /// When the directory was last changed.
    #[serde(skip)]
    pub changed: SystemTime,
}

impl Found {
    /// What a directory holds; `None` where it is nothing of ours. A link is not followed.
    pub fn read(dir: PathBuf) -> Option<Self> {
        let meta = dir.symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
        let is_campaign = is_campaign(&dir);
        let mut goes_on = is_held(&dir.join("resolved.toml"));
        let (kind, valid, summary) = if is_campaign {
            match CampaignFound::read(&dir) {
                Ok(campaign) => {
                    goes_on = campaign.goes_on;
                    (Kind::Campaign, campaign.valid(), campaign.sentence())
                }
                Err(error) => (Kind::Damaged, None, format!("{error:#}")),
            }
        } else if is_run(&dir) {
            of_run(&dir, goes_on)
        } else {
            return None;
        };
        Some(Self {
            kind,
            valid,
            summary,
            bytes: bytes_of(&dir),
            is_campaign,
            goes_on,
            changed: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            dir,
        })
    }

    /// The directory's own name.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().display().to_string()
    }
}

fn of_run(dir: &Path, goes_on: bool) -> (Kind, Option<Validity>, String) {
    if let Some(damage) = damage(dir) {
        return (Kind::Damaged, None, damage);
    }
    let path = dir.join("verdict.json");
    match path.is_file().then(|| verdict(&path)) {
        Some(Ok(verdict)) => (Kind::Run, Some(verdict.valid), verdict.summary),
        Some(Err(error)) => (Kind::Damaged, None, format!("{error:#}")),
        None => {
            let summary = if goes_on {
                "it goes on"
            } else {
                "no verdict: it was ended before it had one"
            };
            (Kind::Unfinished, None, summary.to_owned())
        }
    }
}

/// Everything in a folder that is ours, the newest first.
pub fn found_in(folder: &Path) -> Result<Vec<Found>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", shown(folder)))?;
    let mut found: Vec<Found> = entries
        .flatten()
        .filter_map(|entry| Found::read(entry.path()))
        .collect();
    found.sort_by(|one, other| (other.changed, &other.dir).cmp(&(one.changed, &one.dir)));
    Ok(found)
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
