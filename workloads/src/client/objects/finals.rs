//! The final reads of objects: all logs from their start to their end, then each object by an operation of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::Cluster;
use history::{F, FinalReads, Key, Mop, Offset, Txn, What};

use super::Settings;
use super::view::{Behind, View, all_keys};
use crate::client::librdkafka::Librdkafka;
use crate::client::reader::read_replicas;
use crate::client::{Library, Shared};
use crate::scribe::End;

/// How long asking for a partition's end may take, where the replicas never settled.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Carries the final reads out; whether they are complete. Whichever library is on trial, the one that is best known reads.
pub(super) async fn final_reads(
    shared: Arc<Shared>,
    cluster: Arc<dyn Cluster>,
    settings: &Settings,
    objects: Vec<Key>,
    ends: Result<Vec<Offset>, String>,
    within: Duration,
) -> bool {
    let process = shared.scribe.process();
    let (settled, unsettled) = match ends {
        Ok(ends) => (Some(ends), None),
        Err(reason) => (None, Some(reason)),
    };
    let (reader, settings) = (shared.clone(), settings.clone());
    let read = move || read_back(&reader, process, &settings, &objects, settled, within);
    let (ends, unread) = match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(panic) => (Vec::new(), Some(format!("the reader ended: {panic}"))),
    };
    read_replicas(&shared, &cluster).await;
    let reason = unsettled.or(unread);
    let complete = reason.is_none();
    shared.scribe.recorder().record(What::FinalReads(FinalReads {
        complete,
        reason,
        ends,
        process,
    }));
    complete
}

/// Reads everything, and then says what stands in each object. The ends that were read up to, and why not to there.
fn read_back(
    shared: &Arc<Shared>,
    process: u32,
    settings: &Settings,
    objects: &[Key],
    settled: Option<Vec<Offset>>,
    within: Duration,
) -> (Vec<Offset>, Option<String>) {
    let until = Instant::now() + within;
    let library = Librdkafka::new(shared.place.clone());
    let library: &dyn Library = &library;
    let keys = all_keys(shared);
    let mut view = match View::make(library, "final-reader", settings, &keys) {
        Ok(view) => view,
        Err(refusal) => return (Vec::new(), Some(format!("no final reader: {}", refusal.text))),
    };
    let ends = settled.unwrap_or_else(|| {
        let end = |key: &Key| view.end(*key, END_WITHIN).unwrap_or_default();
        keys.iter().map(end).collect()
    });
    for (key, end) in (0..).zip(&ends) {
        if let Err(Behind::Late(reason) | Behind::Lost(reason)) = view.read_past(key, end - 1, until) {
            let (topic, partition) = shared.keys.partition(key);
            return (
                ends.clone(),
                Some(format!("the reader of {topic}-{partition} {reason}")),
            );
        }
    }
    // Nobody writes any more, so what was read is what stands there now.
    for object in objects {
        let f = |seen| {
            F::Txn(Txn {
                mops: vec![Mop::Read(*object, seen)],
            })
        };
        let op = shared.scribe.invoke(process, f(history::Seen::Nothing));
        let seen = settings.data.seen(view.states().of(*object));
        shared.scribe.end(process, op, f(seen), End::Ok);
    }
    view.discard();
    (ends, None)
}
