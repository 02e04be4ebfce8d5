//! Copies what truncation could destroy: checkpoints, the ends of the workload's logs, the metadata log.
//!
//! A broker may be writing meanwhile, so the order matters. What says how far a log was committed is copied before the log,
//! and what says which epochs it has after it: then a high watermark lies within the records that were copied, and an epoch
//! that has none of them is one that began since. Reflinks and hard links are no use, as the files go on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use history::{Key, Offset, Topic};

use super::batch::{PREFIX, SMALLEST};
use super::log::{self, Segment};
use super::names::{METADATA, segment_base, segment_name};
use crate::kafka::replica::keys;

/// What lies beside the partitions.
const NOTES: [&str; 4] = [
    "replication-offset-checkpoint",
    "recovery-point-offset-checkpoint",
    "log-start-offset-checkpoint",
    "meta.properties",
];
/// The metadata log is copied whole or not at all: its end means nothing without its beginning.
const METADATA_MAX: u64 = 256 << 20;
/// Of an index so much is read: more than one segment's can have.
const INDEX_MAX: u64 = 10 << 20;

/// How much is copied.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of one partition at most so many bytes, the last ones, and a batch.
    pub partition: u64,
    /// Of all partitions together.
    pub all: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            partition: 16 << 20,
            all: 64 << 20,
        }
    }
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Where each log begins, of which perhaps only the end was copied.
    pub starts: BTreeMap<Key, Offset>,
    /// How many bytes it is.
    pub bytes: u64,
    /// What could not be copied.
    pub problems: Vec<String>,
}

/// Copies from a node's data directory into another, which is made.
pub fn copy(data: &Path, into: &Path, topics: &[Topic], limits: Limits) -> Copied {
    let mut copied = Copied::default();
    for name in NOTES {
        copied.whole(&data.join(name), &into.join(name));
    }
    let there: Vec<_> = keys(topics)
        .map(|(key, topic, partition)| (key, format!("{}-{partition}", topic.name)))
        .filter(|(_, name)| data.join(name).is_dir())
        .collect();
    let share = limits.all / (there.len() as u64).max(1);
    for (key, name) in there {
        let most = limits.partition.min(share);
        if let Err(error) = copied.log(key, &data.join(&name), &into.join(&name), most) {
            copied.problems.push(format!("copy {name}: {error}"));
        }
    }
    copied.metadata(&data.join(METADATA), &into.join(METADATA));
    copied
}

impl Copied {
    /// Copies a file, where it is there.
    fn whole(&mut self, file: &Path, into: &Path) {
        match copy_from(file, 0, into) {
            Ok(bytes) => self.bytes += bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.problems.push(format!("copy {}: {error}", file.display())),
        }
    }

    fn log(&mut self, key: Key, directory: &Path, into: &Path, most: u64) -> io::Result<()> {
        let segments = log::segments(directory).map_err(io::Error::other)?;
        if let Some(first) = segments.first() {
            self.starts.insert(key, first.base);
        }
        for (segment, from) in self.ends(&segments, most) {
            let base = if from == 0 {
                segment.base
            } else {
                batch_at(&segment.file, from)?.unwrap_or(segment.base)
            };
            self.bytes += copy_from(&segment.file, from, &into.join(segment_name(base)))?;
        }
        for name in ["leader-epoch-checkpoint", "partition.metadata"] {
            self.whole(&directory.join(name), &into.join(name));
        }
        Ok(())
    }

    /// The segments that hold a log's last bytes, and where in each those begin; in the order of the log.
    fn ends<'log>(&mut self, segments: &'log [Segment], most: u64) -> Vec<(&'log Segment, u64)> {
        let mut room = most;
        let mut ends = Vec::new();
        for segment in segments.iter().rev() {
            let size = fs::metadata(&segment.file).map_or(0, |metadata| metadata.len());
            if size <= room {
                ends.push((segment, 0));
                room -= size;
                continue;
            }
            if room > 0 {
                match place_before(segment, size - room) {
                    Some(place) => ends.push((segment, place)),
                    None => self.problems.push(format!(
                        "copy {}: no batch is known to begin near byte {}",
                        segment.file.display(),
                        size - room
                    )),
                }
            }
            break;
        }
        ends.reverse();
        ends
    }

    fn metadata(&mut self, directory: &Path, into: &Path) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let names: Vec<String> = names
            .filter(|name| {
                segment_base(name).is_some() || name.ends_with(".checkpoint") || name == "quorum-state"
            })
            .collect();
        let size = |name: &String| fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.len());
        if names.iter().map(size).sum::<u64>() > METADATA_MAX {
            let what = format!("copy {METADATA}: it is larger than {} MiB", METADATA_MAX >> 20);
            self.problems.push(what);
            return;
        }
        for name in names {
            self.whole(&directory.join(&name), &into.join(&name));
        }
    }
}

/// Copies a file from a place on, as far as it goes now.
fn copy_from(file: &Path, from: u64, into: &Path) -> io::Result<u64> {
    let mut source = File::open(file)?;
    let size = source.metadata()?.len();
    source.seek(SeekFrom::Start(from))?;
    if let Some(directory) = into.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut target = File::create(into)?;
    io::copy(&mut source.take(size.saturating_sub(from)), &mut target)
}

/// The last place that the segment's index knows, at which a batch begins, and which is not after this one; none where
/// its index knows none.
fn place_before(segment: &Segment, place: u64) -> Option<u64> {
    let index: PathBuf = segment.file.with_extension("index");
    let mut bytes = Vec::new();
    File::open(index)
        .ok()?
        .take(INDEX_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    let mut best = None;
    for entry in bytes.chunks_exact(8) {
        // The last offset of a batch, counted from the segment's, and where the batch begins. An index is longer than what
        // was written to it: zeros follow.
        let position = u64::from(u32::from_be_bytes([entry[4], entry[5], entry[6], entry[7]]));
        if position == 0 || position > place {
            break;
        }
        best = Some(position);
    }
    best.filter(|position| {
        batch_at(&segment.file, *position).is_ok_and(|base| base.is_some_and(|base| base > segment.base))
    })
}

/// The offset of the batch that begins at a place, where it looks as if one did.
fn batch_at(file: &Path, place: u64) -> io::Result<Option<Offset>> {
    let mut head = [0; PREFIX + 5];
    File::open(file)?.read_exact_at(&mut head, place)?;
    let (first, rest) = head.split_at(8);
    let first = Offset::from_be_bytes(first.try_into().expect("it is eight bytes"));
    let length = i32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]);
    let is_one = first >= 0 && length as usize + PREFIX >= SMALLEST && length > 0 && head[PREFIX + 4] == 2;
    Ok(is_one.then_some(first))
}
