//! The directory of a run: what lies where. `results/README.md` says the same to people.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::plan::{Overrides, Resolved, resolve};

/// The folder below which run directories are made.
pub const RESULTS: &str = "results";

/// What a run is compared by with others.
pub const FIGURES: &str = "figures.json";

/// A run's directory.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    root: PathBuf,
}

impl RunDirectory {
    /// Makes a new directory: `out`, or `results/<time>-<plan>-<seed>` with the `latest` link set to it.
    pub fn create(out: Option<&Path>, plan: &str, seed: u64) -> Result<Self> {
        let root = match out {
            Some(out) => create_empty(out)?,
            None => create_dated(plan, seed)?,
        };
        let root = root
            .canonicalize()
            .with_context(|| format!("resolve {}", root.display()))?;
        Ok(Self { root })
    }

    /// The directory of a run that there is.
    pub fn open(root: &Path) -> Result<Self> {
        if !root.is_dir() {
            bail!("{} is not a directory", root.display());
        }
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory as people name it: relative to where they are, where it lies below.
    pub fn shown(&self) -> String {
        shown(&self.root)
    }

    /// The plan with nothing left to choose.
    pub fn plan(&self) -> PathBuf {
        self.root.join("resolved.toml")
    }

    /// The same, read.
    ///
    /// # Errors
    /// It is not there, or is no plan.
    pub fn resolved(&self) -> Result<Resolved> {
        let path = self.plan();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        resolve(&shown(&path), &text, &Overrides::default())
    }

    /// Marks the run as one that goes on, until this is dropped, however the process ends. A file system without locks tells nobody.
    pub fn lock(&self) -> Option<Flock<File>> {
        let file = File::open(self.plan()).ok()?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
    }

    /// Whether a process brings it about, judges it, or keeps its cluster up.
    pub fn goes_on(&self) -> bool {
        let Ok(file) = File::open(self.plan()) else {
            return false;
        };
        matches!(
            Flock::lock(file, FlockArg::LockSharedNonblock),
            Err((_, Errno::EWOULDBLOCK))
        )
    }

    /// Everything that was seen.
    pub fn history(&self) -> PathBuf {
        self.root.join("history.jsonl")
    }

    /// The verdict, as data.
    pub fn verdict(&self) -> PathBuf {
        self.root.join("verdict.json")
    }

    /// What it is compared by with other runs.
    pub fn figures(&self) -> PathBuf {
        self.root.join(FIGURES)
    }

    /// The verdict, as test results.
    pub fn junit(&self) -> PathBuf {
        self.root.join("junit.xml")
    }

    /// The verdict, as a page.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The packets that links delivered, where that was asked for…
    pub fn delivered(&self) -> PathBuf {
        self.root.join("delivered.pcap")
    }

    /// …and those that a fault took instead.
    pub fn dropped(&self) -> PathBuf {
        self.root.join("dropped.pcap")
    }

    /// What the run was made of: versions and sums.
    pub fn made_of(&self) -> PathBuf {
        self.root.join("made-of.json")
    }

    /// What the run took: times, frames, CPU.
    pub fn measured(&self) -> PathBuf {
        self.root.join("measured.json")
    }

    /// What the clients' library had to say.
    pub fn clients_log(&self) -> PathBuf {
        self.root.join("clients.log")
    }

    /// The files that are there for people to look at, relative to the directory, in a fixed order.
    pub fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = [
            "verdict.json",
            "junit.xml",
            "history.jsonl",
            "resolved.toml",
            "made-of.json",
            "measured.json",
            "clients.log",
        ]
        .iter()
        .map(|&name| name.to_owned())
        .collect();
        let nodes = fs::read_dir(self.nodes()).into_iter().flatten().flatten();
        let mut folders: Vec<String> = nodes
            .map(|node| format!("nodes/{}", node.file_name().display()))
            .collect();
        folders.sort();
        for folder in folders {
            files.extend(["config", "logs"].map(|part| format!("{folder}/{part}")));
        }
        // The page and the test results are written after this is asked for, and are there when it is read.
        files.retain(|name| name == "verdict.json" || name == "junit.xml" || self.root.join(name).exists());
        files
    }

    /// Each node's directory: configuration, logs, data.
    pub fn nodes(&self) -> PathBuf {
        self.root.join("nodes")
    }

    /// Copies of what lay on the nodes' disks at moments of the run.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// Throws the nodes' data away, and the copies of it; their logs and configuration stay.
    pub fn remove_data(&self, nodes: &[u32]) -> Result<()> {
        for node in nodes {
            let data = self.nodes().join(format!("n{node}")).join("data");
            if data.exists() {
                fs::remove_dir_all(&data).with_context(|| format!("remove {}", data.display()))?;
            }
        }
        let evidence = self.evidence();
        if evidence.exists() {
            fs::remove_dir_all(&evidence).with_context(|| format!("remove {}", evidence.display()))?;
        }
        Ok(())
    }
}

/// A path as people name it: relative to where they are, where it lies below.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path);
    if shown.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        shown.display().to_string()
    }
}

/// Writes a file whole or not at all: to another name first.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let half = path.with_extension("half");
    let written = File::create(&half).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&half, path));
    if moved.is_err() {
        // A half file says nothing, and on a full disk its room is needed.
        let _ = fs::remove_file(&half);
    }
    moved.with_context(|| format!("write {}", path.display()))
}

/// Makes the directory that `--out` names; one that holds anything is refused.
pub fn create_empty(out: &Path) -> Result<PathBuf> {
    if out.exists()
        && fs::read_dir(out)
            .with_context(|| format!("read {}", out.display()))?
            .next()
            .is_some()
    {
        bail!(
            "--out {} is not empty: name a new directory, so that no run is overwritten",
            out.display()
        );
    }
    fs::create_dir_all(out).with_context(|| format!("create {}", out.display()))?;
    Ok(out.to_path_buf())
}

fn create_dated(plan: &str, seed: u64) -> Result<PathBuf> {
    let results = Path::new(RESULTS);
    fs::create_dir_all(results).with_context(|| format!("create {}", results.display()))?;
    let time = jiff::Zoned::now().strftime("%Y%m%dT%H%M%S").to_string();
    // Two runs of one plan and seed in one second take turns.
    for turn in 1..=100 {
        let suffix = if turn == 1 {
            String::new()
        } else {
            format!("-{turn}")
        };
        let name = format!("{time}-{plan}-{seed}{suffix}");
        let root = results.join(&name);
        match fs::create_dir(&root) {
            Ok(()) => {
                set_latest(results, &name)?;
                return Ok(root);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("create {}", root.display())),
        }
    }
    bail!(
        "{} holds a hundred runs of this second already",
        results.display()
    )
}

/// Sets the link in one step, so that no reader ever finds none.
fn set_latest(results: &Path, name: &str) -> Result<()> {
    let link = results.join("latest");
    let half = results.join(format!(".latest-{}", std::process::id()));
    symlink(name, &half)
        .and_then(|()| fs::rename(&half, &link))
        .with_context(|| format!("set the link {}", link.display()))
}
