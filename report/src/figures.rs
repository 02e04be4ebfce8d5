//! What a run is compared by with others: few numbers, small enough for a campaign's summary.

use std::collections::{BTreeMap, HashMap};

use checkers::{Availability, Spread, Verdict, WithoutFault};
use history::{Event, F, History, Probe, What};
use serde::{Deserialize, Serialize};

use crate::errors::ClientErrors;
use crate::series::quantiles;

/// What a run is compared by, as `figures.json` of its directory and `summary.json` of its campaign hold it. Times are in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunFigures {
    /// The broker and its version.
    #[serde(default)]
    pub broker: String,
    /// The library that the clients were of, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How many brokers the cluster had, …
    #[serde(default)]
    pub nodes: u32,
    /// … how many controllers that are no brokers, …
    #[serde(default, skip_serializing_if = "is_zero")]
    pub controllers: u32,
    /// … and how many nodes of `ZooKeeper`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub zookeepers: u32,
    /// How long the history is.
    #[serde(default)]
    pub duration: u64,
    /// Writes begun, …
    #[serde(default)]
    pub writes: u64,
    /// … that were refused, …
    #[serde(default)]
    pub failed: u64,
    /// … and of which nobody knows.
    #[serde(default)]
    pub unknown: u64,
    /// Half of the acknowledged writes took no longer, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p50: Option<u64>,
    /// … and 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p99: Option<u64>,
    /// The longest that a write took to end, however it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_write: Option<u64>,
    /// Clients that crashed, on purpose or by themselves, and drivers that had to be ended.
    #[serde(default)]
    pub crashes: u64,
    /// What was found, by its name, also where it breaks no promise of the run: that a client writes twice or out of order can be seen
    /// where that is allowed to it. `None` in figures from before it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<BTreeMap<String, u64>>,
    /// Changes of a partition's leader that were observed.
    #[serde(default)]
    pub leader_changes: u64,
    /// The newest leader epochs of all partitions, added up: elections that nobody observed are in it too.
    #[serde(default)]
    pub leader_epochs: u64,
    /// How long the most stubborn deposed leader went on naming itself.
    #[serde(default)]
    pub deposed_longest: u64,
    /// What clients were refused, and what nobody knows, by the kind of error; `None` in figures from before they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<ClientErrors>,
    /// When writes failed though no fault was to blame; `None` where nobody tried, and in figures from before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_fault: Option<WithoutFault>,
    /// By the kind of fault: how long writes failed after one. Of each fault the longest time without a successful write with acks=all on any
    /// partition counts, and of a run's faults of one kind the middle one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outages: BTreeMap<String, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl RunFigures {
    /// Of a run.
    pub fn of(history: &History, verdict: &Verdict) -> Self {
        let header = &history.header;
        let stats = &verdict.stats;
        let latency = latencies(history);
        Self {
            broker: header.broker.clone(),
            client: header.client.clone(),
            nodes: header.nodes.len() as u32,
            controllers: header.controllers.len() as u32,
            zookeepers: header.zookeepers.len() as u32,
            duration: stats.duration,
            writes: stats.writes,
            failed: stats.failed,
            unknown: stats.unknown,
            latency_p50: latency.map(|latency| latency.p50),
            latency_p99: latency.map(|latency| latency.p99),
            longest_write: longest_write(history),
            crashes: crashes(history),
            found: Some(found(verdict)),
            leader_changes: stats.leader_changes,
            leader_epochs: leader_epochs(history),
            deposed_longest: stats.deposed_longest,
            errors: Some(ClientErrors::of(history)),
            without_fault: verdict
                .availability
                .as_ref()
                .and_then(|measured| measured.without_fault),
            outages: verdict.availability.as_ref().map(outages).unwrap_or_default(),
        }
    }
}

/// By the kind of fault: the middle one of its faults' longest times without a write. What was not tried is not there.
fn outages(availability: &Availability) -> BTreeMap<String, u64> {
    let mut faults: BTreeMap<(&str, u32), u64> = BTreeMap::new();
    for row in &availability.outages {
        if let Some(time) = row.write_outage {
            let longest = faults.entry((&row.kind, row.fault)).or_default();
            *longest = time.max(*longest);
        }
    }
    let mut kinds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for ((kind, _), time) in faults {
        kinds.entry(kind).or_default().push(time);
    }
    let middle = |(kind, times): (&str, Vec<u64>)| Some((kind.to_owned(), Spread::of(times)?.median));
    kinds.into_iter().filter_map(middle).collect()
}

fn leader_epochs(history: &History) -> u64 {
    let mut newest: HashMap<_, i32> = HashMap::new();
    for event in &history.events {
        let What::Observed(observed) = &event.what else {
            continue;
        };
        let Probe::Metadata(metadata) = &observed.answer else {
            continue;
        };
        for claim in &metadata.claims {
            let known = newest.entry(claim.key).or_insert(claim.epoch);
            *known = claim.epoch.max(*known);
        }
    }
    newest
        .values()
        .map(|epoch| u64::from(epoch.max(&0).unsigned_abs()))
        .sum()
}

/// The longest time between the beginning of a write and its end, whatever that was.
fn longest_write(history: &History) -> Option<u64> {
    let mut begun = HashMap::new();
    let mut longest = None;
    for Event { time, what } in &history.events {
        match what {
            What::Invoke(op) if matches!(op.f, F::Send(_) | F::Txn(_)) => _ = begun.insert(op.op, *time),
            What::Ok(op) | What::Fail(op) | What::Info(op) => {
                let took = begun.remove(&op.op).map(|start| time - start);
                longest = longest.max(took);
            }
            _ => {}
        }
    }
    longest
}

fn crashes(history: &History) -> u64 {
    let crash = |event: &&Event| matches!(&event.what, What::Info(op) if op.f == F::Crash);
    history.events.iter().filter(crash).count() as u64
}

/// How many findings of each name, of violations and of what was allowed.
fn found(verdict: &Verdict) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for (name, findings) in verdict.anomalies.iter().chain(&verdict.allowed) {
        *found.entry(name.clone()).or_default() += findings.count;
    }
    found
}

/// How long acknowledged writes took, over the whole run.
fn latencies(history: &History) -> Option<crate::series::Latency> {
    let mut begun = HashMap::new();
    let mut latencies = Vec::new();
    for Event { time, what } in &history.events {
        match what {
            What::Invoke(op) if matches!(op.f, F::Send(_)) => _ = begun.insert(op.op, *time),
            What::Ok(op) => latencies.extend(begun.remove(&op.op).map(|start| time - start)),
            What::Fail(op) | What::Info(op) => _ = begun.remove(&op.op),
            _ => {}
        }
    }
    latencies.sort_unstable();
    quantiles(&latencies)
}

#[cfg(test)]
mod tests {
    use checkers::Outage;

    use super::*;

    #[test]
    fn of_each_kind_the_middle_of_the_longest_counts() {
        let row = |fault, kind: &str, write_outage| Outage {
            fault,
            kind: kind.to_owned(),
            write_outage,
            ..Outage::default()
        };
        let rows = [
            row(0, "kill", Some(30)),
            row(0, "kill", Some(50)),
            row(1, "kill", Some(10)),
            row(2, "kill", Some(90)),
            row(3, "pause", Some(0)),
            row(4, "disk-full", None),
        ];
        let availability = Availability {
            outages: rows.to_vec(),
            ..Availability::default()
        };
        let expected = [("kill".to_owned(), 50), ("pause".to_owned(), 0)];
        assert_eq!(outages(&availability), BTreeMap::from(expected));
    }
}
