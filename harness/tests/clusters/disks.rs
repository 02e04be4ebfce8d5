//! What lay on disks before a heal is in the history, also where the heal destroyed it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::trial::{Trial, events};

/// The values in each log of each node, by node and key.
type Disks = BTreeMap<(u64, u64), BTreeMap<i64, u64>>;

/// All that was on the disks before the first heal, and at the end.
fn disks(trial: &Trial) -> (Disks, Disks) {
    let history = trial.file("history.jsonl");
    let (mut now, mut before_heal) = (Disks::new(), None);
    for line in events(&history, "disk") {
        let event: Value = serde_json::from_str(line).expect("a line of a history");
        let copy = &event["disk"];
        assert_eq!(copy["problems"], Value::Null, "{}", copy["problems"]);
        if copy["moment"] == "at-the-end" && before_heal.is_none() {
            before_heal = Some(now.clone());
        }
        let node = copy["node"].as_u64().expect("it has one");
        for log in copy["logs"].as_array().expect("it has some") {
            let known = now
                .entry((node, log["key"].as_u64().expect("it has one")))
                .or_default();
            known.retain(|offset, _| Some(*offset) < log["from"].as_i64());
            for record in log["records"].as_array().expect("it has some") {
                let (offset, value) = (record[0].as_i64(), record[1].as_u64());
                known.insert(offset.expect("a number"), value.expect("a number"));
            }
        }
    }
    (before_heal.expect("disks were looked at in the end"), now)
}

fn values(disks: &Disks) -> BTreeSet<u64> {
    disks.values().flat_map(|log| log.values().copied()).collect()
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_a_deposed_leader_had_is_seen_before_it_is_cut_off() {
    let trial = Trial::of("controls/acks1", &["--seed", "2"]);
    trial.verdict(1);
    let (before_heal, at_the_end) = disks(&trial);
    let left = values(&at_the_end);
    let destroyed = values(&before_heal).difference(&left).count();
    assert!(
        destroyed > 50,
        "{destroyed} values were on a disk and are on none any more"
    );
    // At the end all replicas of a partition hold the same.
    let mut by_key: BTreeMap<u64, &BTreeMap<i64, u64>> = BTreeMap::new();
    for ((node, key), log) in &at_the_end {
        assert_eq!(*by_key.entry(*key).or_insert(log), log, "node {node}, key {key}");
    }
}
