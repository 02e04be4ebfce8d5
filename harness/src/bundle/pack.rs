//! From a run's directory to a bundle.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use super::MANIFEST;
use super::manifest::{Manifest, Member, check_path};
use super::sums::Summed;

/// Histories are lines of one shape: beyond this, minutes buy little.
const LEVEL: i32 = 9;

/// What a bundle may do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Without {
    /// Copies of the nodes' disks, and captured packets.
    Evidence,
    /// What the brokers and the clients' library had to say.
    Logs,
}

impl Without {
    /// Its word on the command line and in a manifest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Logs => "logs",
        }
    }
}

/// Files that every run may have. The page and the test results are left out: `tribunal report` writes them anew from these.
const PLAIN: [&str; 6] = [
    "figures.json",
    "history.jsonl",
    "made-of.json",
    "measured.json",
    "resolved.toml",
    "verdict.json",
];

/// The files of a run that go into its bundle, by name. Only plain files are taken: a link is not followed.
pub fn select(root: &Path, without: &[Without]) -> Result<Vec<String>> {
    let evidence = !without.contains(&Without::Evidence);
    let logs = !without.contains(&Without::Logs);
    let mut found: Vec<String> = PLAIN.map(str::to_owned).to_vec();
    if evidence {
        found.extend(["delivered.pcap", "dropped.pcap"].map(str::to_owned));
        gather(root, "evidence", &mut found)?;
    }
    if logs {
        found.push("clients.log".to_owned());
    }
    for node in names(&root.join("nodes"))? {
        gather(root, &format!("nodes/{node}/config"), &mut found)?;
        if logs {
            gather(root, &format!("nodes/{node}/logs"), &mut found)?;
        }
    }
    found.retain(|path| fs::symlink_metadata(root.join(path)).is_ok_and(|meta| meta.is_file()));
    found.sort();
    Ok(found)
}

/// All files below a folder, where there is one.
fn gather(root: &Path, folder: &str, found: &mut Vec<String>) -> Result<()> {
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for name in names(&root.join(&folder))? {
            let path = format!("{folder}/{name}");
            let meta = fs::symlink_metadata(root.join(&path)).with_context(|| format!("look at {path}"))?;
            if meta.is_dir() {
                left.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(())
}

/// The names in a folder; none where it is none.
fn names(folder: &Path) -> Result<Vec<String>> {
    if !fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir()) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    entries
        .map(|entry| {
            let name = entry
                .with_context(|| format!("read {}", folder.display()))?
                .file_name();
            let folder = folder.display();
            name.into_string().map_err(|name| {
                anyhow!(
                    "{folder} holds {:?}, whose name is no text",
                    name.to_string_lossy()
                )
            })
        })
        .collect()
}

/// Writes a bundle of these files. The manifest comes with everything but the files, and is given back with them.
pub fn pack(root: &Path, files: &[String], mut manifest: Manifest, out: &mut dyn Write) -> Result<Manifest> {
    for path in files {
        manifest.files.push(member(root, path)?);
    }
    let mut json = serde_json::to_vec_pretty(&manifest).context("a manifest always has a form in JSON")?;
    json.push(b'\n');
    let encoder = zstd::Encoder::new(BufWriter::with_capacity(1 << 20, out), LEVEL).context("compress")?;
    let mut archive = tar::Builder::new(encoder);
    append(&mut archive, MANIFEST, json.len() as u64, &mut json.as_slice())?;
    for file in &manifest.files {
        let path = root.join(&file.path);
        let opened = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        // What grows meanwhile is cut off here, and found by its sum.
        let mut read = Summed::new(opened.take(file.bytes));
        append(&mut archive, &file.path, file.bytes, &mut read)?;
        if read.finish() != (file.bytes, file.sha256.clone()) {
            bail!("{} changed while it was bundled", path.display());
        }
    }
    let encoder = archive.into_inner().context("end the archive")?;
    encoder
        .finish()
        .and_then(|mut out| out.flush())
        .context("write the bundle")?;
    Ok(manifest)
}

fn member(root: &Path, path: &str) -> Result<Member> {
    check_path(path)?;
    let file = root.join(path);
    let opened = File::open(&file).with_context(|| format!("open {}", file.display()))?;
    let mut read = Summed::new(opened);
    io::copy(&mut read, &mut io::sink()).with_context(|| format!("read {}", file.display()))?;
    let (bytes, sha256) = read.finish();
    Ok(Member {
        path: path.to_owned(),
        bytes,
        sha256,
    })
}

/// A member that carries nothing but its name and its bytes.
fn append(archive: &mut tar::Builder<impl Write>, path: &str, bytes: u64, read: &mut dyn Read) -> Result<()> {
    let mut header = tar::Header::new_ustar();
    header
        .set_path(path)
        .with_context(|| format!("name {path} in an archive"))?;
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    archive
        .append(&header, read)
        .with_context(|| format!("write {path} into the bundle"))
}
