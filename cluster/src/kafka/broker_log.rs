//! What brokers say of leadership in their own logs: the lines to quote when somebody asks why a write is gone.
//!
//! Which lines these are is the table [`KINDS`], held against what 3.9.2 to 4.4.0 write. Reading a log never fails a run:
//! what could not be read is said, and the rest is taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use history::{BrokerLine, Key, NodeId, Topic, milliseconds_of};

use super::ask::PROBE_TOPIC;
use super::clock::TIME_TOPIC;

/// As many lines of a run are kept; of more, the weightiest and then the earliest.
pub const LINES_MAX: usize = 2_000;
/// No more of a node's log is read than this.
const BYTES_MAX: u64 = 256 << 20;
/// Of a longer line the rest is cut off.
const LETTERS_MAX: usize = 400;

/// A kind of line, by what it holds.
struct Kind {
    /// All of these, in this order.
    parts: &'static [&'static str],
    /// Which lines go first where there is no room for all: 0 before 1 before 2.
    weight: u8,
}

const fn kind(parts: &'static [&'static str], weight: u8) -> Kind {
    Kind { parts, weight }
}

/// The lines that are kept, each with the reason why.
const KINDS: &[Kind] = &[
    // What a replica threw away. `UnifiedLog` says to where, the fetcher also on whose word: the leader's epoch and offset.
    kind(&["Truncating", " to offset "], 0),
    kind(&["Truncating partition ", "due to leader epoch"], 0),
    kind(&["Truncate and start at offset"], 0),
    // A high watermark that goes back: something that was committed is not any more.
    kind(&["Non-monotonic update of high watermark"], 0),
    // The controller elects from outside the ISR and the ELR, and the broker takes that over.
    kind(&["UNCLEAN partition change"], 0),
    kind(&["was marked as RECOVERING"], 0),
    // What was left of a log after a process that did not end cleanly: recovery, and the end that it came to.
    kind(&["since no clean shutdown file was found"], 0),
    kind(&["Recovering unflushed segment"], 1),
    kind(&["Completed load of Log(", "logEndOffset="], 1),
    // Who leads from which epoch and offset on: the offset is where the new leader's own log ended.
    kind(&["Leader ", " starts at leader epoch "], 1),
    kind(&["Follower ", " starts at leader epoch "], 1),
    // Changes of the ISR, asked for and done, and such as failed.
    kind(&["Shrinking ISR from"], 1),
    kind(&["Expanding ISR from"], 1),
    kind(&["ISR updated to"], 1),
    kind(&["Failed to alter partition"], 1),
    kind(&["partition change for ", "leader: "], 1),
    // Who was fenced off by the controller, and who was let back.
    kind(&["Fencing broker "], 1),
    kind(&["handleBrokerFenced"], 1),
    kind(&["handleBrokerUnfenced"], 1),
    kind(&["has been unfenced"], 2),
    // A replica that is told of another epoch than it knows.
    kind(&["has an older epoch"], 1),
    kind(&["has a newer epoch"], 1),
    kind(&["FENCED_LEADER_EPOCH"], 2),
    kind(&["UNKNOWN_LEADER_EPOCH"], 2),
    // The controllers' own elections.
    kind(&["Becoming the active controller"], 1),
    kind(&["In the new epoch ", "the leader is"], 1),
    kind(&["enouncing the leadership"], 1),
    kind(&["Election timed out"], 2),
    kind(&["Transitioning to Prospective state"], 2),
    kind(&["Completed transition to "], 2),
    // A broker that goes, or whose disk does.
    kind(&["eginning controlled shutdown"], 2),
    kind(&["Stopping serving logs in"], 1),
    kind(&["all log dirs have failed"], 1),
];

/// What these are about is no key of a run.
const INTERNAL: [&str; 5] = [
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
    PROBE_TOPIC,
    TIME_TOPIC,
];
/// Every replica's first fetch says this of a log that is empty: nothing was cut off.
const EMPTY: &str = "has no effect as the largest offset in the log is -1";

/// Lines of one node's log, until it is known which of all nodes' are kept.
#[derive(Debug, Default)]
struct Held {
    /// By their weight: of each the first [`LINES_MAX`], as no more can be kept.
    lines: BTreeMap<u8, Vec<BrokerLine>>,
    left_out: u64,
}

