//! The directory of a campaign: what it is, its journal, its runs.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use report::GateRule;
use serde::{Deserialize, Serialize};

use crate::campaign::{Cell, Entry, Job, Part, Standing, Standings};
use crate::directory::{RESULTS, shown, write_whole};

/// What a campaign is.
pub const IDENTITY: &str = "campaign.json";
/// What ended, a line each.
pub const JOURNAL: &str = "journal.jsonl";
/// Held by the campaign that goes on.
pub const LOCK: &str = ".lock";
/// What a campaign is, half written.
const HALF: &str = "campaign.half";
/// Below it lie the runs.
pub const RUNS: &str = "runs";

/// What a campaign is: from its file, and its seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The seed that those of its runs come from.
    pub seed: u64,
    /// What tells it from every other.
    pub fingerprint: String,
    /// By what it passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateRule>,
    /// When it was begun (RFC 3339): for people, and no part of what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<String>,
    /// The part of it that is run here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Its runs, those of other parts too.
    pub jobs: Vec<Job>,
}

impl Identity {
    /// Reads that of a directory.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(IDENTITY);
        let bytes = fs::read(&path)
            .with_context(|| format!("read {}: is it a campaign's directory?", shown(&path)))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {} as a campaign", shown(&path)))
    }

    /// The runs that are made here, by their places among all.
    pub fn ours(&self) -> impl Iterator<Item = (usize, &Job)> {
        let jobs = self.jobs.iter().enumerate();
        jobs.filter(|(place, job)| self.part.is_none_or(|part| part.has(*place, &job.name)))
    }

    /// The cell of a run.
    pub fn cell(&self, job: &Job) -> &Cell {
        &self.cells[job.cell]
    }
}

/// Where a campaign, or a part of it, is kept that is not told where.
pub fn default(name: &str, part: Option<Part>) -> PathBuf {
    let part = part.map(|part| format!("-{part}").replace([':', '/'], "-"));
    Path::new(RESULTS).join(format!("campaign-{name}{}", part.unwrap_or_default()))
}

/// A campaign's directory, held by this process.
pub struct Folder {
    root: PathBuf,
    /// What is run here.
    pub identity: Identity,
    /// What is known of its runs.
    pub standings: Standings,
    file: File,
    _lock: File,
}

impl Folder {
    /// Makes a new one, or goes on with what is there: only with the same campaign.
    pub fn open(root: &Path, identity: &Identity, go_on: bool) -> Result<Self> {
        if root.exists() && !root.join(IDENTITY).exists() {
            check_empty(root)?;
        }
        fs::create_dir_all(root.join(RUNS)).with_context(|| format!("create {}", shown(root)))?;
        let root = root
            .canonicalize()
            .with_context(|| format!("find {}", shown(root)))?;
        let lock = hold(&root)?;
        let mut identity = identity.clone();
        if root.join(IDENTITY).exists() {
            let known = Identity::read(&root)?;
            check_same(&root, &known, &identity, go_on)?;
            identity.begun = known.begun;
        } else {
            let json = serde_json::to_vec_pretty(&identity).context("texts always have a form in JSON")?;
            write_whole(&root.join(IDENTITY), &json)?;
        }
        let journal = read_journal(&root)?;
        let path = root.join(JOURNAL);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("open {}", shown(&path)))?;
        // The next line must not go on with half of one.
        file.set_len(journal.whole)
            .with_context(|| format!("cut off the half line at the end of {}", shown(&path)))?;
        let mut standings = Standings::default();
        for entry in journal.entries {
            standings.add(entry);
        }
        Ok(Self {
            root,
            identity,
            standings,
            file,
            _lock: lock,
        })
    }

    /// Where it lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes down what happened, on the disk when this returns.
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        let mut line = serde_json::to_vec(&entry).context("texts always have a form in JSON")?;
        line.push(b'\n');
        // In one call: no other line can come between, and a process that is killed leaves a whole line or the start of one.
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .with_context(|| format!("write {}", shown(&self.root.join(JOURNAL))))?;
        self.standings.add(entry);
        Ok(())
    }

    /// Has every run made again that did not come out as expected.
    pub fn forget_failed(&mut self) -> Result<()> {
        let identity = &self.identity;
        let failed = identity.jobs.iter().filter(|job| {
            let outcome = self.standings.of(&job.name).and_then(Standing::outcome);
            outcome.is_some_and(|record| !record.outcome.is(identity.cell(job).expect))
        });
        let failed: Vec<String> = failed.map(|job| job.name.clone()).collect();
        for run in failed {
            self.append(Entry::Again { run })?;
        }
        Ok(())
    }
}

/// What a journal holds.
pub struct Journal {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// The bytes of its whole lines: what comes after was cut off as somebody killed the campaign.
    whole: u64,
}

/// Reads a directory's journal. A last line that was cut off is none.
pub fn read_journal(root: &Path) -> Result<Journal> {
    let path = root.join(JOURNAL);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        text => text.with_context(|| format!("read {}", shown(&path)))?,
    };
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let lines = text[..whole].split(|byte| *byte == b'\n').enumerate();
    let entries: Result<Vec<Entry>> = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| {
            serde_json::from_slice(line)
                .with_context(|| format!("read {}, line {}", shown(&path), number + 1))
        })
        .collect();
    Ok(Journal {
        entries: entries?,
        whole: whole as u64,
    })
}

fn check_same(root: &Path, known: &Identity, identity: &Identity, go_on: bool) -> Result<()> {
    let root = shown(root);
    if !go_on {
        bail!("{root} holds a campaign already: --resume goes on with it, --out begins another elsewhere");
    }
    if known.fingerprint != identity.fingerprint {
        bail!(
            "{root} holds a campaign of other runs (seed {}, fingerprint {}; this is seed {}, {}): \
             its file, its seed or a plan has changed, so begin anew with --out",
            known.seed,
            known.fingerprint,
            identity.seed,
            identity.fingerprint
        );
    }
    if known.gate != identity.gate {
        bail!(
            "{root} was begun with another [gate]: what was seen already must not choose it, so begin anew with --out"
        );
    }
    if known.part != identity.part {
        let name = |part: Option<Part>| part.map_or_else(|| "the whole".to_owned(), |part| part.to_string());
        bail!(
            "{root} holds {} of the campaign, and this is {}: go on with the same, or begin it elsewhere with --out",
            name(known.part),
            name(identity.part)
        );
    }
    Ok(())
}

/// What lies in a directory that is no campaign's is somebody's: nothing is mixed with it.
fn check_empty(root: &Path) -> Result<()> {
    let entries = fs::read_dir(root).with_context(|| format!("read {}", shown(root)))?;
    for entry in entries {
        let name = entry
            .with_context(|| format!("read {}", shown(root)))?
            .file_name();
        // What a campaign that was killed at once may have left.
        if name != LOCK && name != RUNS && name != HALF {
            bail!(
                "{} holds {} and no campaign: name a new directory with --out",
                shown(root),
                name.display()
            );
        }
    }
    Ok(())
}

/// Takes the directory's lock, which ends with the process however it ends.
fn hold(root: &Path) -> Result<File> {
    let path = root.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("open {}", shown(&path)))?;
    // SAFETY: the descriptor is open, and no pointer is passed.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
        bail!(
            "{} is in use by another `tribunal campaign`: wait for it, or interrupt it",
            shown(root)
        );
    }
    Ok(file)
}
