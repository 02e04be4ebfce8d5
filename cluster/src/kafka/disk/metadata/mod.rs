//! The metadata log: what the controllers decided, batch by batch and record by record.

mod record;
mod replay;

use std::fs;
use std::path::{Path, PathBuf};

use history::{MetadataBatch, MetadataLog, Offset, Topic};

use super::codec::Scratch;
use super::damage::Damage;
use super::log::{self, Mark};
use super::names::snapshot_end;
use super::segment::walk;
use replay::{At, Replay};

/// What was read of a metadata log.
pub struct Decided {
    /// The log, with what an earlier copy had shown left out.
    pub log: MetadataLog,
    /// All its batches.
    pub marks: Vec<Mark>,
    /// What could not be read.
    pub problems: Vec<Damage>,
}

/// Reads a metadata log (the directory `__cluster_metadata-0`), as far as it is about these topics. `news` says, by the
/// log's batches, from which offset on it was not shown before.
pub fn read(
    directory: &Path,
    topics: &[Topic],
    news: impl FnOnce(&[Mark], Offset) -> Offset,
) -> Result<Decided, Damage> {
    let log = log::read(log::segments(directory)?, 1);
    let mut problems = log.problems.clone();
    let mut replay = Replay::new(topics);
    let mut begins = 0;
    if log.start > 0 {
        match snapshot_at(directory, log.start)? {
            Some((end, term, file)) => {
                begins = end;
                problems.extend(replay_file(&file, &mut replay, 0, Some((end - 1, term))).err());
            }
            None => problems.push(Damage::new(
                directory,
                0,
                format!(
                    "the log begins at offset {}, and no snapshot ends there or after",
                    log.start
                ),
            )),
        }
    }
    for segment in &log.segments {
        if let Err(damage) = replay_file(&segment.file, &mut replay, begins, None) {
            if !problems.contains(&damage) {
                problems.push(damage);
            }
            break;
        }
    }
    let from = news(&log.marks, log.end);
    let mut rulings = replay.rulings();
    rulings.retain(|ruling| (from..log.end).contains(&ruling.offset));
    let batch = |mark: &Mark| MetadataBatch {
        first: mark.first,
        last: mark.last,
        term: mark.epoch,
        crc: mark.crc,
    };
    Ok(Decided {
        log: MetadataLog {
            start: log.start,
            end: log.end,
            // The quorum keeps its high watermark in memory alone.
            high_watermark: None,
            batches: log
                .marks
                .iter()
                .filter(|mark| mark.first >= from)
                .map(batch)
                .collect(),
            rulings,
        },
        marks: log.marks,
        problems,
    })
}

/// The snapshot with which the replay of a log that begins at `start` can begin: the oldest, so that most is replayed.
fn snapshot_at(directory: &Path, start: Offset) -> Result<Option<(Offset, i32, PathBuf)>, Damage> {
    let unread = |error| Damage::unread(directory, 0, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        if let Some((end, term)) = entry.file_name().to_str().and_then(snapshot_end)
            && end >= start
        {
            found.push((end, term, entry.path()));
        }
    }
    Ok(found.into_iter().min())
}

/// Replays the records of a file from an offset on. In a snapshot all are at one offset and of one term.
fn replay_file(
    file: &Path,
    replay: &mut Replay<'_>,
    from: Offset,
    snapshot: Option<(Offset, i32)>,
) -> Result<(), Damage> {
    let mut scratch = Scratch::default();
    let walked = walk(file, 0, &mut |batch| {
        if batch.header.control || batch.header.last < from {
            return Ok(());
        }
        batch.each(&mut scratch, |record| {
            let Some(value) = record.value.filter(|_| record.offset >= from) else {
                return Ok(());
            };
            let (offset, term) = snapshot.unwrap_or((record.offset, batch.header.epoch));
            replay.apply(
                At {
                    offset,
                    term,
                    written_ms: record.written_ms,
                },
                value,
            )
        })
    });
    walked.map(drop)
}
