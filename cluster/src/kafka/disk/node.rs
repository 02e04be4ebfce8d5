//! What lies in a node's data directory, or in a copy of one: an event's worth of it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use history::{DiskLog, Key, MetadataLog, Offset, QuorumState, Topic};

use super::checkpoint;
use super::damage::Damage;
use super::log::{self, Log, Mark};
use super::metadata;
use super::names::METADATA;
use super::notes;
use crate::kafka::replica::keys;

/// One copy shows so many records at most, of each log the newest: it is one line of the history, which has its limit.
const RECORDS_MAX: usize = 1_000_000;

/// What copies of a node's disk have shown so far.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    logs: HashMap<Key, Vec<Mark>>,
    metadata: Vec<Mark>,
}

/// What a directory holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The workload's logs, by key.
    pub logs: Vec<DiskLog>,
    /// The metadata log, where there is one.
    pub metadata: Option<MetadataLog>,
    /// The quorum's state, where it is noted.
    pub quorum: Option<QuorumState>,
    /// What could not be read.
    pub problems: Vec<String>,
}

/// What is looked at, and how.
pub struct Look<'run> {
    /// A node's data directory, or a copy of one.
    pub data: &'run Path,
    /// Problems name files as they lie below this.
    pub root: &'run Path,
    /// The workload's topics.
    pub topics: &'run [Topic],
    /// In a copy: where logs begin of which it holds the end alone.
    pub starts: &'run BTreeMap<Key, Offset>,
    /// How many threads read.
    pub threads: usize,
}

/// The offsets that a broker notes of all its partitions, by topic and partition.
type Noted = HashMap<(String, u32), Offset>;

impl Look<'_> {
    /// Reads all of it. What was shown before is left out, and what is new is added to that.
    pub fn read(&self, shown: &mut Shown) -> Contents {
        let mut contents = Contents::default();
        let high_watermarks = self.noted("replication-offset-checkpoint", &mut contents);
        let recovery_points = self.noted("recovery-point-offset-checkpoint", &mut contents);
        let starts = self.noted("log-start-offset-checkpoint", &mut contents);
        let mut room = RECORDS_MAX;
        let all = keys(self.topics).count();
        for (index, (key, topic, partition)) in keys(self.topics).enumerate() {
            let name = format!("{}-{partition}", topic.name);
            let directory = self.data.join(&name);
            if !directory.is_dir() {
                continue;
            }
            let place = (topic.name.clone(), partition);
            let start = starts.get(&place).copied();
            let known = shown.logs.entry(key).or_default();
            // What earlier logs left over is there for those that follow.
            let share = room / (all - index);
            if let Some(mut log) = self.log(key, &directory, (start, share), known, &mut contents) {
                room -= log.records.len();
                log.high_watermark = high_watermarks.get(&place).copied();
                log.recovery_point = recovery_points.get(&place).copied();
                contents.logs.push(log);
            }
        }
        self.metadata(shown, &mut contents);
        contents
    }

    fn log(
        &self,
        key: Key,
        directory: &Path,
        (start, records_max): (Option<Offset>, usize),
        known: &mut Vec<Mark>,
        contents: &mut Contents,
    ) -> Option<DiskLog> {
        let segments = self.take(log::segments(directory), contents)?;
        if segments.is_empty() {
            return None;
        }
        let log = log::read(segments, self.threads);
        for damage in &log.problems {
            self.say(damage, contents);
        }
        let begins = self.starts.get(&key).copied().unwrap_or(log.start);
        let start = start.unwrap_or(0).max(begins);
        let mut from = news(known, &log.marks, log.end).max(start);
        let (mut records, problems) = log.values(from, self.threads);
        for damage in &problems {
            self.say(damage, contents);
        }
        if let Some(too_many) = records.len().checked_sub(records_max).filter(|more| *more > 0) {
            records.drain(..too_many);
            let first = records.first().map_or(log.end, |record| record.0);
            contents.problems.push(format!(
                "{}: records {from} to {} are more than one copy shows",
                directory.strip_prefix(self.root).unwrap_or(directory).display(),
                first - 1
            ));
            from = first;
        }
        let noted = checkpoint::epochs(&directory.join("leader-epoch-checkpoint"));
        remember(known, &log);
        Some(DiskLog {
            key,
            start,
            end: log.end.max(start),
            high_watermark: None,
            recovery_point: None,
            noted_epochs: self.take(noted, contents).unwrap_or_default(),
            epochs: log::epochs(known),
            from,
            records,
            unread: !log.problems.is_empty(),
            holes: log.holes,
        })
    }

    fn metadata(&self, shown: &mut Shown, contents: &mut Contents) {
        let directory = self.data.join(METADATA);
        if !directory.is_dir() {
            return;
        }
        let quorum = notes::quorum_state(&directory.join("quorum-state"));
        contents.quorum = self.take(quorum, contents).flatten();
        let read = metadata::read(&directory, self.topics, |marks, end| {
            news(&shown.metadata, marks, end)
        });
        if let Some(decided) = self.take(read, contents) {
            for damage in &decided.problems {
                self.say(damage, contents);
            }
            shown.metadata = decided.marks;
            contents.metadata = Some(decided.log);
        }
    }

    fn noted(&self, name: &str, contents: &mut Contents) -> Noted {
        let read = checkpoint::offsets(&self.data.join(name));
        let entries = self.take(read, contents).unwrap_or_default();
        let by_place = entries
            .into_iter()
            .map(|(topic, partition, offset)| ((topic, partition), offset));
        by_place.collect()
    }

    fn take<T>(&self, read: Result<T, Damage>, contents: &mut Contents) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(damage) => {
                self.say(&damage, contents);
                None
            }
        }
    }

    fn say(&self, damage: &Damage, contents: &mut Contents) {
        let file = damage
            .file
            .strip_prefix(self.root)
            .unwrap_or(&damage.file)
            .to_owned();
        let damage = Damage {
            file,
            ..damage.clone()
        };
        contents.problems.push(damage.to_string());
    }
}

