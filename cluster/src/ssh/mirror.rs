//! A directory that lies on a host, and its likeness here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::agent::Line;
use super::paths::Paths;
use crate::agent::{message::Message, text};

/// How much goes in one message.
const PART: usize = 4 << 20;
/// Files that are longer hold no paths of ours.
const TEXT_MAX: u64 = 1 << 20;

/// The two of them.
pub(super) struct Mirror {
    pub(super) line: Line,
    pub(super) paths: Paths,
    /// What was fetched, as it was there: its length and when it had changed.
    pub(super) seen: Mutex<HashMap<PathBuf, (u64, String)>>,
}

/// What lies there.
struct There {
    is_directory: bool,
    length: u64,
    changed: String,
}

impl Mirror {
    /// Makes what lies there the same as here. In texts, paths are made those of the host.
    pub(super) fn publish(&self, path: &Path) -> Result<()> {
        let there = self.paths.path(path);
        self.line.ask(&["remove", &there])?;
        let seen = &mut self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|seen, _| !seen.starts_with(path));
        self.publish_below(path, &there)
    }

    fn publish_below(&self, path: &Path, there: &str) -> Result<()> {
        if !path.is_dir() {
            return self.publish_file(path, there);
        }
        self.line.ask(&["directory", there])?;
        for entry in fs::read_dir(path).with_context(|| format!("list {}", path.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().context("publish a file whose name is no text")?;
            self.publish_below(&entry.path(), &format!("{there}/{name}"))?;
        }
        Ok(())
    }

    fn publish_file(&self, path: &Path, there: &str) -> Result<()> {
        let failed = || format!("read {}", path.display());
        if fs::metadata(path).with_context(failed)?.len() <= TEXT_MAX
            && let Ok(text) = String::from_utf8(fs::read(path).with_context(failed)?)
        {
            return self.put(there, 0, 0o644, self.paths.there(&text).as_bytes());
        }
        self.upload(path, there)
    }

    /// Copies a file as it is.
    pub(super) fn upload(&self, path: &Path, there: &str) -> Result<()> {
        let failed = || format!("read {}", path.display());
        let file = File::open(path).with_context(failed)?;
        let (mut offset, mut part) = (0, vec![0; PART]);
        loop {
            let length = file.read_at(&mut part, offset).with_context(failed)?;
            if length == 0 && offset > 0 {
                return Ok(());
            }
            self.put(there, offset, 0o644, &part[..length])?;
            if length == 0 {
                return Ok(());
            }
            offset += length as u64;
        }
    }

    /// Writes a part of a file there.
    pub(super) fn put(&self, there: &str, offset: u64, mode: u32, bytes: &[u8]) -> Result<()> {
        let (offset, mode) = (offset.to_string(), mode.to_string());
        let request: [&[u8]; 5] = [
            b"put",
            there.as_bytes(),
            offset.as_bytes(),
            mode.as_bytes(),
            bytes,
        ];
        self.line
            .ask(&request)
            .map(drop)
            .with_context(|| format!("write {there}"))
    }

    /// Makes what lies here the same as there: a directory whole, and of a file what it has grown by.
    pub(super) fn fetch(&self, path: &Path) -> Result<()> {
        let root = self.paths.path(path);
        let listed = listing(&self.line.ask(&["list", &root])?)?;
        if let Some(file) = listed.get(Path::new("")) {
            let have = fs::metadata(path).map_or(0, |data| data.len());
            return self.fetch_range(path, &root, have.min(file.length), file.length);
        }
        if listed.is_empty() && !path.is_dir() {
            return Ok(());
        }
        remove_others(path, Path::new(""), &listed)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (below, there) in &listed {
            let here = path.join(below);
            if there.is_directory {
                fs::create_dir_all(&here).with_context(|| format!("make {}", here.display()))?;
                continue;
            }
            let now = (there.length, there.changed.clone());
            if seen.get(&here) == Some(&now) && here.is_file() {
                continue;
            }
            let from = format!("{root}/{}", below.display());
            let _ = fs::remove_file(&here);
            match self.fetch_range(&here, &from, 0, there.length) {
                Ok(()) => drop(seen.insert(here, now)),
                // A broker that runs may have deleted it by now.
                Err(error) if format!("{error:#}").contains("(os error 2)") => {
                    let _ = fs::remove_file(&here);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fetches a file from an offset on; what it holds in zeros at the end is a hole here.
    fn fetch_range(&self, here: &Path, there: &str, from: u64, length: u64) -> Result<()> {
        let failed = || format!("write {}", here.display());
        let mut offset = from;
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(here)
            .with_context(failed)?;
        while offset < length {
            let (at, wanted) = (offset.to_string(), (length - offset).min(PART as u64).to_string());
            let answer = self
                .line
                .ask(&["get", there, &at, &wanted])
                .with_context(|| format!("fetch {there}"))?;
            let got: u64 = text(&answer, 0)?.parse().context("understand the agent")?;
            if got == 0 {
                break;
            }
            let bytes = answer
                .get(1)
                .context("understand the agent: it says too little")?;
            file.write_all_at(bytes, offset).with_context(failed)?;
            offset += got;
        }
        file.set_len(offset).with_context(failed)
    }
}

fn listing(answer: &Message) -> Result<BTreeMap<PathBuf, There>> {
    let mut found = BTreeMap::new();
    for at in (0..answer.len()).step_by(4) {
        let there = There {
            is_directory: text(answer, at)? == "d",
            length: text(answer, at + 2)?.parse().context("understand a length")?,
            changed: text(answer, at + 3)?.to_owned(),
        };
        let path = PathBuf::from(text(answer, at + 1)?);
        // What comes from a host is written below its own directory, or nowhere.
        let is_below = path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        anyhow::ensure!(
            is_below,
            "fetch {}: it leads out of its directory",
            path.display()
        );
        found.insert(path, there);
    }
    Ok(found)
}

/// Removes what does not lie there.
fn remove_others(root: &Path, below: &Path, listed: &BTreeMap<PathBuf, There>) -> Result<()> {
    let directory = root.join(below);
    let names: BTreeSet<_> = fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    for name in names {
        let (path, below) = (directory.join(&name), below.join(&name));
        let failed = || format!("remove {}", path.display());
        match (listed.get(&below), path.is_dir()) {
            (Some(there), true) if there.is_directory => remove_others(root, &below, listed)?,
            (Some(there), false) if !there.is_directory => {}
            (_, true) => fs::remove_dir_all(&path).with_context(failed)?,
            (_, false) => fs::remove_file(&path).with_context(failed)?,
        }
    }
    Ok(())
}
