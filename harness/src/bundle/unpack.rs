//! From a bundle that anybody may have made to a directory.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, bail};

use super::MANIFEST;
use super::manifest::{Manifest, Member};
use super::sums::Summed;

/// A manifest has a line for each file.
const MANIFEST_MAX: u64 = 16 << 20;
/// What an archive has beside the content of a member: its header, and what fills its last block.
const MEMBER_MORE: u64 = 1024;
/// What it may have at its end.
const END_MAX: u64 = 64 << 10;
/// How much is looked back for, as a power of two: what a compressor may ask of our memory.
const WINDOW_LOG_MAX: u32 = 27;

/// What a bundle may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// On the disk.
    pub bytes: u64,
}

/// Reads a bundle from its first byte to its last and writes those of its files that are wanted to a directory, which exists and is
/// empty. Every sum is checked, also of what is not wanted.
pub fn unpack(bundle: &Path, into: &Path, limits: Limits, wanted: &dyn Fn(&str) -> bool) -> Result<Manifest> {
    let file = File::open(bundle).with_context(|| format!("open {}", bundle.display()))?;
    read(BufReader::with_capacity(1 << 20, file), into, limits, wanted)
        .with_context(|| format!("{} is no bundle that can be used", bundle.display()))
}

fn read(
    file: BufReader<File>,
    into: &Path,
    limits: Limits,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Manifest> {
    let mut decoder = zstd::Decoder::with_buffer(file)
        .context("read it as zstd")?
        .single_frame();
    decoder
        .window_log_max(WINDOW_LOG_MAX)
        .context("bound its window")?;
    let left = Rc::new(Cell::new(MANIFEST_MAX + MEMBER_MORE));
    let mut archive = tar::Archive::new(Bounded {
        inner: decoder,
        left: Rc::clone(&left),
    });
    let mut reached: Option<(Manifest, usize)> = None;
    // Raw: nothing in it renames another member or makes one longer than its header says.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| anyhow!("it holds a file whose name is no text"))?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            bail!("it holds {path:?}, which is no plain file");
        }
        let size = entry.header().entry_size().map_err(damaged)?;
        match &mut reached {
            None => {
                let manifest = read_manifest(&path, size, &mut entry)?;
                left.set(room(&manifest, limits)?);
                reached = Some((manifest, 0));
            }
            Some((manifest, number)) => {
                let Some(member) = manifest.files.get(*number) else {
                    bail!("it holds {path:?}, which its manifest does not name");
                };
                take(member, &path, size, &mut entry, into, wanted)?;
                *number += 1;
            }
        }
    }
    let Some((manifest, number)) = reached else {
        bail!("it is empty, or was cut off");
    };
    if let Some(missing) = manifest.files.get(number) {
        bail!("it was cut off before {:?}", missing.path);
    }
    end(archive.into_inner())?;
    Ok(manifest)
}

fn read_manifest(path: &str, size: u64, entry: &mut dyn Read) -> Result<Manifest> {
    if path != MANIFEST {
        bail!("it begins with {path:?} instead of a manifest");
    }
    if size > MANIFEST_MAX {
        bail!("its manifest has {size} bytes, and {MANIFEST_MAX} are read at most");
    }
    let mut json = Vec::new();
    entry.read_to_end(&mut json).map_err(damaged)?;
    Manifest::read(&json)
}

/// How much may come out after the manifest.
fn room(manifest: &Manifest, limits: Limits) -> Result<u64> {
    let bytes = manifest.bytes().unwrap_or(u64::MAX);
    if bytes > limits.bytes {
        bail!(
            "its files have {bytes} bytes by its manifest, and {} are unpacked at most: --size-max allows more",
            limits.bytes
        );
    }
    Ok(bytes + manifest.files.len() as u64 * MEMBER_MORE + END_MAX)
}

fn take(
    member: &Member,
    path: &str,
    size: u64,
    entry: &mut dyn Read,
    into: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<()> {
    if path != member.path {
        bail!("it holds {path:?} where its manifest has {:?}", member.path);
    }
    if size != member.bytes {
        bail!("{path:?} has {size} bytes, and {} by the manifest", member.bytes);
    }
    let mut read = Summed::new(entry);
    if wanted(path) {
        // Nothing but what stands here makes a file or a folder, so no link leads out of the directory.
        let target = into.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let mut file = File::create_new(&target).with_context(|| format!("create {}", target.display()))?;
        copy(&mut read, &mut file, path)?;
    } else {
        copy(&mut read, &mut io::sink(), path)?;
    }
    let (bytes, sha256) = read.finish();
    if bytes != member.bytes {
        bail!("it was cut off within {path:?}");
    }
    if sha256 != member.sha256 {
        bail!(
            "{path:?} is not what was bundled: its sum is {sha256}, and {} by the manifest",
            member.sha256
        );
    }
    Ok(())
}

fn copy(read: &mut dyn Read, out: &mut dyn io::Write, path: &str) -> Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = read.read(&mut buffer).map_err(damaged)?;
        if count == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..count])
            .with_context(|| format!("write {path}"))?;
    }
}

/// Whatever follows must be nothing.
fn end(mut rest: Bounded<zstd::Decoder<'_, BufReader<File>>>) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = rest.read(&mut buffer).map_err(damaged)?;
        if count == 0 {
            break;
        }
        if buffer[..count].iter().any(|byte| *byte != 0) {
            bail!("something follows after its last file");
        }
    }
    let mut file = rest.inner.finish();
    if file.read(&mut buffer).context("read it")? != 0 {
        bail!("something follows after its end");
    }
    Ok(())
}

/// What goes wrong while reading is the bundle's fault, by all that can be known here.
#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped by")]
fn damaged(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => anyhow!("it was cut off"),
        _ => anyhow!("it is damaged: {error}"),
    }
}

/// Gives no more than so many bytes, however many there are.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        let room = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if room == 0 && !into.is_empty() {
            // One byte more tells an end from too much.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other("it holds more than its manifest says")),
            };
        }
        let read = self.inner.read(&mut into[..room])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}