/// From which offset on a log is not as it was shown before: where its batches begin to differ.
fn news(before: &[Mark], now: &[Mark], end: Offset) -> Offset {
    let Some(first) = now.first() else {
        return end;
    };
    let at = before.partition_point(|mark| mark.first < first.first);
    let same = before[at..]
        .iter()
        .zip(now)
        .take_while(|(before, now)| before == now)
        .count();
    now.get(same).map_or(end, |mark| mark.first)
}

/// What is known of a log after a copy: of a part that this copy does not hold, as it was.
fn remember(known: &mut Vec<Mark>, log: &Log) {
    let first = log.marks.first().map_or(log.end, |mark| mark.first);
    known.truncate(known.partition_point(|mark| mark.last < first));
    known.extend_from_slice(&log.marks);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(first: Offset, crc: u32) -> Mark {
        Mark {
            first,
            last: first + 1,
            epoch: 0,
            crc,
        }
    }

    #[test]
    fn news_begin_where_batches_differ() {
        let log = [mark(0, 1), mark(2, 2), mark(4, 3)];
        assert_eq!(news(&[], &log, 6), 0);
        assert_eq!(news(&log, &log, 6), 6);
        assert_eq!(news(&log[..2], &log, 6), 4);
        // It was cut off, and nothing came after.
        assert_eq!(news(&log, &log[..2], 4), 4);
        // It was cut off, and something else came after.
        assert_eq!(news(&log, &[mark(0, 1), mark(2, 9), mark(4, 3)], 6), 2);
        // The end of it alone was copied.
        assert_eq!(news(&log[..2], &log[1..], 6), 4);
        // Everything was removed.
        assert_eq!(news(&log, &[], 0), 0);
    }
}
