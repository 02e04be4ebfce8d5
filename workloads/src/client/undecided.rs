//! Whether every partition is decided once the clients have ended, and how long those stay undecided that are not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::Cluster;
use history::{Key, Observed, Offset, Probe, TransactionLimits, Undecided, What};
use tokio::time::{Instant, sleep};

use super::Shared;

/// How often a partition is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// What is watched beyond the time after which a transaction hangs.
const BEYOND: Duration = Duration::from_secs(1);
/// In this many of those times every partition is decided or hangs, or nobody will know.
const TIMES_MAX: u32 = 3;

/// A partition that is not decided: where its last stable offset stands, and since when.
struct Stands {
    last_stable: Offset,
    since: Instant,
}

/// Asks how far each partition is decided, until all of them are or have stood in one place for longer than a transaction may. What is not
/// decided is taken down: as it is first seen, as it moves, and at the end.
pub(super) async fn watch(shared: &Shared, cluster: &Arc<dyn Cluster>, limits: TransactionLimits) {
    let hangs_after = limits.hangs_after() + BEYOND;
    let until = Instant::now() + hangs_after * TIMES_MAX;
    let mut left: Vec<Key> = (0..shared.keys.count()).collect();
    let mut standing: BTreeMap<Key, Stands> = BTreeMap::new();
    loop {
        let mut still = Vec::new();
        for key in left {
            if ask(shared, cluster, key, &mut standing, hangs_after).await {
                still.push(key);
            }
        }
        left = still;
        if left.is_empty() || Instant::now() >= until {
            return;
        }
        sleep(ASK_EVERY).await;
    }
}

/// Asks of one partition; whether it has to be asked again.
async fn ask(
    shared: &Shared,
    cluster: &Arc<dyn Cluster>,
    key: Key,
    standing: &mut BTreeMap<Key, Stands>,
    hangs_after: Duration,
) -> bool {
    let asked = shared.scribe.recorder().now();
    let (node, said) = match cluster.undecided(key).await {
        Ok(Some(answer)) => answer,
        Ok(None) => return false,
        Err(error) => {
            shared.line("final-reader", &format!("{error:#}"));
            return true;
        }
    };
    let take_down = |said: Undecided| {
        shared.scribe.recorder().record(What::Observed(Observed {
            node,
            incarnation: cluster.incarnation(node),
            asked,
            answer: Probe::Undecided(said),
        }));
    };
    if said.last_stable >= said.high_watermark {
        if standing.remove(&key).is_some() {
            take_down(said);
        }
        return false;
    }
    match standing.get(&key) {
        Some(stands) if stands.last_stable == said.last_stable => {
            let over = stands.since.elapsed() >= hangs_after;
            if over {
                take_down(said);
            }
            !over
        }
        _ => {
            let stands = Stands {
                last_stable: said.last_stable,
                since: Instant::now(),
            };
            standing.insert(key, stands);
            take_down(said);
            true
        }
    }
}
