//! Every fault of the network on one running cluster: each bites, shows its effect, and loses nothing.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

use crate::trial::{Trial, events, every_fault_bit};

const KINDS: [&str; 9] = [
    "slow-leader",
    "delay",
    "loss",
    "duplicate",
    "reorder",
    "corrupt",
    "bandwidth",
    "flapping",
    "partition",
];

#[test]
#[ignore = "brings up a real cluster"]
fn each_fault_of_the_network_bites_and_nothing_is_lost() {
    // Whichever of them leads: clients speak to leaders.
    let captured = ["n1-clients", "n2-clients", "n3-clients", "n4-clients"];
    let captured = captured.iter().flat_map(|link| ["--pcap", link]);
    let arguments: Vec<&str> = ["--seed", "1"].into_iter().chain(captured).collect();
    let trial = Trial::of("faults/network", &arguments);
    trial.verdict(0);
    every_fault_bit(&trial, &KINDS);
    let history = trial.file("history.jsonl");
    let partitions = details(&history, "partition");
    for shape in [
        "in a ring",
        "two halves",
        "sends to clients cut",
        "controller port alone",
    ] {
        assert!(
            partitions.iter().any(|detail| detail.contains(shape)),
            "{shape}: {partitions:#?}"
        );
    }
    let writes = acknowledged(&history);
    let fastest = |writes: &[Write]| writes.iter().map(Write::milliseconds).min().unwrap_or(u64::MAX);
    assert!(fastest(&writes) < 60, "without a fault the network is quick");
    // To the leader, to a follower, from it, and back: each of the four is at least 30 ms late.
    let slow = within(&writes, &window(&history, "slow-leader", ""), 0);
    assert!(
        slow.len() > 5 && fastest(&slow) >= 120,
        "{} ms of {}",
        fastest(&slow),
        slow.len()
    );
    let late = within(&writes, &window(&history, "delay", ""), 1);
    assert!(
        late.len() > 5 && fastest(&late) >= 80,
        "{} ms of {}",
        fastest(&late),
        late.len()
    );
    let mute = within(&writes, &window(&history, "partition", "sends to clients cut"), 1);
    assert!(
        mute.is_empty(),
        "a leader that cannot answer acknowledges nothing: {}",
        mute.len()
    );
    for name in ["delivered.pcap", "dropped.pcap"] {
        let file = std::fs::read(trial.bench.path().join("run").join(name)).expect("it is there");
        assert_eq!(file[..4], 0xa1b2_3c4d_u32.to_ne_bytes(), "{name}");
        assert!(
            name == "dropped.pcap" || file.len() > 10_000,
            "{name}: {} bytes",
            file.len()
        );
    }
}

/// A write that was acknowledged, with its times in nanoseconds.
#[derive(Clone, Copy)]
struct Write {
    key: u64,
    begun: u64,
    ended: u64,
}

impl Write {
    fn milliseconds(&self) -> u64 {
        (self.ended - self.begun) / 1_000_000
    }
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).expect("an event")
}

fn time(event: &Value) -> u64 {
    event["time"].as_u64().expect("a time")
}

fn acknowledged(history: &str) -> Vec<Write> {
    let begun: BTreeMap<u64, u64> = events(history, "invoke")
        .into_iter()
        .map(parsed)
        .filter_map(|event| Some((event["invoke"]["op"].as_u64()?, time(&event))))
        .collect();
    let write = |event: Value| {
        let operation = &event["ok"];
        Some(Write {
            key: operation["f"]["send"]["key"].as_u64()?,
            begun: *begun.get(&operation["op"].as_u64()?)?,
            ended: time(&event),
        })
    };
    events(history, "ok")
        .into_iter()
        .map(parsed)
        .filter_map(write)
        .collect()
}

/// The writes to a partition that began and ended in that time.
fn within(writes: &[Write], window: &RangeInclusive<u64>, key: u64) -> Vec<Write> {
    let inside = |write: &&Write| window.contains(&write.begun) && window.contains(&write.ended);
    writes
        .iter()
        .filter(|write| write.key == key)
        .filter(inside)
        .copied()
        .collect()
}

/// When a fault of that kind, whose detail holds this, was in force.
fn window(history: &str, kind: &str, detail: &str) -> RangeInclusive<u64> {
    let of_it = |event: &Value| {
        let fault = &event["fault"];
        fault["kind"] == kind && fault["detail"].as_str().is_some_and(|text| text.contains(detail))
    };
    let faults: Vec<Value> = events(history, "fault")
        .into_iter()
        .map(parsed)
        .filter(of_it)
        .collect();
    let at = |step: &str| {
        let event = faults.iter().find(|event| event["fault"]["step"] == step);
        time(event.unwrap_or_else(|| panic!("{kind} was never {step}")))
    };
    at("injected")..=at("healing")
}

fn details(history: &str, kind: &str) -> Vec<String> {
    let faults = events(history, "fault").into_iter().map(parsed);
    let of_kind = faults.filter(|event| event["fault"]["kind"] == kind);
    of_kind
        .map(|event| event["fault"]["detail"].to_string())
        .collect()
}
