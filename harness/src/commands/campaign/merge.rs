//! `tribunal merge`: the parts of a campaign, from several machines, as one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::folder::{Folder, Identity, RUNS, read_journal};
use super::{summary, trend};
use crate::campaign::Entry;
use crate::child::remove;
use crate::cli::MergeOptions;
use crate::directory::{create_empty, shown};
use crate::exit::{Exit, Failure};

/// Merges directories of one campaign into a new one, with their runs, and says what they came to together.
pub fn merge(options: &MergeOptions) -> Result<Exit, Failure> {
    let parts: Result<Vec<Half>> = options.dirs.iter().map(|dir| Half::read(dir)).collect();
    let parts = parts.map_err(Failure::usage)?;
    trend::check(&options.trend).map_err(Failure::usage)?;
    let whole = check(&parts).map_err(Failure::usage)?;
    let out = create_empty(&options.out).map_err(Failure::usage)?;
    let mut folder = Folder::open(&out, &whole, false).map_err(Failure::usage)?;
    for part in parts {
        for entry in part.journal {
            take(&part.root, folder.root(), &entry).map_err(Failure::infrastructure)?;
            folder.append(entry).map_err(Failure::infrastructure)?;
        }
    }
    let summary = summary::of(&folder.identity, &folder.standings);
    summary::publish(
        folder.root(),
        &folder.identity,
        &summary,
        &options.trend,
        options.json,
    )
    .map_err(Failure::infrastructure)?;
    Ok(summary::exit(&summary))
}

/// A part, as its directory holds it.
struct Half {
    root: PathBuf,
    identity: Identity,
    journal: Vec<Entry>,
}

impl Half {
    fn read(root: &Path) -> Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            identity: Identity::read(root)?,
            journal: read_journal(root)?.entries,
        })
    }
}

/// The campaign that all are parts of. No run may be in two of them: which would count?
fn check(parts: &[Half]) -> Result<Identity> {
    let first = parts.first().context("name at least one directory")?;
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        if part.identity.fingerprint != first.identity.fingerprint {
            bail!(
                "{} and {} are no parts of one campaign: {} with seed {} and {} with seed {}, of fingerprints {} and {}",
                shown(&first.root),
                shown(&part.root),
                first.identity.name,
                first.identity.seed,
                part.identity.name,
                part.identity.seed,
                first.identity.fingerprint,
                part.identity.fingerprint
            );
        }
        if part.identity.gate != first.identity.gate {
            bail!(
                "{} and {} have different [gate] tables: which would decide?",
                shown(&first.root),
                shown(&part.root)
            );
        }
        for entry in &part.journal {
            let run = entry.run();
            let other = *made.entry(run).or_insert(number);
            if other != number {
                bail!(
                    "{} and {} both made the run {run}: leave one of them out",
                    shown(&parts[other].root),
                    shown(&part.root)
                );
            }
        }
    }
    Ok(Identity {
        part: None,
        // All of one form, and of one clock's place: the first in the order of letters is the earliest.
        begun: parts.iter().filter_map(|part| part.identity.begun.clone()).min(),
        ..first.identity.clone()
    })
}

/// Takes over what lies on the disk of a run, where it is still there.
fn take(from: &Path, to: &Path, entry: &Entry) -> Result<()> {
    let Entry::Ended(record) = entry else {
        return Ok(());
    };
    // A journal is a file that people may have written: it names what lies below, and nothing else.
    let name = record
        .dir
        .strip_prefix(RUNS)
        .and_then(|name| name.strip_prefix('/'));
    let name = name.filter(|name| !name.contains('/') && !name.starts_with('.'));
    let name = name.with_context(|| {
        format!(
            "the run {} lies at {}, which is no run of a campaign",
            record.run, record.dir
        )
    })?;
    for name in [name.to_owned(), format!("{name}.toml"), format!("{name}.log")] {
        let (from, to) = (from.join(RUNS).join(&name), to.join(RUNS).join(&name));
        if from.is_dir() {
            remove(&to)?;
        }
        copy(&from, &to).with_context(|| format!("take over {}", shown(&from)))?;
    }
    Ok(())
}

/// Copies a file or a directory: without its bytes where both lie on one disk. What is not there is not copied; links stay what they are.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut left = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = left.pop() {
        let Ok(kind) = from.symlink_metadata() else {
            continue;
        };
        if kind.is_dir() {
            fs::create_dir_all(&to)?;
            for entry in fs::read_dir(&from)? {
                let name = entry?.file_name();
                left.push((from.join(&name), to.join(&name)));
            }
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
