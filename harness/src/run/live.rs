//! The line that changes while a run goes on: rates, what is in force, who leads.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use cluster::Cluster;
use nemesis::InForce;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use workloads::Counters;

use crate::progress::Progress;

/// How often the line changes.
const REFRESH: Duration = Duration::from_millis(250);

/// Refreshes the line until it is dropped.
pub struct Live {
    task: JoinHandle<()>,
}

impl Live {
    /// Begins to refresh.
    pub fn start(
        progress: &Arc<Progress>,
        cluster: Arc<dyn Cluster>,
        counters: Arc<Counters>,
        in_force: InForce,
    ) -> Self {
        let progress = Arc::clone(progress);
        let task = tokio::spawn(async move {
            let mut before = (Instant::now(), counters.seen());
            loop {
                tokio::time::sleep(REFRESH).await;
                let now = (Instant::now(), counters.seen());
                let rate = (now.1.ok - before.1.ok) as f64 / (now.0 - before.0).as_secs_f64();
                progress.now(line(&now.1, rate, &*cluster, &in_force));
                before = now;
            }
        });
        Self { task }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn line(seen: &workloads::Seen, rate: f64, cluster: &dyn Cluster, in_force: &InForce) -> String {
    let mut line = format!(
        "{} acknowledged ({rate:.0}/s), {} failed, {} unknown, {} read",
        seen.ok, seen.fail, seen.info, seen.read
    );
    let leaders: Vec<String> = cluster
        .view()
        .partitions()
        .values()
        .map(|partition| {
            partition
                .leader
                .map_or_else(|| "-".to_owned(), |leader| leader.to_string())
        })
        .collect();
    // Writing to a string cannot fail.
    let _ = write!(line, " · leaders {}", leaders.join(" "));
    for fault in in_force.list() {
        let nodes: Vec<String> = fault.nodes.iter().map(|node| format!("n{node}")).collect();
        let _ = write!(line, " · {} {}", fault.kind, nodes.join(","));
    }
    line
}
