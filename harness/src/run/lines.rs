//! What the brokers said of leadership in their own logs, put into the history when the run is over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cluster::kafka::{BrokerLines, KafkaCluster};
use history::{Recorder, What};
use tokio::task::spawn_blocking;

use crate::progress::Progress;
use crate::recorder::FileRecorder;

/// How many lines were recorded, and how many were not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    /// Recorded.
    pub recorded: u64,
    /// Left out, for want of room.
    pub left_out: u64,
}

/// Reads the logs and records what is kept of them. Never fails: what could not be read is said.
pub async fn record(cluster: &Arc<KafkaCluster>, recorder: &FileRecorder, progress: &Progress) -> Lines {
    let opened = opened(recorder);
    let cluster = Arc::clone(cluster);
    let found = spawn_blocking(move || cluster.broker_lines(opened)).await;
    let BrokerLines {
        lines,
        left_out,
        problems,
    } = match found {
        Ok(found) => found,
        Err(error) => {
            progress.say(&format!("the brokers' own logs were not read: {error}"));
            return Lines::default();
        }
    };
    for problem in problems {
        progress.say(&problem);
    }
    let count = lines.len() as u64;
    for line in lines {
        recorder.record(What::Line(line));
    }
    Lines {
        recorded: count,
        left_out,
    }
}

/// When the run's clock began, in milliseconds since 1970 by this machine's wall clock, which is the nodes' but for
/// faults.
fn opened(recorder: &FileRecorder) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let opened = now
        .unwrap_or_default()
        .saturating_sub(Duration::from_nanos(recorder.now()));
    i64::try_from(opened.as_millis()).unwrap_or_default()
}