/// What all nodes' logs say of leadership.
#[derive(Debug, Default)]
pub struct BrokerLines {
    /// The lines that are kept, in the order of their times.
    pub lines: Vec<BrokerLine>,
    /// How many more there were.
    pub left_out: u64,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl BrokerLines {
    /// Reads the logs of these nodes. `opened` is when the run's clock began, in milliseconds since 1970.
    pub fn read(logs: &[(NodeId, &Path)], topics: &[Topic], opened: i64) -> Self {
        let mut all: Vec<(u8, BrokerLine)> = Vec::new();
        let mut found = Self::default();
        for (node, path) in logs {
            let mut held = Held::default();
            if let Err(error) = read(*node, path, topics, opened, &mut held) {
                found.problems.push(format!("{error:#}"));
            }
            found.left_out += held.left_out;
            for (weight, lines) in held.lines {
                all.extend(lines.into_iter().map(|line| (weight, line)));
            }
        }
        all.sort_by_key(|(weight, line)| (*weight, line.at));
        found.left_out += all.len().saturating_sub(LINES_MAX) as u64;
        found.lines = all.into_iter().take(LINES_MAX).map(|(_, line)| line).collect();
        found.lines.sort_by_key(|line| (line.at, line.node));
        found
    }
}

fn read(node: NodeId, path: &Path, topics: &[Topic], opened: i64, held: &mut Held) -> Result<()> {
    let reading = || format!("read the log of node {node}, {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let bytes = file.metadata().with_context(reading)?.len();
    for line in BufReader::new(file.take(BYTES_MAX)).split(b'\n') {
        let line = line.with_context(reading)?;
        let line = String::from_utf8_lossy(&line);
        let Some((weight, at, text)) = chosen(&line) else {
            continue;
        };
        let lines = held.lines.entry(weight).or_default();
        if lines.len() >= LINES_MAX {
            held.left_out += 1;
            continue;
        }
        // What was said before the run's clock began (none, unless a clock is off) stands at its beginning.
        let since = at.saturating_sub(opened).max(0);
        let line = BrokerLine {
            node,
            at: (since as u64).saturating_mul(1_000_000),
            key: key_in(text, topics),
            text: text.chars().take(LETTERS_MAX).collect(),
        };
        lines.push(line);
    }
    ensure!(
        bytes <= BYTES_MAX,
        "{}: only its first {} MiB",
        reading(),
        BYTES_MAX >> 20
    );
    Ok(())
}

/// Whether a line is kept: its weight, its time in milliseconds since 1970, and what it says.
fn chosen(line: &str) -> Option<(u8, i64, &str)> {
    let (time, text) = line.split_once(' ')?;
    let kind = KINDS.iter().find(|kind| holds(text, kind.parts))?;
    if text.contains(EMPTY) || INTERNAL.iter().any(|topic| text.contains(topic)) {
        return None;
    }
    Some((kind.weight, milliseconds(time)?, text.trim_end()))
}

fn holds(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// The time that a line begins with: milliseconds since 1970, or `2026-11-26T17:05:55.575Z` (see `node_files`).
pub(super) fn milliseconds(time: &str) -> Option<i64> {
    time.parse().ok().or_else(|| milliseconds_of(time))
}

/// The workload's partition that a line names, where it names one and no other.
fn key_in(text: &str, topics: &[Topic]) -> Option<Key> {
    let mut found = None;
    let mut first: Key = 0;
    for topic in topics {
        for (at, _) in text.match_indices(&topic.name) {
            let Some(partition) = partition_at(text, at, topic) else {
                continue;
            };
            let key = first.saturating_add(partition);
            if found.is_some_and(|other| other != key) {
                return None;
            }
            found = Some(key);
        }
        first = first.saturating_add(topic.partitions);
    }
    found
}

/// The partition of `topic-7`, where it stands there as a word of its own.
fn partition_at(text: &str, at: usize, topic: &Topic) -> Option<u32> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if text[..at].ends_with(is_name) {
        return None;
    }
    let rest = text[at + topic.name.len()..].strip_prefix('-')?;
    let digits = rest.len()
        - rest
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .len();
    let (number, after) = rest.split_at(digits);
    let ends =
        after.trim_start_matches('.').is_empty() || after.starts_with(". ") || !after.starts_with(is_name);
    let partition: u32 = number.parse().ok()?;
    (ends && partition < topic.partitions).then_some(partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<Topic> {
        let topic = |name: &str| Topic {
            name: name.to_owned(),
            partitions: 3,
            replication_factor: 3,
            min_insync_replicas: 1,
            unclean_election: false,
            config: BTreeMap::new(),
        };
        vec![topic("catalog"), topic("log")]
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        assert_eq!(milliseconds("1795712741465"), Some(1_795_712_741_465));
        assert_eq!(milliseconds("1970-01-01T00:00:00.007Z"), Some(7));
        assert_eq!(milliseconds("2000-02-29T00:00:00.000Z"), Some(951_782_400_000));
        assert_eq!(milliseconds("2026-11-26T17:06:05.393Z"), Some(1_795_712_765_393));
        for none in [
            "",
            "kafka.server.Thread.run(Thread.scala:1)",
            "2026-13-01T00:00:00.000Z",
            "2026-11-26",
            "T",
            "Z",
        ] {
            assert_eq!(milliseconds(none), None, "{none}");
        }
    }

    #[test]
    fn a_line_names_one_partition_of_the_workload_or_none() {
        let key = |text| key_in(text, &topics());
        assert_eq!(
            key("[UnifiedLog partition=log-0, dir=/x/data] Truncating to offset 190"),
            Some(3)
        );
        assert_eq!(key("UNCLEAN partition change for log-2 with topic ID"), Some(5));
        assert_eq!(key("dir=/tmp/n1/data/catalog-1, topicId=x"), Some(1));
        assert_eq!(key("of partition log-1."), Some(4));
        assert_eq!(key("Set(log-0, log-1)"), None);
        assert_eq!(key("log-0 and log-0 again"), Some(3));
        for none in ["log-9", "log-0-1", "backlog-0", "log-", "log-1x", "no partition"] {
            assert_eq!(key(none), None, "{none}");
        }
    }

    /// Lines as 3.9.2 and 4.4.0 wrote them.
    const LOG: &str = "\
1795712744927 INFO [Partition log-0 broker=1] Shrinking ISR from 1,2,3 to 1,2. Leader: (highWatermark: 124, endOffset: 336). (kafka.cluster.Partition)
1795712741685 INFO [ReplicaFetcher replicaId=3, leaderId=1, fetcherId=0] Truncating partition log-0 with TruncationState(offset=0, completed=true) due to local high watermark 0 (kafka.server.ReplicaFetcherThread)
1795712741685 INFO [UnifiedLog partition=log-0, dir=/d] Truncating to 0 has no effect as the largest offset in the log is -1 (org.apache.kafka.storage.internals.log.UnifiedLog)
1795712750585 INFO [ReplicaFetcher replicaId=1, leaderId=2, fetcherId=0] Truncating partition log-0 with TruncationState(offset=190, completed=true) due to leader epoch and offset EpochEndOffset(errorCode=0, partition=0, leaderEpoch=0, endOffset=190) (kafka.server.ReplicaFetcherThread)
2026-11-26T17:06:07.763Z INFO [UnifiedLog partition=log-0, dir=/d] Truncating to offset 0 (kafka.log.UnifiedLog)
1795712786916 ERROR [ReplicaManager broker=3] Error processing append operation on partition NEfJ:log-0 (kafka.server.ReplicaManager)
org.apache.kafka.common.errors.NotLeaderOrFollowerException: Truncating nothing to offset 7
1795712793495 WARN [UnifiedLog partition=__consumer_offsets-0, dir=/d] Truncating __consumer_offsets-0 to offset 9 below high watermark 12 (x)
";

    #[test]
    fn the_lines_of_a_log_that_matter_are_chosen_on_the_runs_clock() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("broker.log");
        std::fs::write(&path, LOG).expect("writable");
        let missing = directory.path().join("none.log");
        let logs = [(1, path.as_path()), (2, missing.as_path())];
        let found = BrokerLines::read(&logs, &topics(), 1_795_712_740_000);
        let told: Vec<_> = found
            .lines
            .iter()
            .map(|line| (line.at / 1_000_000, line.key))
            .collect();
        assert_eq!(told, [(4_927, Some(3)), (10_585, Some(3)), (27_763, Some(3))]);
        assert!(
            found.lines[2]
                .text
                .starts_with("INFO [UnifiedLog partition=log-0"),
            "{found:?}"
        );
        assert_eq!(found.left_out, 0);
        assert!(
            found.problems[0].contains("read the log of node 2"),
            "{:?}",
            found.problems
        );
    }

    #[test]
    fn of_too_many_lines_the_weightiest_stay_and_the_rest_is_counted() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("broker.log");
        let shrinks =
            "1000 INFO [Partition log-0 broker=1] Shrinking ISR from 1,2 to 1. (x)\n".repeat(LINES_MAX + 5);
        std::fs::write(&path, shrinks + "2000 INFO Truncating to offset 5 (y)\n\u{0}\n").expect("writable");
        let found = BrokerLines::read(&[(1, &path)], &topics(), 0);
        assert_eq!((found.lines.len(), found.left_out), (LINES_MAX, 6));
        assert!(found.lines.iter().any(|line| line.text.contains("Truncating")));
    }
}
