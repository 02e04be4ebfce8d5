//! The log of one replica: its segments in their order, and what follows from their batches.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use history::{Offset, Value, payload};

use super::batch::{Batch, Header};
use super::codec::Scratch;
use super::damage::Damage;
use super::names::segment_base;
use super::segment::{Tail, walk};

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The offset at which it begins, by its name.
    pub base: Offset,
    /// The file.
    pub file: PathBuf,
}

/// What tells one batch from another: replicas hold the same bytes in the same epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its first offset.
    pub first: Offset,
    /// Its last offset.
    pub last: Offset,
    /// Its leader epoch.
    pub epoch: i32,
    /// Its sum.
    pub crc: u32,
}

impl Mark {
    /// The mark of a batch.
    pub fn of(header: &Header) -> Self {
        Self {
            first: header.first,
            last: header.last,
            epoch: header.epoch,
            crc: header.crc,
        }
    }
}

/// A log without its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Its files, in order.
    pub segments: Vec<Segment>,
    /// Its batches, in order.
    pub marks: Vec<Mark>,
    /// The offset at which its first file begins.
    pub start: Offset,
    /// One past the last of what is whole.
    pub end: Offset,
    /// Offsets that are missing between batches, from and up to.
    pub holes: Vec<(Offset, Offset)>,
    /// Why it ends before its files do, where it does.
    pub problems: Vec<Damage>,
    /// In how many files it was read until it ended, and for each where its batches begin in the file.
    places: Vec<Vec<u64>>,
}

/// A record's value with its place: `(offset, value, leader epoch of its batch)`.
pub type Placed = (Offset, Value, i32);

/// The segments of a log, in order.
pub fn segments(directory: &Path) -> Result<Vec<Segment>, Damage> {
    let unread = |error| Damage::unread(directory, 0, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        if let Some(base) = entry.file_name().to_str().and_then(segment_base) {
            let file = entry.path();
            found.push(Segment { base, file });
        }
    }
    found.sort_by_key(|segment| segment.base);
    Ok(found)
}

/// Reads the batches of these segments, the sum of each checked, by so many threads.
pub fn read(segments: Vec<Segment>, threads: usize) -> Log {
    let pieces = in_parallel(&segments, threads, |segment| piece(&segment.file));
    let mut log = Log {
        start: segments.first().map_or(0, |segment| segment.base),
        ..Log::default()
    };
    log.end = log.start;
    for (segment, piece) in segments.iter().zip(pieces) {
        if let Err(damage) = log.append(segment, piece) {
            log.problems.push(damage);
            break;
        }
    }
    log.segments = segments;
    log
}

/// What one file holds.
struct Piece {
    marks: Vec<Mark>,
    places: Vec<u64>,
    ended: Result<(), Damage>,
}

fn piece(file: &Path) -> Piece {
    let (mut marks, mut places) = (Vec::new(), Vec::new());
    let ended = walk(file, 0, &mut |batch| {
        marks.push(Mark::of(&batch.header));
        places.push(batch.position);
        Ok(())
    });
    let ended = ended.and_then(|ending| match ending.tail {
        Tail::Whole | Tail::Zeros => Ok(()),
        Tail::Cut { there, missing } => {
            let what =
                format!("the last batch is cut short: {there} bytes of it are there, {missing} are missing");
            Err(Damage::new(file, ending.bytes, what))
        }
    });
    Piece { marks, places, ended }
}

impl Log {
    fn append(&mut self, segment: &Segment, piece: Piece) -> Result<(), Damage> {
        let first = piece.marks.first().map_or(segment.base, |mark| mark.first);
        if first < self.end || first < segment.base {
            let what = format!(
                "a batch at offset {first}, where none before {} can be",
                self.end.max(segment.base)
            );
            return Err(Damage::new(&segment.file, 0, what));
        }
        // What was compacted away at the very start is no hole.
        let mut reached = if self.marks.is_empty() { first } else { self.end };
        let mut next = reached;
        for mark in &piece.marks {
            if mark.first > next {
                self.holes.push((next, mark.first));
            }
            next = mark.last + 1;
            reached = next;
        }
        self.end = reached.max(segment.base);
        self.marks.extend(piece.marks);
        self.places.push(piece.places);
        piece.ended
    }

    /// `(epoch, first offset)`, as the batches say.
    pub fn epochs(&self) -> Vec<(i32, Offset)> {
        epochs(&self.marks)
    }

    /// The values of the records from an offset on, without empty records and markers, and what could not be read.
    pub fn values(&self, from: Offset, threads: usize) -> (Vec<Placed>, Vec<Damage>) {
        let starts = self.starts(from);
        let found = in_parallel(&starts, threads, |(file, position)| {
            self.values_in(file, *position, from)
        });
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for (mut placed, damage) in found {
            values.append(&mut placed);
            problems.extend(damage);
        }
        // Where the batches could not be read either, that was said.
        problems.retain(|damage| !self.problems.contains(damage));
        (values, problems)
    }

    /// The files that hold records from an offset on, and where in each the first such batch is.
    fn starts(&self, from: Offset) -> Vec<(&Path, u64)> {
        let mut starts = Vec::new();
        let mut before = 0;
        for (segment, places) in self.segments.iter().zip(&self.places) {
            let marks = &self.marks[before..before + places.len()];
            before += places.len();
            let at = marks.partition_point(|mark| mark.last < from);
            if let Some(place) = places.get(at) {
                starts.push((segment.file.as_path(), *place));
            }
        }
        starts
    }

    fn values_in(&self, file: &Path, position: u64, from: Offset) -> (Vec<Placed>, Option<Damage>) {
        let mut scratch = Scratch::default();
        let mut values = Vec::new();
        // A file may have grown since its batches were read.
        let wanted = from..self.end;
        let walked = walk(file, position, &mut |batch: &Batch<'_>| {
            if batch.header.control || batch.header.first >= wanted.end {
                return Ok(());
            }
            batch.each(&mut scratch, |record| {
                let value = record.value.and_then(payload::decode);
                if let Some(value) = value.filter(|_| wanted.contains(&record.offset)) {
                    values.push((record.offset, value, batch.header.epoch));
                }
                Ok(())
            })
        });
        (values, walked.err())
    }
}

/// `(epoch, first offset)` of some batches.
pub(super) fn epochs(marks: &[Mark]) -> Vec<(i32, Offset)> {
    let mut epochs: Vec<(i32, Offset)> = Vec::new();
    for mark in marks {
        if epochs.last().is_none_or(|(epoch, _)| *epoch != mark.epoch) {
            epochs.push((mark.epoch, mark.first));
        }
    }
    epochs
}

/// Does the same with each of some things, by as many threads at most. The results are in the order of the things.
fn in_parallel<T: Sync, R: Send>(things: &[T], threads: usize, each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || things.len() <= 1 {
        return things.iter().map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(things.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(things.len()) {
            scope.spawn(|| {
                while let Some((index, thing)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    things.get(index).map(|thing| (index, thing))
                } {
                    let result = each(thing);
                    done.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((index, result));
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
