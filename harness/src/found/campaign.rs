//! Whether what a campaign left can be read, and which of its runs are damaged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use checkers::Validity;
use report::{CampaignSummary, RunNote, RunState};

use super::run::damage;
use crate::campaign::Standings;
use crate::commands::campaign::{IDENTITY, Identity, LOCK, RUNS, SUMMARY, exit, read_journal, summary_of};
use crate::directory::shown;
use crate::exit::Exit;

/// Damaged runs that a sentence names.
const NAMED: usize = 3;

/// A campaign as its directory tells it.
pub struct CampaignFound {
    /// What it is.
    pub identity: Identity,
    /// What it came to so far, by its journal.
    pub summary: CampaignSummary,
    /// What is to be said of single runs.
    pub notes: BTreeMap<String, RunNote>,
    /// Whether it goes on.
    pub goes_on: bool,
    /// Whether it ended, or was interrupted in good order: it left a summary.
    pub has_summary: bool,
}

/// Whether a directory is a campaign's, whole or not.
pub fn is_campaign(dir: &Path) -> bool {
    [IDENTITY, SUMMARY].iter().any(|name| dir.join(name).is_file())
}

impl CampaignFound {
    /// Reads it.
    ///
    /// # Errors
    /// A file without which nobody knows what it came to is damaged; the error names it.
    pub fn read(dir: &Path) -> Result<Self> {
        let identity = Identity::read(dir)?;
        let mut standings = Standings::default();
        for entry in read_journal(dir)?.entries {
            standings.add(entry);
        }
        let path = dir.join(SUMMARY);
        let has_summary = path.is_file();
        let stored = has_summary.then(|| read_summary(&path)).transpose()?;
        let mut summary = summary_of(&identity, &standings);
        let goes_on = is_held(&dir.join(LOCK));
        if let Some(stored) = stored.filter(|stored| !goes_on && stored.totals.not_needed > 0) {
            // That a run was not needed is no line of the journal.
            leave_out(&mut summary, &stored);
        }
        let mut notes = damaged_runs(dir, &summary);
        if goes_on {
            notes.extend(going_on(dir, &summary, &standings));
        }
        Ok(Self {
            identity,
            summary,
            notes,
            goes_on,
            has_summary,
        })
    }

    /// Whether all came out as expected, once it ended.
    pub fn valid(&self) -> Option<Validity> {
        (self.has_summary && !self.goes_on).then(|| match exit(&self.summary) {
            Exit::Valid => Validity::Valid,
            Exit::Violation => Validity::Invalid,
            _ => Validity::Unknown,
        })
    }

    /// What it came to in a sentence, damaged runs named.
    pub fn sentence(&self) -> String {
        let mut text = match (self.goes_on, self.has_summary) {
            (true, _) => format!("goes on: {}", self.summary.sentence()),
            (false, true) => self.summary.sentence(),
            (false, false) => format!(
                "was ended, `tribunal campaign … --resume` goes on: {}",
                self.summary.sentence()
            ),
        };
        let damaged: Vec<String> = self
            .notes
            .iter()
            .filter_map(|(run, note)| match note {
                RunNote::Damaged(what) => Some(format!("{run}: {what}")),
                RunNote::GoingOn(_) => None,
            })
            .collect();
        if !damaged.is_empty() {
            let more = if damaged.len() > NAMED { ", …" } else { "" };
            let named = damaged.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            text = format!("{text}; {} damaged: {named}{more}", damaged.len());
        }
        text
    }
}

/// Marks the runs that were left out because nothing hung on them.
fn leave_out(summary: &mut CampaignSummary, stored: &CampaignSummary) {
    for (run, stored) in summary.runs.iter_mut().zip(&stored.runs) {
        if run.name == stored.name && run.state == RunState::NotMade && stored.state == RunState::NotNeeded {
            run.state = RunState::NotNeeded;
            run.summary.clone_from(&stored.summary);
            summary.totals.not_made -= 1;
            summary.totals.not_needed += 1;
        }
    }
}

/// A campaign's summary.
///
/// # Errors
/// It is not there, or is none.
pub fn read_summary(path: &Path) -> Result<CampaignSummary> {
    let bytes = fs::read(path).with_context(|| format!("read {}", shown(path)))?;
    serde_json::from_slice(&bytes).with_context(|| format!("read {} as a campaign's summary", shown(path)))
}

/// The runs whose directories do not hold what the journal says.
pub fn damaged_runs(dir: &Path, summary: &CampaignSummary) -> BTreeMap<String, RunNote> {
    let judged = summary.runs.iter().filter(|run| {
        !matches!(
            run.state,
            RunState::NotMade | RunState::NotNeeded | RunState::Infrastructure
        )
    });
    let damaged = judged.filter_map(|run| {
        let what = damage_of(dir, &run.dir)?;
        Some((run.name.clone(), RunNote::Damaged(what)))
    });
    damaged.collect()
}

fn damage_of(root: &Path, dir: &str) -> Option<String> {
    let Some(path) = below(root, dir) else {
        return Some(format!("`{dir}` is no run of a campaign"));
    };
    if !path.is_dir() {
        return Some(format!("{dir} is missing"));
    }
    if !path.join("verdict.json").is_file() {
        return Some(format!("{dir}/verdict.json is missing"));
    }
    damage(&path).map(|what| format!("{dir}/{what}"))
}

/// Where a run lies; a journal is a file that people may have written, and names what lies below or nothing.
fn below(root: &Path, dir: &str) -> Option<PathBuf> {
    let name = dir.strip_prefix(RUNS)?.strip_prefix('/')?;
    (!name.is_empty() && !name.contains('/') && !name.starts_with('.')).then(|| root.join(dir))
}

/// Runs that came to nothing yet and whose directory is there.
fn going_on<'a>(
    root: &'a Path,
    summary: &'a CampaignSummary,
    standings: &'a Standings,
) -> impl Iterator<Item = (String, RunNote)> + 'a {
    let open = summary.runs.iter().filter(|run| run.state == RunState::NotMade);
    open.filter_map(move |run| {
        let made = standings.of(&run.name).map_or(0, |standing| standing.made);
        let name = match made {
            0 => run.name.clone(),
            made => format!("{}~{}", run.name, made + 1),
        };
        let dir = format!("{RUNS}/{name}");
        let is_there = root.join(&dir).is_dir();
        is_there.then(|| (run.name.clone(), RunNote::GoingOn(dir)))
    })
}

/// Whether a process holds the lock of a file. The lock itself is not touched: one who begins meanwhile must not find it taken.
pub fn is_held(file: &Path) -> bool {
    let Ok(meta) = fs::metadata(file) else {
        return false;
    };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    // `1: FLOCK  ADVISORY  WRITE 708 fe:00:9977896 0 EOF` (proc_locks(5)).
    let inode = format!(":{}", meta.ino());
    locks.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.nth(1) == Some("FLOCK") && words.nth(3).is_some_and(|file| file.ends_with(&inode))
    })
}
