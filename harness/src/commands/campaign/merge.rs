//! `tribunal merge`: the parts of a campaign, from several machines, as one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use report::CampaignSummary;
use tempfile::TempDir;

use super::folder::{Folder, Identity, RUNS, read_journal};
use super::summary::{self, SUMMARY};
use super::trend;
use crate::campaign::Entry;
use crate::child::remove;
use crate::cli::MergeOptions;
use crate::directory::{create_empty, shown};
use crate::exit::{Exit, Failure};
use crate::print;
use crate::store::{self, Place};

/// Merges directories of one campaign into a new one, with their runs, and says what they came to together. What lies in object
/// storage is fetched first; what is to lie there is put there last.
pub fn merge(options: &MergeOptions) -> Result<Exit, Failure> {
    trend::check(&options.trend).map_err(Failure::usage)?;
    let mut away = match &options.out {
        Place::Directory(_) => None,
        Place::Store(url) => Some(empty(url)?),
    };
    let beside = options.out.beside();
    let fetched = options.dirs.iter().map(|place| Fetched::from(place, &beside));
    let fetched = fetched.collect::<Result<Vec<Fetched>, Failure>>()?;
    let parts: Result<Vec<Half>> = fetched.iter().map(Half::read).collect();
    let parts = parts.map_err(Failure::usage)?;
    let whole = check(&parts).map_err(Failure::usage)?;
    let made = match &options.out {
        Place::Directory(path) => Made::here(path)?,
        Place::Store(_) => Made::away(&beside)?,
    };
    let summary = join(parts, &whole, &made.root, options)?;
    if let Some(folder) = &mut away {
        let moved = folder.put(&made.root, SUMMARY).map_err(Failure::infrastructure)?;
        eprintln!("tribunal: put {moved} at {}", options.out);
    }
    summary::tell(&summary, &options.out.to_string());
    if options.json {
        print::json(&summary).map_err(Failure::infrastructure)?;
    }
    Ok(summary::exit(&summary))
}

/// Joins the parts in a directory.
fn join(
    parts: Vec<Half>,
    whole: &Identity,
    root: &Path,
    options: &MergeOptions,
) -> Result<CampaignSummary, Failure> {
    let mut folder = Folder::open(root, whole, false).map_err(Failure::usage)?;
    for part in parts {
        for entry in part.journal {
            take(&part.root, folder.root(), &entry).map_err(Failure::infrastructure)?;
            folder.append(entry).map_err(Failure::infrastructure)?;
        }
    }
    let summary = summary::of(&folder.identity, &folder.standings);
    let place = options.out.to_string();
    summary::publish(folder.root(), &folder.identity, &summary, &options.trend, &place)
        .map_err(Failure::infrastructure)?;
    Ok(summary)
}

/// An empty place in object storage.
fn empty(url: &str) -> Result<store::Folder, Failure> {
    let mut folder = store::Folder::open(url).map_err(Failure::usage)?;
    folder.check_empty().map_err(Failure::infrastructure)?;
    Ok(folder)
}

/// A directory that is filled here, and goes where it is of no more use.
struct Made {
    root: PathBuf,
    _kept: Option<TempDir>,
}

impl Made {
    fn here(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            root: create_empty(path).map_err(Failure::usage)?,
            _kept: None,
        })
    }

    /// One level down, so that nobody who looks for campaigns in this folder finds it.
    fn away(beside: &Path) -> Result<Self, Failure> {
        let made = tempfile::Builder::new()
            .prefix(".tribunal-merge-")
            .tempdir_in(beside);
        let made = made.with_context(|| format!("create a directory in {}", shown(beside)));
        let kept = made.map_err(Failure::infrastructure)?;
        let root = create_empty(&kept.path().join("campaign")).map_err(Failure::infrastructure)?;
        Ok(Self {
            root,
            _kept: Some(kept),
        })
    }
}

/// A part on this machine.
struct Fetched {
    /// As it was named.
    name: String,
    made: Made,
}

impl Fetched {
    /// Fetches a part that is not here to beside the whole, so that its files need not be copied once more.
    fn from(place: &Place, beside: &Path) -> Result<Self, Failure> {
        let name = place.to_string();
        let made = match place {
            Place::Directory(path) => Made {
                root: path.clone(),
                _kept: None,
            },
            Place::Store(url) => {
                let mut folder = store::Folder::open(url).map_err(Failure::usage)?;
                let made = Made::away(beside)?;
                let moved = folder.fetch(&made.root).map_err(Failure::infrastructure)?;
                eprintln!("tribunal: fetched {moved} from {name}");
                made
            }
        };
        Ok(Self { name, made })
    }
}

/// A part, as its directory holds it.
struct Half {
    name: String,
    root: PathBuf,
    identity: Identity,
    journal: Vec<Entry>,
}

impl Half {
    fn read(part: &Fetched) -> Result<Self> {
        Ok(Self {
            name: part.name.clone(),
            root: part.made.root.clone(),
            identity: Identity::read(&part.made.root)
                .with_context(|| format!("read the part {}", part.name))?,
            journal: read_journal(&part.made.root)
                .with_context(|| format!("read the part {}", part.name))?
                .entries,
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
                first.name,
                part.name,
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
                first.name,
                part.name
            );
        }
        for entry in &part.journal {
            let run = entry.run();
            let other = *made.entry(run).or_insert(number);
            if other != number {
                bail!(
                    "{} and {} both made the run {run}: leave one of them out",
                    parts[other].name,
                    part.name
                );
            }
        }
    }
    // One part alone stays what it is: put into storage, it is still to be told from a campaign that lacks runs.
    let part = first.identity.part.filter(|_| parts.len() == 1);
    Ok(Identity {
        part,
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
